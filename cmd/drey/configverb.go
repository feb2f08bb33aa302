package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/drey-ops/drey/config"
)

// configVerb is drey config check, init and schema.
func configVerb(ctx context.Context, args []string, s streams) error {
	if len(args) == 0 {
		return &usageError{"say check, init or schema"}
	}
	fs := flag.NewFlagSet("config "+args[0], flag.ContinueOnError)
	file := configFlag(fs)
	if err := flags(fs, args[1:], s, 0, 0); err != nil {
		return err
	}
	switch args[0] {
	case "check":
		cfg, err := config.Load(*file)
		if err != nil {
			return err
		}
		return checkWhole(ctx, cfg, *file, s)
	case "init":
		return writeInitial(*file, s)
	case "schema":
		schema, err := config.Schema()
		if err != nil {
			return err
		}
		_, err = s.out.Write(schema)
		return err
	}
	return &usageError{fmt.Sprintf("there is no config %s; allowed: check, init, schema", args[0])}
}

// writeInitial never overwrites a file.
func writeInitial(file string, s streams) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("%s exists and was left as it is; name another file with -c", file)
	case err != nil:
		return fmt.Errorf("write %s: %w", file, err)
	}
	if _, err := f.WriteString(config.Initial()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), f.Close())
	}
	fmt.Fprintf(s.out, "wrote %s; edit it, then: drey config check -c %s\n", file, file)
	return f.Close()
}

// checkWhole builds the whole application and stops before it starts: nothing is connected, nothing is listened on.
func checkWhole(ctx context.Context, cfg config.Config, file string, s streams) error {
	if err := dryBuild(ctx, cfg); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(s.out, "%s is well: %d clusters, %d alert sources, %d routes, %d roles, %d rules\n", file, len(cfg.Clusters), len(cfg.Alerts.Sources), len(cfg.Alerts.Routes), len(cfg.Rights.Roles), len(cfg.Rights.Policy))
	return nil
}
