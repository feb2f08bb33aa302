package local

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Server is one running program with an HTTP port: a Prometheus or an Alertmanager. The owner must call Stop.
type Server struct {
	name   string
	bin    string
	args   []string
	dir    string
	ownDir bool
	port   int
	block  *portBlock
	client *http.Client
	within time.Duration
	log    *slog.Logger

	mu    sync.Mutex
	proc  *process
	ended bool
}

// newServer picks the port and the run folder.
func newServer(name, bin, dir string, port int, within time.Duration, log *slog.Logger) (*Server, error) {
	s := &Server{name: name, bin: bin, dir: dir, within: within, log: log, client: &http.Client{Timeout: 5 * time.Second}}
	if s.within == 0 {
		s.within = 30 * time.Second
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.block, err = newPortBlock(); err != nil {
		return nil, err
	}
	s.port, err = s.block.take(port, "Port")
	if err == nil && dir == "" {
		s.dir, err = os.MkdirTemp("", "drey-"+filepath.Base(bin)+"-")
		s.ownDir = true
	}
	if err == nil {
		s.dir, err = filepath.Abs(s.dir)
	}
	if err == nil {
		err = os.MkdirAll(s.dir, 0o755)
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// start runs the program and waits until it is ready.
func (s *Server) start(ctx context.Context, p Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.startLocked(ctx, p)
	if err != nil {
		s.ownDir = false // the error names the log in it
	}
	return err
}

func (s *Server) startLocked(ctx context.Context, p Progress) (err error) {
	if s.ended {
		return fmt.Errorf("start %s: it was stopped for good", s.name)
	}
	// Not bound to ctx: it lives until Stop.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.bin, s.args...)
	cmd.Dir = s.dir
	if s.proc, err = start(s.log, s.name, cmd, s.path(filepath.Base(s.bin)+".log")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.within, fmt.Errorf("%s: not ready within %s", s.name, s.within))
	defer cancel()
	if err := poll(ctx, []*process{s.proc}, s.ready); err != nil {
		s.proc.stop(0)
		return err
	}
	p.say("%s up at %s", s.name, s.URL())
	return nil
}

func (s *Server) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/-/ready", nil)
	if err != nil {
		return false
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode == http.StatusOK
}

// URL is the base address, without a slash at the end. It stays the same over Restart.
func (s *Server) URL() string { return "http://" + address(s.port) }

// Dir is the run folder: configuration, data, log.
func (s *Server) Dir() string { return s.dir }

// Kill ends the program as a crash would. Restart brings it back.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proc.stop(0)
}

// Restart ends the program, if it runs, and starts it anew on its old data. It returns when it is ready.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proc.stop(stopGrace)
	return s.startLocked(ctx, nil)
}

// Stop ends the program and waits for it. It removes the run folder if that was made for it. Calling it again is harmless.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	s.proc.stop(stopGrace)
	s.client.CloseIdleConnections()
	s.block.release()
	if s.ownDir {
		_ = os.RemoveAll(s.dir) // a left-over in the temporary folder harms nobody
	}
}
