package slackbot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/config/secret"
	"github.com/drey-ops/drey/storage"
)

func words(format string, args ...any) bot.Message {
	return bot.Message{Blocks: []bot.Block{bot.Textf("%s", fmt.Sprintf(format, args...))}}
}

// count is how many messages in a channel or thread hold a text.
func (w *workspace) count(user, thread, text string) int {
	n := 0
	for _, m := range w.slack.See(user, w.ops, thread) {
		n += strings.Count(m.Text, text)
	}
	return n
}

func sendError(t *testing.T, err error) *bot.SendError {
	t.Helper()
	se := new(bot.SendError)
	if !errors.As(err, &se) {
		t.Fatalf("got %v, want a SendError", err)
	}
	return se
}

// One call is all that a post costs, and a repeat costs none.
func TestPostOneCall(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	for range 3 {
		if _, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("one")); err != nil {
			t.Fatal(err)
		}
	}
	if calls := w.slack.Calls(""); len(calls) != 1 {
		t.Errorf("%d calls: %+v", len(calls), calls)
	}
}

// The mark of a post tells nobody its key.
func TestPostMark(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	if _, err := w.bot.Post(t.Context(), w.place(""), "incident-of-orders/head", words("one")); err != nil {
		t.Fatal(err)
	}
	sent := fmt.Sprint(w.slack.Calls(methodPost)[0].Params["metadata"])
	if !strings.Contains(sent, eventType) || strings.Contains(sent, "orders") {
		t.Errorf("metadata %s", sent)
	}
}

// An answer that was lost is looked for, in the channel and in threads.
func TestPostLost(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	root, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("the root"))
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range []bot.Place{w.place(""), w.place(root.ID)} {
		key, text := fmt.Sprintf("lost/%d", i), fmt.Sprintf("lost %d", i)
		w.slack.Fault(methodPost, slacktest.Fault{Lost: true})
		_, err := w.bot.Post(t.Context(), at, key, words("%s", text))
		if err == nil {
			t.Fatal("a lost answer is no error")
		}
		if se := new(bot.SendError); errors.As(err, &se) {
			t.Fatalf("got %+v, want an error that may pass", se)
		}
		ref, err := w.bot.Post(t.Context(), at, key, words("%s", text))
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := w.slack.Message(w.ops, ref.ID); !ok || m.Text != text {
			t.Errorf("the ref is that of %+v", m)
		}
		if n := w.count(w.ann, at.Thread, text); n != 1 {
			t.Errorf("%q is there %d times", text, n)
		}
	}
}

// A post that never came to Slack is made again.
func TestPostNeverArrived(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	w.slack.Fault(methodPost, slacktest.Fault{Status: http.StatusBadGateway})
	if _, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("one")); err == nil || !unsure(err) {
		t.Fatalf("got %v", err)
	}
	if _, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("one")); err != nil {
		t.Fatal(err)
	}
	if n := w.count(w.ann, "", "one"); n != 1 {
		t.Errorf("it is there %d times", n)
	}
}

// Nothing is posted that was not written down before.
func TestPostWithoutStore(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.bot.Post(ctx, w.place(""), "a/head", words("one")); err == nil {
		t.Error("no error")
	}
	if n := len(w.slack.Calls("")); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// Of two who post the same at once, one does.
func TestPostRace(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() { w.bot.Post(t.Context(), w.place(""), "a/head", words("one")) })
	}
	wg.Wait()
	if n := w.count(w.ann, "", "one"); n != 1 {
		t.Errorf("it is there %d times", n)
	}
}

func TestPostErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		fault          slacktest.Fault
		gone, rejected bool
		after          time.Duration
	}{
		{"archived", slacktest.Fault{Code: "is_archived"}, true, false, 0},
		{"not in channel", slacktest.Fault{Code: "not_in_channel"}, true, false, 0},
		{"too long", slacktest.Fault{Code: "msg_blocks_too_long"}, false, true, 0},
		{"limited", slacktest.Fault{Status: 429, RetryAfter: 7}, false, false, 7 * time.Second},
		{"limited, no header", slacktest.Fault{Status: 429}, false, false, 30 * time.Second},
		{"limit of the workspace", slacktest.Fault{Code: "message_limit_exceeded"}, false, false, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorkspace(t, ModeHTTP, nil)
			w.slack.Fault(methodPost, c.fault)
			_, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("one"))
			if se := sendError(t, err); se.Gone != c.gone || se.Rejected != c.rejected || se.After != c.after {
				t.Errorf("got %+v: %v", se, err)
			}
			if c.fault.Status != 429 {
				return
			}
			// Until then nothing more is sent, to no channel.
			_, err = w.bot.Post(t.Context(), bot.Place{Network: Network, Channel: w.slack.Channel("other")}, "b/head", words("two"))
			if se := sendError(t, err); se.After <= c.after-time.Second || se.After > c.after {
				t.Errorf("got %+v: %v", se, err)
			}
			if n := len(w.slack.Calls("")); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// No error tells a token or an address.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, func(o *Options) { o.APIURL = "http://127.0.0.1:1/private-path/" })
	_, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("one"))
	if err == nil {
		t.Fatal("no error")
	}
	back := w.bot.client.respond(t.Context(), "http://127.0.0.1:1/hook/secret", nil)
	for _, text := range []string{err.Error(), back.Error()} {
		for _, leak := range []string{"xoxb", "127.0.0.1", "private-path", "http:", "secret"} {
			if strings.Contains(text, leak) {
				t.Errorf("the error holds %q: %s", leak, text)
			}
		}
	}
	if unsure(err) {
		t.Error("nothing was sent, and the error is not sure of it")
	}
}

// A rotated token is used from the next call on.
func TestRotatedToken(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	w.slack.Rotate()
	if _, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("one")); codeOf(err) != "token_revoked" {
		t.Fatalf("got %v", err)
	}
	o := *w.bot.creds.Load()
	o.BotToken = secret.Text(w.slack.BotToken())
	w.bot.Rotate(o)
	if _, err := w.bot.Post(t.Context(), w.place(""), "a/head", words("one")); err != nil {
		t.Fatal(err)
	}
}

// A file is posted below its message, once for each content.
func TestPostFiles(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	m := words("with a file")
	m.Blocks = append(m.Blocks, bot.File{Name: "trace.txt", Data: []byte("at line 1\n")})
	ref, err := w.bot.Post(t.Context(), w.place(""), "a/head", m)
	if err != nil {
		t.Fatal(err)
	}
	files := func() (names []string) {
		for _, x := range w.slack.See(w.ann, w.ops, ref.ID) {
			names = append(names, x.Files...)
		}
		return names
	}
	if err := w.bot.Edit(t.Context(), ref, m); err != nil {
		t.Fatal(err)
	}
	if got := files(); len(got) != 1 || got[0] != "trace.txt" {
		t.Fatalf("files %q", got)
	}
	m.Blocks[1] = bot.File{Name: "trace.txt", Data: []byte("at line 2\n")}
	if err := w.bot.Edit(t.Context(), ref, m); err != nil {
		t.Fatal(err)
	}
	if got := files(); len(got) != 2 {
		t.Fatalf("files %q", got)
	}
}

// A picture is uploaded once. One that Slack cannot show does not keep back the words.
func TestPostPicture(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	m := words("with a picture")
	m.Blocks = append(m.Blocks, bot.Image{Name: "lag.png", Alt: "lag over an hour", PNG: []byte("\x89PNG\r\n\x1a\n")})
	ref, err := w.bot.Post(t.Context(), w.place(""), "a/head", m)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.bot.Edit(t.Context(), ref, m); err != nil {
		t.Fatal(err)
	}
	if n := len(w.slack.Calls(methodUploaded)); n != 1 {
		t.Errorf("%d uploads", n)
	}
	w.slack.Fault(methodUpdate, slacktest.Fault{Code: "slack_file_not_found", Times: 2})
	if err := w.bot.Edit(t.Context(), ref, m); err != nil {
		t.Fatal(err)
	}
	if n := len(w.slack.Calls(methodUploaded)); n != 2 {
		t.Errorf("%d uploads, want another after the file was gone", n)
	}
	w.slack.Fault(methodUploadURL, slacktest.Fault{Status: 500})
	m.Blocks[1] = bot.Image{Name: "lag.png", Alt: "lag over a day", PNG: []byte("\x89PNG\r\n\x1a\nother")}
	if err := w.bot.Edit(t.Context(), ref, m); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.slack.Message(w.ops, ref.ID); !strings.Contains(got.Text, "could not be shown: lag over a day") {
		t.Errorf("got %q", got.Text)
	}
}

