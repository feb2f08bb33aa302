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
		found, at := l.find(want.Op)
		switch {
		case want.Ending:
			if err := l.end(ctx, want.Op); err == nil {
				did[want.Op] = silenced{ended: true}
			}
		case now.After(want.Until) && (at == nil || !found.Live()):
			did[want.Op] = silenced{ended: true}
		case at != nil && found.Live() && (want.ID == "" || want.Told.Equal(want.Until)):
			did[want.Op] = silenced{id: found.ID, until: found.EndsAt}
		case at != nil && !found.Live():
			did[want.Op] = silenced{ended: true, outside: true}
		default:
			id, err := l.place(ctx, want)
			switch {
			case err == nil:
				did[want.Op] = silenced{id: id, until: want.Until, lost: want.ID != "" && at == nil}
			case platform.KindOf(err) == platform.Invalid:
				did[want.Op] = silenced{ended: true, refused: err.Error()}
			default:
				s.log.Warn("silence an incident", "incident", i.ID, "err", err)
			}
		}
	}
	return did
}

// applySilences notes what became of the silences. The incident may have changed since they were tended.
func (i *Incident) applySilences(did map[string]silenced) []story {
	var out []story
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
			out = append(out, s.over()...)
		case d.lost:
			s.ID, s.Told = d.id, s.Until
			s.Remade++
			out = append(out, story{kind: storySilenced, tone: bot.Muted, text: bot.Textf("**Silenced again**: Alertmanager had lost the silence of %s until %v", who(s.By), moment(s.Until))})
		default:
			if s.ID == d.id && d.until.Sub(s.Until).Abs() >= 2*time.Second {
				s.Until, s.Told = d.until, d.until
				out = append(out, story{kind: storySilenced, tone: bot.Muted, text: bot.Textf("**The silence** of %s was changed in Alertmanager: it ends %v", who(s.By), moment(s.Until))})
			}
			out = append(out, i.silenceMade(s, d.id)...)
		}
	}
	return out
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
