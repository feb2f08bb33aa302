package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot/discordbot"
	"github.com/drey-ops/drey/bot/slackbot"
	"github.com/drey-ops/drey/config"
	"github.com/drey-ops/drey/storage"
)

// slackVerb is drey slack manifest.
func slackVerb(_ context.Context, args []string, s streams) error {
	if len(args) == 0 || args[0] != "manifest" {
		return &usageError{"say manifest"}
	}
	fs := flag.NewFlagSet("slack manifest", flag.ContinueOnError)
	file := configFlag(fs)
	if err := flags(fs, args[1:], s, 0, 0); err != nil {
		return err
	}
	cfg, err := config.Draft(*file) // the tokens come with the app that this manifest makes
	if err != nil {
		return err
	}
	o := slackOptions(cfg)
	switch {
	case o.Enabled() && o.Mode != slackbot.ModeHTTP && o.Mode != slackbot.ModeSocket:
		return fmt.Errorf("slack.mode: want http or socket, have %q", o.Mode)
	case !o.Enabled():
		o.Mode = slackbot.ModeSocket // nobody has tokens before there is an app
		fmt.Fprintln(s.err, "the configuration has no slack.mode; this manifest is for mode socket")
	case o.Mode == slackbot.ModeHTTP && o.ExternalURL == "":
		return errors.New("mode http needs server.external_url: Slack posts to it; or choose slack.mode: socket")
	}
	manifest, err := slackbot.Manifest(treeSpecs(), o)
	if err != nil {
		return err
	}
	_, err = s.out.Write(manifest)
	return err
}

// discordVerb is drey discord register and invite.
func discordVerb(ctx context.Context, args []string, s streams) error {
	if len(args) == 0 || args[0] != "register" && args[0] != "invite" {
		return &usageError{"say register or invite"}
	}
	fs := flag.NewFlagSet("discord "+args[0], flag.ContinueOnError)
	file := configFlag(fs)
	force := fs.Bool("force", false, "register the commands even when Discord has them already")
	if err := flags(fs, args[1:], s, 0, 0); err != nil {
		return err
	}
	cfg, err := config.Load(*file)
	switch {
	case err != nil:
		return err
	case !cfg.Discord.Enabled():
		return errors.New("the configuration has no section discord (discord.mode)")
	case args[0] == "invite":
		fmt.Fprintln(s.out, discordbot.Invite(cfg.Discord))
		return nil
	}
	b, end, err := bare(ctx, cfg, func(db *storage.DB, log *slog.Logger) *discordbot.Bot { return discordbot.New(db, log, cfg.Discord) })
	if err != nil {
		return err
	}
	defer end()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	changed, err := b.Register(ctx, treeSpecs(), *force)
	if err != nil {
		return err
	}
	if len(changed) == 0 {
		fmt.Fprintln(s.out, "Discord has these commands already")
		return nil
	}
	fmt.Fprintf(s.out, "registered: %s\n", strings.Join(changed, ", "))
	return nil
}
