package discordbot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

const (
	skewMost    = 2 * time.Minute // our clock against Discord's; a signature is taken within five
	startsFew   = 50              // gateway sessions left for the day
	portal      = "https://discord.com/developers/applications"
	registerCmd = "drey discord register"
)

// checkup collects what Doctor finds.
type checkup struct {
	b     *Bot
	me    string             // id of the bot's user
	in    map[string]guildIn // servers that the bot is in and may look at
	found []bot.Finding
}

func (c *checkup) good(what, note string, args ...any) {
	c.found = append(c.found, bot.Finding{What: what, OK: true, Note: fmt.Sprintf(note, args...)})
}

func (c *checkup) bad(what, mend, note string, args ...any) {
	c.found = append(c.found, bot.Finding{What: what, Note: fmt.Sprintf(note, args...), Mend: mend})
}

func (c *checkup) get(ctx context.Context, path string, out any) error {
	return c.b.sender.do(ctx, "doctor", http.MethodGet, path, nil, out)
}

// unanswered notes a question that Discord did not answer.
func (c *checkup) unanswered(what string, err error) {
	c.bad(what, "Try again; where it stays so, look at "+portal+" and at Discord's status page.", "%s", plainly(err))
}

// plainly says what is wrong without an address.
func plainly(err error) string {
	if e := new(apiError); errors.As(err, &e) {
		return fmt.Sprintf("Discord answers %d (code %d)", e.status, e.code)
	}
	return "Discord did not answer: " + err.Error()
}

// Doctor looks at everything in Discord that drey depends on, and changes nothing. places are channels that the
// configuration names ("discord:ID" or the id), roles the ids of the roles in its policy.
func (b *Bot) Doctor(ctx context.Context, places []string, roles []string) []bot.Finding {
	c := &checkup{b: b, in: map[string]guildIn{}}
	if !c.token(ctx) {
		return c.found
	}
	c.application(ctx)
	c.gateway(ctx)
	c.clock(ctx)
	c.guilds(ctx)
	c.commands(ctx)
	for _, p := range places {
		c.channel(ctx, strings.TrimPrefix(p, string(Network)+":"))
	}
	c.roles(roles)
	return c.found
}

func (c *checkup) token(ctx context.Context) bool {
	const what = "Discord: bot token"
	var me userIn
	err := c.get(ctx, "users/@me", &me)
	if e := new(apiError); errors.As(err, &e) && e.status == http.StatusUnauthorized {
		c.bad(what, "Reset the token on the page Bot of "+portal+" and put the new one into discord.bot_token.", "Discord does not take the token")
		return false
	}
	if err != nil {
		c.unanswered(what, err)
		return false
	}
	c.me = me.ID
	c.good(what, "belongs to %s", me.Username)
	return true
}

// application compares what the developer portal holds with the configuration.
func (c *checkup) application(ctx context.Context) {
	var app struct {
		ID        string `json:"id"`
		Name      string `json:"name"`
		VerifyKey string `json:"verify_key"`
		Endpoint  string `json:"interactions_endpoint_url"`
	}
	if err := c.get(ctx, "applications/@me", &app); err != nil {
		c.unanswered("Discord: application", err)
		return
	}
	if app.ID != c.b.o.ApplicationID {
		c.bad("Discord: application", "Set discord.application_id to "+app.ID+", or use the token of the other application.",
			"the token belongs to application %s, the configuration names %s", app.ID, c.b.o.ApplicationID)
	} else {
		c.good("Discord: application", "%s", app.Name)
	}
	key := c.b.creds.Load().PublicKey
	switch {
	case key == "":
	case !strings.EqualFold(key, app.VerifyKey):
		c.bad("Discord: public key", "Set discord.public_key to the Public Key on the page General Information of "+portal+".",
			"the configured key is not that of the application, so its requests are refused")
	default:
		c.good("Discord: public key", "is that of the application")
	}
	const what = "Discord: interactions endpoint"
	switch {
	case c.b.o.Mode == ModeGateway && app.Endpoint != "":
		c.bad(what, "Empty Interactions Endpoint URL on the page General Information of "+portal+", or set discord.mode to http.",
			"Discord posts to an endpoint, so nothing comes over the gateway")
	case c.b.o.Mode == ModeHTTP && app.Endpoint == "":
		c.bad(what, "Set Interactions Endpoint URL on the page General Information of "+portal+" to drey's public address followed by /discord/interactions.",
			"no endpoint is set, so nothing is posted to drey")
	case c.b.o.Mode == ModeHTTP && !strings.HasSuffix(app.Endpoint, "/discord/interactions"):
		c.bad(what, "Set Interactions Endpoint URL on the page General Information of "+portal+" to drey's public address followed by /discord/interactions.",
			"the endpoint that is set does not end in /discord/interactions")
	default:
		c.good(what, "fits the mode %s", c.b.o.Mode)
	}
}

