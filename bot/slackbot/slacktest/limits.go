package slacktest

import (
	"math"
	"time"
)

// bucket lets most calls through at once, and then refills them over a minute.
type bucket struct {
	most, perSecond, left float64
	at                    time.Time
}

// take says how many seconds a call has to wait; 0: none, and it is counted.
func (b *bucket) take(now time.Time) int {
	b.left = min(b.most, b.left+now.Sub(b.at).Seconds()*b.perSecond)
	b.at = now
	if b.left >= 1 {
		b.left--
		return 0
	}
	return max(1, int(math.Ceil((1-b.left)/b.perSecond)))
}

// Rates per minute. A tier is a promise of at least so many; single calls may come in bursts.
const (
	tier1, tier2, tier3, tier4 = 1, 20, 50, 100
	tierSpecial                = 600
)

// rate is how often a method may be called in a minute, by Slack's table of tiers.
func rate(method string) int {
	switch method {
	case "apps.connections.open":
		return tier1
	case "users.list", "usergroups.list", "usergroups.users.list", "conversations.list":
		return tier2
	case "chat.update", "chat.delete", "chat.unfurl", "conversations.info", "conversations.replies", "conversations.history", "conversations.open",
		"conversations.join", "bots.info", "team.info", "files.delete", "reactions.add":
		return tier3
	case "auth.test", "chat.getPermalink":
		return tierSpecial
	}
	return tier4
}

// A channel takes one message a second on average, and a few at once; so many connections of Socket Mode may be opened
// at once, since an app with ten of them has to be able to restart.
const (
	channelBurst    = 3
	connectionBurst = 10
)

// limited says how many seconds the caller has to wait, 0 when it need not. It counts the call.
func (s *Slack) limited(name string, p params) int {
	if s.o.NoLimits {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, most, perSecond := name, float64(rate(name)), float64(rate(name))/60
	switch name {
	case "chat.postMessage":
		key, most, perSecond = name+" "+p.text("channel"), channelBurst, 1
	case "apps.connections.open":
		most = connectionBurst
	}
	b := s.rates[key]
	if b == nil {
		b = &bucket{most: most, perSecond: perSecond, left: most, at: s.o.Now()}
		s.rates[key] = b
	}
	wait := b.take(s.o.Now())
	if wait > 0 {
		s.violateLocked("%s: called more often than Slack allows, %d s to wait", key, wait)
	}
	return wait
}
