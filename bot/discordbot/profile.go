package discordbot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
)

const (
	chosenAge = time.Minute // long enough for the form it was in to be worked on
	chosenMax = 500
)

// chosenPeople are those who were picked from Discord's own menus a moment ago: Discord says with the form who they are.
type chosenPeople struct {
	mu  sync.Mutex
	all map[string]chosenPerson
}

type chosenPerson struct {
	profile bot.Profile
	at      time.Time
}

func (c *chosenPeople) keep(a bot.Actor, app bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, p := range c.all {
		if len(c.all) >= chosenMax || now.Sub(p.at) > chosenAge {
			delete(c.all, id)
		}
	}
	c.all[a.ID] = chosenPerson{profileOf(a, app), now}
}

func (c *chosenPeople) find(id string, now time.Time) (bot.Profile, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.all[id]
	return p.profile, ok && now.Sub(p.at) <= chosenAge
}

func profileOf(a bot.Actor, app bool) bot.Profile {
	p := bot.Profile{Actor: a}
	if app {
		p.Unfit = "is an app"
	}
	return p
}

// Profile implements bot.Directory. Whom no form named lately is looked for in the servers of the configuration; without any it
// cannot be found out.
func (b *Bot) Profile(ctx context.Context, id string) (bot.Profile, error) {
	if p, ok := b.chosen.find(id, b.o.Now()); ok {
		return p, nil
	}
	out := bot.Profile{Actor: bot.Actor{Network: Network, ID: id}, Unfit: "is nobody in this server"}
	if len(b.o.Guilds) == 0 || !isSnowflake(id) {
		return out, errors.New("look up a person in Discord: the configuration names no server")
	}
	for _, guild := range b.o.Guilds {
		var m memberIn
		err := b.sender.within(ctx, time.Second, "get member", "GET", "guilds/"+guild+"/members/"+id, nil, &m)
		if e := (*apiError)(nil); errors.As(err, &e) && e.status == http.StatusNotFound {
			continue
		}
		if err != nil || m.User == nil {
			return out, fmt.Errorf("look up a person in Discord: %w", err)
		}
		return profileOf(actorOf(m.User, &m), m.User.Bot), nil
	}
	return out, nil
}
