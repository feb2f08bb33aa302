package alerts

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
)

func decodeStage(_ context.Context, b Batch) (Batch, error) {
	p, err := decodePayload(b.Body)
	if err != nil {
		return b, err
	}
	b.Payload = p
	firing := 0
	for _, a := range p.Alerts {
		if a.Status == Firing {
			firing++
		}
	}
	b.note("%d alerts, %d of them firing, for receiver %q", len(p.Alerts), firing, p.Receiver)
	if p.Version != "4" {
		b.note("webhook version %q is not 4: taken as far as understood", p.Version)
	}
	if p.odd > 0 {
		b.note("%d more alerts cannot be read: the API of Alertmanager is asked for them", p.odd)
	}
	if n := p.TruncatedAlerts - p.odd; n > 0 {
		b.note("Alertmanager left out %d more alerts (max_alerts): its API is asked for them", n)
	}
	return b, nil
}

// hashOf tells lists of texts apart: each part is hashed with its length.
func hashOf(parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		for i := range n {
			n[i] = byte(len(p) >> (8 * i))
		}
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// stemOf makes a few characters of a group's key. Two groups with one stem are told apart by trying the next salt.
func stemOf(key string, salt int) string {
	h := sha256.Sum256([]byte(key + strings.Repeat("+", salt)))
	return strings.ToLower(base32.StdEncoding.EncodeToString(h[:4])[:stemLen])
}

// lateFor is how long after its end an alert's own firing may still arrive and is taken for old news. Alertmanager
// sends one group's webhooks in order; only a pair without gossip, or a proxy, turns them round.
const lateFor = time.Minute

// dedupeStage keeps what changes the status of an alert.
func dedupeStage(_ context.Context, b Batch) (Batch, error) {
	b.Fresh = map[string]Alert{}
	for _, in := range b.Payload.Alerts {
		a := Alert{Status: in.Status, Labels: in.Labels, Annotations: in.Annotations, StartsAt: in.StartsAt, EndsAt: in.EndsAt, GeneratorURL: in.GeneratorURL, Source: b.Source, Group: b.Group, Changed: b.At}
		if b.Known != nil {
			old, ok := b.Known.Alerts[in.Fingerprint]
			switch {
			case ok && old.Status == a.Status:
				continue
			case b.asked && ok && a.Status == Firing && !old.Changed.After(b.At): // Alertmanager has it now, whenever it began
			case ok && a.Status == Firing && !a.StartsAt.After(old.EndsAt) && b.At.Sub(old.Changed) < lateFor:
				b.note("%s fired before the end that is known already: old news, unless Alertmanager still has it in %s", in.Fingerprint, lateFor)
				b.late = true
				continue
			case ok && old.endedBefore(a):
				b.note("%s ended before it fired as it does now: old news", in.Fingerprint)
				continue
			}
		}
		b.Fresh[in.Fingerprint] = a
	}
	if len(b.Fresh) == 0 {
		b.note("nothing new: a repeat, a retry, or the other half of a pair")
	} else {
		b.note("%d of %d alerts are news", len(b.Fresh), len(b.Payload.Alerts))
	}
	return b, nil
}

// endedBefore says whether an end is that of an earlier firing than a's, told late by a retry or by the other half of a pair. Both
// its times must say so, and a start in the future says nothing: clocks differ.
func (a Alert) endedBefore(end Alert) bool {
	return a.Status == Firing && end.Status == Resolved && !a.StartsAt.After(a.Changed) && end.StartsAt.Before(a.StartsAt) && end.EndsAt.Before(a.StartsAt) && !end.EndsAt.IsZero()
}

// seenEvery bounds how often a mere repeat is written down.
const seenEvery = time.Minute

func (p *Pipeline) updateStage(_ context.Context, b Batch) (Batch, error) {
	if len(b.Fresh) == 0 {
		return p.repeat(b), nil
	}
	known := b.Known
	switch {
	case known == nil:
		b.Incident, b.Kind = newIncident(b, 1), kindNew
	case !known.Open() && !p.reopens(known, b.At):
		b.Past = known
		b.Incident, b.Kind = newIncident(b, known.Seq+1), kindNew
		b.Incident.Before, b.Incident.Silences = known.ID, known.liveSilences(b.At)
		b.note("the last incident, %s, was over more than %s ago: a new one", known.ID, p.options.ReopenWithin)
	default:
		c := known.clone()
		b.Incident, b.Kind = &c, kindChanged
	}
	inc := b.Incident
	wasOpen := inc.Open() && b.Kind != kindNew
	b.before = inc.rings()
	firing := b.merge(inc, p.hasAPI(b.Source))
	if len(b.Joined) > 0 && !b.asked && b.Source != ownSource {
		inc.Suppressed = nil // Alertmanager sends nothing that is silenced there
	}
	b.believe(inc)
	inc.Seen = b.At
	inc.hears(b, p.hasAPI(b.Source))
	switch {
	case firing > 0 && b.Kind == kindChanged && !wasOpen:
		b.Kind = kindReopened
		inc.reopen(b.At)
	case firing == 0 && (wasOpen || b.Kind == kindNew):
		inc.close(b.At, "")
		if b.Kind != kindNew {
			b.Kind = kindResolved
		}
	}
	inc.NoAPI = !slices.ContainsFunc(inc.sources(), p.hasAPI)
	inc.refresh()
	inc.Dashboard = dashboard(p.options.Dashboard, inc.Labels)
	b.note("incident %s: %s, %s, %d firing, episode %d", inc.ID, b.Kind, inc.State(), firing, inc.Episodes)
	return b, nil
}

// hears notes what else a webhook tells about the incident: the source to speak of, and what was left out.
func (i *Incident) hears(b Batch, hasAPI bool) {
	if i.Source == ownSource && b.Source != ownSource {
		i.Source, i.Receiver, i.ExternalURL = b.Source, b.Payload.Receiver, b.Payload.ExternalURL
	}
	if real := b.subject.labels["job_name"]; i.About == aboutJob && real != mangled(real) && real != i.GroupLabels["job_name"] {
		i.GroupLabels = maps.Clone(i.GroupLabels) // a reporter may mangle names; here is the true one
		i.GroupLabels["job_name"] = real
	}
	if i.About == aboutGroup {
		i.Cut = b.Payload.TruncatedAlerts
	}
	switch ask := (Fill{Source: b.Source, Receiver: b.Payload.Receiver, Labels: b.Payload.GroupLabels, Since: b.At}); {
	case !hasAPI:
	case b.Lead && b.Payload.TruncatedAlerts > 0:
		i.fill(ask)
	case b.late: // clocks differ: it may have fired again within a moment
		ask.Since = b.At.Add(lateFor)
		i.fill(ask)
	}
}

// hasAPI says whether the source's Alertmanager can be asked.
func (p *Pipeline) hasAPI(source string) bool { return len(p.options.Sources[source].Alertmanager) > 0 }

func newIncident(b Batch, seq int) *Incident {
	return &Incident{
		ID: idOf(b.Stem, seq), Seq: seq, Key: b.Key, About: b.subject.about, Source: b.Source, Receiver: b.Payload.Receiver, GroupLabels: b.subject.labels,
		ExternalURL: b.Payload.ExternalURL, Alerts: map[string]Alert{}, Since: earliest(b), First: b.At, Episodes: 1,
	}
}

// earliest is when the first of the alerts that fire began, or of all when none does, as far as that can be believed: clocks differ.
func earliest(b Batch) time.Time {
	out := b.At
	fires := func(a PayloadAlert) bool { return a.Status == Firing }
	some := slices.ContainsFunc(b.Payload.Alerts, fires)
	for _, a := range b.Payload.Alerts {
		if (fires(a) || !some) && a.StartsAt.Before(out) && b.At.Sub(a.StartsAt) < 30*24*time.Hour {
			out = a.StartsAt
		}
	}
	return out
}

// merge takes the news into inc and returns how many alerts fire.
func (b *Batch) merge(inc *Incident, hasAPI bool) int {
	for fp, a := range b.Fresh {
		old, known := inc.Alerts[fp]
		switch {
		case a.Status == Firing:
			b.Joined = append(b.Joined, fp)
		case known && old.Status == Firing:
			b.Left = append(b.Left, fp)
		}
		inc.Alerts[fp] = a
	}
	// A silenced member vanishes from the webhooks without being resolved. Where the API can be asked it stays until that
	// says so; elsewhere the group's end is its end.
	if b.Payload.Status == Resolved && b.Payload.TruncatedAlerts == 0 && !hasAPI {
		for fp, a := range inc.Alerts {
			if a.Status == Firing && a.Group == b.Group {
				a.Status, a.EndsAt, a.Changed = Resolved, b.At, b.At
				inc.Alerts[fp] = a
				b.Left = append(b.Left, fp)
			}
		}
	}
	inc.forget()
	slices.Sort(b.Joined)
	slices.Sort(b.Left)
	return inc.FiringCount()
}

// maxEnded bounds the ended alerts that an incident remembers.
const maxEnded = 200

// forget drops the longest ended alerts of a group whose members come and go.
func (i *Incident) forget() {
	var ended []string
	for fp, a := range i.Alerts {
		if a.Status != Firing {
			ended = append(ended, fp)
		}
	}
	if len(ended) <= maxEnded {
		return
	}
	slices.SortFunc(ended, func(x, y string) int {
		return i.Alerts[y].Changed.Compare(i.Alerts[x].Changed)
	})
	for _, fp := range ended[maxEnded:] {
		delete(i.Alerts, fp)
	}
}

// reopen starts the next episode. Whoever acknowledged the last one did not see this one.
func (i *Incident) reopen(now time.Time) {
	i.Episodes++
	i.Since, i.Over, i.Settled, i.OverNote, i.Suppressed = now, time.Time{}, time.Time{}, "", nil
	i.disown()
}

func (i *Incident) close(now time.Time, note string) {
	i.endKept()
	i.Over, i.OverNote, i.Suppressed, i.Unseen, i.Blind, i.Unheard = now, note, nil, time.Time{}, time.Time{}, nil
}

// repeat refreshes when the group was last heard of, and what its texts say now, and says nothing.
func (p *Pipeline) repeat(b Batch) Batch {
	b.Kind = kindRepeat
	cut := b.Lead && b.Payload.TruncatedAlerts > 0
	if b.Known == nil || b.At.Sub(b.Known.Seen) < seenEvery && !cut && !b.late && !b.believe(nil) {
		b.Done = true
		return b
	}
	c := b.Known.clone()
	for _, in := range b.Payload.Alerts {
		if a, ok := c.Alerts[in.Fingerprint]; ok && a.Status == in.Status {
			a.Annotations = maps.Clone(in.Annotations)
			c.Alerts[in.Fingerprint] = a
		}
	}
	b.believe(&c)
	c.Seen = b.At
	c.NoAPI = c.NoAPI && !c.gainsAPI(p)
	c.hears(b, p.hasAPI(b.Source))
	b.Incident = &c
	b.note("incident %s: last heard of now", c.ID)
	return b
}
