package commands

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// personForms are how the networks write a person's id. Slack and Discord also send a chosen mention as <@ID>.
func personForms(n bot.NetworkID) (form *regexp.Regexp, like string) {
	switch n {
	case "slack":
		return slackPerson, "@somebody or a member id such as U012AB3CD"
	case "discord":
		return discordPerson, "@somebody or a user id of 17 to 20 digits"
	}
	return webPerson, "a user of the console such as olga"
}

var (
	slackPerson   = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
	discordPerson = regexp.MustCompile(`^[0-9]{15,20}$`)
	webPerson     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)
	mentioned     = regexp.MustCompile(`^<@!?([^>|]+)(\|[^>]*)?>$`)
)

// profileWithin bounds how long a chat service is asked who somebody is.
const profileWithin = 2 * time.Second

// fit is person for whom has to be able to act: who is an app, was deactivated or never was is a mistake. Sure says that all is
// known of them that rights hang on; a chat service that does not answer holds nothing up.
func (d Deps) fit(ctx context.Context, e *Env, text string) (a bot.Actor, sure bool, err error) {
	a, err = d.person(ctx, e, text)
	if err != nil || a.Network == "web" || d.Profile == nil || a.ID == e.Actor.ID && a.Network == e.Actor.Network {
		return a, true, err
	}
	ctx, cancel := context.WithTimeout(ctx, profileWithin)
	defer cancel()
	p, err := d.Profile(ctx, a)
	switch {
	case err != nil:
		return a, false, nil // whom the chat service cannot tell of now may well be there
	case p.Unfit != "":
		return a, false, platform.Errorf(platform.Invalid, "", "%s %s; name somebody who can take care of it. Nothing was changed", cmp.Or(p.Actor.Name, a.Name, a.ID), p.Unfit)
	}
	p.Actor.Name = cmp.Or(p.Actor.Name, a.Name)
	return p.Actor, true, nil
}

// person is whom text names in the network where it was said: "me", an id, or a mention. Another network's people are
// named with it: slack:U012AB3CD.
func (d Deps) person(ctx context.Context, e *Env, text string) (bot.Actor, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "me") {
		return e.Actor, nil
	}
	network, id := e.Actor.Network, text
	if n, rest, ok := strings.Cut(text, ":"); ok && slices.Contains([]string{"slack", "discord", "web"}, n) {
		network, id = bot.NetworkID(n), rest
	}
	if m := mentioned.FindStringSubmatch(id); m != nil {
		id = m[1]
	}
	id = strings.TrimPrefix(id, "@")
	form, like := personForms(network)
	if id == e.Actor.ID && network == e.Actor.Network {
		return e.Actor, nil
	}
	known := d.people(ctx, e, network)
	for _, p := range known { // by id, or by the name that is shown
		if p.ID == id || network == "web" && strings.EqualFold(p.ID, id) || p.Name != "" && strings.EqualFold(p.Name, id) {
			return p, nil
		}
	}
	if !form.MatchString(id) || network == "web" {
		var names []string
		for _, p := range known {
			names = append(names, cmp.Or(p.Name, p.ID))
		}
		near := ""
		if n := Nearest(id, names, 1); len(n) > 0 {
			near = "; did you mean " + n[0] + "?"
		}
		return bot.Actor{}, platform.Errorf(platform.Invalid, "", "%q is nobody that drey knows: say me, or %s%s. Nothing was changed", clip(text, 60), like, near)
	}
	return bot.Actor{Network: network, ID: id}, nil
}

// people are those of a network that drey knows by id: console users, those named in roles, and who took care of an incident
// of late.
func (d Deps) people(ctx context.Context, e *Env, network bot.NetworkID) []bot.Actor {
	var out []bot.Actor
	add := func(a bot.Actor) {
		if a.Network != network {
			return
		}
		for n := range out {
			if out[n].ID == a.ID {
				out[n].Name = cmp.Or(out[n].Name, a.Name)
				return
			}
		}
		out = append(out, bot.Actor{Network: a.Network, ID: a.ID, Name: a.Name})
	}
	for _, p := range d.People {
		add(p)
	}
	list, _ := d.Alerts.List(ctx, alerts.Filter{}) // without them there are fewer names
	for _, i := range list {
		if i.Acked != nil {
			add(i.Acked.By)
			if i.Acked.From != nil {
				add(*i.Acked.From)
			}
		}
	}
	for _, id := range e.router.policy.Load().users(network) {
		add(bot.Actor{Network: network, ID: id})
	}
	return out
}

// users are the people of a network whom roles name, sorted.
func (p *Policy) users(n bot.NetworkID) []string {
	var out []string
	for m := range p.members {
		if m.kind == string(n)+" user" {
			out = append(out, m.id)
		}
	}
	slices.Sort(out)
	return out
}

func (d Deps) completePeople(ctx context.Context, e *Env, _ string) []bot.Choice {
	out := []bot.Choice{{Value: "me", Help: "you"}}
	for _, p := range d.people(ctx, e, e.Actor.Network) {
		if p.ID != e.Actor.ID {
			out = append(out, bot.Choice{Value: p.ID, Label: cmp.Or(p.Name, p.ID)})
		}
	}
	return out
}
