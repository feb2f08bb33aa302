package storage

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

func TestParseURL(t *testing.T) {
	type parsed struct {
		Addrs                    []string
		DB                       int
		User, Password, Master   string
		SentinelUser, SentinelPW string
		Cluster, TLS, Insecure   bool
		Where                    string
	}
	for url, want := range map[string]parsed{
		"redis://localhost":                  {Addrs: []string{"localhost:6379"}, Where: "localhost:6379"},
		"redis://":                           {Addrs: nil},
		"redis://:6400":                      {Addrs: []string{"localhost:6400"}, Where: "localhost:6400"},
		"redis://[::1]:7/2":                  {Addrs: []string{"[::1]:7"}, DB: 2, Where: "[::1]:7"},
		"redis://u:p%40%2F%3A@h:1/3":         {Addrs: []string{"h:1"}, DB: 3, User: "u", Password: "p@/:", Where: "h:1"},
		"redis://:p@ss@h":                    {Addrs: []string{"h:6379"}, Password: "p@ss", Where: "h:6379"},
		"rediss://:p@h?insecure=true&pool=3": {Addrs: []string{"h:6379"}, Password: "p", TLS: true, Insecure: true, Where: "h:6379"},
		"redis+cluster://:p@a,b:7?tls=true":  {Addrs: []string{"a:6379", "b:7"}, Password: "p", Cluster: true, TLS: true, Where: "cluster a:6379, b:7"},
		"redis+sentinel://main@a,b:7/1":      {Addrs: []string{"a:26379", "b:7"}, DB: 1, Master: "main", Where: "master main of sentinels a:26379, b:7"},
		"redis+sentinel://u:p@a?master=main": {Addrs: []string{"a:26379"}, User: "u", Password: "p", Master: "main", Where: "master main of sentinels a:26379"},
		"redis+sentinel://main@a?sentinel_user=x&sentinel_password=y": {Addrs: []string{"a:26379"}, Master: "main", SentinelUser: "x", SentinelPW: "y",
			Where: "master main of sentinels a:26379"},
	} {
		got, err := parseURL(url)
		if want.Addrs == nil {
			if err == nil {
				t.Errorf("%s: no error", url)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		o := got.opts
		have := parsed{o.Addrs, o.DB, o.Username, o.Password, o.MasterName, o.SentinelUsername, o.SentinelPassword, o.IsClusterMode,
			o.TLSConfig != nil, o.TLSConfig != nil && o.TLSConfig.InsecureSkipVerify, got.where}
		if d := cmp.Diff(want, have); d != "" {
			t.Errorf("%s (-want +got)\n%s", url, d)
		}
	}
}

func TestParseURLErrors(t *testing.T) {
	for _, url := range []string{
		"", "localhost", "http://:s3cret@h", "redis://:s3cret@h:port", "redis://:s3cret@h/db", "redis://:s3cret@h:99999",
		"redis://:s3/cret@h:x", "redis://s3cret@h", "redis://:s3cret%zz@h", "redis://:s3cret@h?x=1", "redis://:s3cret@h?pool=s3cret",
		"redis://:s3cret@a,b", "redis+cluster://:s3cret@a/1", "redis+sentinel://:s3cret@a", "redis://:s3cret@h h", "redis://:s3cret@h?master=m",
		"redis://:s3cret@h?%zz", "redis+cluster://:s3cret@a,,b", "redis://:s3cret@", "redis://:s3cret?@h:x",
	} {
		_, err := parseURL(url)
		if err == nil {
			t.Errorf("%s: no error", url)
		} else if strings.Contains(err.Error(), "s3") || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: the error holds the password: %v", url, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"redis://u:p@h:1/2?tls=1", "redis+sentinel://m@a,b/0", "redis+cluster://[::1]:7,b", "://@/?", "redis://@@::/"} {
		f.Add(s, "hunter2")
	}
	f.Fuzz(func(t *testing.T, url, secret string) {
		parseURL(url)
		if len(secret) < 6 || strings.Contains("redis://:@h storage: redis URL unknown or misplaced key want user and password must be percent-encoded", secret) {
			return
		}
		if _, err := parseURL("redis://:" + secret + "@h:x"); err != nil && strings.Contains(err.Error(), secret) {
			if _, after, ok := strings.Cut(secret, "?"); !ok || !strings.Contains(after, "=") {
				t.Errorf("the error holds the password: %v", err)
			}
		}
	})
}

// FuzzKeys looks for two different things under one key.
func FuzzKeys(f *testing.F) {
	f.Add("a", "b/c", "a:b", "c")
	f.Fuzz(func(t *testing.T, table1, id1, table2, id2 string) {
		for _, id := range []string{id1, id2} {
			if checkID(id) != nil {
				return
			}
		}
		if checkName("table", table1) != nil || checkName("table", table2) != nil || table1 == table2 && id1 == id2 {
			return
		}
		if recordKey(shardOf(id1), table1, id1) == recordKey(shardOf(id2), table2, id2) {
			t.Errorf("%q %q and %q %q are one key", table1, id1, table2, id2)
		}
	})
}

func TestShardsStandStill(t *testing.T) {
	// Stored state depends on these: a change loses it.
	for id, want := range map[string]string{
		"a": "{drey:12}:r:t:", "job-7": "{drey:12}:r:t:", "prod/orders": "{drey:04}:r:t:", "prod": "{drey:04}:r:t:", "7f3": "{drey:09}:r:t:",
	} {
		if got := shardOf(id).key("r", "t:"); got != want {
			t.Errorf("%s is in %s, want %s", id, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	for in, want := range map[error]struct {
		away bool
		text string
	}{
		redisError("LOADING Redis is loading the dataset in memory"):                                                                {true, "still loading"},
		redisError("READONLY You can't write against a read only replica."):                                                         {true, "read-only replica"},
		redisError("ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -READONLY You can't write against..."): {true, "read-only replica"},
		redisError("MISCONF Redis is configured to save RDB snapshots"):                                                             {true, "disk"},
		redisError("OOM command not allowed when used memory > 'maxmemory'."):                                                       {true, "memory"},
		redisError("CLUSTERDOWN Hash slot not served"):                                                                              {true, "slots"},
		redisError("ERR max number of clients reached"):                                                                             {true, "connection"},
		redisError("NOAUTH Authentication required."):                                                                               {false, "refuses"},
		redisError("WRONGPASS invalid username-password pair or user is disabled."):                                                 {false, "refuses"},
		redisError("WRONGTYPE Operation against a key"):                                                                             {false, "WRONGTYPE"},
		&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}:                                                 {true, "cannot be reached"},
		fmt.Errorf("x: %w", io.EOF):                                                                                                 {true, "does not answer"},
		redis.ErrPoolTimeout:                                                                                                        {true, "does not answer"},
	} {
		got := explain(in)
		if errors.Is(got, ErrUnavailable) != want.away || !strings.Contains(got.Error(), want.text) {
			t.Errorf("%v\nbecomes %v", in, got)
		}
	}
}

type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}
