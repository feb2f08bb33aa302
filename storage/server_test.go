package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	url, nodes := storagetest.Cluster(t)
	db := storagetest.With(t, storage.Options{Redis: url})
	storagetest.Run(t, func(testing.TB) *storage.DB { return db })
	t.Run("node restarts", func(t *testing.T) {
		nodes[1].Kill()
		nodes[1].Start(t)
		eventually(t, func() error { return put(t, db, "a", "b", "c", "d", "e", "f") })
	})
}

func TestSentinelFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a failover")
	}
	url, master := storagetest.Sentinel(t)
	db := storagetest.With(t, storage.Options{Redis: url})
	must(t, put(t, db, "a"))
	master.Kill()
	eventually(t, func() error { return put(t, db, "a") })
}

var things = func(db *storage.DB) storage.Table[int] { return storage.Table[int]{DB: db, Name: "things"} }

func put(t *testing.T, db *storage.DB, ids ...string) error {
	for _, id := range ids {
		tx := db.Begin(id)
		things(db).Put(tx, id, 1, storage.Any)
		if err := db.Commit(t.Context(), tx); err != nil {
			return err
		}
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, fn func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = fn(); err == nil {
			return
		}
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Fatalf("not said to be unavailable: %v", err)
		}
	}
	t.Fatal(err)
}

func TestRestartKeepsState(t *testing.T) {
	url, srv := storagetest.Redis(t)
	var calls atomic.Int64
	db := storagetest.With(t, storage.Options{Redis: url, OnCall: func(string, time.Duration, error) { calls.Add(1) }})
	must(t, put(t, db, "a"))
	tx := db.Begin("a")
	tx.Enqueue("q", "a", time.Time{})
	must(t, db.Commit(t.Context(), tx))
	srv.Kill()
	err := put(t, db, "b")
	if !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
	srv.Start(t) // with no script in its cache
	eventually(t, func() error { return put(t, db, "b") })
	got, _, err := db.Claim(t.Context(), "q", 1, time.Minute) // NOSCRIPT within a pipeline
	must(t, err)
	if len(got) != 1 {
		t.Error("the queue is empty")
	}
	must(t, db.Extend(t.Context(), got[0], time.Minute))
	if calls.Load() < 8 {
		t.Errorf("OnCall was called %d times", calls.Load())
	}
}

func TestReplicaRefusesWrites(t *testing.T) {
	_, master := storagetest.Redis(t)
	url, _ := storagetest.Redis(t, "--replicaof", "127.0.0.1", fmt.Sprint(master.Port))
	_, err := storage.Open(t.Context(), storage.Options{Redis: url}, nil)
	if !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "replica") {
		t.Errorf("open a replica: %v", err)
	}
}

func TestPassword(t *testing.T) {
	url, _ := storagetest.Redis(t, "--appendonly", "no")
	admin, err := redis.ParseURL(url)
	must(t, err)
	rdb := redis.NewClient(admin)
	must(t, rdb.ConfigSet(t.Context(), "requirepass", "hunter2!/@").Err())
	rdb.Close()
	host := strings.TrimPrefix(url, "redis://")
	storagetest.With(t, storage.Options{Redis: "redis://:hunter2%21%2F%40@" + host})
	for _, u := range []string{url, "redis://:hunter3@" + host, "redis://:hunter3@127.0.0.1:1", "redis://x:hunter3@" + host} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := storage.Open(ctx, storage.Options{Redis: u}, nil)
		cancel()
		if err == nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

// lossy is a proxy that can swallow the answer to the next command that holds a word, and drop the connection.
type lossy struct {
	net.Listener
	word atomic.Pointer[string]
	wg   sync.WaitGroup
}

func (l *lossy) serve(to string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			in.Close()
			continue
		}
		var swallow atomic.Bool
		l.wg.Go(func() {
			defer out.Close()
			buf := make([]byte, 1<<16)
			for {
				n, err := in.Read(buf)
				if w := l.word.Load(); w != nil && bytes.Contains(buf[:n], []byte(*w)) && l.word.CompareAndSwap(w, nil) {
					swallow.Store(true)
				}
				if _, err2 := out.Write(buf[:n]); err != nil || err2 != nil {
					return
				}
			}
		})
		l.wg.Go(func() {
			defer in.Close()
			buf := make([]byte, 1<<16)
			for {
				n, err := out.Read(buf)
				if err != nil || swallow.Load() {
					return
				}
				if _, err := in.Write(buf[:n]); err != nil {
					return
				}
			}
		})
	}
}

