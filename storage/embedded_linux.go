package storage

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// childAttr lets the server end with us, and not before: Ctrl-C in a terminal is for drey alone, which still has to put
// things away.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}

// ownServer says whether the process is still there and is the one written down: ids of processes are used again.
func ownServer(l leftover) bool {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", l.PID))
	return err == nil && l.PID > 1 && bytes.Contains(cmdline, []byte(l.Socket))
}
