package alerts

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// member is what a storm's digest says of one incident. It is written in the same transaction as the incident: the digest
// is a function of these rows alone.
type member struct {
	Storm    string    `json:"storm"`
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	State    string    `json:"state"`
	Severity string    `json:"severity,omitempty"`
	Since    time.Time `json:"since"`
	Joined   time.Time `json:"joined"`
	Own      bool      `json:"own,omitempty"` // that it has a thread of its own
	Firing   int       `json:"firing,omitempty"`
	Alert    string    `json:"alert,omitempty"`
	Cluster  string    `json:"cluster,omitempty"`
	Owner    string    `json:"owner,omitempty"`
	Cause    string    `json:"cause,omitempty"` // fingerprint of the root cause, and
	Says     string    `json:"says,omitempty"`  // that in words
	Ack      bool      `json:"ack,omitempty"`   // that its message would have the button
	Mentions []string  `json:"mentions,omitempty"`
	Chains   []string  `json:"chains,omitempty"` // the escalations that its routes ask for
	Lead     bool      `json:"lead,omitempty"`   // that this storm, and no other one, tells other places of it
}

// represented says that the incident has no message of its own in the place, but counts in a storm's digest.
func (t *Target) represented() bool { return t.Storm != "" && !t.Own }

func (i *Incident) member(t *Target) member {
	m := member{
		Storm: t.Storm, ID: i.ID, Title: clip(i.Title, 100), State: i.State(), Severity: clip(i.Severity, 20), Since: i.Since, Joined: t.StormAt,
		Own: t.Own, Firing: i.FiringCount(), Alert: clip(i.Labels["alertname"], 60), Cluster: clip(i.Labels["cluster"], 60),
	}
	if i.Job != nil && i.Job.Cluster != "" {
		m.Cluster = clip(i.Job.Cluster, 60)
	}
	m.Owner = clip(cmp.Or(i.Labels["owner"], annotation(i.shown(), "owner"), i.Labels["team"]), 60)
	if i.Cause != nil {
		m.Cause, m.Says = i.Cause.Fingerprint, clip(i.Cause.Text, 120)
	}
	m.Ack = t.Buttons == nil || slices.Contains(t.Buttons, "ack")
	if !t.Own {
		m.Mentions = t.Mentions
	}
	if t.Own || t.escalates() {
		m.Chains, m.Lead = i.Escalate, !t.Own && i.leads(t)
	}
	return m
}

// membersKeep is how long a row stays that nobody took away; those of a storm are deleted at its end.
const membersKeep = 7 * 24 * time.Hour

// membersOf are the rows of all storms of a place.
func (s *Service) membersOf(root string) storage.Table[member] {
	return storage.Table[member]{DB: s.db, Name: root, TTL: membersKeep}
}

func memberID(i *Incident) string { return i.root() + "/" + strconv.Itoa(i.Seq) }

// memberCheck is after which time somebody makes sure that a represented incident has a storm: it may have been taken into
// one that ended in the same moment. It is longer than lease: by then no worker that knows nothing of it can end the storm.
const memberCheck = time.Minute

// enroll writes the rows of the storms that count the incident.
func (s *Service) enroll(tx *storage.Tx, i *Incident) {
	for n := range i.Targets {
		t := &i.Targets[n]
		if t.Storm == "" {
			continue
		}
		s.membersOf(placeRoot(t.Place)).Put(tx, memberID(i), i.member(t), storage.Any)
		if t.represented() && i.Open() {
			tx.EnqueueAfter(stormQueue, i.root(), memberCheck)
		}
	}
}

// rowEntry is a member with the version of its row.
type rowEntry = storage.Entry[member]

// roll is a storm with those it counts, the most urgent first.
type roll struct {
	Storm
	members []rowEntry
}

// muster reads who belongs to a storm.
func (s *Service) muster(ctx context.Context, st Storm, root string) (roll, error) {
	r := roll{Storm: st}
	for e, err := range s.membersOf(root).Newest(ctx, 0) {
		if err != nil {
			return r, err
		}
		if e.Value.Storm == st.ID {
			r.members = append(r.members, e)
		}
	}
	r.sort()
	return r, nil
}

func (r *roll) sort() {
	slices.SortFunc(r.members, func(a, b rowEntry) int {
		return cmp.Or(urgent(b.Value)-urgent(a.Value), b.Value.Since.Compare(a.Value.Since), cmp.Compare(a.ID, b.ID))
	})
}

// urgent orders the members: those that fire before the acknowledged and the silenced, and of these the most severe.
func urgent(m member) int {
	n := severityRank(m.Severity)
	switch m.State {
	case Firing:
		return n + 30
	case Acked:
		return n + 20
	case Silenced:
		return n + 10
	}
	return n
}

// waiting are the members that are open and have no thread of their own.
func (r *roll) waiting() []member {
	var out []member
	for _, e := range r.members {
		if e.Value.State != Resolved && !e.Value.Own {
			out = append(out, e.Value)
		}
	}
	return out
}

// newest is when the last one joined.
func (r *roll) newest() time.Time {
	at := r.Since
	for _, e := range r.members {
		if e.Value.Joined.After(at) {
			at = e.Value.Joined
		}
	}
	return at
}

// StormOf is the digest that represents the incident in a place; "" when it has a message of its own there, or will have.
func (i *Incident) StormOf(p bot.Place) string {
	for n := range i.Targets {
		if t := &i.Targets[n]; t.represented() && t.Place.String() == p.String() {
			return t.Storm
		}
	}
	return ""
}