func (c *checkup) gateway(ctx context.Context) {
	const what = "Discord: gateway"
	if c.b.o.Mode != ModeGateway {
		return
	}
	var out struct {
		Limit struct {
			Total     int `json:"total"`
			Remaining int `json:"remaining"`
		} `json:"session_start_limit"`
	}
	switch err := c.get(ctx, "gateway/bot", &out); {
	case err != nil:
		c.unanswered(what, err)
	case out.Limit.Total > 0 && out.Limit.Remaining < min(startsFew, out.Limit.Total):
		c.bad(what, "See why drey connects so often: its log tells why connections ended.", "%d of %d sessions are left for today", out.Limit.Remaining, out.Limit.Total)
	default:
		c.good(what, "reachable; drey asks for the intent Guilds alone, which needs no grant")
	}
}

// clock compares ours with the time of an answer.
func (c *checkup) clock(ctx context.Context) {
	const what = "Discord: clock"
	before := c.b.o.Now()
	header, _, err := c.b.sender.send(ctx, "doctor", http.MethodGet, "gateway", true, nil)
	if err != nil {
		c.unanswered(what, err)
		return
	}
	theirs, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return // nothing to compare with
	}
	// The answer was made between before and now; its time is in whole seconds.
	ahead := before.Sub(theirs) - time.Second
	behind := theirs.Sub(c.b.o.Now())
	if ahead > skewMost || behind > skewMost {
		c.bad(what, "Let the machine keep its time by NTP: signed requests are taken within five minutes.", "this machine's clock is off by about %s", max(ahead, behind).Round(time.Second))
		return
	}
	c.good(what, "agrees with Discord's")
}

// guilds looks which servers drey is in.
func (c *checkup) guilds(ctx context.Context) {
	const what = "Discord: servers"
	var all []struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := c.get(ctx, "users/@me/guilds", &all); err != nil {
		c.unanswered(what, err)
		return
	}
	var names, ids []string
	for _, g := range all {
		names, ids = append(names, g.Name), append(ids, g.ID)
	}
	for _, want := range c.b.o.Guilds {
		if !slices.Contains(ids, want) {
			c.bad("Discord: server "+want, "Invite drey: "+Invite(c.b.o)+" – or take the server out of discord.guilds.", "drey is not in it")
		}
	}
	if len(all) == 0 {
		c.bad(what, "Invite drey: "+Invite(c.b.o), "drey is in no server")
		return
	}
	c.good(what, "drey is in %s", strings.Join(names[:min(len(names), 10)], ", "))
	for _, id := range ids[:min(len(ids), 20)] {
		if len(c.b.o.Guilds) > 0 && !slices.Contains(c.b.o.Guilds, id) {
			continue
		}
		if g, err := c.look(ctx, id); err != nil {
			c.unanswered("Discord: server "+id, err)
		} else {
			c.in[id] = g
		}
	}
}

// commands compares what is registered with what this drey has.
func (c *checkup) commands(ctx context.Context) {
	const what = "Discord: commands"
	c.b.mu.Lock()
	specs := c.b.specs
	c.b.mu.Unlock()
	if specs == nil {
		return
	}
	want, err := c.b.commands(specs)
	if err != nil {
		c.bad(what, "This is a mistake in drey: please report it.", "%v", err)
		return
	}
	var old []string
	for _, where := range c.b.scopes() {
		same, err := c.b.registered(ctx, where, want[where])
		if err != nil {
			c.unanswered(what, err)
			return
		}
		if !same {
			old = append(old, where)
		}
	}
	if len(old) > 0 {
		c.bad(what, "Run "+registerCmd+".", "those registered are not those of this version: %s", strings.Join(old, ", "))
		return
	}
	c.good(what, "are registered as this version has them")
}
