package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot"
	"github.com/drey-ops/drey/bot/slackbot"
	"github.com/drey-ops/drey/bot/webbot"
	"github.com/drey-ops/drey/commands"
	"github.com/drey-ops/drey/config"
)

// receiveAgain is how long drey waits before it tries a network again that refused it: a token that is mended and
// reloaded counts without a restart.
const receiveAgain = 30 * time.Second

// buildNetworks makes the chat services of the configuration.
func (a *app) buildNetworks() {
	if a.cfg.Web.Enabled {
		web := a.cfg.Web
		web.Version, web.Redact = version, commands.RedactTyped
		if host := hostname(a.cfg.Server.ExternalURL); host != "" {
			web.Hosts = append(slices.Clone(web.Hosts), host) // the proxy in front passes requests on under it
		}
		a.web = webbot.New(a.db, a.log, web)
		a.networks = append(a.networks, a.web)
	}
	if a.cfg.Slack.Enabled() {
		o := slackOptions(a.cfg)
		o.OnRequest, o.OnRefused = a.metrics.onChat(slackbot.Network), a.metrics.onRefused(slackbot.Network)
		a.slack = slackbot.New(a.db, a.log, o)
		a.networks = append(a.networks, a.slack)
	}
	if a.cfg.Discord.Enabled() {
		o := a.cfg.Discord
		o.OnRequest, o.OnRefused = a.metrics.onChat(discordbot.Network), a.metrics.onRefused(discordbot.Network)
		a.discord = discordbot.New(a.db, a.log, o)
		a.networks = append(a.networks, a.discord)
	}
}

// slackOptions are the section slack with what the rest of the file adds to it.
func slackOptions(cfg config.Config) slackbot.Options {
	o := cfg.Slack
	o.ExternalURL = cfg.Server.ExternalURL
	hosts := []string{hostname(cfg.Server.ExternalURL)}
	for _, name := range slices.Sorted(maps.Keys(cfg.Clusters)) {
		hosts = append(hosts, hostname(cfg.Clusters[name].UI))
	}
	for _, h := range hosts {
		if h != "" && strings.Contains(h, ".") && !slices.Contains(o.UnfurlDomains, h) {
			o.UnfurlDomains = append(o.UnfurlDomains, h)
		}
	}
	return o
}

// hostname is the host of an address in lower case, or empty.
func hostname(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// resolve puts the ids of channels in place of the names that the file has for them.
func (a *app) resolve(ctx context.Context, cfg config.Config) (config.Config, error) {
	if a.slack == nil {
		return cfg, nil
	}
	var names []string
	for _, ch := range cfg.Channels(slackbot.Network) {
		if strings.HasPrefix(ch, "#") {
			names = append(names, ch)
		}
	}
	if len(names) == 0 {
		return cfg, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	ids, err := a.slack.Resolve(ctx, names)
	if err != nil {
		return cfg, fmt.Errorf("look up the channels that the configuration names: %w", err)
	}
	return cfg.WithChannels(slackbot.Network, ids), nil
}

// profile asks a chat service who somebody is.
func (a *app) profile(ctx context.Context, who bot.Actor) (bot.Profile, error) {
	for _, n := range a.networks {
		if d, ok := n.(bot.Directory); ok && n.ID() == who.Network {
			return d.Profile(ctx, who.ID)
		}
	}
	return bot.Profile{}, fmt.Errorf("look up %s: drey is not in its network, or it cannot tell", who)
}

// rotate puts new tokens and keys of the chat services into force.
func (a *app) rotate(cfg config.Config) {
	if a.slack != nil && cfg.Slack.Enabled() {
		a.slack.Rotate(cfg.Slack)
	}
	if a.discord != nil && cfg.Discord.Enabled() {
		a.discord.Rotate(cfg.Discord)
	}
}

// receive takes gestures from n until ctx ends. A network that refuses drey is tried again: the others go on meanwhile,
// and what is to be posted waits in the outbox.
func (a *app) receive(ctx context.Context, n bot.Network) {
	for {
		err := n.Receive(ctx, a.dispatch)
		if ctx.Err() != nil {
			return
		}
		a.log.Error("chat service refuses drey; drey doctor says more", "network", n.ID(), "error", err, "again_in", receiveAgain.String())
		select {
		case <-ctx.Done():
			return
		case <-time.After(receiveAgain):
		}
	}
}
