package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"maps"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/config"
)

// payloadMax bounds what is read from a file; larger ones are refused by a running drey as well.
const payloadMax = 16 << 20

// explain is drey explain.
func explain(ctx context.Context, args []string, s streams) error {
	fs := flag.NewFlagSet("explain", flag.ContinueOnError)
	file := configFlag(fs)
	source := fs.String("source", "", "the `name` of the source in alerts.sources; the default is the only one")
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
	p, err := alerts.NewPipeline(cfg.Alerts, slices.Sorted(maps.Keys(cfg.Clusters)), cfg.CanPost)
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, p.Explain(ctx, name, payload, time.Now()))
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
