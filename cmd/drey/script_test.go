package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(beDrey) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"drey": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
		stop()
		os.Exit(code)
	}})
}

// beDrey makes the test's own program be drey: for tests that run it as a process of its own.
const beDrey = "DREY_TEST_BE_DREY"

// bed is what the scripts of one test process share: a real Flink, started when the first script asks for it.
type bed struct {
	once  sync.Once
	flink *local.Cluster
	err   error
}

func (b *bed) cluster(ctx context.Context, log func(string)) (*local.Cluster, error) {
	b.once.Do(func() {
		var cache, home string
		if cache, b.err = local.CacheDir(); b.err != nil {
			return
		}
		if home, b.err = local.Fetch(ctx, demoFlink, cache, log); b.err != nil {
			return
		}
		b.flink, b.err = local.Start(ctx, local.Options{Home: home, Slots: 16, CheckpointEvery: time.Second, Progress: log})
	})
	return b.flink, b.err
}

// stop ends the cluster, if there is one.
func (b *bed) stop() {
	if b.flink != nil {
		b.flink.Stop()
	}
}

// TestScript runs the whole bot: the real program, a real Redis, a real Flink, people at the console. Each script has its
// own drey; `crash` kills it as kill -9 does, and `up` starts it again on the same store.
func TestScript(t *testing.T) {
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT: the scripts need Flink")
	}
	b := &bed{}
	t.Cleanup(b.stop)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			conf := filepath.Join(e.WorkDir, "drey.yaml")
			if !fileIs(conf) { // a script may bring its own
				base, err := os.ReadFile(filepath.Join("testdata", "base.yaml"))
				if err != nil {
					return err
				}
				if err := os.WriteFile(conf, base, 0o600); err != nil {
					return err
				}
			}
			s := &scene{bed: b, port: storagetest.FreePort(t), people: map[string]*console{}, heed: &heed{}}
			e.Values["scene"] = s
			e.Defer(func() { s.clean(e) })
			c, err := b.cluster(context.Background(), func(line string) { t.Log(line) })
			if err != nil {
				return err
			}
			e.Setenv("FLINK", c.URL())
			e.Setenv("GATEWAY", c.GatewayURL())
			e.Setenv("PORT", strconv.Itoa(s.port))
			e.Setenv("REDIS", fmt.Sprintf("redis://127.0.0.1:%d", storagetest.FreePort(t)))
			e.Setenv("CLOSED", fmt.Sprintf("http://127.0.0.1:%d", storagetest.FreePort(t)))
			if err := s.proxies(e, func() int { return storagetest.FreePort(t) }); err != nil {
				return err
			}
			for _, who := range []string{"OLGA", "VERA", "RITA"} {
				e.Setenv("TOKEN_"+who, "token-of-"+strings.ToLower(who)+"-0123456789")
			}
			e.Setenv("TOKEN_WEBHOOK", "webhook-0123456789")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"up": up, "crash": crashVerb, "say": say, "press": press, "fill": fill, "expect": expect, "job": job, "get": get,
			"cut": cut, "mend": mend, "be": be, "redis": redisVerb, "term": term, "hup": hup, "post": post, "submit": submit,
			"clock": clock, "hold": hold, "asked": asked, "let": let,
		},
	})
}

// scene is one script's drey and its people.
type scene struct {
	bed    *bed
	port   int
	cmd    *exec.Cmd
	people map[string]*console

	heed    *heed
	between []*proxy
	redis   *exec.Cmd
	began   time.Time // for clock
	held    button    // for let
}

func of(ts *testscript.TestScript) *scene { return ts.Value("scene").(*scene) }

func (s *scene) base() string { return fmt.Sprintf("http://127.0.0.1:%d", s.port) }

