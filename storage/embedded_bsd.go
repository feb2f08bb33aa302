//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package storage

import (
	"bytes"
	"os/exec"
	"strconv"
	"syscall"
)

// childAttr keeps Ctrl-C in a terminal from the server. Here nothing ends it when drey is killed: the next drey does.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// ownServer says whether the process is still there and is the one written down: ids of processes are used again.
func ownServer(l leftover) bool {
	line, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(l.PID)).Output()
	return err == nil && l.PID > 1 && bytes.Contains(line, []byte(l.Socket))
}
