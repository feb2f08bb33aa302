package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// Progress is told in short lines what goes on. It may be nil; it is called from one goroutine at a time.
type Progress func(line string)

func (p Progress) say(format string, a ...any) {
	if p != nil {
		p(fmt.Sprintf(format, a...))
	}
}

// MissingError says that a program is not on this machine (or too old) and how to get it.
type MissingError struct {
	Tool string // what is missing, in words: "Java 17 or newer"
	Why  string // what it is needed for
	Get  string // how to get it: one or two commands
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is needed %s and was not found: get it with %s", e.Tool, e.Why, e.Get)
}

// minJava is what every Flink line started here runs on and what its options below are written for.
const minJava = 17

var (
	javaVersion = regexp.MustCompile(`version "(\d+)(?:\.(\d+))?`)
	pipVersion  = regexp.MustCompile(`^pip (\d+)\.(\d+)`)
)

// Java finds the java of JAVA_HOME, else of PATH, and checks that it is new enough.
func Java(ctx context.Context) (path string, err error) {
	missing := &MissingError{Tool: "Java 17 or newer", Why: "to run Flink",
		Get: "`apt-get install default-jre-headless` or `brew install openjdk@17`"}
	path, err = exec.LookPath("java")
	if home := os.Getenv("JAVA_HOME"); home != "" {
		if p, e := exec.LookPath(filepath.Join(home, "bin", "java")); e == nil {
			path, err = p, nil
		}
	}
	if err != nil {
		return "", missing
	}
	out, err := output(ctx, path, "-version")
	m := javaVersion.FindSubmatch(out)
	if err != nil || m == nil { // macOS has a stub of java that only says where to get one
		return "", missing
	}
	major, _ := strconv.Atoi(string(m[1]))
	if major == 1 { // 1.8 is what 8 called itself
		major, _ = strconv.Atoi(string(m[2]))
	}
	if major < minJava {
		missing.Why = fmt.Sprintf("to run Flink (%s is version %d)", path, major)
		return "", missing
	}
	return path, nil
}

// python finds a Python 3 that has pip and returns the command line to call pip with, and pip's version.
func python(ctx context.Context) (pip []string, major, minor int, err error) {
	py, err := exec.LookPath("python3")
	if err != nil {
		return nil, 0, 0, &MissingError{Tool: "Python 3 with pip", Why: "to fetch Flink",
			Get: "`apt-get install python3-pip` or `brew install python`"}
	}
	out, err := output(ctx, py, "-m", "pip", "--version")
	m := pipVersion.FindSubmatch(out)
	if err != nil || m == nil {
		return nil, 0, 0, &MissingError{Tool: "pip for Python 3", Why: "to fetch Flink",
			Get: "`apt-get install python3-pip` or `python3 -m ensurepip --user`"}
	}
	major, _ = strconv.Atoi(string(m[1]))
	minor, _ = strconv.Atoi(string(m[2]))
	return []string{py, "-m", "pip"}, major, minor, nil
}

// maven finds mvn.
func maven() (string, error) {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", &MissingError{Tool: "Maven (mvn)", Why: "to fetch the SQL Gateway of Flink",
			Get: "`apt-get install maven` or `brew install maven`"}
	}
	return mvn, nil
}

// output runs a quick question such as --version and returns both streams.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	return cmd.CombinedOutput()
}

// command is a longer run of a fetching tool. What it prints goes to Log, because it names hosts and paths that
// no chat or terminal should show.
type command struct {
	args []string
	dir  string
	env  []string
	log  string
}

// run returns what the tool printed, also when it failed. A cancelled ctx ends the tool and its children.
func (c command) run(ctx context.Context) (string, error) {
	f, err := os.Create(c.log)
	if err != nil {
		return "", fmt.Errorf("log of %s: %w", filepath.Base(c.args[0]), err)
	}
	defer f.Close()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), c.env...)
	cmd.Stdout = io.MultiWriter(&out, f)
	cmd.Stderr = cmd.Stdout
	cmd.WaitDelay = 3 * time.Second
	ownGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
	err = cmd.Run()
	if ctx.Err() != nil {
		return out.String(), context.Cause(ctx)
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return out.String(), err
}
