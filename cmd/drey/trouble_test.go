package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/session"
)

// proxies puts one proxy in front of each of Flink's two servers; PROXY and PROXY_GATEWAY lead through them.
func (s *scene) proxies(e *testscript.Env, set func(k, v string), port func() int) error {
	for name, target := range map[string]string{"PROXY": "FLINK", "PROXY_GATEWAY": "GATEWAY"} {
		p, err := startProxy(port(), hostOf(e.Getenv(target)))
		if err != nil {
			return err
		}
		e.Defer(p.cut)
		s.between = append(s.between, p)
		set(name, "http://"+p.addr)
	}
	return nil
}

// cut: the cluster behind the proxies is gone.
func cut(ts *testscript.TestScript, _ bool, _ []string) {
	for _, p := range of(ts).between {
		p.cut()
	}
}

// mend: it is back.
func mend(ts *testscript.TestScript, _ bool, _ []string) {
	for _, p := range of(ts).between {
		ts.Check(p.mend())
	}
}

// be slow DURATION | lose | lie NAME: the cluster answers late, or its answers are lost, or it is something else.
func be(ts *testscript.TestScript, _ bool, args []string) {
	var m mood
	switch {
	case len(args) == 2 && args[0] == "slow":
		d, err := time.ParseDuration(args[1])
		ts.Check(err)
		m.slow = d
	case len(args) == 1 && args[0] == "lose":
		m.lose = true
	case len(args) == 2 && args[0] == "lie":
		text, ok := lies(args[1])
		if !ok {
			ts.Fatalf("no lie %s", args[1])
		}
		m.lie = text
	default:
		ts.Fatalf("usage: be slow DURATION | be lose | be lie NAME")
	}
	for _, p := range of(ts).between {
		ts.Check(p.be(m))
	}
}

// redis start|kill: a Redis of the script's own at REDIS, which keeps what it was told.
func redisVerb(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	switch {
	case len(args) == 1 && args[0] == "start":
		if s.redis != nil {
			ts.Fatalf("redis runs already")
		}
		addr := hostOf(ts.Getenv("REDIS"))
		_, port, err := net.SplitHostPort(addr)
		ts.Check(err)
		cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", ts.Getenv("WORK"),
			"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--logfile", "redis.log")
		ts.Check(cmd.Start())
		s.redis = cmd
		wait(ts, "redis listens", func(context.Context) error {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				_ = c.Close()
			}
			return err
		})
	case len(args) == 1 && args[0] == "kill":
		s.killRedis()
	default:
		ts.Fatalf("usage: redis start|kill")
	}
}

func (s *scene) killRedis() {
	if s.redis != nil {
		_ = s.redis.Process.Kill()
		_ = s.redis.Wait()
		s.redis = nil
	}
}

// term asks drey to end, and it ends well.
func term(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case err := <-done:
		s.cmd = nil
		ts.Check(err)
	case <-time.After(20 * time.Second):
		ts.Fatalf("drey does not end")
	}
}

// hup asks drey to read its policy again, and waits until it has.
func hup(ts *testscript.TestScript, _ bool, _ []string) {
	said := func() int { return strings.Count(ts.ReadFile("drey.log"), "reloaded") }
	before := said()
	ts.Check(of(ts).cmd.Process.Signal(syscall.SIGHUP))
	wait(ts, "hup", func(context.Context) error {
		if said() == before {
			return fmt.Errorf("drey says nothing of its configuration")
		}
		return nil
	})
}

// post SOURCE TOKEN FILE REGEXP: a webhook of that body is answered so.
func post(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: post SOURCE TOKEN FILE REGEXP")
	}
	req, err := http.NewRequest(http.MethodPost, of(ts).base()+"/webhooks/alertmanager/"+args[0], bytes.NewReader([]byte(ts.ReadFile(args[2]))))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+args[1])
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if got := resp.Status + "\n" + string(body); !regexp.MustCompile(args[3]).MatchString(got) {
		ts.Fatalf("no %s in: %.1000s", args[3], got)
	}
}

// submit NAME: somebody starts a job of that name without drey.
func submit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: submit NAME")
	}
	d, err := session.New(session.Options{URL: ts.Getenv("FLINK"), SQLGateway: ts.Getenv("GATEWAY")})
	ts.Check(err)
	defer d.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var id [16]byte
	_, _ = rand.Read(id[:])
	_, err = d.Begin(ctx, hex.EncodeToString(id[:]), platform.SubmitSQL{
		Name: args[0], Statement: "INSERT INTO out_t SELECT id FROM in_t", Parallelism: 1,
		Prelude: []string{
			"CREATE TABLE in_t (id INT) WITH ('connector'='datagen', 'rows-per-second'='5')",
			"CREATE TABLE out_t (id INT) WITH ('connector'='blackhole')",
		},
	})
	ts.Check(err)
}

