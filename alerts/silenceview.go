package alerts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform"
)

// view is what the Alertmanagers of a source say now.
type view struct {
	peers    []*peerView
	answered int
}

type peerView struct {
	client   *alertmanager.Client
	silences []alertmanager.Silence
	started  time.Time
	version  string
	err      error
}

// view asks every Alertmanager of the source for its silences and its age.
func (s *Service) view(ctx context.Context, source string) *view {
	v := &view{}
	for _, c := range s.peers[source] {
		p := &peerView{client: c}
		if p.silences, p.err = c.Silences(ctx); p.err == nil {
			var st alertmanager.Status
			st, p.err = c.Status(ctx)
			p.started, p.version = st.Started, st.Version.Version
		}
		if p.err == nil {
			v.answered++
		}
		v.peers = append(v.peers, p)
	}
	return v
}

// err is why nobody answered, or nil.
func (v *view) err() error {
	if v.answered > 0 {
		return nil
	}
	for _, p := range v.peers {
		return p.err
	}
	return errors.New("no Alertmanager is configured")
}

// find looks for drey's silence with an op; a live one before an ended one.
func (v *view) find(op string) (found alertmanager.Silence, at *peerView) {
	for _, p := range v.peers {
		for _, s := range p.silences {
			if opOf(s) == op && (at == nil || s.Live() && !found.Live()) {
				found, at = s, p
			}
		}
	}
	return found, at
}

// living is drey's silence with an op where it lives; none has no id.
func (v *view) living(op string) alertmanager.Silence {
	if found, at := v.find(op); at != nil && found.Live() {
		return found
	}
	return alertmanager.Silence{}
}

// place makes sure that a silence is in Alertmanager until its end and returns its id. Repeating it is harmless as long as
// v is fresh: what an earlier try made is found by its op.
func (v *view) place(ctx context.Context, want Silence) (string, error) {
	if err := v.err(); err != nil {
		return "", err
	}
	sil := want.outside(v.annotates())
	sil.ID = ""
	found, at := v.find(want.Op)
	if at != nil && found.Live() {
		if found.EndsAt.Sub(want.Until).Abs() < timeSlack {
			return found.ID, nil
		}
		sil.ID, sil.StartsAt = found.ID, found.StartsAt
		return at.client.SetSilence(ctx, sil)
	}
	var err error
	for _, p := range v.peers {
		if p.err != nil {
			continue
		}
		var id string
		if id, err = p.client.SetSilence(ctx, sil); err == nil {
			return id, nil
		}
		if platform.KindOf(err) == platform.Unavailable {
			return "", err // it may have been made all the same: look again before another try
		}
	}
	return "", err
}

// annotates says whether every Alertmanager that answered keeps the annotations of silences: 0.32 and later.
func (v *view) annotates() bool {
	for _, p := range v.peers {
		if p.err == nil && !atLeast(p.version, 0, 32) {
			return false
		}
	}
	return v.answered > 0
}

// atLeast compares a version such as 0.34.2; what is none is too old.
func atLeast(version string, major, minor int) bool {
	var a, b int
	if n, err := fmt.Sscanf(version, "%d.%d", &a, &b); n != 2 || err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

// end expires every live silence with an op. One that is not there is ended.
func (v *view) end(ctx context.Context, op string) error {
	if err := v.err(); err != nil {
		return err
	}
	for _, p := range v.peers {
		for _, s := range p.silences {
			if !s.Live() || opOf(s) != op {
				continue
			}
			// Members of one cluster share their silences: what another has ended meanwhile is no error.
			if err := p.client.Expire(ctx, s.ID); err != nil && platform.KindOf(err) == platform.Unavailable && !gone(ctx, p.client, s.ID) {
				return err
			}
		}
	}
	return nil
}

// gone says whether a silence does not live any more.
func gone(ctx context.Context, c *alertmanager.Client, id string) bool {
	all, err := c.Silences(ctx)
	if err != nil {
		return false
	}
	for _, s := range all {
		if s.ID == id && s.Live() {
			return false
		}
	}
	return true
}
