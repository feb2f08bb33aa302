package main

import (
	"context"
	"errors"
	"flag"
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
	_ = flag.Set("test.parallel", "4") // scripts mostly wait for Flink
	testscript.Main(m, map[string]func(){"drey": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
		stop()
		os.Exit(code)
	}})
}

// namesCluster finds the cluster in a configuration: as it is, or behind a proxy.
var namesCluster = regexp.MustCompile(`env:(FLINK|PROXY|GATEWAY)`)

// beDrey makes the test's own program be drey: for tests that run it as a process of its own.
const beDrey = "DREY_TEST_BE_DREY"

// bed is what the scripts of one test process share: a real Flink, started when the first script asks for it.
type bed struct {
	once     sync.Once
	flink    *local.Cluster
	examples string // path of the JAR with Flink's example jobs
	err      error
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
		if b.examples, b.err = local.ExamplesJar(ctx, demoFlink, cache, log); b.err != nil {
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

// TestScript runs the whole bot: the real program, a real Redis, a real Flink, people in each chat service. Each script has
// its own drey; `crash` kills it as kill -9 does, and `up` starts it again on the same store. Slack and Discord are strict
// fakes, called over HTTP; with DREY_TEST_SOCKETS set drey connects to them instead.
func TestScript(t *testing.T) {
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT: the scripts need Flink")
	}
	for _, n := range []struct {
		name string
		open func(port int) (chat, error)
	}{
		{"web", func(int) (chat, error) { return webChat{}, nil }},
		{"slack", func(port int) (chat, error) { return newSlackChat(port) }},
		{"discord", func(port int) (chat, error) { return newDiscordChat(port) }},
	} {
		t.Run(n.name, func(t *testing.T) {
			b := &bed{} // a Flink of its own: the scripts count jobs by name
			t.Cleanup(b.stop)
			testscript.Run(t, testscript.Params{
				Dir: "testdata/script", RequireUniqueNames: true,
				Condition: func(cond string) (bool, error) { return cond == n.name, nil },
				Setup:     func(e *testscript.Env) error { return setup(t, e, b, n.open) },
				Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
					"up": up, "crash": crashVerb, "say": say, "press": press, "fill": fill, "expect": expect, "job": job, "get": get,
					"cut": cut, "mend": mend, "be": be, "redis": redisVerb, "term": term, "hup": hup, "post": post, "submit": submit,
					"clock": clock, "learn": learn, "hold": hold, "asked": asked, "let": let, "drop": drop, "alertmanager": alertmanagerVerb, "fire": fire, "silences": silences, "outlive": outlive, "late": late, "times": times,
				},
			})
		})
	}
}

// setup gives a script its configuration, its chat service and its way to Flink.
func setup(t *testing.T, e *testscript.Env, b *bed, open func(port int) (chat, error)) error {
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
	s := &scene{bed: b, port: storagetest.FreePort(t), people: map[string]person{}, heed: &heed{}, late: map[string]func() error{}}
	var err error
	if s.chat, err = open(s.port); err != nil {
		return err
	}
	e.Values["scene"] = s
	e.Defer(func() { s.clean(e) })
	if err := addSection(e.WorkDir, s.chat.section()); err != nil {
		return err
	}
	set := func(k, v string) {
		e.Setenv(k, v)
		s.env = append(s.env, k+"="+v)
	}
	set("WORK", e.WorkDir)
	if conf, err := os.ReadFile(conf); err != nil || namesCluster.Match(conf) { // others have no cluster to wait for
		c, err := b.cluster(context.Background(), func(line string) { t.Log(line) })
		if err != nil {
			return err
		}
		set("FLINK", c.URL())
		set("EXAMPLES", b.examples)
		set("GATEWAY", c.GatewayURL())
	}
	set("PORT", strconv.Itoa(s.port))
	set("REDIS", fmt.Sprintf("redis://127.0.0.1:%d", storagetest.FreePort(t)))
	set("CLOSED", fmt.Sprintf("http://127.0.0.1:%d", storagetest.FreePort(t)))
	if err := s.proxies(e, set, func() int { return storagetest.FreePort(t) }); err != nil {
		return err
	}
	for _, who := range []string{"OLGA", "VERA", "RITA"} {
		set("TOKEN_"+who, "token-of-"+strings.ToLower(who)+"-0123456789")
		set("DISCORD_"+who, "1") // a chat service may know better
	}
	set("TOKEN_WEBHOOK", "webhook-0123456789")
	for k, v := range s.chat.env() {
		set(k, v)
	}
	return nil
}

// scene is one script's drey and its people.
type scene struct {
	bed    *bed
	port   int
	chat   chat
	cmd    *exec.Cmd
	starts int // of drey
	env    []string
	people map[string]person

	heed    *heed
	between []*proxy
	redis   *exec.Cmd
	began   time.Time // for clock
	am      *local.Server
	held    button // for let
	late    map[string]func() error
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
	for _, k := range []string{"PATH", "HOME", "TMPDIR"} {
		s.cmd.Env = append(s.cmd.Env, k+"="+ts.Getenv(k))
	}
	s.cmd.Env = append(s.cmd.Env, s.env...)
	out, err := os.OpenFile(ts.MkAbs("drey.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer out.Close()
	s.cmd.Stdout, s.cmd.Stderr = out, out
	ts.Check(s.cmd.Start())
	s.starts++
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
	wait(ts, "drey is in the chat", func(context.Context) error { return s.chat.here() })
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

// who is the person of a name.
func who(ts *testscript.TestScript, name string) person {
	s := of(ts)
	if p := s.people[name]; p != nil {
		return p
	}
	p, err := s.chat.join(context.Background(), ts, name)
	ts.Check(err)
	s.people[name] = reader{p, name, s.heed}
	return s.people[name]
}

// say NAME CHANNEL LINE…: a person types a line.
func say(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: say NAME CHANNEL LINE…")
	}
	ts.Check(who(ts, args[0]).say(context.Background(), args[1], strings.Join(args[2:], " ")))
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
			thread, err = threadOf(ctx, who(ts, names[0]), args[1], pattern(args[4]))
			return err
		})
	}
	if len(names) > 1 {
		pressTogether(ts, names, args[1], thread, args[2])
		return
	}
	p := who(ts, names[0])
	wait(ts, "press "+args[2], func(ctx context.Context) error {
		b, err := p.find(ctx, args[1], thread, args[2])
		if err == nil {
			err = p.press(ctx, b)
		}
		return err
	})
}

// expect NAME CHANNEL REGEXP [in REGEXP]: a person sees it, in the channel or in the thread of the newest message that
// matches the second. `! expect` looks once.
func expect(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 && (len(args) != 5 || args[3] != "in") {
		ts.Fatalf("usage: expect NAME CHANNEL REGEXP [in REGEXP]")
	}
	want, c := pattern(args[2]), who(ts, args[0])
	look := func(ctx context.Context) error {
		thread := ""
		if len(args) == 5 {
			var err error
			if thread, err = threadOf(ctx, c, args[1], pattern(args[4])); err != nil {
				return err
			}
		}
		ms, err := c.read(ctx, args[1], thread)
		if err != nil {
			return err
		}
		var seen []string
		for _, m := range ms {
			if want.MatchString(m.text) {
				return nil
			}
			seen = append(seen, m.text)
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