// TestLostAnswer commits a Tx whose answer is lost: it must neither be applied twice nor be reported as a conflict.
func TestLostAnswer(t *testing.T) {
	url, srv := storagetest.Redis(t)
	direct := storagetest.With(t, storage.Options{Redis: url})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &lossy{Listener: listener}
	l.wg.Go(func() { l.serve(fmt.Sprintf("127.0.0.1:%d", srv.Port)) })
	t.Cleanup(func() { l.Close(); l.wg.Wait() })
	db := storagetest.With(t, storage.Options{Redis: "redis://" + listener.Addr().String()})
	must(t, put(t, db, "warm"))
	word := "evalsha"
	for i := range 5 {
		id := fmt.Sprint("r", i)
		l.word.Store(&word)
		tx := db.Begin(id)
		things(db).Put(tx, id, 1, storage.New)
		tx.Once("mark"+id, time.Minute)
		tx.Append("log", i, 0)
		must(t, db.Commit(t.Context(), tx))
		if l.word.Load() != nil {
			t.Fatal("no answer was swallowed")
		}
		if _, v, err := things(direct).Get(t.Context(), id); err != nil || v != 1 {
			t.Errorf("version %d, %v", v, err)
		}
	}
	n := 0
	for _, err := range direct.ReadLog(t.Context(), "log", 0) {
		must(t, err)
		n++
	}
	if n != 5 {
		t.Errorf("%d log entries, want 5", n)
	}
}

func TestEmbeddedKeepsState(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	for i := range 2 {
		db, err := storage.Open(t.Context(), storage.Options{Dir: dir}, nil)
		must(t, err)
		if !strings.HasPrefix(db.Kind(), "embedded redis 7.") && !strings.HasPrefix(db.Kind(), "embedded ") || !strings.HasSuffix(db.Kind(), dir) {
			t.Errorf("kind %q", db.Kind())
		}
		if _, v, _ := things(db).Get(t.Context(), "a"); v != storage.Version(i) {
			t.Errorf("version %d in life %d", v, i+1)
		}
		must(t, put(t, db, "a"))
		_, err = storage.Open(t.Context(), storage.Options{Dir: dir}, nil)
		if !errors.Is(err, storage.ErrLocked) {
			t.Errorf("second open: %v", err)
		}
		must(t, db.Close())
		must(t, db.Close())
	}
}