// clock begins to count; clock DURATION says that no more has passed since.
func clock(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	if len(args) == 0 {
		s.began = time.Now()
		return
	}
	most, err := time.ParseDuration(args[0])
	ts.Check(err)
	if d := time.Since(s.began); d > most {
		ts.Fatalf("it took %s, at most %s", d, most)
	}
}

// asked NAME CHANNEL REGEXP: the newest form that a person sees says so.
func asked(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: asked NAME CHANNEL REGEXP")
	}
	c := who(ts, args[0])
	wait(ts, "asked", func(ctx context.Context) error {
		text, err := c.form(ctx, args[1])
		if err == nil && !pattern(args[2]).MatchString(text) {
			return fmt.Errorf("no %s in the form: %s", args[2], text)
		}
		return err
	})
}

// hold NAME CHANNEL LABEL: a person has a button before their eyes, and does not press it yet: see let and late.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: hold NAME CHANNEL LABEL")
	}
	c := who(ts, args[0])
	wait(ts, "hold "+args[2], func(ctx context.Context) error {
		b, err := c.find(ctx, args[1], "", args[2])
		if err != nil {
			return err
		}
		s := of(ts)
		s.held = b
		s.late[args[0]+" "+args[2]], err = c.hold(b)
		return err
	})
}

// late NAME CHANNEL LABEL REGEXP: a person presses the button that they hold, though their client has not heard what became of
// its message, and is answered so: by drey in the channel, or by the chat service that does not take the press.
func late(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: late NAME CHANNEL LABEL REGEXP")
	}
	press := of(ts).late[args[0]+" "+args[2]]
	if press == nil {
		ts.Fatalf("%s holds no %s", args[0], args[2])
	}
	err := press()
	var gone *errGone
	if errors.As(err, &gone) && strings.Contains(gone.text, "no longer there") {
		return
	}
	ts.Check(err)
	expect(ts, false, []string{args[0], args[1], args[3]})
}

// times NAME CHANNEL N REGEXP [in REGEXP]: a person sees it exactly so often.
func times(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 && (len(args) != 6 || args[4] != "in") {
		ts.Fatalf("usage: times NAME CHANNEL N REGEXP [in REGEXP]")
	}
	c, want := who(ts, args[0]), pattern(args[3])
	wait(ts, "times", func(ctx context.Context) (err error) {
		thread := ""
		if len(args) == 6 {
			if thread, err = threadOf(ctx, c, args[1], pattern(args[5])); err != nil {
				return err
			}
		}
		ms, err := c.read(ctx, args[1], thread)
		var seen []string
		for _, m := range ms {
			if want.MatchString(m.text) {
				seen = append(seen, m.text)
			}
		}
		if err == nil && fmt.Sprint(len(seen)) != args[2] {
			err = fmt.Errorf("%s is seen %d times:\n  %s", want, len(seen), strings.Join(seen, "\n  "))
		}
		return err
	})
}

// let NAME REGEXP: a person presses the button that is held. What the chat service says to the press itself matches: ""
// when it takes it.
func let(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: let NAME REGEXP")
	}
	said := ""
	if err := who(ts, args[0]).press(context.Background(), of(ts).held); err != nil {
		said = err.Error()
	}
	if !regexp.MustCompile(args[1]).MatchString(said) {
		ts.Fatalf("the press is answered %q, want %s", said, args[1])
	}
}

// pressTogether has several people, or one person several times, press the same button at one moment.
func pressTogether(ts *testscript.TestScript, names []string, channel, thread, label string) {
	buttons := make([]button, len(names))
	for i, name := range names {
		c := who(ts, name)
		wait(ts, "press "+label, func(ctx context.Context) (err error) {
			buttons[i], err = c.find(ctx, channel, thread, label)
			return err
		})
	}
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		c := who(ts, name)
		wg.Go(func() { errs[i] = c.press(context.Background(), buttons[i]) })
	}
	wg.Wait()
	late := 0 // the message had changed already: the chat service tells the person so
	for _, err := range errs {
		var gone *errGone
		if errors.As(err, &gone) {
			late++
			continue
		}
		ts.Check(err)
	}
	if late == len(errs) {
		ts.Fatalf("nobody's press of %s was taken", label)
	}
}
