package local

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// beParent is what this test program does when it plays a drey that is going to be killed: it starts a Prometheus
// and a process, prints their ids, and waits.
func beParent() {
	s, err := Prometheus(bg(), PrometheusOptions{Dir: os.Getenv("DREY_TEST_PARENT")})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	p, err := start(slog.New(slog.DiscardHandler), "sleep", exec.Command("sleep", "600"), s.path("sleep.log"))
	if err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println("pids", s.proc.cmd.Process.Pid, p.cmd.Process.Pid)
	select {}
}

func TestChildrenDieWithAKilledParent(t *testing.T) {
	needTool(t, "prometheus", "`apt-get install prometheus`")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DREY_TEST_PARENT="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	fields := strings.Fields(line)
	if err != nil || len(fields) != 3 || fields[0] != "pids" {
		_ = cmd.Process.Kill()
		t.Fatalf("the parent said %q, %v", line, err)
	}
	time.Sleep(300 * time.Millisecond) // idle threads of the parent come and go: the children must not go with them
	for _, f := range fields[1:] {
		if !alive(t, f) {
			t.Fatalf("%s does not run", f)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for _, f := range fields[1:] {
		deadline := time.Now().Add(5 * time.Second)
		for alive(t, f) {
			if time.Now().After(deadline) {
				t.Errorf("process %s outlived its parent", f)
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// alive asks for a process that runs; one that waits for its new parent to collect it has ended.
func alive(t *testing.T, pid string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err == nil {
		_, rest, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(rest, "Z")
	}
	p, err := os.FindProcess(n) // where there is no /proc
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

func TestProcessStop(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name, script string
		grace        time.Duration
		least, most  time.Duration
	}{
		{"ends when asked", "exec sleep 600", 3 * time.Second, 0, time.Second},
		{"is killed when it will not", "trap '' TERM; echo deaf; while :; do sleep 0.05; done", 400 * time.Millisecond, 400 * time.Millisecond, 2 * time.Second},
		{"is killed without asking", "trap 'exit 0' TERM; while :; do sleep 0.05; done", 0, 0, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := filepath.Join(dir, strings.ReplaceAll(tt.name, " ", "-"))
			p, err := start(slog.New(slog.DiscardHandler), "sh", exec.Command("sh", "-c", tt.script), out)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(tt.script, "deaf") {
				for p.lastLine() == "" {
					time.Sleep(5 * time.Millisecond)
				}
			}
			t0 := time.Now()
			p.stop(tt.grace)
			if d := time.Since(t0); d < tt.least || d > tt.most {
				t.Errorf("took %s", d)
			}
			p.stop(tt.grace) // again
		})
	}
	if _, err := start(slog.New(slog.DiscardHandler), "nothing", exec.Command(filepath.Join(dir, "nothing")), filepath.Join(dir, "out")); err == nil {
		t.Error("started nothing")
	}
}

func TestLastLine(t *testing.T) {
	dir := t.TempDir()
	log, out := filepath.Join(dir, "a.log"), filepath.Join(dir, "a.out")
	p := &process{name: "JobManager", logs: []logFile{{path: log}, {path: out}}}
	if got := p.died().Error(); !strings.Contains(got, "it printed nothing") {
		t.Error(got)
	}
	write := func(path, s string) {
		if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(out, "Error: Could not find or load main class X\n")
	write(log, "INFO  starting\nINFO  going on\n")
	if got := p.lastLine(); got != "Error: Could not find or load main class X" {
		t.Errorf("got %q", got)
	}
	write(log, `ts=1 level=error msg="loading" err="rules.yml: \"up ==\": parse error"`+"\n"+`ts=2 level=error err="error loading config"`+"\n")
	if got := p.lastLine(); got != `rules.yml: "up ==": parse error` {
		t.Errorf("got %q", got)
	}
	write(log, strings.Repeat("INFO  filling\n", 40_000)+"ERROR x\njava.lang.RuntimeException: a\n\tat x.y\nCaused by: java.net.BindException: Address already in use\n\tat z\n\t... 3 more\nINFO  bye\n")
	want := "JobManager ended while starting: Caused by: java.net.BindException: Address already in use (log: " + log + ")"
	if got := p.died().Error(); got != want {
		t.Errorf("got %q", got)
	}
	p.logs[0] = logFrom(log) // a second life
	if got := p.lastLine(); got != "Error: Could not find or load main class X" {
		t.Errorf("got %q, of its first life", got)
	}
}

func TestPorts(t *testing.T) {
	a, err := newPortBlock()
	if err != nil {
		t.Fatal(err)
	}
	defer a.release()
	b, err := newPortBlock()
	if err != nil {
		t.Fatal(err)
	}
	defer b.release()
	if a.next == b.next {
		t.Fatalf("two blocks start at %d", a.next)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(a.next))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	got, err := a.take(0, "RESTPort")
	if err != nil || got == port || got >= 32768 {
		t.Errorf("took %d of a block whose first port %d is in use: %v", got, port, err)
	}
	_, err = a.take(port, "RESTPort")
	want := fmt.Sprintf("port %d (RESTPort) is in use by another program: stop that one, or set RESTPort to another port", port)
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	for err == nil || got != 0 {
		got, err = a.take(0, "Port")
	}
	if !strings.Contains(err.Error(), "none is free") {
		t.Error(err)
	}
}