// pidIn reads the server's process id from its mark.
func pidIn(t *testing.T, dir string) int {
	t.Helper()
	var pid int
	data, err := os.ReadFile(filepath.Join(dir, "redis.json"))
	must(t, err)
	_, err = fmt.Sscanf(string(data), `{"pid":%d`, &pid)
	must(t, err)
	return pid
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

// inFile says whether the append-only file of the server in dir has a text.
func inFile(dir, text string) error {
	parts, err := filepath.Glob(filepath.Join(dir, "*", "*.aof"))
	for _, name := range parts {
		if data, _ := os.ReadFile(name); bytes.Contains(data, []byte(text)) {
			return nil
		}
	}
	return errors.Join(err, fmt.Errorf("%w: %q is not in any of %d files", storage.ErrUnavailable, text, len(parts)))
}

func TestEmbeddedServerDies(t *testing.T) {
	dir := t.TempDir()
	db := storagetest.With(t, storage.Options{Dir: dir})
	must(t, put(t, db, "a"))
	eventually(t, func() error { return inFile(dir, ":a") }) // while the disk is busy Redis keeps what it has answered for up to two seconds
	must(t, syscall.Kill(pidIn(t, dir), syscall.SIGKILL))
	eventually(t, func() error { return put(t, db, "a") })
	if _, v, err := things(db).Get(t.Context(), "a"); err != nil || v != 2 {
		t.Errorf("version %d, %v", v, err)
	}
}

// TestEmbeddedParentKilled runs this test binary as a drey that is killed -9.
func TestEmbeddedParentKilled(t *testing.T) {
	if dir := os.Getenv("STORAGE_TEST_CHILD"); dir != "" {
		child(t, dir)
		return
	}
	dir := t.TempDir()
	for round := range 2 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestEmbeddedParentKilled$", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), "STORAGE_TEST_CHILD="+dir)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		buf := make([]byte, 6)
		if _, err := io.ReadFull(out, buf); err != nil || string(buf) != "ready\n" {
			t.Fatalf("child says %q, %v", buf, err)
		}
		pid := pidIn(t, dir)
		must(t, cmd.Process.Kill())
		cmd.Wait()
		for end := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the server outlives its parent")
			}
		}
		db, err := storage.Open(t.Context(), storage.Options{Dir: dir}, nil)
		must(t, err)
		_, v, err := things(db).Get(t.Context(), "a")
		must(t, db.Close())
		if err != nil || v != storage.Version(round+1) {
			t.Errorf("version %d, %v", v, err)
		}
	}
}

func child(t *testing.T, dir string) {
	db, err := storage.Open(t.Context(), storage.Options{Dir: dir}, nil)
	must(t, err)
	must(t, put(t, db, "a"))
	os.Stdout.WriteString("ready\n")
	time.Sleep(time.Minute)
}

// TestEmbeddedLeftover has a server that outlived its parent in the folder: it is ended before another one starts.
func TestEmbeddedLeftover(t *testing.T) {
	dir, sock := t.TempDir(), filepath.Join(os.TempDir(), "drey-"+storage.NewID())
	must(t, os.Mkdir(sock, 0o700))
	socket := filepath.Join(sock, "redis.sock")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--appendonly", "yes", "--save", "")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	rdb := redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
	defer rdb.Close()
	for rdb.Set(t.Context(), "x", "y", 0).Err() != nil {
		time.Sleep(10 * time.Millisecond)
	}
	must(t, os.WriteFile(filepath.Join(dir, "redis.json"), fmt.Appendf(nil, `{"pid":%d,"socket":%q}`, cmd.Process.Pid, socket), 0o600))
	var log bytes.Buffer
	db, err := storage.Open(t.Context(), storage.Options{Dir: dir}, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	defer db.Close()
	select {
	case <-ended:
	default:
		t.Error("the old server still runs")
	}
	if !strings.Contains(log.String(), "ending the redis-server") {
		t.Errorf("log %q", log.String())
	}
	if _, err := os.Stat(sock); !os.IsNotExist(err) {
		t.Errorf("the old socket's folder is there: %v", err)
	}
}

func TestEmbeddedBadFile(t *testing.T) {
	dir := t.TempDir()
	db, err := storage.Open(t.Context(), storage.Options{Dir: dir}, nil)
	must(t, err)
	must(t, put(t, db, "a"))
	must(t, db.Close())
	names, _ := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if len(names) == 0 {
		t.Fatal("another form of append-only file")
	}
	must(t, os.WriteFile(names[0], bytes.Repeat([]byte("rubbish\r\n"), 10), 0o600))
	if _, err = storage.Open(t.Context(), storage.Options{Dir: dir}, nil); err == nil || !strings.Contains(err.Error(), "append only file") {
		t.Errorf("open a bad file: %v", err)
	}
}

func TestNoServerOnPath(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var log bytes.Buffer
	db, err := storage.Open(t.Context(), storage.Options{Dir: t.TempDir()}, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	defer db.Close()
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "lost on exit") || !strings.Contains(db.Kind(), "memory only") {
		t.Errorf("kind %q, log %q", db.Kind(), log.String())
	}
}