// crash ends drey as kill -9 does.
func (s *scene) crash() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// wait tries until fn does not fail any more, for at most a minute.
func wait(ts *testscript.TestScript, what string, fn func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var last error
	for {
		err := fn(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil { // the last look is cut short, and has nothing to say
			last = err
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("%s: %v", what, last)
		case <-time.After(150 * time.Millisecond):
		}
	}
}

// up starts drey serve -c drey.yaml in the script's folder and waits until it is ready.
func up(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	self, err := os.Executable()
	ts.Check(err)
	s.cmd = exec.Command(self, "serve", "-c", "drey.yaml")
	s.cmd.Args[0] = "drey"
	s.cmd.Path = filepath.Join(filepath.Dir(lookIn(ts, "drey")), "drey")
	s.cmd.Dir = ts.Getenv("WORK")
	for _, k := range []string{"PATH", "HOME", "TMPDIR", "FLINK", "GATEWAY", "PORT", "TOKEN_OLGA", "TOKEN_VERA", "TOKEN_RITA", "TOKEN_WEBHOOK", "WORK", "PROXY", "PROXY_GATEWAY", "CLOSED", "REDIS"} {
		s.cmd.Env = append(s.cmd.Env, k+"="+ts.Getenv(k))
	}
	out, err := os.OpenFile(ts.MkAbs("drey.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer out.Close()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	ts.Check(s.cmd.Start())
	wait(ts, "drey is ready", func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base()+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			log, _ := os.ReadFile(ts.MkAbs("drey.log"))
			return fmt.Errorf("%w\n%s", err, log)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
}

func lookIn(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, name); fileIs(p) {
			return p
		}
	}
	ts.Fatalf("no %s on the script's PATH", name)
	return ""
}

func fileIs(p string) bool {
	info, err := os.Stat(p)
	return err == nil && !info.IsDir()
}

func crashVerb(ts *testscript.TestScript, _ bool, _ []string) { of(ts).crash() }

// person is somebody signed in at the console.
func person(ts *testscript.TestScript, name string) *console {
	s := of(ts)
	if c := s.people[name]; c != nil {
		return c
	}
	c, err := signIn(context.Background(), s.base(), name, ts.Getenv("TOKEN_"+strings.ToUpper(name)))
	ts.Check(err)
	c.heed = s.heed
	s.people[name] = c
	return c
}

// say NAME CHANNEL LINE…: a person types a line.
func say(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: say NAME CHANNEL LINE…")
	}
	ts.Check(person(ts, args[0]).say(context.Background(), args[1], "", strings.Join(args[2:], " ")))
}

// press NAMES CHANNEL LABEL [in REGEXP]: a person presses the newest button with that label, in the channel or in the thread
// of the newest message that matches. Several names, with commas: all at one moment, on the same button.
func press(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 && (len(args) != 5 || args[3] != "in") {
		ts.Fatalf("usage: press NAMES CHANNEL LABEL [in REGEXP]")
	}
	names, thread := strings.Split(args[0], ","), ""
	if len(args) == 5 {
		wait(ts, "thread", func(ctx context.Context) (err error) {
			thread, err = person(ts, names[0]).thread(ctx, args[1], regexp.MustCompile(args[4]))
			return err
		})
	}
	if len(names) > 1 {
		pressTogether(ts, names, args[1], thread, args[2])
		return
	}
	c := person(ts, names[0])
	wait(ts, "press "+args[2], func(ctx context.Context) error { return c.press(ctx, args[1], thread, args[2]) })
}

// fill NAME CHANNEL FIELD=VALUE…: a person submits the newest form.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: fill NAME CHANNEL FIELD=VALUE…")
	}
	values := map[string]string{}
	for _, a := range args[2:] {
		k, v, _ := strings.Cut(a, "=")
		values[k] = v
	}
	c := person(ts, args[0])
	wait(ts, "fill the form", func(ctx context.Context) error { return c.fill(ctx, args[1], values) })
}

// expect NAME CHANNEL REGEXP [in REGEXP]: a person sees it, in the channel or in the thread of the newest message that
// matches the second. `! expect` looks once.
func expect(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 && (len(args) != 5 || args[3] != "in") {
		ts.Fatalf("usage: expect NAME CHANNEL REGEXP [in REGEXP]")
	}
	want, c := regexp.MustCompile(args[2]), person(ts, args[0])
	look := func(ctx context.Context) error {
		thread := ""
		if len(args) == 5 {
			var err error
			if thread, err = c.thread(ctx, args[1], regexp.MustCompile(args[4])); err != nil {
				return err
			}
		}
		ms, err := c.messages(ctx, args[1], thread)
		if err != nil {
			return err
		}
		var seen []string
		for _, m := range ms {
			text := textOf(m)
			if want.MatchString(text) {
				return nil
			}
			seen = append(seen, text)
		}
		return fmt.Errorf("%s does not see %s in #%s, but:\n  %s", args[0], want, args[1], strings.Join(seen[max(0, len(seen)-8):], "\n  "))
	}
	if !neg {
		wait(ts, "expect", look)
		return
	}
	if look(context.Background()) == nil {
		ts.Fatalf("%s sees %s in #%s", args[0], want, args[1])
	}
}

// job NAME STATE [COUNT]: Flink itself says that so many jobs (one) of that name are in that state.
func job(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: job NAME STATE [COUNT]")
	}
	want := 1
	if len(args) == 3 {
		var err error
		want, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	check := func(ctx context.Context) error {
		n, err := countJobs(ctx, ts.Getenv("FLINK"), args[0], args[1])
		if err == nil && n != want {
			err = fmt.Errorf("%d jobs %s are %s, want %d", n, args[0], args[1], want)
		}
		return err
	}
	if !neg {
		wait(ts, "job "+args[0], check)
		return
	}
	if check(context.Background()) == nil {
		ts.Fatalf("%d jobs %s are %s", want, args[0], args[1])
	}
}

// get PATH REGEXP: drey answers a GET so that status and body match.
func get(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: get PATH REGEXP")
	}
	wait(ts, "get "+args[0], func(ctx context.Context) error {
		status, body, err := fetch(ctx, of(ts).base()+args[0])
		if got := status + "\n" + body; err == nil && !regexp.MustCompile(args[1]).MatchString(got) {
			return fmt.Errorf("no %s in: %.2000s", args[1], got)
		}
		return err
	})
}
