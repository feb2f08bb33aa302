package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage/storagetest"
)

// demoRun is a `drey demo` as a process of its own.
type demoRun struct {
	t    *testing.T
	base string
	cmd  *exec.Cmd
	done chan error

	mu    sync.Mutex
	lines []string
}

func startDemo(t *testing.T, args ...string) *demoRun {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	port := storagetest.FreePort(t)
	d := &demoRun{t: t, base: fmt.Sprintf("http://127.0.0.1:%d", port), done: make(chan error, 1)}
	d.cmd = exec.Command(self, append([]string{"demo", "--listen", fmt.Sprintf("127.0.0.1:%d", port)}, args...)...)
	d.cmd.Env = append(os.Environ(), beDrey+"=1")
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stderr = d.cmd.Stdout
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			d.mu.Lock()
			d.lines = append(d.lines, sc.Text())
			d.mu.Unlock()
		}
		d.done <- d.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		t.Log(d.output())
	})
	return d
}

func (d *demoRun) output() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "\n")
}

// says waits for a line of output and returns its first group.
func (d *demoRun) says(pattern string, within time.Duration) string {
	d.t.Helper()
	re := regexp.MustCompile(pattern)
	var got []string
	d.until(within, "output "+pattern, func(context.Context) error {
		if got = re.FindStringSubmatch(d.output()); got == nil {
			return fmt.Errorf("not yet in:\n%s", d.output())
		}
		return nil
	})
	return got[len(got)-1]
}

func (d *demoRun) until(within time.Duration, what string, fn func(ctx context.Context) error) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), within)
	defer cancel()
	for {
		err := fn(ctx)
		if err == nil {
			return
		}
		select {
		case err := <-d.done:
			d.t.Fatalf("%s: the demo ended: %v\n%s", what, err, d.output())
		case <-ctx.Done():
			d.t.Fatalf("%s: %v", what, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// sees waits until a person sees a message in a channel, or in the thread of the newest message that matches in.
func (d *demoRun) sees(c *console, channel, pattern, in string, within time.Duration) {
	d.t.Helper()
	re := regexp.MustCompile(pattern)
	d.until(within, "see "+pattern, func(ctx context.Context) error {
		thread := ""
		if in != "" {
			var err error
			if thread, err = threadOf(ctx, c, channel, regexp.MustCompile(in)); err != nil {
				return err
			}
		}
		ms, err := c.read(ctx, channel, thread)
		if err != nil {
			return err
		}
		var all []string
		for _, m := range ms {
			if re.MatchString(m.text) {
				return nil
			}
			all = append(all, m.text)
		}
		return fmt.Errorf("not in:\n  %s", strings.Join(all, "\n  "))
	})
}

// TestDemo is the first command of the README: everything real. The job that fails raises an alert; its thread's buttons
// act on Alertmanager and on Flink; when the job is stopped, the alert resolves; Ctrl-C leaves nothing behind.
func TestDemo(t *testing.T) {
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT: the demo needs Flink, Prometheus and Alertmanager")
	}
	ctx := t.Context()
	d := startDemo(t)
	d.says(`the console is at`, 5*time.Minute)
	flink := d.says(`JobManager up at (http://\S+)`, time.Second)
	am := d.says(`Alertmanager up at (http://\S+)`, time.Second)
	olga, err := signIn(ctx, d.base, "olga", "")
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d.says(`submitted the demo job payments`, time.Minute)
	d.until(time.Minute, "the orders job runs", func(ctx context.Context) error {
		n, err := countJobs(ctx, flink, "orders", "RUNNING")
		if err == nil && n != 1 {
			err = fmt.Errorf("%d jobs", n)
		}
		return err
	})
	must(olga.say(ctx, "ops", "/flink jobs"))
	d.sees(olga, "ops", `live jobs?.*orders.*payments|live jobs?.*payments.*orders`, "", 30*time.Second)

	// The alert: Flink → Prometheus → Alertmanager → webhook → #oncall.
	const head = `Firing: FlinkJobCrashLoop on demo/payments`
	d.sees(olga, "oncall", head, "", 3*time.Minute)
	d.sees(olga, "oncall", `not a number`, "", time.Minute) // the root cause, from Flink
	must(pressNow(ctx, olga, "oncall", "Ack"))
	d.sees(olga, "oncall", `Acknowledged by Olga`, `FlinkJobCrashLoop`, 30*time.Second)

	must(pressNow(ctx, olga, "oncall", "Silence…"))
	d.until(20*time.Second, "the silence form", func(ctx context.Context) error {
		return olga.fill(ctx, "oncall", map[string]string{"duration": "10m", "comment": "demo"})
	})
	d.sees(olga, "oncall", `Silenced: FlinkJobCrashLoop`, "", 30*time.Second)
	_, body, err := fetch(ctx, am+"/api/v2/silences")
	must(err)
	if !strings.Contains(body, `"FlinkJobCrashLoop"`) || !strings.Contains(body, `"active"`) || !strings.Contains(body, `"payments"`) {
		t.Errorf("Alertmanager's silences: %s", body)
	}
	must(pressNow(ctx, olga, "oncall", "End silence"))
	must(olga.say(ctx, "ops", "/flink scale orders 4 confirm=orders"))
	d.sees(olga, "oncall", `FlinkJobCrashLoop on demo/payments.*Silence…`, "", 30*time.Second)

	thread, err := threadOf(ctx, olga, "oncall", regexp.MustCompile(`FlinkJobCrashLoop on demo/payments.*Incident`))
	must(err)
	look(t, d.base, thread)

	// The job's end is the alert's end. A job that is just restarting cannot be stopped with a savepoint; then it is said.
	must(olga.say(ctx, "ops", "/flink cancel payments confirm=payments"))
	d.sees(olga, "oncall", `Resolved: FlinkJobCrashLoop`, "", 3*time.Minute)

	// Ctrl-C ends everything that the demo started.
	must(d.cmd.Process.Signal(syscall.SIGINT))
	select {
	case err := <-d.done:
		if err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	case <-time.After(60 * time.Second):
		t.Error("the demo did not end within a minute of Ctrl-C")
	}
	for _, url := range []string{flink, am, d.base} {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			t.Errorf("something still answers at %s", url)
		}
	}
}

// TestDemoWithoutFlink is what a machine without Java can show; a taken port is one clear sentence.
func TestDemoWithoutFlink(t *testing.T) {
	d := startDemo(t, "--no-flink")
	d.says(`the console is at`, 5*time.Minute)
	vera, err := signIn(t.Context(), d.base, "vera", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := vera.say(t.Context(), "ops", "/flink jobs"); err != nil {
		t.Fatal(err)
	}
	d.sees(vera, "ops", `0 live jobs`, "", 20*time.Second)

	second := startDemo(t, "--no-flink", "--listen", strings.TrimPrefix(d.base, "http://"))
	if err := <-second.done; err == nil {
		t.Error("a second demo on the same port began")
	}
	if out := second.output(); !strings.Contains(out, "in use by another program") || strings.Count(out, "\n") > 1 {
		t.Errorf("a taken port is told so:\n%s", out)
	}
}
