package alerts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// How much a digest shows.
const (
	stormUrgent = 5 // incidents by name
	stormCauses = 3 // of each kind
)

func (st *Storm) key(rest string) string {
	key, _ := stormKey(st.ID)
	return key + "/" + rest
}

// tally counts the members by state.
func (r *roll) tally() map[string]int {
	n := map[string]int{}
	for _, e := range r.members {
		n[e.Value.State]++
	}
	return n
}

// digest is the message that stands for a storm; it depends on its roll alone.
func (r *roll) digest() bot.Message {
	n := r.tally()
	m := bot.Message{Title: r.title(n), Tone: bot.Good, State: Resolved, Closed: r.Storm.State == stormOver, Stated: true}
	m.Fallback = m.Title + "."
	for _, state := range []string{Silenced, Acked, Firing} {
		if n[state] > 0 && !m.Closed {
			m.State = state
		}
	}
	switch {
	case m.Closed:
	case n[Firing] > 0 && severityRank(r.members[0].Value.Severity) >= 3:
		m.Tone = bot.Bad
	case n[Firing]+n[Acked] > 0:
		m.Tone = bot.Warn
	case n[Silenced] > 0:
		m.Tone = bot.Muted
	}
	if n[Firing] > 0 && !m.Closed {
		first := r.severities()
		m.Fallback += " " + first.Plain() + "."
		m.Blocks = append(m.Blocks, bot.Text{Spans: slices.Concat(first.Spans, mentionsOf(r.Called))})
	}
	if t := r.causes(); len(t.Spans) > 0 {
		m.Blocks = append(m.Blocks, t)
	}
	m.Blocks = append(m.Blocks, r.fields(n))
	if n[Firing] > 0 && !m.Closed {
		m.Blocks = append(m.Blocks, r.urgent())
	}
	m.Blocks = append(m.Blocks, r.notes()...)
	if acts := r.buttons(n); len(acts) > 0 {
		m.Blocks = append(m.Blocks, acts)
	}
	return m
}

func (r *roll) title(n map[string]int) string {
	all, open := thousands(len(r.members)), len(r.members)-n[Resolved]
	switch {
	case r.Storm.State == stormOver && open > 0:
		return fmt.Sprintf("Storm over: %s of %s incidents resolved, %s open in threads of their own", thousands(n[Resolved]), all, thousands(open))
	case r.Storm.State == stormOver:
		return fmt.Sprintf("Storm over: all %s incidents resolved", all)
	case open == 0 && len(r.members) > 0:
		return fmt.Sprintf("Storm: all %s incidents resolved", all)
	}
	var parts []string
	for _, state := range []string{Firing, Acked, Silenced, Resolved} {
		if n[state] > 0 || state == Firing {
			word := state
			if state == Acked {
				word = "acknowledged"
			}
			parts = append(parts, thousands(n[state])+" "+word)
		}
	}
	return fmt.Sprintf("Storm: %s of %s incidents", strings.Join(parts, ", "), all)
}

// severities counts what fires: "12 critical, 202 warning".
func (r *roll) severities() bot.Text {
	n := map[string]int{}
	for _, e := range r.members {
		if e.Value.State == Firing {
			n[e.Value.Severity]++
		}
	}
	words := make([]string, 0, len(n))
	for w := range n {
		words = append(words, w)
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(severityRank(b)-severityRank(a), cmp.Compare(a, b)) })
	var t bot.Text
	for i, w := range words[:min(len(words), 4)] {
		if i > 0 {
			t.Spans = append(t.Spans, bot.Span{Text: ", "})
		}
		t.Spans = append(t.Spans, bot.Span{Text: thousands(n[w]) + " " + cmp.Or(w, "without a severity"), Bold: severityRank(w) >= 3})
	}
	return t
}

func (r *roll) fields(n map[string]int) bot.Fields {
	f := bot.Fields{bot.F("Since", moment(r.Since))}
	firing, own := 0, 0
	for _, e := range r.members {
		firing += e.Value.Firing
		if e.Value.Own {
			own++
		}
	}
	if r.Storm.State == stormOver {
		f = append(f, bot.F("Over", bot.Textf("%v after %s", moment(r.Over), span(r.Over.Sub(r.Since)))))
	} else {
		f = append(f, bot.F("Newest", moment(r.newest())))
		if n[Resolved] < len(r.members) {
			f = append(f, bot.F("Alerts firing", thousands(firing)))
		}
	}
	if own > 0 {
		f = append(f, bot.F("With own thread", thousands(own)))
	}
	if a := r.nextStep(); a != nil {
		f = append(f, bot.F("Escalates", bot.Textf("%v, step %d of %d", moment(a.Due), a.Next+1, a.Steps)))
	}
	return f
}

// causes are what most of the open incidents have in common, or, when none is open, what most had.
func (r *roll) causes() bot.Text {
	var out bot.Text
	for _, kind := range []struct {
		name string
		of   func(m member) (key, says string)
	}{
		{"Root cause", func(m member) (string, string) { return m.Cause, m.Says }},
		{"Alert", func(m member) (string, string) { return m.Alert, m.Alert }},
		{"Cluster", func(m member) (string, string) { return m.Cluster, m.Cluster }},
		{"Owner", func(m member) (string, string) { return m.Owner, m.Owner }},
	} {
		if t, ok := r.top(kind.name, kind.of); ok {
			out = line(out, t)
		}
	}
	return out
}

