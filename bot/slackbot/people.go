package slackbot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
)

const (
	userFresh   = 5 * time.Minute
	groupsFresh = 2 * time.Minute
	ownFresh    = 24 * time.Hour
	// staleMax is how long somebody stays who they were while Slack cannot be asked.
	staleMax = time.Hour
	// staleAfter is how long a gesture waits for news of somebody who is known.
	staleAfter = 500 * time.Millisecond
	// strangerAfter is how long it waits for somebody who is not: longer, because a stranger may do next to nothing.
	strangerAfter = 2500 * time.Millisecond
	peopleMax     = 20_000
	lookupTimeout = 10 * time.Second
	lookupPause   = time.Second // between two lookups of the same
)

// errLookup stands for a lookup that panicked.
var errLookup = errors.New("lookup did not end")

// directory tells who is who. Errors are those of the Web API; whoever calls it bounds the time.
type directory interface {
	user(ctx context.Context, id string) (member, error)
	// groups returns the user groups by member.
	groups(ctx context.Context) (map[string][]string, error)
	self(ctx context.Context) (self, error)
}

// member is a user as Slack knows them.
type member struct {
	id, name         string
	team, enterprise string
	guest            bool // restricted, or of another organisation
	gone             bool // deactivated, or a bot
	app              bool // a bot
}

// self is drey's own place in Slack.
type self struct{ team, enterprise, user string }

// person is who made a gesture.
type person struct {
	actor bot.Actor
	gone  bool // deactivated, or a bot: nothing is taken from them
	app   bool
}

// people remembers who is who. Rights hang on it, so what it knows is short-lived, and what it cannot know is a stranger.
type people struct {
	dir    directory
	guests bool // guests count as everyone
	now    func() time.Time

	mu    sync.Mutex
	users map[string]*memo[member]
	byID  memo[map[string][]string] // user groups by member
	own   memo[self]
}

// memo is something that was looked up. Its owner's lock guards it.
type memo[T any] struct {
	value   T
	at      time.Time // when it was found; zero: never
	expired bool      // Slack said that it changed
	tried   time.Time // when the last lookup ended
	looking chan struct{}
}

func (m *memo[T]) fresh(now time.Time, ttl time.Duration) bool {
	return !m.at.IsZero() && !m.expired && now.Sub(m.at) < ttl
}

func (m *memo[T]) usable(now time.Time) bool { return !m.at.IsZero() && now.Sub(m.at) < staleMax }

// store takes the answer of a lookup. One that was outrun by a change serves only where there is nothing else.
func (m *memo[T]) store(value T, err error, now time.Time, current bool) {
	if current {
		m.looking, m.tried = nil, now
	}
	if err == nil && (current || m.at.IsZero()) {
		m.value, m.at, m.expired = value, now, !current
	}
}

func newPeople(dir directory, guests bool, now func() time.Time) *people {
	return &people{dir: dir, guests: guests, now: now, users: map[string]*memo[member]{}}
}

// known returns somebody about whom nothing has to be asked.
func (p *people) known(id string) (person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	u := p.users[id]
	if u == nil || !u.fresh(now, userFresh) || !p.byID.fresh(now, groupsFresh) || p.own.at.IsZero() {
		return person{}, false
	}
	return p.person(id, now), true
}

// find returns who id is, asking Slack for what is not known or old. Lookups go on in the crew when they take too long for
// this gesture. Someone of whom nothing can be had is a stranger without groups.
func (p *people) find(ctx context.Context, c *crew, id string) person {
	waits, limit := p.ask(ctx, c, id)
	// A gesture that came before the end of Receive is still one of somebody.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	return p.after(ctx, waits, id)
}

// within is find that ends with ctx.
func (p *people) within(ctx context.Context, c *crew, id string) person {
	if who, ok := p.known(id); ok {
		return who
	}
	waits, _ := p.ask(ctx, c, id)
	return p.after(ctx, waits, id)
}

// ask begins the lookups that are due for somebody. It returns what ends with each, and how long they are worth waiting for.
func (p *people) ask(ctx context.Context, c *crew, id string) (waits []<-chan struct{}, limit time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if len(p.users) >= peopleMax {
		p.sweep(now)
	}
	u := p.users[id]
	if u == nil {
		u = &memo[member]{}
		p.users[id] = u
	}
	for _, w := range []<-chan struct{}{
		look(ctx, p, c, u, userFresh, func(ctx context.Context) (member, error) { return p.dir.user(ctx, id) }),
		look(ctx, p, c, &p.byID, groupsFresh, p.dir.groups),
		look(ctx, p, c, &p.own, ownFresh, p.dir.self),
	} {
		if w != nil {
			waits = append(waits, w)
		}
	}
	if u.usable(now) && p.byID.usable(now) && !p.own.at.IsZero() {
		return waits, staleAfter
	}
	return waits, strangerAfter
}

// after waits for lookups, at most as long as ctx lives, and returns what is known then.
func (p *people) after(ctx context.Context, waits []<-chan struct{}, id string) person {
	for _, w := range waits {
		select {
		case <-w:
			continue
		case <-ctx.Done():
		}
		break
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.person(id, p.now())
}

// look asks for m unless it is fresh or being asked for, and returns what ends with the answer; nil when there is nothing
// to wait for. It runs with the lock held.
func look[T any](ctx context.Context, p *people, c *crew, m *memo[T], ttl time.Duration, ask func(context.Context) (T, error)) <-chan struct{} {
	if m.looking != nil {
		return m.looking
	}
	if now := p.now(); m.fresh(now, ttl) || !m.expired && now.Sub(m.tried) < lookupPause {
		return nil
	}
	done := make(chan struct{})
	began := c.help(func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookupTimeout)
		defer cancel()
		var got T
		err := errLookup
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			m.store(got, err, p.now(), m.looking == done)
		}()
		got, err = ask(ctx)
	})
	if !began {
		return nil
	}
	m.looking = done
	return done
}

// person puts together what is known. It runs with the lock held.
func (p *people) person(id string, now time.Time) person {
	out := person{actor: bot.Actor{Network: Network, ID: id, Outside: true}}
	u := p.users[id]
	if u == nil || !u.usable(now) {
		return out
	}
	m := u.value
	out.actor.Name, out.gone, out.app = m.name, m.gone, m.app
	out.actor.Outside = !p.guests && (m.guest || !p.ours(m))
	if p.byID.usable(now) {
		out.actor.Groups = slices.Clip(p.byID.value[id]) // shared, and never changed
	}
	return out
}

// ours says whether somebody is of the organisation that drey was installed for.
func (p *people) ours(m member) bool {
	own := p.own.value
	return m.team != "" && m.team == own.team || m.enterprise != "" && m.enterprise == own.enterprise
}

// sweep forgets those who were not looked up lately, and everybody when that does not help. It runs with the lock held.
func (p *people) sweep(now time.Time) {
	maps.DeleteFunc(p.users, func(_ string, u *memo[member]) bool { return u.looking == nil && !u.fresh(now, userFresh) })
	if len(p.users) >= peopleMax {
		maps.DeleteFunc(p.users, func(_ string, u *memo[member]) bool { return u.looking == nil })
	}
}

// changed takes what an event says about somebody: they are asked for anew at their next gesture. What was being looked
// up when the event came is not to be trusted either.
func (p *people) changed(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u := p.users[id]; u != nil {
		u.expired, u.looking = true, nil
	}
}

// regrouped is changed for all groups.
func (p *people) regrouped() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID.expired, p.byID.looking = true, nil
}

// self is drey's own user id, empty while that is not known.
func (p *people) self() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.own.value.user
}
