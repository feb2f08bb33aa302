package alerts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// Hold keeps an incident back: as in a mute time nothing new is posted, and what is still open when it ends is posted then.
type Hold struct {
	Kind  string    `json:"kind"`
	ID    string    `json:"id,omitempty"`    // what holds it
	Why   string    `json:"why"`             // for people: "the cluster prod is down"
	Until time.Time `json:"until"`           // when to look again whether it still holds
	Known bool      `json:"known,omitempty"` // what holds it has been told
}

// The kinds of Hold.
const holdCluster = "cluster"

const (
	// holdAgain is how often it is looked whether what holds an incident is over.
	holdAgain = 30 * time.Second
	// holdGrace is how long the jobs of a cluster have to recover when it is back, before their incidents are told.
	holdGrace = time.Minute
)

// Affected is a job whose incident is kept back while its cluster is down.
type Affected struct {
	Incident string    `json:"incident"`
	Owner    string    `json:"owner,omitempty"`
	At       time.Time `json:"at"`
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// hold adds h, or replaces the one of its kind and id.
func (i *Incident) hold(h Hold) {
	i.Holds = slices.Clone(i.Holds)
	for n := range i.Holds {
		if i.Holds[n].Kind == h.Kind && i.Holds[n].ID == h.ID {
			i.Holds[n] = h
			return
		}
	}
	i.Holds = append(i.Holds, h)
}

// held is when to look at the holds again, with what they say; zero when none holds. A hold is over when a look has shown it
// (renew), not by the time.
func (i *Incident) held(now time.Time) (until time.Time, why string) {
	var words []string
	for _, h := range i.Holds {
		words = append(words, h.Why)
		if until = later(until, h.Until); !until.After(now) {
			until = now.Add(time.Second) // somebody is about to look
		}
	}
	return until, strings.Join(unique(words), ", ")
}

// holdStage keeps the incidents of jobs back while their cluster is down: that is told once, with the jobs in it.
func (p *Pipeline) holdStage(ctx context.Context, b Batch) (Batch, error) {
	i := b.Incident
	if i == nil || i.About != aboutJob || b.Kind != kindNew && b.Kind != kindReopened {
		return b, nil
	}
	down, err := p.down(ctx, b.subject.cluster)
	if err != nil || down == nil || !down.holds(b.At) {
		return b, err
	}
	i.hold(Hold{Kind: holdCluster, ID: down.ID, Why: "the cluster " + b.subject.cluster + " is down", Until: b.At.Add(holdAgain)})
	b.note("the cluster %s is down (incident %s): kept back until it is well again", b.subject.cluster, down.ID)
	return b, nil
}

// holds says whether a cluster's incident keeps those of its jobs back: while it stands somewhere for people to see, or nobody
// would hear of the jobs.
func (i *Incident) holds(now time.Time) bool {
	told := slices.ContainsFunc(i.Targets, func(t Target) bool { return t.Headed || t.Storm != "" })
	return told && (i.Open() || now.Sub(i.Over) < holdGrace)
}

// newest is the newest incident with a key, or nil.
func (s *Service) newest(ctx context.Context, key string) (*Incident, error) {
	b, err := s.recall(ctx, Batch{Key: key})
	return b.Known, err
}

// clusterDown implements Pipeline.down.
func (s *Service) clusterDown(ctx context.Context, cluster string) (*Incident, error) {
	if cluster == "" {
		return nil, nil
	}
	return s.newest(ctx, subject{about: aboutCluster, cluster: cluster}.key(""))
}

// renew looks whether what holds an incident still does, before it is changed: what is over is gone from the returned holds. A
// cluster's incident is told of the jobs that it keeps back.
func (s *Service) renew(ctx context.Context, i *Incident) ([]Hold, error) {
	now := s.hooks.Now()
	var out []Hold
	for _, h := range i.Holds {
		if h.Kind == holdPlanned {
			h, holds, err := s.renewPlanned(ctx, h, now)
			if err != nil {
				return nil, err
			}
			if holds {
				out = append(out, h)
			}
			continue
		}
		if h.Kind != holdCluster {
			out = append(out, h)
			continue
		}
		down, err := s.Get(ctx, h.ID)
		switch {
		case platform.KindOf(err) == platform.NotFound || err == nil && !down.holds(now):
			continue
		case err != nil:
			return nil, err
		}
		if !h.Known {
			if err := s.affects(ctx, stem(h.ID), i); err != nil {
				return nil, err
			}
		}
		h.Known, h.Until = true, now.Add(holdAgain)
		out = append(out, h)
	}
	return out, nil
}

// affects adds the job of an incident to those that its cluster's incident lists.
func (s *Service) affects(ctx context.Context, root string, i *Incident) error {
	name := i.jobName()
	_, err := s.change(ctx, root, func(c *Incident, _ *storage.Tx) ([]story, error) {
		if _, there := c.Affected[name]; there || !c.Open() {
			return nil, errSame
		}
		c.Affected = maps.Clone(c.Affected)
		if c.Affected == nil {
			c.Affected = map[string]Affected{}
		}
		c.Affected[name] = Affected{Incident: i.ID, Owner: i.owner(), At: s.hooks.Now()}
		return nil, nil
	})
	return unchanged(err)
}

func (i *Incident) jobName() string {
	if i.Job == nil {
		return i.ID
	}
	return i.Job.String()
}

// owner is who the labels say has to care.
func (i *Incident) owner() string {
	for _, k := range []string{"owner", "team"} {
		if v := i.Labels[k]; v != "" {
			return clip(v, 60)
		}
	}
	return ""
}

// affected lists the jobs that a cluster's incident keeps back, with their owners.
func (i *Incident) affected() bot.Text {
	var names []string
	for _, job := range slices.Sorted(maps.Keys(i.Affected)) {
		name := clip(job, 80)
		if o := i.Affected[job].Owner; o != "" {
			name += " (" + o + ")"
		}
		names = append(names, name)
	}
	if n := len(names) - maxListed; n > 0 {
		names = append(names[:maxListed], fmt.Sprintf("%d more", n))
	}
	return bot.Textf("%s", strings.Join(names, ", "))
}

// unheld ends what keeps an incident back that is over itself, or whose holds are over.
func (s *Service) unheld(ctx context.Context, it storage.Item) error {
	inc, _, err := s.current.Get(ctx, it.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return s.finish(ctx, it)
	}
	if err != nil {
		return err
	}
	holds, err := s.renew(ctx, &inc)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, it.ID, func(i *Incident, tx *storage.Tx) ([]story, error) {
		tx.Finish(it) // saving it makes it due again where a mute or a hold goes on
		if i.ID == inc.ID && len(i.Holds) == len(inc.Holds) {
			i.Holds = holds
		}
		return nil, nil
	})
	return err
}
