package alerts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// silenced is what became of one of drey's silences in Alertmanager.
type silenced struct {
	id      string    // it is there under this id
	until   time.Time // until then, as Alertmanager has it
	lost    bool      // Alertmanager had lost it; it is made again
	ended   bool      // nothing is wanted of it any more
	outside bool      // somebody ended it in Alertmanager
	refused string    // Alertmanager will never take it
	renewed bool      // it is kept, and ends later now
	asked   time.Time // of the silence that was renewed
}

// tendSilences does at Alertmanager what the incident's silences need, and returns what came of it by op. What could not be
// done now is left out and comes again.
func (s *Service) tendSilences(ctx context.Context, i Incident, l *look) map[string]silenced {
	now := s.hooks.Now()
	did := map[string]silenced{}
	for _, want := range i.Silences {
		if want.Ended || now.Sub(want.Asked) < silenceAgain-time.Second && (want.ID == "" || want.Ending) {
			continue // done, or just being done for the person who asked
		}
		if want.Keep && want.ID == "" {
			want.Until = want.renewed(now, s.options.Silence.KeepFor)
		}
		found, at := l.find(want.Op)
		switch {
		case want.ID != "" && want.kept(now):
			next, done, rest := l.tendKept(want, now, s.options.Silence.KeepFor)
			if !rest {
				if done = s.placed(ctx, l, i.ID, next, done); done.id == "" && done.refused == "" {
					continue
				}
			}
			did[want.Op] = done
		case want.Ending:
			if err := l.end(ctx, want.Op); err == nil {
				did[want.Op] = silenced{ended: true}
			}
		case now.After(want.Until) && (at == nil || !found.Live()):
			did[want.Op] = silenced{ended: true}
		case at != nil && found.Live() && want.Told.Equal(want.Until):
			did[want.Op] = silenced{id: found.ID, until: found.EndsAt}
		case at != nil && !found.Live(): // by its clock, which may go ahead of drey's
			did[want.Op] = silenced{ended: true, outside: found.EndsAt.Before(want.Until.Add(-2 * time.Second))}
		default:
			if done := s.placed(ctx, l, i.ID, want, silenced{until: want.Until, lost: want.ID != "" && at == nil}); done.id != "" || done.refused != "" {
				did[want.Op] = done
			}
		}
	}
	return did
}

// placed makes a silence and adds to did what came of it: neither id nor refused says that it has to be tried again.
func (s *Service) placed(ctx context.Context, l *look, incident string, want Silence, did silenced) silenced {
	id, err := l.place(ctx, want)
	switch {
	case err == nil:
		did.id = id
		return did
	case platform.KindOf(err) == platform.Invalid:
		return silenced{ended: true, refused: err.Error()}
	}
	s.log.Warn("silence an incident", "incident", incident, "err", err)
	return silenced{}
}

// applySilences notes what became of the silences, and returns those that are over. The incident may have changed since they
// were tended.
func (i *Incident) applySilences(did map[string]silenced) (out []story, over []Silence) {
	for n := range i.Silences {
		s := &i.Silences[n]
		d, ok := did[s.Op]
		switch {
		case !ok || s.Ended:
		case d.refused != "":
			s.Ended = true
			out = append(out, story{kind: storyUnsilent, tone: bot.Warn, text: bot.Textf("**Not silenced**: %s", d.refused)})
		case d.outside:
			s.Ended = true
			out = append(out, story{kind: storyUnsilent, tone: bot.Warn, text: bot.Textf("**The silence** of %s was ended in Alertmanager", who(s.By))})
		case d.ended:
			s.Ended, s.Ending = true, false
			over = append(over, *s)
		case d.renewed && !s.Asked.Equal(d.asked): // somebody has asked for something else meanwhile
		case d.renewed:
			s.ID, s.Until, s.Told = d.id, d.until, d.until
		case d.lost:
			if s.Keep {
				s.Until = d.until
			}
			s.ID, s.Told = d.id, s.Until
			s.Remade++
			out = append(out, story{kind: storySilenced, tone: bot.Muted, text: bot.Textf("**Silenced again**: Alertmanager had lost the silence of %s %v", who(s.By), s.endText())})
		default:
			if s.Keep {
				s.Until = d.until
			}
			if s.ID == d.id && d.until.Sub(s.Until).Abs() >= 2*time.Second {
				s.Until, s.Told = d.until, d.until
				out = append(out, story{kind: storySilenced, tone: bot.Muted, text: bot.Textf("**The silence** of %s was changed in Alertmanager: it ends %v", who(s.By), moment(s.Until))})
			}
			out = append(out, i.silenceMade(s, d.id)...)
		}
	}
	return out, over
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
