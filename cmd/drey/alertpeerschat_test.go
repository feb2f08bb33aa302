package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// peerChat is as much of Slack as both programs under measurement need, and as cheap for both: chat.postMessage and what
// belongs to it for drey, incoming webhooks for Alertmanager. slacktest is the strict one; its strictness would be measured.
type peerChat struct {
	url string

	mu      sync.Mutex
	delay   time.Duration // of each answer
	gap     time.Duration // least time between two messages in one channel, without any burst; 0: no limit
	outage  int           // the status of every answer, 0: all is well
	next    map[string]time.Time
	posts   []peerPost
	calls   int // all that would write
	refused int // of these, with 429
	failed  int // of these, with the status of an outage
}

// peerPost is a message in the chat.
type peerPost struct {
	group    string // as the alert's name has it
	channel  string
	ts       string
	at       time.Time
	reply    bool
	text     string // as it was first
	over     bool   // that it says that the group is resolved, edits included
	metadata json.RawMessage
}

// peerGroup is the name of an alert of these measurements, unique in a run.
var peerGroup = regexp.MustCompile(`Peer\d{5}`)

func newPeerChat(t testing.TB) *peerChat {
	c := &peerChat{next: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/{method}", c.api)
	mux.HandleFunc("POST /services/hook", c.hook)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	c.url = srv.URL
	return c
}

// admit is the fate of a call that writes, the same for both programs; it is false where the call was refused.
func (c *peerChat) admit(w http.ResponseWriter, channel string, limited bool) bool {
	c.mu.Lock()
	status, delay, now := c.outage, c.delay, time.Now()
	c.calls++
	switch {
	case status != 0:
		c.failed++
	case limited && c.gap > 0 && now.Before(c.next[channel]):
		status = http.StatusTooManyRequests
		c.refused++
	case limited:
		c.next[channel] = now.Add(c.gap)
	}
	c.mu.Unlock()
	time.Sleep(delay)
	if status == 0 {
		return true
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	return false
}

// hook is an incoming webhook.
func (c *peerChat) hook(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	var in struct{ Channel string }
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if c.admit(w, in.Channel, true) {
		c.add(peerPost{channel: in.Channel, at: at, text: string(body)})
		_, _ = io.WriteString(w, "ok")
	}
}

func (c *peerChat) api(w http.ResponseWriter, r *http.Request) {
	at, method := time.Now(), r.PathValue("method")
	body, err := io.ReadAll(r.Body)
	form, bad := url.ParseQuery(string(body))
	if err != nil || bad != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if method == "auth.test" {
		answerJSON(w, map[string]any{"ok": true, "user_id": "U0DREY", "bot_id": "B0DREY", "team_id": "T0TEAM"})
		return
	}
	channel, text := form.Get("channel"), form.Get("text")+form.Get("blocks")+form.Get("attachments")
	if !c.admit(w, channel, method == "chat.postMessage") {
		return
	}
	switch method {
	case "chat.postMessage":
		ts := c.add(peerPost{channel: channel, at: at, reply: form.Get("thread_ts") != "", text: text, metadata: json.RawMessage(form.Get("metadata"))})
		answerJSON(w, map[string]any{"ok": true, "channel": channel, "ts": ts})
	case "chat.update":
		ts := form.Get("ts")
		c.edit(ts, text)
		answerJSON(w, map[string]any{"ok": true, "channel": channel, "ts": ts})
	case "conversations.history", "conversations.replies":
		answerJSON(w, map[string]any{"ok": true, "messages": c.history(channel), "has_more": false})
	default:
		answerJSON(w, map[string]any{"ok": true})
	}
}

func answerJSON(w http.ResponseWriter, v map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

func (c *peerChat) add(p peerPost) (ts string) {
	p.group = peerGroup.FindString(p.text)
	c.mu.Lock()
	defer c.mu.Unlock()
	p.ts = fmt.Sprintf("%d.%06d", p.at.Unix(), len(c.posts))
	p.over = isOver(p.text)
	c.posts = append(c.posts, p)
	return p.ts
}

func isOver(text string) bool { return strings.Contains(strings.ToLower(text), "resolved") }

func (c *peerChat) edit(ts, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.posts {
		if c.posts[i].ts == ts {
			c.posts[i].over = isOver(text)
		}
	}
}

// history is a channel, newest first: drey looks there for what it cannot know of after an outage or a crash.
func (c *peerChat) history(channel string) []map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []map[string]any{}
	for _, p := range slices.Backward(c.posts) {
		if p.channel == channel && len(out) < 1000 {
			out = append(out, map[string]any{"type": "message", "ts": p.ts, "text": "x", "metadata": p.metadata})
		}
	}
	return out
}

// be changes how the chat behaves.
func (c *peerChat) be(change func(c *peerChat)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// peerCount is what came of a number of groups.
type peerCount struct {
	told, lost, doubled  int
	resolved             int // told as resolved in the end
	calls, refused, fail int
	last                 time.Time // when the last of the groups was told first
}

// count looks for the groups' first messages; of what says that a group is resolved, Alertmanager makes a message of its own.
func (c *peerChat) count(groups []string) peerCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := peerCount{calls: c.calls, refused: c.refused, fail: c.failed}
	wanted, roots, over := map[string]bool{}, map[string]int{}, map[string]bool{}
	for _, g := range groups {
		wanted[g] = true
	}
	for _, p := range c.posts {
		if p.reply || !wanted[p.group] {
			continue
		}
		if p.over {
			over[p.group] = true
		}
		if strings.Contains(p.text, "[RESOLVED]") && roots[p.group] > 0 {
			continue
		}
		if roots[p.group]++; roots[p.group] == 1 {
			out.last = p.at
		} else {
			out.doubled++
		}
	}
	out.told, out.lost, out.resolved = len(roots), len(groups)-len(roots), len(over)
	return out
}

// until waits for all groups, no longer than until end, and counts them.
func (c *peerChat) until(groups []string, end time.Time) peerCount {
	for {
		got := c.count(groups)
		if got.lost == 0 || !time.Now().Before(end) {
			return got
		}
		time.Sleep(10 * time.Millisecond)
	}
}
