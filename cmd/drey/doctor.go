package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/alerts/prometheus"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot"
	"github.com/drey-ops/drey/bot/slackbot"
	"github.com/drey-ops/drey/commands"
	"github.com/drey-ops/drey/config"
	"github.com/drey-ops/drey/storage"
)

// doctorWithin bounds the look at one outside system.
const doctorWithin = 20 * time.Second

// doctor is drey doctor: it asks everything that drey depends on, and says what to mend. It changes nothing anywhere.
func doctor(ctx context.Context, args []string, s streams) error {
	fs := flag.NewFlagSet("doctor", flag.ContinueOnError)
	file := configFlag(fs)
	if err := flags(fs, args, s, 0, 0); err != nil {
		return err
	}
	cfg, err := config.Load(*file)
	if err != nil {
		return err
	}
	ill := 0
	for _, look := range []func(context.Context, config.Config) []bot.Finding{lookAtStore, lookAtClusters, lookAtAlertmanagers, lookAtWatchdogs, lookAtSlack, lookAtDiscord} {
		ctx, cancel := context.WithTimeout(ctx, doctorWithin)
		for _, f := range look(ctx, cfg) {
			if !f.OK {
				ill++
			}
			printFinding(s.out, f)
		}
		cancel()
	}
	if ill > 0 {
		return fmt.Errorf("%d to mend", ill)
	}
	fmt.Fprintln(s.out, "all is well")
	return nil
}

func printFinding(w io.Writer, f bot.Finding) {
	sign := "ok  "
	if !f.OK {
		sign = "MEND"
	}
	fmt.Fprintf(w, "%s %s: %s\n", sign, f.What, f.Note)
	if !f.OK && f.Mend != "" {
		fmt.Fprintf(w, "     → %s\n", f.Mend)
	}
}

func lookAtStore(ctx context.Context, cfg config.Config) []bot.Finding {
	f := bot.Finding{What: "Redis", OK: true, Note: "embedded: drey starts its own redis-server"}
	if cfg.Storage.Redis == "" {
		return []bot.Finding{f}
	}
	db, err := storage.Open(ctx, cfg.Storage, slog.New(slog.DiscardHandler))
	if err == nil {
		defer func() { _ = db.Close() }() // it was only asked
		err = db.Ping(ctx)
	}
	f.Note = "answers"
	if err != nil {
		f.OK, f.Note, f.Mend = false, err.Error(), "check storage.redis, and that the server runs and lets this machine in"
	}
	return []bot.Finding{f}
}

func lookAtClusters(ctx context.Context, cfg config.Config) []bot.Finding {
	cs, err := openClusters(cfg.Clusters, nil)
	if err != nil {
		return []bot.Finding{{What: "Clusters", Note: err.Error(), Mend: "check the section clusters"}}
	}
	defer func() { _ = cs.Close() }() // they were only asked
	var out []bot.Finding
	for _, name := range cs.Names() {
		f := bot.Finding{What: "Cluster " + name, OK: true}
		info, err := cs.byName[name].Describe(ctx)
		switch {
		case err != nil:
			f.OK, f.Note, f.Mend = false, err.Error(), fmt.Sprintf("check clusters.%s.url, and that the JobManager runs", name)
		default:
			f.Note = fmt.Sprintf("Flink %s, %d jobs running, %d of %d slots free", info.Version, info.JobsRunning, info.SlotsFree, info.SlotsTotal)
		}
		out = append(out, f)
	}
	return out
}

