package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
)

// validatePlaces checks that the channels exist wherever they are named, as far as the file can tell.
func (c Config) validatePlaces(bad badFunc) {
	for _, p := range c.places() {
		place, err := bot.ParsePlace(p.text)
		if err != nil {
			continue // told by the section itself
		}
		c.validatePlace(p.key, place, bad)
	}
}

func (c Config) validatePlace(key string, p bot.Place, bad badFunc) {
	switch p.Network {
	case "web":
		channels := c.Web.Channels
		if len(channels) == 0 {
			channels = defaultChannels()
		}
		switch {
		case !c.Web.Enabled:
			bad(key, "the console is switched off (web.enabled), so %s reaches nobody", p)
		case p.Channel != "*" && !slices.Contains(channels, p.Channel):
			bad(key, "the console has no channel %q; it has: %s (web.channels)", p.Channel, strings.Join(channels, ", "))
		}
	case "slack":
		switch {
		case !c.Slack.Enabled():
			bad(key, "drey is not in Slack (slack.mode), so %s reaches nobody", p)
		case p.Channel == "home" && strings.HasPrefix(key, "alerts."):
			bad(key, "a home tab takes no alerts; want a channel such as slack:#oncall")
		case p.Channel != "*" && p.Channel != "home" && !slackChannel.MatchString(p.Channel):
			bad(key, "want a channel's id such as slack:C0ONCALL, or its name such as slack:#oncall, have %q", p.Channel)
		}
	case "discord":
		switch {
		case !c.Discord.Enabled():
			bad(key, "drey is not in Discord (discord.mode), so %s reaches nobody", p)
		case p.Channel != "*" && !discordChannel.MatchString(p.Channel):
			bad(key, "want a channel's id, a number such as discord:1200000000000000001, have %q", p.Channel)
		}
	default:
		bad(key, "unknown chat service %q; allowed: web, slack, discord", p.Network)
	}
}

var (
	slackChannel   = regexp.MustCompile(`^([CDG][A-Z0-9]{2,20}|#[^\s#]{1,80})$`)
	discordChannel = regexp.MustCompile(`^[0-9]{1,20}$`)
	slackMention   = regexp.MustCompile(`^(user:[UW]|group:S)[A-Z0-9]{2,20}$`)
	discordMention = regexp.MustCompile(`^(user|group):[0-9]{1,20}$`)
)

// CanPost says why drey cannot post to a channel that an alert names, as far as the file can tell. A channel of Slack must
// be named by its id there: names are looked up for the file alone.
func (c Config) CanPost(p bot.Place) error {
	if p.Channel == "*" || p.Channel == "home" || strings.HasPrefix(p.Channel, "#") {
		return fmt.Errorf("want a channel's id, have %q", p.Channel)
	}
	var err error
	c.validatePlace("", p, func(_, format string, args ...any) { err = fmt.Errorf(format, args...) })
	return err
}

// validateMentions checks that the people and groups whom routes, escalations and schedules name can be ids of their network.
func (c Config) validateMentions(bad badFunc) {
	people := c.Alerts.People()
	for _, key := range slices.Sorted(maps.Keys(people)) {
		text := people[key]
		m, err := alerts.ParseMention(text)
		if err != nil {
			continue // told by the section itself, or who is on call
		}
		switch {
		case m.Network == "slack" && !slackMention.MatchString(m.Who):
			bad(key, "want a member's id (slack:user:U0OLGA) or a user group's (slack:group:S0ONCALL), have %q", text)
		case m.Network == "discord" && !discordMention.MatchString(m.Who):
			bad(key, "want a member's or a role's id, a number (discord:group:1200000000000000001), have %q", text)
		case !slices.Contains([]bot.NetworkID{"web", "slack", "discord"}, m.Network):
			bad(key, "unknown chat service %q; allowed: web, slack, discord", m.Network)
		}
	}
}

// place is where the file names a channel.
type place struct{ key, text string }

// places are all that the file names, in its order.
func (c Config) places() []place {
	var out []place
	for i, r := range c.Alerts.Routes {
		for j, to := range r.To {
			out = append(out, place{fmt.Sprintf("alerts.routes[%d].to[%d]", i, j), to})
		}
	}
	for j, to := range c.Alerts.DefaultTo {
		out = append(out, place{fmt.Sprintf("alerts.default_to[%d]", j), to})
	}
	steps := c.Alerts.EscalationPlaces()
	for _, key := range slices.Sorted(maps.Keys(steps)) {
		out = append(out, place{key, steps[key]})
	}
	for i, r := range c.Rights.Policy {
		for j, ch := range r.Channels {
			out = append(out, place{fmt.Sprintf("policy[%d].channels[%d]", i, j), ch})
		}
	}
	return out
}

// Channels are the channels of a network that the file names, each once and without "*".
func (c Config) Channels(n bot.NetworkID) []string {
	var out []string
	for _, p := range c.places() {
		at, err := bot.ParsePlace(p.text)
		if err == nil && at.Network == n && at.Channel != "*" && !slices.Contains(out, at.Channel) {
			out = append(out, at.Channel)
		}
	}
	return out
}

// WithChannels returns c with the channels of a network renamed, wherever they are named. It shares nothing with c that it
// changes.
func (c Config) WithChannels(n bot.NetworkID, names map[string]string) Config {
	renamed := func(in []string) []string {
		out := slices.Clone(in)
		for i, text := range out {
			p, err := bot.ParsePlace(text)
			if err != nil || p.Network != n {
				continue
			}
			if id, ok := names[p.Channel]; ok {
				p.Channel = id
				out[i] = p.String()
			}
		}
		return out
	}
	c.Alerts.Routes = slices.Clone(c.Alerts.Routes)
	for i := range c.Alerts.Routes {
		c.Alerts.Routes[i].To = renamed(c.Alerts.Routes[i].To)
	}
	c.Alerts.DefaultTo = renamed(c.Alerts.DefaultTo)
	c.Alerts.Escalations = maps.Clone(c.Alerts.Escalations)
	for name, e := range c.Alerts.Escalations {
		e.Steps = slices.Clone(e.Steps)
		for i := range e.Steps {
			e.Steps[i].To = renamed(e.Steps[i].To)
		}
		c.Alerts.Escalations[name] = e
	}
	c.Rights.Policy = slices.Clone(c.Rights.Policy)
	for i := range c.Rights.Policy {
		c.Rights.Policy[i].Channels = renamed(c.Rights.Policy[i].Channels)
	}
	return c
}

// validateNames checks that the policy speaks of clusters and people that there are.
func (c Config) validateNames(bad badFunc) {
	for i, r := range c.Rights.Policy {
		for j, cl := range r.Clusters {
			if _, ok := c.Clusters[cl]; !ok && !strings.ContainsAny(cl, "*?[") {
				bad(fmt.Sprintf("policy[%d].clusters[%d]", i, j), "there is no cluster %q; there are: %s", cl, strings.Join(slices.Sorted(maps.Keys(c.Clusters)), ", "))
			}
		}
	}
	people := map[string]bool{}
	for _, u := range c.Web.Users {
		people[u.ID] = true
	}
	for _, name := range slices.Sorted(maps.Keys(c.Rights.Roles)) {
		for j, id := range c.Rights.Roles[name].WebUsers {
			if len(people) > 0 && !people[id] {
				bad(fmt.Sprintf("roles.%s.web_users[%d]", name, j), "the console has no user %q (web.users)", id)
			}
		}
	}
}

// defaultChannels are those of a console whose configuration names none.
func defaultChannels() []string { return []string{"ops", "oncall", "analytics"} }
