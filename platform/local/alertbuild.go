package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// buildAlertmanager builds its main package from a copy of its module: as published the module lacks the files of the web
// page that it embeds, and neither go install nor an overlay can add to a module in the module cache.
func buildAlertmanager(ctx context.Context, gotool, bin string, p Progress) error {
	work := bin + ".work"
	if err := errors.Join(os.RemoveAll(work), os.MkdirAll(work, 0o755)); err != nil {
		return err
	}
	p.say("building Alertmanager %s from source, once: some minutes", alertmanagerVersion)
	env := []string{"GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0"}
	ask := command{args: []string{gotool, "mod", "download", "-json", alertmanagerModule + "@" + alertmanagerVersion},
		dir: work, env: env, log: filepath.Join(work, "download.log")}
	stop := p.clock("  still fetching its sources")
	text, err := ask.run(ctx)
	stop()
	if err != nil {
		return goError(ctx, text, ask.log, err)
	}
	var module struct{ Dir string }
	_, answer, _ := strings.Cut(text, "{") // go tells of the download first
	if err := json.NewDecoder(strings.NewReader("{" + answer)).Decode(&module); err != nil || module.Dir == "" {
		return fmt.Errorf("go did not say where the module is (log: %s)", ask.log)
	}
	src := filepath.Join(work, "src")
	if err := os.CopyFS(src, os.DirFS(module.Dir)); err != nil {
		return fmt.Errorf("copy the sources: %w", err)
	}
	page := filepath.Join(src, "ui", "app", "dist")
	if err := os.MkdirAll(page, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(page, "index.html"), []byte("This Alertmanager was built without its web page.\n"), 0o644); err != nil {
		return err
	}
	out := filepath.Join(work, filepath.Base(bin))
	build := command{args: []string{gotool, "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./cmd/alertmanager"},
		dir: src, env: env, log: filepath.Join(work, "build.log")}
	stop = p.clock("  still building Alertmanager")
	text, err = build.run(ctx)
	stop()
	if err != nil {
		return goError(ctx, text, build.log, err)
	}
	if err := os.Rename(out, bin); err != nil {
		return err
	}
	p.say("Alertmanager %s is built", alertmanagerVersion)
	return os.RemoveAll(work)
}

func goError(ctx context.Context, text, log string, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case containsAny(text, "no space left on device"):
		return errors.New("the disk is full")
	case containsAny(text, "dial tcp", "no such host", "connection refused", "i/o timeout", "network is unreachable"):
		return errors.New("the network cannot be reached: install it with `apt-get install prometheus-alertmanager` or `brew install alertmanager`")
	}
	return fmt.Errorf("%w (log: %s)", err, log)
}

// clock reports line with the time it has taken, every ten seconds, until stop is called.
func (p Progress) clock(line string) (stop func()) {
	began := time.Now()
	return ticking(10*time.Second, func() { p.say("%s: %d s", line, int(time.Since(began).Seconds())) })
}
