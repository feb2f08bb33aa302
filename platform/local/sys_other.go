//go:build !unix

package local

import (
	"math"
	"os"
	"os/exec"
)

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// tryLock cannot keep other processes out here: run one drey at a time.
func tryLock(*os.File) (bool, error) { return true, nil }

func freeSpace(string) (uint64, error) { return math.MaxUint64, nil }
