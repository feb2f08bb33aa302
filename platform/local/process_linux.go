package local

import (
	"os/exec"
	"syscall"
)

// dieWithUs has the kernel kill the command when the thread that started it ends, which it does with the process.
func dieWithUs(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