// A channel is found by its name, and keeps being found when it gets another.
func TestResolve(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	id := w.slack.Channel("oncall")
	for range 2 {
		got, err := w.bot.Resolve(t.Context(), []string{"#oncall", w.ops})
		if err != nil || got["#oncall"] != id || got[w.ops] != w.ops {
			t.Fatalf("got %v, %v", got, err)
		}
		w.slack.ChangeChannel(id, func(c *slacktest.ChannelState) { c.Name = "on-duty" })
	}
	if _, err := w.bot.Resolve(t.Context(), []string{"#on-dutty", "#op"}); err == nil || !strings.Contains(err.Error(), "#on-duty") || !strings.Contains(err.Error(), "#ops") {
		t.Errorf("got %v", err)
	}
}

// ---- with the Outbox

// outbox runs an Outbox over drey in Slack, until the test ends.
func (w *workspace) outbox() *bot.Outbox {
	o := bot.NewOutbox(w.db, w.bot.log, bot.OutboxOptions{}, w.bot)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	return o
}

func (w *workspace) put(o *bot.Outbox, d bot.Delivery) {
	w.t.Helper()
	tx := w.db.Begin(storage.Root(d.Key))
	o.Put(tx, d)
	if err := w.db.Commit(w.t.Context(), tx); err != nil {
		w.t.Fatal(err)
	}
}

// An answer that was lost after Slack had posted leads to one message, in its newest state.
func TestOutboxLostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	w.slack.Fault(methodPost, slacktest.Fault{Lost: true})
	o := w.outbox()
	w.put(o, bot.Delivery{Key: "inc1/head", To: w.place(""), Message: words("state firing")})
	eventually(t, "the post is lost", func() bool { return len(w.slack.Calls(methodPost)) == 1 })
	w.put(o, bot.Delivery{Key: "inc1/head", To: w.place(""), Message: words("state resolved")})
	eventually(t, "the newest state is shown", func() bool { return w.count(w.ann, "", "state resolved") == 1 })
	if n := w.count(w.ann, "", "state"); n != 1 || len(w.slack.Calls(methodPost)) != 1 {
		t.Errorf("%d messages after %d posts", n, len(w.slack.Calls(methodPost)))
	}
}

// Many states of one message in a moment: the newest is shown, and few are sent.
func TestOutboxNewestState(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	o := w.outbox()
	for i := range 100 {
		w.put(o, bot.Delivery{Key: "inc1/head", To: w.place(""), Message: words("alert %d of 99;", i)})
	}
	eventually(t, "the newest state is shown", func() bool { return w.count(w.ann, "", "alert 99 of 99;") == 1 })
	if n := len(w.slack.Calls(methodUpdate)); n > 5 {
		t.Errorf("%d edits", n)
	}
}

// A storm of incidents into one channel stays within Slack's limits: the fake counts a 429 as a failure.
func TestOutboxStorm(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a second for each message")
	}
	w := newWorkspace(t, ModeHTTP, nil)
	o := w.outbox()
	const incidents = 12 // in 12 s; the fake's allowance for bursts is used up after 3
	for i := range incidents {
		w.put(o, bot.Delivery{Key: fmt.Sprintf("inc%d/head", i), To: w.place(""), Message: words("incident %d;", i)})
		w.put(o, bot.Delivery{Key: fmt.Sprintf("inc%d/log", i), Parent: fmt.Sprintf("inc%d/head", i), To: w.place(""), Message: words("log")})
	}
	for end := time.Now().Add(4 * incidents * time.Second); w.count(w.ann, "", "incident ") < incidents; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d incidents are there", w.count(w.ann, "", "incident "))
		}
	}
	for _, c := range w.slack.Calls("") {
		if c.Code != "ok" {
			t.Errorf("%s: %s", c.Method, c.Code)
		}
	}
}
