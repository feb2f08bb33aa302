//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package storage

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// supervise runs the server until quit is closed, and starts it again when it dies by itself. first gets the outcome of
// the first start.
//
// The goroutine keeps its OS thread: the kernel sends Pdeathsig when the thread that started the child ends, not the
// process, and Go may end a thread that it does not need.
func (e *embedded) supervise(first chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(e.done)
	for try := 0; ; try++ {
		died, err := e.run(try, first)
		if !died {
			return
		}
		select {
		case <-e.up:
		default: // it cannot read its file, or has no memory: Open says so
			return
		}
		e.db.log.Error("the embedded redis-server ended, starting it again", "err", err, "log", e.lastWords())
		select {
		case <-e.quit:
			return
		case <-time.After(min(time.Duration(try+1)*200*time.Millisecond, 5*time.Second)):
		}
	}
}

// run is one life of the server. died says that nobody asked for its end.
func (e *embedded) run(try int, first chan<- error) (died bool, err error) {
	cmd := exec.Command(e.program, e.args()...) //nolint:noctx // it lives as long as the store, not as a call
	cmd.SysProcAttr = childAttr()
	err = cmd.Start()
	if err == nil {
		if err = e.mark(cmd.Process.Pid); err != nil { // nobody could find it later
			cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	if try == 0 {
		first <- err
	}
	if err != nil {
		return true, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return true, fmt.Errorf("redis-server: %w", err)
	case <-e.quit:
	}
	cmd.Process.Signal(syscall.SIGTERM) // it flushes its file
	select {
	case <-ended: //nolint:errcheck // it was asked to end
	case <-time.After(stopMax):
		cmd.Process.Kill()
		<-ended //nolint:errcheck // it was made to end
	}
	return false, nil
}

// lockDir takes the lock, which the kernel lets go when the process ends however it ends.
func lockDir(name string) (unlock func() error, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, ErrLocked
	}
	return f.Close, nil
}

func terminate(pid int) { syscall.Kill(pid, syscall.SIGTERM) }