// line adds a line to a paragraph.
func line(t, next bot.Text) bot.Text {
	if len(t.Spans) > 0 {
		t.Spans = append(t.Spans, bot.Span{Text: "\n"})
	}
	t.Spans = append(t.Spans, next.Spans...)
	return t
}

func (r *roll) top(name string, of func(m member) (key, says string)) (bot.Text, bool) {
	open := r.tally()[Resolved] < len(r.members)
	n, says := map[string]int{}, map[string]string{}
	var keys []string
	for _, e := range r.members {
		key, text := of(e.Value)
		if key == "" || open && e.Value.State == Resolved {
			continue
		}
		if n[key]++; n[key] == 1 {
			keys = append(keys, key)
			says[key] = text
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(n[b]-n[a], cmp.Compare(a, b)) })
	if len(keys) == 0 || n[keys[0]] == 1 && len(keys) > stormCauses {
		return bot.Text{}, false // no two have it in common
	}
	t := bot.Textf("**%s:** ", name)
	for i, k := range keys[:min(len(keys), stormCauses)] {
		if i > 0 {
			t.Spans = append(t.Spans, bot.Span{Text: ", "})
		}
		t.Spans = append(t.Spans, bot.Textf("%s ×%s", says[k], thousands(n[k])).Spans...)
	}
	if more := len(keys) - stormCauses; more > 0 {
		t.Spans = append(t.Spans, bot.Textf(", %s more", thousands(more)).Spans...)
	}
	return t, true
}

// urgent are the most urgent of those that fire, a line for each: a table would cut off on a phone what tells them apart.
func (r *roll) urgent() bot.Text {
	out := bot.Textf("**Most urgent:**")
	n := 0
	for _, e := range r.members {
		if m := e.Value; m.State == Firing && n < stormUrgent {
			n++
			out = line(out, bot.Textf("`%s` %s, %s", m.ID, m.Title, cmp.Or(m.Severity, "without a severity")))
		}
	}
	return out
}

func (r *roll) notes() []bot.Block {
	text := bot.Notef("Too much at once for a thread each: this message counts them all and follows their state. An incident that is acknowledged or expanded gets its own thread. Storm `%s`", r.ID)
	switch r.Storm.State {
	case stormSettled:
		text = bot.Notef("Nothing new joins it any more; what comes now gets its own thread again. Storm `%s`", r.ID)
	case stormOver:
		text = bot.Notef("Storm `%s`", r.ID)
	}
	return []bot.Block{text}
}

func (r *roll) buttons(n map[string]int) bot.Actions {
	if r.Storm.State == stormOver || n[Resolved] == len(r.members) {
		return nil
	}
	args := func(kv ...string) json.RawMessage {
		m := map[string]string{}
		for i := 0; i+1 < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		raw, _ := json.Marshal(m)
		return raw
	}
	var out bot.Actions
	if n[Firing] > 0 {
		out = append(out, bot.Button{Label: "Show firing", Call: bot.Call{Path: "alerts list", Args: args("state", Firing, "storm", r.ID)}})
	} else {
		out = append(out, bot.Button{Label: "Show open", Call: bot.Call{Path: "alerts list", Args: args("storm", r.ID)}})
	}
	if left := len(r.waiting()); left > 0 {
		out = append(out, bot.Button{Label: fmt.Sprintf("Expand top %d", min(left, ExpandMax)), Call: bot.Call{Path: "alerts expand", Args: args("what", r.ID)}})
	}
	if n[Firing] > 0 && slices.ContainsFunc(r.members, func(e rowEntry) bool { return e.Value.Ack }) {
		out = append(out, bot.Button{Label: "Ack all", Call: bot.Call{Path: "alerts ackall", Args: args("storm", r.ID)},
			Confirm: "Acknowledge all incidents of this storm that fire?"})
	}
	return out
}

// call notes whom the storm calls: the first message those that it concerns by then, its thread those that come later. It
// returns whom the thread is to call now.
func (r *roll) call(now time.Time) []string {
	var want []string
	for _, e := range r.members {
		if e.Value.State == Firing {
			want = append(want, e.Value.Mentions...)
		}
	}
	want = slices.DeleteFunc(unique(want), func(who string) bool { return slices.Contains(r.Called, who) || slices.Contains(r.Also, who) })
	switch {
	case len(want) == 0:
		return nil
	case r.Head == "":
		r.Called = want
		return nil
	case now.Sub(r.AlsoAt) < callEvery:
		return nil
	}
	r.Also, r.AlsoAt = append(r.Also, want...), now
	return want
}

// calling is the next message of the thread: it calls people.
func (r *roll) calling(who []string) bot.Delivery {
	n := 0
	for _, e := range r.members {
		if e.Value.State == Firing && slices.ContainsFunc(e.Value.Mentions, func(m string) bool { return slices.Contains(who, m) }) {
			n++
		}
	}
	text := bot.Textf("**%s of the storm's incidents** fire for", thousands(n))
	if n == 1 {
		text = bot.Textf("**1 of the storm's incidents** fires for")
	}
	text.Spans = append(text.Spans, mentionsOf(who)...)
	r.Stories++
	return r.story(r.Place, "", r.Stories, story{tone: bot.Warn, text: text}, nil)
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// StormButtonPaths are the commands that the buttons of a digest call.
func StormButtonPaths() []string { return []string{"alerts list", "alerts expand", "alerts ackall"} }
