package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/config"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// explainWithin bounds the look at the store.
const explainWithin = 10 * time.Second

// payloadMax bounds what is read from a file; larger ones are refused by a running drey as well.
const payloadMax = 16 << 20

// explain is drey explain.
func explain(ctx context.Context, args []string, s streams) error {
	fs := flag.NewFlagSet("explain", flag.ContinueOnError)
	file := configFlag(fs)
	source := fs.String("source", "", "the `name` of the source in alerts.sources; the default is the only one")
	stored := fs.Bool("store", false, "with the incidents, windows, storms and calendars in storage.redis, instead of none")
	if err := flags(fs, args, s, 1, 1); err != nil {
		return err
	}
	cfg, err := config.Load(*file)
	if err != nil {
		return err
	}
	payload, err := readPayload(fs.Arg(0), s.in)
	if err != nil {
		return err
	}
	name, err := pickSource(cfg, *source)
	if err != nil {
		return err
	}
	if *stored {
		return explainStored(ctx, cfg, name, payload, s.out)
	}
	p, err := alerts.NewPipeline(cfg.Alerts, slices.Sorted(maps.Keys(cfg.Clusters)), cfg.CanPost)
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, p.Explain(ctx, name, payload, time.Now()))
	return nil
}

// explainStored is explain with what drey knows: the incidents, maintenance windows, storms and calendars in its store.
func explainStored(ctx context.Context, cfg config.Config, source string, payload []byte, out io.Writer) error {
	if cfg.Storage.Redis == "" {
		return &usageError{"-store needs storage.redis: the embedded store is a running drey's own; ask that with /alerts test"}
	}
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	quiet := slog.New(slog.DiscardHandler)
	db, err := storage.Open(ctx, cfg.Storage, quiet)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()          // nothing was written
	clusters := map[string]*platform.Cluster{} // by name alone: none is asked
	for name := range cfg.Clusters {
		clusters[name] = nil
	}
	service, err := alerts.New(db, nil, quiet, cfg.Alerts, alerts.Hooks{Clusters: clusters, CanPost: cfg.CanPost})
	if err != nil {
		return err
	}
	fmt.Fprint(out, service.Explain(ctx, source, payload))
	return nil
}

// readPayload reads a file, or standard input for "-".
func readPayload(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read the alert: %w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, payloadMax))
	if err != nil {
		return nil, fmt.Errorf("read the alert: %w", err)
	}
	return b, nil
}

func pickSource(cfg config.Config, name string) (string, error) {
	names := slices.Sorted(maps.Keys(cfg.Alerts.Sources))
	switch {
	case name == "" && len(names) == 1:
		return names[0], nil
	case slices.Contains(names, name):
		return name, nil
	case len(names) == 0:
		return "", &usageError{"the configuration has no alerts.sources"}
	}
	return "", &usageError{fmt.Sprintf("say -source; there are: %s", strings.Join(names, ", "))}
}
