package alerts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform"
)

// silenced is what became of one of drey's silences in Alertmanager.
type silenced struct {
	id      string               // it is there under this id
	until   time.Time            // until then, as Alertmanager has it
	lost    bool                 // Alertmanager had lost it; it is made again
	ended   bool                 // nothing is wanted of it any more
	outside bool                 // somebody ended it in Alertmanager
	refused string               // Alertmanager will never take it
	renewed bool                 // it is kept, and ends later now
	asked   time.Time            // of the silence that was renewed, or refused
	lives   alertmanager.Silence // what Alertmanager has all the same, where it refused
}

// tendSilences does at the Alertmanagers of each source what the incident's silences need, and returns what came of it by op. What
// could not be done now is left out and comes again.
func (s *Service) tendSilences(ctx context.Context, i Incident, looks map[string]*look) map[string]silenced {
	now := s.hooks.Now()
	did := map[string]silenced{}
	for _, want := range i.Silences {
		l := looks[i.at(want)]
		if want.Ended || l == nil || l.answered == 0 || now.Sub(want.Asked) < silenceAgain-time.Second && (want.ID == "" || want.Ending) {
			continue // done, or just being done for the person who asked
		}
		if done, is := s.tendSilence(ctx, i.ID, want, l, now); is {
			did[want.Op] = done
		}
	}
	return did
}

// tendSilence does what one silence needs; is says that something came of it.
func (s *Service) tendSilence(ctx context.Context, incident string, want Silence, l *look, now time.Time) (did silenced, is bool) {
	if want.Keep && want.ID == "" {
		want.Until = want.renewed(now, s.options.Silence.KeepFor)
	}
	found, at := l.find(want.Op)
	switch {
	case want.ID != "" && want.kept(now):
		next, done, rest := l.tendKept(want, now, s.options.Silence.KeepFor)
		if !rest {
			done = s.placed(ctx, l, incident, next, done)
		}
		return done, rest || done.id != "" || done.refused != ""
	case want.Ending:
		return silenced{ended: true}, l.end(ctx, want.Op) == nil
	case now.After(want.Until) && (at == nil || !found.Live()):
		return silenced{ended: true}, true
	case at != nil && found.Live() && want.Told.Equal(want.Until):
		return silenced{id: found.ID, until: found.EndsAt}, true
	case at != nil && !found.Live(): // by its clock, which may go ahead of drey's
		return silenced{ended: true, outside: found.EndsAt.Before(want.Until.Add(-timeSlack))}, true
	}
	done := s.placed(ctx, l, incident, want, silenced{until: want.Until, lost: want.ID != "" && at == nil})
	return done, done.id != "" || done.refused != ""
}

// placed makes a silence and adds to did what came of it: neither id nor refused says that it has to be tried again.
func (s *Service) placed(ctx context.Context, l *look, incident string, want Silence, did silenced) silenced {
	id, err := l.place(ctx, want)
	switch {
	case err == nil:
		did.id = id
		return did
	case platform.KindOf(err) == platform.Invalid:
		return silenced{refused: err.Error(), asked: want.Asked, lives: l.living(want.Op)}
	}
	s.log.Warn("silence an incident", "incident", incident, "err", err)
	return silenced{}
}

// digestOf tells whether an incident changed.
func digestOf(i *Incident) string {
	raw, err := json.Marshal(i)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
