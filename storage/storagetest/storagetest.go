package storagetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/drey-ops/drey/storage"
)

// Open returns an empty store in memory, closed when the test ends. It works within a testing/synctest bubble, where
// its clock is the bubble's.
func Open(t testing.TB) *storage.DB {
	t.Helper()
	return With(t, storage.Options{Memory: true})
}

// With opens a store of any kind, closed when the test ends.
func With(t testing.TB, o storage.Options) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close storage: %v", err)
		}
	})
	return db
}

// Server is a real redis-server on loopback, with an append-only file.
type Server struct {
	Port int
	dir  string
	args []string
	// sentinel is the configuration file of one that is a sentinel.
	sentinel string

	mu  sync.Mutex
	cmd *exec.Cmd
	out chan error
}

// Redis starts a redis-server and returns its URL. The test fails when none is on PATH. The server is killed when
// the test ends. It flushes its file after every write, so that Kill loses nothing that was answered.
func Redis(t testing.TB, args ...string) (url string, srv *Server) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("DREY_TEST_SHORT") != "" {
			t.Skip("no redis-server on PATH, and DREY_TEST_SHORT is set")
		}
		t.Fatal("no redis-server on PATH: apt-get install redis-server, or brew install redis; DREY_TEST_SHORT=1 skips")
	}
	s := &Server{Port: FreePort(t), dir: t.TempDir(), args: args}
	s.Start(t)
	t.Cleanup(func() { s.end(syscall.SIGKILL) })
	return fmt.Sprintf("redis://127.0.0.1:%d/0", s.Port), s
}

// Start starts the server, again on the same port with the same file, and waits until it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := exec.Command("redis-server", s.command()...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := make(chan error, 1)
	go func() { out <- cmd.Wait() }()
	s.cmd, s.out = cmd, out
	rdb := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", s.Port), MaxRetries: -1})
	defer rdb.Close()
	for end := time.Now().Add(20 * time.Second); ; {
		err := rdb.Ping(context.Background()).Err()
		if err == nil {
			return
		}
		select {
		case <-out:
			words, _ := os.ReadFile(filepath.Join(s.dir, "redis.log"))
			t.Fatalf("redis-server ended: %s", words)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("redis-server does not answer: %v", err)
		}
	}
}

func (s *Server) command() []string {
	args := []string{"--port", fmt.Sprint(s.Port), "--bind", "127.0.0.1", "--dir", s.dir, "--logfile", filepath.Join(s.dir, "redis.log")}
	if s.sentinel != "" {
		return append(append([]string{s.sentinel, "--sentinel"}, args...), s.args...)
	}
	return append(append(args, "--save", "", "--appendonly", "yes", "--appendfsync", "always"), s.args...)
}

// Stop ends the server as an administrator would.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server as a crash would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(sig)
	<-s.out
	s.cmd = nil
}

// FreePort returns a port of loopback that nobody listens on, below those that the kernel gives to outgoing
// connections, so that none of these takes it while a test has its server down.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.N(22_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}
