package alerts

import (
	"maps"
	"slices"
	"time"
)

// Ascent is how far a storm has come in an escalation: one for all the incidents that it counts.
type Ascent struct {
	Climb           // Stopped: nothing that asks for it fires and is nobody's
	Rests time.Time `json:"rests,omitzero"`  // since when it is stopped
	Taken bool      `json:"taken,omitempty"` // somebody has acknowledged since it ran: it begins anew instead of going on
}

// claim is what the incidents of a storm want of a chain.
type claim struct {
	runs  bool // there is one that fires and nobody has
	taken bool // there is one that somebody has
}

// claims are what the storm's incidents want of each chain. One with a thread of its own escalates by itself.
func (rs *routes) claims(r *roll) map[string]claim {
	out := map[string]claim{}
	for _, e := range r.members {
		for _, name := range e.Value.Chains {
			made, ok := rs.chains[name]
			if !ok {
				continue
			}
			c, acked := out[name], e.Value.State == Acked
			c.taken = c.taken || acked
			c.runs = c.runs || !e.Value.Own && (e.Value.State == Firing || acked && made.despiteAck)
			out[name] = c
		}
	}
	return out
}

// climb begins each chain once when the first of the storm's incidents asks for it, and stops it while none does. It depends on
// the rows alone. After an acknowledgement a chain begins anew; without one it goes on where it was, so that what flaps does
// every step once.
func (rs *routes) climb(r *roll, now time.Time) {
	claims := rs.claims(r)
	if r.Storm.State == stormOver {
		claims = nil
	}
	all := slices.Clone(r.Climbs)
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if claims[name].runs && !slices.ContainsFunc(all, func(a Ascent) bool { return a.Chain == name }) {
			all = append(all, Ascent{Climb: Climb{Chain: name, Since: now}})
		}
	}
	all = slices.DeleteFunc(all, func(a Ascent) bool { _, ok := rs.chains[a.Chain]; return !ok })
	for n := range all {
		all[n].move(rs.chains[all[n].Chain], claims[all[n].Chain], now)
	}
	r.Climbs = all
}

func (a *Ascent) move(made chain, c claim, now time.Time) {
	switch {
	case c.runs && a.Stopped && a.Taken:
		*a = Ascent{Climb: Climb{Chain: a.Chain, Since: now}}
	case c.runs && a.Stopped:
		a.Since, a.Stopped, a.Rests = a.Since.Add(now.Sub(a.Rests)), false, time.Time{}
	case !c.runs && !a.Stopped:
		a.Stopped, a.Rests, a.Taken = true, now, c.taken
	case !c.runs:
		a.Taken = a.Taken || c.taken
	}
	a.Steps, a.Due = len(made.steps), time.Time{}
	if !a.Stopped && a.Left() {
		a.Due = a.Since.Add(made.steps[a.Next].after)
	}
}

// nextStep is the chain whose turn it is, and when; nil when none waits.
func (st *Storm) nextStep() *Ascent {
	return soonest(st.Climbs, func(a *Ascent) time.Time { return a.Due })
}

// of are the incidents without a thread of their own for which a chain runs.
func (r *roll) of(chain string) *roll {
	out := &roll{Storm: r.Storm}
	for _, e := range r.members {
		if !e.Value.Own && slices.Contains(e.Value.Chains, chain) {
			out.members = append(out.members, e)
		}
	}
	return out
}

// leads says whether the storm in t's channel is the one to tell other places of the incident, and to call webhooks: of several
// storms that count it only the first does, and none while it escalates by itself. Mentions are each storm's own, since people
// are called in the threads of their network.
func (i *Incident) leads(t *Target) bool {
	if i.loud() {
		return false
	}
	n := slices.IndexFunc(i.Targets, func(t Target) bool { return t.escalates() })
	return n >= 0 && i.Targets[n].Place == t.Place
}

// escalates says whether the storm that counts the incident in a channel escalates for it.
func (t *Target) escalates() bool { return t.represented() && !t.Called && t.Quiet.IsZero() }
