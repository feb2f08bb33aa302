package storagetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const slots = 16384

// Cluster starts a Redis Cluster of three nodes without replicas and returns its URL.
func Cluster(t testing.TB) (url string, nodes []*Server) {
	t.Helper()
	var hosts []string
	for range 3 {
		_, s := Redis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "10000")
		nodes = append(nodes, s)
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", s.Port))
	}
	ctx := context.Background()
	for i, h := range hosts {
		rdb := redis.NewClient(&redis.Options{Addr: h})
		defer rdb.Close()
		list := []any{"CLUSTER", "ADDSLOTS"} // ADDSLOTSRANGE is not in Redis 6.2
		for s := i * slots / 3; s < (i+1)*slots/3; s++ {
			list = append(list, s)
		}
		must(t, rdb.Do(ctx, list...).Err())
		must(t, rdb.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		if i > 0 {
			must(t, rdb.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", nodes[0].Port).Err())
		}
	}
	for _, h := range hosts {
		rdb := redis.NewClient(&redis.Options{Addr: h})
		defer rdb.Close()
		await(t, "cluster of three", func() bool {
			info := rdb.ClusterInfo(ctx).Val()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return "redis+cluster://" + strings.Join(hosts, ","), nodes
}

// Sentinel starts a master, a replica and a sentinel that fails over within about a second, and returns the URL of the
// three.
func Sentinel(t testing.TB) (url string, master *Server) {
	t.Helper()
	_, master = Redis(t)
	_, replica := Redis(t, "--replicaof", "127.0.0.1", fmt.Sprint(master.Port))
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n", master.Port)
	must(t, os.WriteFile(file, []byte(text), 0o600))
	s := &Server{Port: FreePort(t), dir: t.TempDir(), sentinel: file}
	s.Start(t)
	t.Cleanup(s.Kill)
	rdb := redis.NewSentinelClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.Port)})
	defer rdb.Close()
	data := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", replica.Port)})
	defer data.Close()
	await(t, "replica in sync", func() bool {
		list, err := rdb.Replicas(context.Background(), "main").Result()
		return err == nil && len(list) == 1 && strings.Contains(data.Info(context.Background(), "replication").Val(), "master_link_status:up")
	})
	return fmt.Sprintf("redis+sentinel://main@127.0.0.1:%d/0", s.Port), master
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}
