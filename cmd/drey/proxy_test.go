package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// proxy stands between one script's drey and the Flink that all scripts share, to be trouble for that drey alone.
type proxy struct {
	target string // HOST:PORT
	addr   string

	mu    sync.Mutex
	ln    net.Listener
	mood  mood
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

// mood is how a proxy treats its connections; the zero value passes everything on.
type mood struct {
	slow time.Duration // before every piece of an answer
	lose bool          // requests arrive, answers do not
	lie  string        // every answer, whole
}

// startProxy listens on a port and passes everything on to target.
func startProxy(port int, target string) (*proxy, error) {
	p := &proxy{target: target, addr: fmt.Sprintf("127.0.0.1:%d", port), conns: map[net.Conn]bool{}}
	return p, p.mend()
}

// cut is a cluster that is gone: connections are refused, and those there were are closed.
func (p *proxy) cut() {
	p.mu.Lock()
	if p.ln != nil {
		_ = p.ln.Close()
		p.ln = nil
	}
	open := slices.Collect(maps.Keys(p.conns))
	p.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	p.all.Wait()
}

// mend brings it back, as it should be.
func (p *proxy) mend() error { return p.be(mood{}) }

// be begins afresh in another mood.
func (p *proxy) be(m mood) error {
	p.cut()
	ln, err := net.Listen("tcp", p.addr)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.ln, p.mood = ln, m
	p.mu.Unlock()
	p.all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if p.keep(c, ln) {
				p.all.Go(func() { p.serve(c, m) })
			}
		}
	})
	return nil
}

// keep notes a connection, unless ln was cut in between.
func (p *proxy) keep(c net.Conn, ln net.Listener) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != ln {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

func (p *proxy) serve(c net.Conn, m mood) {
	defer p.forget(c)
	if m.lie != "" {
		if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(c, m.lie)
		}
		return
	}
	up, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer up.Close()
	p.all.Go(func() {
		_, _ = io.Copy(up, c)
		_ = up.Close()
	})
	piece := make([]byte, 64<<10)
	for {
		n, err := up.Read(piece)
		if err != nil || m.lose {
			return
		}
		for end := time.Now().Add(m.slow); time.Now().Before(end) && !p.gone(c); {
			time.Sleep(20 * time.Millisecond)
		}
		if _, err := c.Write(piece[:n]); err != nil {
			return
		}
	}
}

// gone says whether the proxy was cut since c came.
func (p *proxy) gone(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ln == nil || !p.conns[c]
}

// lies are answers that no Flink should give, by name.
func lies(name string) (string, bool) {
	answers := map[string][2]string{
		"page":  {"200 OK\r\nContent-Type: text/html", `<html><form action="http://127.0.0.1:8081/login?token=hush-hush">Who are you?</form></html>`},
		"other": {"200 OK\r\nContent-Type: application/json", `[{"jobs":"none"}]`},
		"empty": {"200 OK\r\nContent-Type: application/json", ""},
		"half":  {"200 OK\r\nContent-Type: application/json", `{"jobs":[{"jid":"0123`},
		"trace": {"500 Internal Server Error\r\nContent-Type: application/json",
			`{"errors":["Internal server error.","<Exception on server side:\njava.util.concurrent.CompletionException: java.io.IOException: no leader at http://127.0.0.1:8081/x?token=hush-hush\n\tat org.apache.flink.runtime.rest.Handler.handle(Handler.java:42)\nCaused by: java.io.IOException: no leader at http://127.0.0.1:8081/x?token=hush-hush\n\tat org.apache.flink.Other.go(Other.java:7)\n\nEnd of exception on server side>"]}`},
	}
	a, ok := answers[name]
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", a[0], len(a[1]), a[1]), ok
}

// hostOf is HOST:PORT of an address.
func hostOf(url string) string {
	_, host, _ := strings.Cut(url, "://")
	return strings.TrimSuffix(host, "/")
}
