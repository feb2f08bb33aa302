package local

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// process is one program started here. Whoever starts one must call stop, which waits for it.
type process struct {
	name     string // in words: "TaskManager 1"
	logs     []logFile
	cmd      *exec.Cmd
	done     chan struct{} // closed when it has ended and was waited for
	stopping atomic.Bool
}

// logFile is a log from where the present life of its program begins.
type logFile struct {
	path string
	from int64
}

func logFrom(path string) logFile {
	l := logFile{path: path}
	if st, err := os.Stat(path); err == nil {
		l.from = st.Size()
	}
	return l
}

// start runs cmd with its output appended to out. logs are the files to look at when it ends by itself, the best first.
func start(log *slog.Logger, name string, cmd *exec.Cmd, out string, logs ...string) (*process, error) {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	cmd.Stdout, cmd.Stderr = f, f
	ownGroup(cmd)
	dieWithUs(cmd)
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	for _, path := range append(logs, out) {
		p.logs = append(p.logs, logFrom(path))
	}
	started := make(chan error, 1)
	go func() {
		// The kernel ties the child's life to this thread, not to the process: it must stay until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		f.Close()
		started <- err
		if err != nil {
			return
		}
		err = cmd.Wait()
		if !p.stopping.Load() {
			log.Warn("local program ended by itself", "program", name, "err", err, "line", p.lastLine())
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the program to end and kills it after grace. It returns when it has ended; calling it again is harmless.
func (p *process) stop(grace time.Duration) {
	if p == nil {
		return
	}
	p.stopping.Store(true)
	if grace > 0 && p.cmd.Process.Signal(syscall.SIGTERM) == nil {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-p.done:
			return
		case <-t.C:
		}
	}
	_ = p.cmd.Process.Kill() // an error says that it has ended already
	<-p.done
}

// died is the error for a program that ended while it should start.
func (p *process) died() error {
	line := p.lastLine()
	if line == "" {
		line = "it printed nothing"
	}
	return fmt.Errorf("%s ended while starting: %s (log: %s)", p.name, line, p.logs[0].path)
}

// lastLine returns the last line of its logs that tells of an error, else the last line at all.
func (p *process) lastLine() string {
	var last string
	for _, l := range p.logs {
		bad, any := l.scan()
		if bad != "" {
			return bad
		}
		if last == "" {
			last = any
		}
	}
	return last
}

// scan reads the end of a log: the last line that tells of an error (in a Java stack trace the root cause), and the
// last line that is no stack frame.
func (l logFile) scan() (bad, last string) {
	f, err := os.Open(l.path)
	if err != nil {
		return "", ""
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", ""
	}
	if _, err := f.Seek(max(l.from, st.Size()-256<<10), io.SeekStart); err != nil {
		return "", ""
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		switch {
		case strings.Contains(line, " level=error ") || strings.Contains(line, " level=ERROR "):
			return logfmtError(line), line // the first: those that follow say less and less
		case line == "" || strings.HasPrefix(line, "at ") || strings.HasPrefix(line, "... "):
		case isBad(line):
			bad, last = cut(line, 300), line
		default:
			last = line
		}
	}
	return bad, cut(last, 300)
}

func isBad(line string) bool {
	for _, s := range []string{" ERROR ", "FATAL", "Caused by:", "Exception", "Error:"} {
		if strings.Contains(line, s) {
			return true
		}
	}
	return false
}

var logfmtErr = regexp.MustCompile(` err=("(?:[^"\\]|\\.)*"|\S+)`)

// logfmtError takes the error out of a line such as: ts=… level=error msg="…" err="…".
func logfmtError(line string) string {
	m := logfmtErr.FindStringSubmatch(line)
	if m == nil {
		return cut(line, 300)
	}
	if s, err := strconv.Unquote(m[1]); err == nil {
		return cut(s, 300)
	}
	return cut(m[1], 300)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// poll calls ready until it says yes, a process has ended, or ctx is over.
func poll(ctx context.Context, procs []*process, ready func(context.Context) bool) error {
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready(ctx) {
			return nil
		}
		for _, p := range procs {
			if p.ended() {
				return p.died()
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