func lookAtAlertmanagers(ctx context.Context, cfg config.Config) []bot.Finding {
	var out []bot.Finding
	for _, name := range slices.Sorted(maps.Keys(cfg.Alerts.Sources)) {
		addresses := cfg.Alerts.Sources[name].Alertmanager
		if len(addresses) == 0 {
			out = append(out, bot.Finding{What: "Alertmanager of " + name, OK: true, Note: "not named: drey shows what its webhooks say, and can make no silences"})
		}
		for i, address := range addresses {
			f := bot.Finding{What: fmt.Sprintf("Alertmanager of %s, %d of %d", name, i+1, len(addresses)), OK: true}
			c, err := alertmanager.New(address, nil)
			var status alertmanager.Status
			if err == nil {
				status, err = c.Status(ctx)
			}
			f.Note = "version " + status.Version.Version
			if err != nil {
				f.OK, f.Note, f.Mend = false, err.Error(), fmt.Sprintf("check alerts.sources.%s.alertmanager", name)
			}
			out = append(out, f)
		}
		if address := cfg.Alerts.Sources[name].Prometheus; address != "" {
			f := bot.Finding{What: "Prometheus of " + name, OK: true, Note: "evaluates"}
			c, err := prometheus.New(address, nil)
			if err == nil {
				_, err = c.QueryRange(ctx, "vector(1)", time.Now(), time.Now(), time.Second)
			}
			if err != nil {
				f.OK, f.Note, f.Mend = false, err.Error(), fmt.Sprintf("check alerts.sources.%s.prometheus", name)
			}
			out = append(out, f)
		}
	}
	return out
}

// lookAtWatchdogs tells whether the alerts that always fire have come. An embedded store belongs to the drey that runs.
func lookAtWatchdogs(ctx context.Context, cfg config.Config) []bot.Finding {
	var dogs []alerts.Watchdog
	if cfg.Storage.Redis == "" {
		return nil // /drey status tells
	}
	db, err := storage.Open(ctx, cfg.Storage, slog.New(slog.DiscardHandler))
	if err == nil {
		defer func() { _ = db.Close() }() // it was only asked
		dogs, err = alerts.Watchdogs(ctx, db, cfg.Alerts)
	}
	if err != nil {
		return nil // the look at the store tells
	}
	var out []bot.Finding
	for _, w := range dogs {
		out = append(out, bot.Finding{
			What: "Watchdog of " + w.Source, OK: !w.Seen.IsZero() && !w.Silent, Note: w.String(),
			Mend: fmt.Sprintf("check that Prometheus has the alert of alerts.sources.%s.deadman, and that Alertmanager's route for it leads here with repeat_interval: 1m", w.Source),
		})
	}
	return out
}

func lookAtSlack(ctx context.Context, cfg config.Config) []bot.Finding {
	if !cfg.Slack.Enabled() {
		return nil
	}
	b, end, err := bare(ctx, cfg, func(db *storage.DB, log *slog.Logger) *slackbot.Bot { return slackbot.New(db, log, slackOptions(cfg)) })
	if err != nil {
		return []bot.Finding{{What: "Slack", Note: err.Error()}}
	}
	defer end()
	_ = b.Publish(ctx, treeSpecs())
	return b.Doctor(ctx, cfg.Channels(slackbot.Network), roleIDs(cfg, func(r commands.Role) []string { return r.SlackGroups }))
}

func lookAtDiscord(ctx context.Context, cfg config.Config) []bot.Finding {
	if !cfg.Discord.Enabled() {
		return nil
	}
	b, end, err := bare(ctx, cfg, func(db *storage.DB, log *slog.Logger) *discordbot.Bot { return discordbot.New(db, log, cfg.Discord) })
	if err != nil {
		return []bot.Finding{{What: "Discord", Note: err.Error()}}
	}
	defer end()
	_ = b.Publish(ctx, treeSpecs())
	return b.Doctor(ctx, cfg.Channels(discordbot.Network), roleIDs(cfg, func(r commands.Role) []string { return r.DiscordRoles }))
}

// bare makes a chat service that is only asked things: on a store in memory, without a word in the log.
func bare[B any](ctx context.Context, _ config.Config, open func(*storage.DB, *slog.Logger) B) (b B, end func(), err error) {
	log := slog.New(slog.DiscardHandler)
	db, err := storage.Open(ctx, storage.Options{Memory: true}, log)
	if err != nil {
		return b, nil, fmt.Errorf("open a store in memory: %w", err)
	}
	return open(db, log), func() { _ = db.Close() }, nil
}

// treeSpecs is the command tree as networks need to know it.
func treeSpecs() []bot.CommandSpec { return commands.All(commands.Deps{}).Specs() }

// roleIDs are the ids that the roles name, each once.
func roleIDs(cfg config.Config, of func(commands.Role) []string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(cfg.Rights.Roles)) {
		out = append(out, of(cfg.Rights.Roles[name])...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
