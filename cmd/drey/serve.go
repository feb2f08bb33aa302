package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/drey-ops/drey/commands"
	"github.com/drey-ops/drey/config"
)

// serve is drey serve.
func serve(ctx context.Context, args []string, s streams) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	file := configFlag(fs)
	if err := flags(fs, args, s, 0, 0); err != nil {
		return err
	}
	cfg, err := config.Load(*file)
	if err != nil {
		return err
	}
	log := newLogger(cfg.Server, s.err)
	a, err := newApp(ctx, cfg, log)
	if err != nil {
		return err
	}
	ln, err := listen(ctx, cfg.Server.Listen)
	if err != nil {
		return errors.Join(err, a.close())
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go reload(ctx, hup, a, *file, log)
	log.Info("listening", "address", ln.Addr().String(), "store", a.db.Kind(), "clusters", len(cfg.Clusters))
	return errors.Join(a.run(ctx, ln), a.close())
}

// reload puts the roles, the policy and the chat services' tokens of the file into force at every SIGHUP. A file with
// mistakes changes nothing; what else has changed in it takes effect at the next start.
func reload(ctx context.Context, hup <-chan os.Signal, a *app, file string, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		}
		if err := a.reload(ctx, file); err != nil {
			log.Error("configuration not reloaded, the old one stays in force", "error", err)
		}
	}
}

func (a *app) reload(ctx context.Context, file string) error {
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	a.rotate(cfg) // before names are looked up: the old token may be the reason for the reload
	if cfg, err = a.resolve(ctx, cfg); err != nil {
		return err
	}
	p, err := commands.NewPolicy(cfg.Rights)
	if err != nil {
		return err
	}
	a.router.SetPolicy(p)
	a.log.Info("policy reloaded", "roles", len(cfg.Rights.Roles), "rules", len(cfg.Rights.Policy))
	return nil
}

// listen opens the one port, and says plainly when it is taken.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program: end it, or choose another address (--listen, server.listen)", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return ln, nil
}

func newLogger(o config.Server, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if o.Log == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// dryBuild builds the whole app on a store in memory and closes it again.
func dryBuild(ctx context.Context, cfg config.Config) error {
	cfg.Storage.Redis, cfg.Storage.Memory = "", true
	a, err := newApp(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return a.close()
}
