package alerts

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

const (
	// settleMost is how long drey looks whether the job of an incident that is over becomes well again.
	settleMost = 24 * time.Hour
	// settleLeast is how long a job without checkpoints must run to count as well.
	settleLeast = time.Minute
)

// reopens says whether what fires again belongs to an incident that is over: for a while after its end, and as long as its job
// has neither run nor completed a checkpoint since.
func (p *Pipeline) reopens(i *Incident, now time.Time) bool {
	since := now.Sub(i.Over)
	return since <= p.options.ReopenWithin || p.settles && i.unsettled(now)
}

// unsettled says whether the episode of a job goes on though nothing fires.
func (i *Incident) unsettled(now time.Time) bool {
	return i.About == aboutJob && !i.Open() && i.Settled.IsZero() && now.Sub(i.Over) < settleMost
}

// ailing says that nothing fires any more, but the job was not seen to be well since.
func (i *Incident) ailing() bool {
	return !i.Open() && i.About == aboutJob && i.Settled.IsZero() && i.Facts != nil
}

// settle closes the episode of a job once a look at its cluster shows that it runs and has completed a checkpoint since, or
// that there is nothing to wait for.
func (i *Incident) settle(f *JobFacts, err error, now time.Time) []story {
	if !i.unsettled(now) {
		return nil
	}
	var say bot.Text
	switch {
	case err != nil && platform.KindOf(err) == platform.NotFound:
		say = bot.Textf("Its cluster no longer knows the job.")
	case err != nil:
		return nil
	case f.State.Terminal():
		say = bot.Textf("The job is %s.", string(f.State))
	case f.State == platform.Running && f.Checkpoint.After(i.Over):
		say = bot.Textf("The job runs and completed a checkpoint at %v.", moment(f.Checkpoint))
	case f.State == platform.Running && !f.Checkpoints && now.Sub(i.Over) >= settleLeast:
		say = bot.Textf("The job runs; it makes no checkpoints.")
	default:
		return nil
	}
	i.Settled = now
	i.OverNote = join(i.OverNote, say.Plain())
	return []story{{kind: storySettled, tone: bot.Good, quiet: true, text: say}}
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + " " + b
}

// rings is what an incident calls people for, to tell what is new in it: the names of its firing alerts, and the highest
// severity that it ever had in this episode.
func (i *Incident) rings() ringing {
	r := ringing{severity: severityRank(i.Severity), silenced: i.State() == Silenced}
	for _, a := range i.Alerts {
		if a.Status == Firing {
			r.names = append(r.names, a.Labels["alertname"])
		}
	}
	return r
}

type ringing struct {
	names    []string
	severity int
	silenced bool
}

// breaks says whether an alert joined that a silence of the others does not hide: nobody was called for those.
func (b *Batch) breaks() bool {
	return b.before.silenced && len(b.Joined) > 0 && b.Incident.State() == Firing
}

// alsoStory tells of an alert of another name that joins an episode; nil when none does. It calls people again when it is more
// severe than all before: in one thread for everything a worse alert must not go unheard.
func (b *Batch) alsoStory() []story {
	inc := b.Incident
	if inc.About == aboutGroup || b.Kind != kindChanged {
		return nil
	}
	var worst *Alert
	var names []string
	for _, fp := range b.Joined {
		a := inc.Alerts[fp]
		name := a.Labels["alertname"]
		if slices.Contains(b.before.names, name) {
			continue
		}
		names = append(names, clip(name, 120))
		if worst == nil || severityRank(a.Labels["severity"]) > severityRank(worst.Labels["severity"]) {
			worst = &a
		}
	}
	if worst == nil {
		return nil
	}
	text := bot.Textf("**Also firing**: %s", strings.Join(unique(names), ", "))
	if sev := worst.Labels["severity"]; sev != "" {
		text.Spans = append(text.Spans, bot.Textf(" (%s)", clip(sev, 40)).Spans...)
	}
	if sum := worst.Annotations["summary"]; sum != "" {
		text.Spans = append(text.Spans, bot.Textf(": %s", clip(sum, maxSummary)).Spans...)
	}
	rank := severityRank(worst.Labels["severity"])
	s := story{kind: storyAlso, tone: toneOf(inc), text: text, quiet: inc.State() == Silenced}
	s.rings = b.breaks() || rank > b.before.severity && rank >= severityRank("error")
	return []story{s}
}

// JobStory tells in the open episode of a job what happens to it, such as an operation of drey's; where there is none it does
// nothing. The same id is told once.
func (s *Service) JobStory(ctx context.Context, cluster, job, id, by string, tone bot.Tone, text bot.Text) error {
	subject := subject{about: aboutJob, cluster: cluster, name: mangled(job)}
	known, err := s.newest(ctx, subject.key(""))
	if err != nil || known == nil || !known.Open() && !known.unsettled(s.hooks.Now()) {
		return err
	}
	_, err = s.change(ctx, known.root(), func(i *Incident, _ *storage.Tx) ([]story, error) {
		if i.ID != known.ID || slices.Contains(i.Heard, id) {
			return nil, errSame
		}
		i.hear(id)
		return []story{{kind: storyOperation, by: by, tone: tone, text: text}}, nil
	})
	return unchanged(err)
}
