package alerts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// What drey's own incidents have in place of Alertmanager's words.
const (
	ownSource   = "drey"
	ownReceiver = "watch"
	storyWatch  = "watched"
)

// own takes in alerts of drey's own, all that fire of their group and those that ended, through the stages that a webhook
// goes through. Told twice they count once.
func (s *Service) own(ctx context.Context, group map[string]string, as []PayloadAlert) (kind string, err error) {
	p := Payload{Version: "4", Receiver: ownReceiver, Status: Resolved, GroupLabels: group, Alerts: as}
	for _, a := range as {
		if a.Status == Firing {
			p.Status = Firing
		}
	}
	return s.parts(ctx, s.pipeline.split(Batch{At: s.hooks.Now(), Source: ownSource, Payload: p}))
}

// ownStory adds to the thread of an own incident; where there is none it does nothing.
func (s *Service) ownStory(ctx context.Context, group map[string]string, st story) error {
	b, err := s.recall(ctx, s.ownBatch(group))
	if err != nil || b.Known == nil {
		return err
	}
	_, err = s.change(ctx, b.Stem, func(i *Incident, _ *storage.Tx) ([]story, error) {
		if !i.Open() {
			return nil, errSame
		}
		return []story{st}, nil
	})
	return unchanged(err)
}

// ownBatch is what drey's own alerts of a group come in, without them.
func (s *Service) ownBatch(group map[string]string) Batch {
	p := Payload{Receiver: ownReceiver, GroupLabels: group, Alerts: []PayloadAlert{{Labels: group}}}
	return s.pipeline.split(Batch{Source: ownSource, Payload: p})[0]
}

// unchanged makes nothing of an error that says that nothing had to be done.
func unchanged(err error) error {
	if errors.Is(err, errSame) || errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// line tells what the watcher saw in the thread of an incident that Alertmanager opened, once by fingerprint: when it began
// and when it ended.
func (s *Service) line(ctx context.Context, stem string, a PayloadAlert) error {
	_, err := s.change(ctx, stem, func(i *Incident, _ *storage.Tx) ([]story, error) {
		_, told := i.Watched[a.Fingerprint]
		if !i.Open() || told == (a.Status == Firing) {
			return nil, errSame
		}
		if a.Status == Resolved {
			delete(i.Watched, a.Fingerprint)
			return []story{{kind: storyWatch, tone: bot.Good, text: bot.Textf("drey sees that this is over: %s", a.Annotations["summary"])}}, nil
		}
		if i.Watched == nil {
			i.Watched = map[string]time.Time{}
		}
		i.Watched[a.Fingerprint] = s.hooks.Now()
		return []story{{kind: storyWatch, tone: bot.Warn, text: bot.Textf("drey sees: **%s**", a.Annotations["summary"])}}, nil
	})
	return unchanged(err)
}

// bound is the part of an Incident that says whose job it is about.
type bound struct {
	ID     string    `json:"id"`
	Key    string    `json:"key"`
	Source string    `json:"source"`
	Over   time.Time `json:"over"`
	Job    *Binding  `json:"job"`
	Facts  *struct {
		Ref platform.JobRef `json:"ref"`
	} `json:"facts"`
}

// others are the open incidents that are about a job and not drey's own, among those that changed last: open ones are looked
// at all the time.
func (s *Service) others(ctx context.Context) ([]bound, error) {
	var out []bound
	for e, err := range (storage.Table[bound]{DB: s.db, Name: s.current.Name}).Newest(ctx, countOver) {
		if err != nil {
			return nil, err
		}
		if b := e.Value; b.Over.IsZero() && b.Job != nil && b.Source != ownSource {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b bound) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// about says whether the incident is about a job. A cluster that drey does not know by name may be any: people label their
// metrics as they like.
func (b bound) about(cluster, name, id string, known map[string]*platform.Cluster) bool {
	where := b.Job.Cluster
	if known[where] == nil && b.Facts != nil {
		where = b.Facts.Ref.Cluster
	}
	if known[where] != nil && where != cluster {
		return false
	}
	return strings.EqualFold(b.Job.ID, id) || b.Job.Name != "" && (b.Job.Name == name || b.Job.Name == mangled(name))
}

// labelled is an alert of drey's own about what the labels name.
func labelled(name, severity, summary, description string, since time.Time, fingerprint string, labels ...map[string]string) PayloadAlert {
	a := PayloadAlert{Status: Firing, Labels: map[string]string{}, Annotations: map[string]string{"summary": summary}, StartsAt: since, Fingerprint: fingerprint}
	for _, l := range labels {
		maps.Copy(a.Labels, l)
	}
	a.Labels["alertname"], a.Labels["severity"] = name, severity
	if description != "" {
		a.Annotations["description"] = description
	}
	return a
}
