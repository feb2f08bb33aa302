package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
)

// soakOracle knows what must be true once nothing is in the way any more.
type soakOracle struct {
	r *soakRig
	w *soakWorld
	// acked is who was seen to have acknowledged an incident, by its id, and when.
	acked map[string]time.Time
}

// wrong is all that is not as it must be, yet.
func (o *soakOracle) wrong(ctx context.Context) []string {
	now, err := soakIncidents(ctx, o.r.db, "incidents")
	if err != nil {
		return []string{"incidents cannot be read: " + err.Error()}
	}
	past, err := soakIncidents(ctx, o.r.db, "incidents-past")
	if err != nil {
		return []string{"incidents cannot be read: " + err.Error()}
	}
	hidden, err := o.suppressed(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	out := o.states(now, past, hidden)
	out = append(out, o.chat(append(slices.Clone(now), past...))...)
	return append(out, o.queues(ctx)...)
}

// suppressed are the sids that both Alertmanagers keep quiet.
func (o *soakOracle) suppressed(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	for _, am := range o.r.ams {
		c, err := alertmanager.New(am.url, nil)
		if err != nil {
			return nil, err
		}
		list, err := c.Alerts(ctx, nil, "")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", am.name, err)
		}
		for _, a := range list {
			if a.Status.State == "suppressed" {
				out[a.Labels["sid"]]++
			}
		}
	}
	return out, nil
}

// states compares incidents with the world.
func (o *soakOracle) states(now, past []alerts.Incident, hidden map[string]int) (out []string) {
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	truth, in := map[string]*soakAlert{}, map[string][]string{}
	for _, a := range o.w.alerts {
		truth[a.sid] = a
	}
	earlier := map[string]bool{}
	for _, i := range past {
		earlier[i.ID] = true
		if i.Open() {
			bad("%s is an earlier incident, and open", i.ID)
		}
	}
	for _, i := range now {
		fire, quiet := 0, 0
		for _, a := range i.Alerts {
			sid := a.Labels["sid"]
			if a.Status != alerts.Firing {
				continue
			}
			if fire++; hidden[sid] == 2 {
				quiet++
			}
			if in[sid] = append(in[sid], i.ID); !truth[sid].firing {
				bad("%s: %s has ended, and fires here", i.ID, sid)
			}
		}
		silenced := fire > 0 && fire == quiet
		switch state := i.State(); {
		case i.Open() && fire == 0:
			bad("%s is open, and nothing fires in it", i.ID)
		case !i.Open() && fire > 0:
			bad("%s is over, and %d fire in it", i.ID, fire)
		case silenced != (state == alerts.Silenced):
			bad("%s is %s; Alertmanager keeps %d of %d quiet", i.ID, state, quiet, fire)
		}
		if at, ok := o.acked[i.ID]; ok && i.Open() && at.After(i.Since) && i.Acked == nil {
			bad("%s was acknowledged at %s, and is not", i.ID, clockOf(at))
		}
		if i.Before != "" && !earlier[i.Before] {
			bad("%s comes after %s, which nobody knows", i.ID, i.Before)
		}
	}
	for sid, a := range truth {
		if n := len(in[sid]); a.firing && n != 1 && (n > 0 || hidden[sid] < 2) { // Alertmanager says nothing of what is silenced
			bad("%s of %s fires, in %d incidents: %v", sid, a.about, n, in[sid])
		}
	}
	return out
}

// soakID finds an incident's id in its head.
var soakID = regexp.MustCompile(`Incident ([a-z2-7]{6}(?:-\d+)?)`)

// soakWords are the states as heads name them.
func soakWords() map[string]string {
	return map[string]string{alerts.Firing: "Firing", alerts.Resolved: "Resolved", alerts.Silenced: "Silenced", alerts.Acked: "Acknowledged"}
}

// soakPosts is what stands in a channel.
type soakPosts struct {
	roots  map[string][]slacktest.Seen // by incident
	thread map[string]string           // by mark: the thread that it was posted in
}

// chat compares what people see with the incidents.
func (o *soakOracle) chat(all []alerts.Incident) (out []string) {
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	posts := map[string]*soakPosts{}
	for _, c := range []string{"C0SOAKA", "C0SOAKB", "C0SOAKC"} {
		posts[c] = &soakPosts{map[string][]slacktest.Seen{}, map[string]string{}}
		for _, m := range o.r.slack.See("", c, "") {
			if m.Thread != "" && m.Thread != m.ID || m.Author != o.r.slack.BotUser() {
				continue
			}
			id := "?"
			if f := soakID.FindStringSubmatch(m.Text); f != nil {
				id = f[1]
			}
			posts[c].roots[id] = append(posts[c].roots[id], m)
		}
	}
	for _, c := range o.r.slack.Calls("chat.postMessage") {
		mark, channel := markIn(c.Params), fmt.Sprint(c.Params["channel"])
		if c.Code != "ok" || mark == "" || posts[channel] == nil {
			continue
		}
		if _, twice := posts[channel].thread[mark]; twice {
			bad("posted twice in %s: %.80s", channel, c.Params["text"])
		}
		thread, _ := c.Params["thread_ts"].(string)
		posts[channel].thread[mark] = thread
	}
	for _, i := range all {
		for _, t := range i.Targets {
			out = append(out, posts[t.Place.Channel].judge(&i, t)...)
			delete(posts[t.Place.Channel].roots, i.ID)
		}
	}
	for channel, p := range posts {
		for id := range p.roots {
			bad("a head of %s in %s that no incident has", id, channel)
		}
	}
	return out
}

