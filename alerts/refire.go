package alerts

import (
	"context"
	"maps"
	"slices"
	"time"
)

// doubtFor is how long an end that only Alertmanager's API told is doubted: until Alertmanager tells it as well, which it does with
// its next flush (group_interval, five minutes unless configured). What fires again before that is no change to Alertmanager, and
// it says nothing until its repeat_interval is over.
const doubtFor = 15 * time.Minute

// doubted says whether it may fire again without a webhook.
func (a Alert) doubted(now time.Time) bool {
	return a.Status == Resolved && !a.Polled.IsZero() && now.Sub(a.Polled) < doubtFor
}

// doubted says whether an alert of the incident may fire again without a webhook.
func (i *Incident) doubted(now time.Time) bool {
	for _, a := range i.Alerts {
		if a.doubted(now) {
			return true
		}
	}
	return false
}

// believe notes in i the ends that the webhook tells and only the API had told, and says whether there are such. i may be nil.
func (b *Batch) believe(i *Incident) (any bool) {
	for _, in := range b.Payload.Alerts {
		old, ok := b.knew(in.Fingerprint)
		if !ok || in.Status != Resolved || old.Status != Resolved || old.Polled.IsZero() {
			continue
		}
		any = true
		if i != nil {
			if a, there := i.Alerts[in.Fingerprint]; there {
				a.Polled = time.Time{}
				i.Alerts[in.Fingerprint] = a
			}
		}
	}
	return any
}

func (b *Batch) knew(fingerprint string) (Alert, bool) {
	if b.Known == nil {
		return Alert{}, false
	}
	a, ok := b.Known.Alerts[fingerprint]
	return a, ok
}

// refire takes in, as a webhook would bring them, the alerts that fire again after an end that only the API told.
func (s *Service) refire(ctx context.Context, i *Incident, looks map[string]*look) error {
	now := s.hooks.Now()
	again := map[string][]PayloadAlert{} // by source
	for _, fp := range slices.Sorted(maps.Keys(i.Alerts)) {
		a := i.Alerts[fp]
		l := looks[i.sourceOf(a)]
		if !a.doubted(now) || l == nil || l.answered == 0 {
			continue
		}
		if got, there := l.alerts[fp]; there && got.Status.State != "suppressed" {
			again[i.sourceOf(a)] = append(again[i.sourceOf(a)], PayloadAlert{
				Status: Firing, Labels: got.Labels, Annotations: got.Annotations, StartsAt: got.StartsAt, GeneratorURL: got.GeneratorURL, Fingerprint: fp,
			})
		}
	}
	for _, source := range slices.Sorted(maps.Keys(again)) {
		p := Payload{Version: "4", Receiver: i.Receiver, Status: Firing, GroupLabels: i.GroupLabels, ExternalURL: i.ExternalURL, Alerts: again[source]}
		read, err := s.pipeline.nameStage(ctx, Batch{At: now, asked: true, Source: source, Payload: p})
		if err != nil {
			return err
		}
		if _, err := s.parts(ctx, s.pipeline.split(read)); err != nil {
			return err
		}
	}
	return nil
}
