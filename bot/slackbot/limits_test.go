package slackbot

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/config/secret"
)

// TestStormOfStates: thirty incidents break out at once in one channel, and each changes ten times while the channel takes a
// message a second. Slack refuses nothing, none is lost or doubled, and each shows its newest state when it comes.
func TestStormOfStates(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a second for each incident")
	}
	w := newWorkspace(t, ModeHTTP, nil)
	o := w.outbox()
	const incidents, states = 30, 10
	head := func(i, state int) bot.Delivery {
		return bot.Delivery{Key: fmt.Sprintf("inc%d/head", i), To: w.place(""), Message: words("incident %d is in state %d;", i, state)}
	}
	w.slack.Fault(methodPost, slacktest.Fault{Lost: true})
	start := time.Now()
	for state := range states {
		for i := range incidents {
			w.put(o, head(i, state))
		}
	}
	newest := func() int { return w.count(w.ann, "", fmt.Sprintf("is in state %d;", states-1)) }
	for end := start.Add(3 * incidents * time.Second); newest() < incidents; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d incidents show their newest state", newest())
		}
	}
	took := time.Since(start)
	if n := w.count(w.ann, "", "incident "); n != incidents {
		t.Errorf("%d messages of %d incidents", n, incidents)
	}
	codes := map[string]int{}
	for _, c := range w.slack.Calls("") {
		if c.Method == methodPost || c.Method == methodUpdate {
			codes[c.Method+" "+c.Code]++
		}
	}
	t.Logf("%d incidents with %d states each, in %s: %v", incidents, states, took.Round(time.Second/10), codes)
}

// TestLimitWithoutTime: a 429 that does not say for how long is not run into again at once, and nothing is lost by it.
func TestLimitWithoutTime(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	ref, err := w.bot.Post(t.Context(), w.place(""), "a", words("state one"))
	if err != nil {
		t.Fatal(err)
	}
	w.slack.Fault(methodUpdate, slacktest.Fault{Status: 429})
	for range 3 {
		if err := w.bot.Edit(t.Context(), ref, words("state two")); sendError(t, err).After < 20*time.Second {
			t.Errorf("got %v", err)
		}
	}
	if n := len(w.slack.Calls(methodUpdate)); n != 1 {
		t.Errorf("%d edits were sent", n)
	}
	if _, err := w.bot.Post(t.Context(), w.place(""), "b", words("another method goes on")); err != nil {
		t.Error(err)
	}
}

// TestRotationUnderTraffic: the tokens change while people type and drey posts. What Slack signs with the old secret is
// still taken, nothing that is posted is lost or doubled, and the sockets stay.
func TestRotationUnderTraffic(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{ModeHTTP, ModeSocket} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newSwiftWorkspace(t, mode)
			sink := newCatcher()
			w.receive(sink)
			o := w.outbox()
			var wg sync.WaitGroup
			const n, incidents = 30, 8 // the Outbox posts one a second
			half := make(chan struct{})
			var gap sync.RWMutex // what comes while Slack has a new secret and drey does not, nobody can check
			wg.Go(func() {
				for i := range n {
					if i == n/2 {
						close(half)
					}
					gap.RLock()
					if _, err := w.slack.Slash(w.ann, w.ops, fmt.Sprintf("/flink job j%d", i)); err != nil {
						t.Error(err)
					}
					gap.RUnlock()
				}
			})
			wg.Go(func() {
				for i := range incidents {
					w.put(o, bot.Delivery{Key: fmt.Sprintf("inc%d/head", i), To: w.place(""), Message: words("incident %d;", i)})
				}
			})
			<-half
			old := w.slack.BotToken()
			gap.Lock()
			w.slack.Rotate()
			if w.slack.BotToken() == old {
				t.Error("nothing was rotated")
			}
			w.bot.Rotate(Options{
				BotToken: secret.Text(w.slack.BotToken()), AppToken: secret.Text(w.slack.AppToken()), SigningSecret: secret.Text(w.slack.SigningSecret()),
			})
			gap.Unlock()
			wg.Wait()
			for range n {
				sink.next(t)
			}
			sink.none(t)
			eventually(t, "every incident is there", func() bool { return w.count(w.ann, "", "incident ") == incidents })
		})
	}
}

// TestPictureUnderWay: while Slack has yet to look at a new picture it refuses the message; that is sent again, with the
// picture uploaded once.
func TestPictureUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	m := words("with a picture")
	m.Blocks = append(m.Blocks, bot.Image{Name: "lag.png", Alt: "lag over an hour", PNG: []byte("\x89PNG\r\n\x1a\n")})
	w.slack.Fault(methodPost, slacktest.Fault{Code: "slack_file_not_found", Times: 2})
	ref, err := w.bot.Post(t.Context(), w.place(""), "a/head", m)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := w.slack.Message(w.ops, ref.ID)
	if n := len(w.slack.Calls(methodUploaded)); n != 1 || !strings.Contains(got.Text, "lag over an hour") || strings.Contains(got.Text, "could not be shown") {
		t.Errorf("%d uploads, the message says %q", n, got.Text)
	}
	if n := w.count(w.ann, "", "with a picture"); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// TestBroadcast: what is said in a thread is seen in the channel too when it is to be, and only then.
func TestBroadcast(t *testing.T) {
	t.Parallel()
	w := newSwiftWorkspace(t, ModeHTTP)
	root, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("firing"))
	if err != nil {
		t.Fatal(err)
	}
	for key, m := range map[string]bot.Message{"a/1": words("a word in the thread"), "a/2": {Broadcast: true, Blocks: words("nobody took it").Blocks}} {
		if _, err := w.bot.Post(t.Context(), w.place(root.ID), key, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		thread, text string
		want         int
	}{{"", "a word", 0}, {"", "nobody took it", 1}, {root.ID, "a word", 1}, {root.ID, "nobody took it", 1}} {
		if n := w.count(w.ann, c.thread, c.text); n != c.want {
			t.Errorf("%q is seen %d times in thread %q, want %d", c.text, n, c.thread, c.want)
		}
	}
}

// TestFileOfALostAnswer: a file whose arrival Slack could not tell of is not sent again.
func TestFileOfALostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	m := words("with a file")
	m.Blocks = append(m.Blocks, bot.File{Name: "trace.txt", Data: []byte("at line 1\n")})
	w.slack.Fault(methodUploaded, slacktest.Fault{Lost: true})
	ref, err := w.bot.Post(t.Context(), w.place(""), "a/head", m)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.bot.Edit(t.Context(), ref, m); err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, x := range w.slack.See(w.ann, w.ops, ref.ID) {
		files += len(x.Files)
	}
	if files != 1 {
		t.Errorf("the file is there %d times", files)
	}
}