// judge compares one incident's thread with the incident.
func (p *soakPosts) judge(i *alerts.Incident, t alerts.Target) (out []string) {
	roots := p.roots[i.ID]
	if len(roots) != 1 {
		return []string{fmt.Sprintf("%s (%s, %s) has %d heads in %s", i.ID, i.Title, i.State(), len(roots), t.Place)}
	}
	if word := soakWords()[i.State()]; !strings.Contains(roots[0].Text[:min(40, len(roots[0].Text))], " "+word+": ") {
		out = append(out, fmt.Sprintf("%s is %s, and its head in %s says %.60q", i.ID, i.State(), t.Place, roots[0].Text))
	}
	if f := fmt.Sprintf("%d of %d", i.FiringCount(), len(i.Alerts)); i.Open() && !strings.Contains(roots[0].Text, f) {
		out = append(out, fmt.Sprintf("%s: %s fire, and its head in %s does not say so", i.ID, f, t.Place))
	}
	for n := range t.Stories {
		key := fmt.Sprintf("%s/%d/%s/story/%d", strings.SplitN(i.ID, "-", 2)[0], i.Seq, t.Place, n+1)
		switch thread, there := p.thread[markOf(key)]; {
		case !there:
			out = append(out, fmt.Sprintf("%s: story %d of %d was not posted in %s", i.ID, n+1, t.Stories, t.Place))
		case thread != roots[0].ID:
			out = append(out, fmt.Sprintf("%s: story %d is in the thread %s, its head is %s", i.ID, n+1, thread, roots[0].ID))
		}
	}
	return out
}

// markOf is how slackbot marks the post of a key.
func markOf(key string) string {
	sum := sha256.Sum256([]byte("drey post\x00" + key))
	return hex.EncodeToString(sum[:12])
}

func markIn(params map[string]any) string {
	raw, _ := params["metadata"].(string)
	var m struct {
		Payload struct{ Key string } `json:"event_payload"`
	}
	if json.Unmarshal([]byte(raw), &m) != nil {
		return ""
	}
	return m.Payload.Key
}

// queues are what must be empty or at rest.
func (o *soakOracle) queues(ctx context.Context) (out []string) {
	for _, d := range o.r.dreys {
		_, body, err := fetch(ctx, d.url+"/metrics")
		if err != nil {
			out = append(out, d.name+" has no metrics")
		} else if n := metric(body, "drey_outbox_pending"); n != 0 {
			out = append(out, fmt.Sprintf("%s: %v messages are pending", d.name, n))
		}
	}
	if n, oldest, err := o.r.db.Depth(ctx, "alerts-reconcile"); err == nil && n > 0 && !oldest.IsZero() && time.Since(oldest) > 45*time.Second {
		out = append(out, fmt.Sprintf("an item of alerts-reconcile was due %s ago", time.Since(oldest)))
	}
	return out
}

// soakLogs reads what the dreys logged since it was last asked: panics, and errors that no fault explains.
type soakLogs struct {
	seen   map[string]int64
	counts map[string]int // of errors that faults explain
}

func (l *soakLogs) wrong(r *soakRig, explained func(at time.Time) bool) (out []string) {
	for _, d := range r.dreys {
		f, err := os.Open(d.log)
		if err != nil {
			continue
		}
		_, _ = f.Seek(l.seen[d.log], 0)
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			l.seen[d.log] += int64(len(lines.Bytes())) + 1
			var e struct {
				Time       time.Time
				Level, Msg string
			}
			if json.Unmarshal(lines.Bytes(), &e) != nil {
				if strings.Contains(lines.Text(), "panic") || strings.Contains(lines.Text(), "DATA RACE") {
					out = append(out, d.name+": "+lines.Text())
				}
				continue
			}
			switch {
			case strings.Contains(e.Msg, "panic"), e.Msg == "message given up", e.Level == "ERROR" && !explained(e.Time):
				out = append(out, d.name+": "+lines.Text())
			case e.Level == "ERROR":
				l.counts[e.Msg]++
			}
		}
		_ = f.Close()
	}
	return out
}

func (l *soakLogs) String() string {
	var out []string
	for _, msg := range slices.Sorted(maps.Keys(l.counts)) {
		out = append(out, fmt.Sprintf("%d × %s", l.counts[msg], msg))
	}
	return strings.Join(out, ", ")
}
