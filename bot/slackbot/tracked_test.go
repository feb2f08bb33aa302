package slackbot

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
	"github.com/drey-ops/drey/storage"
)

// A first try leaves no record, and one that is said to be a repeat finds what the first posted: in the channel, in a thread,
// and after an answer that was lost.
func TestPostTracked(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	began := time.Now()
	root, err := w.bot.PostTracked(t.Context(), w.place(""), "a/head", time.Time{}, words("the root"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.bot.posts().Get(t.Context(), markOf("a/head")); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a first try left a record: %v", err)
	}
	if again, err := w.bot.PostTracked(t.Context(), w.place(""), "a/head", began, words("the root")); err != nil || again.ID != root.ID {
		t.Errorf("a repeat came to %+v, %v", again, err)
	}
	w.slack.Fault(methodPost, slacktest.Fault{Lost: true})
	if _, err = w.bot.PostTracked(t.Context(), w.place(root.ID), "a/1", time.Time{}, words("lost")); err == nil || bot.IsUnsent(err) {
		t.Fatalf("a lost answer: %v", err)
	}
	for range 2 {
		if _, err := w.bot.PostTracked(t.Context(), w.place(root.ID), "a/1", began, words("lost")); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.count(w.ann, root.ID, "lost"); n != 1 {
		t.Errorf("it is there %d times", n)
	}
}

// What surely was not posted is said to be so, and what never arrived is posted by the repeat.
func TestPostTrackedUnsent(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	began := time.Now()
	w.slack.Fault(methodPost, slacktest.Fault{Code: "invalid_blocks"})
	if _, err := w.bot.PostTracked(t.Context(), w.place(""), "a/head", time.Time{}, words("one")); !bot.IsUnsent(err) || !sendError(t, err).Rejected {
		t.Fatalf("a refused post: %v", err)
	}
	w.slack.Fault(methodPost, slacktest.Fault{Status: http.StatusBadGateway})
	if _, err := w.bot.PostTracked(t.Context(), w.place(""), "a/head", time.Time{}, words("one")); err == nil || bot.IsUnsent(err) {
		t.Fatalf("a post without an answer: %v", err)
	}
	if _, err := w.bot.PostTracked(t.Context(), w.place(""), "a/head", began, words("one")); err != nil {
		t.Fatal(err)
	}
	if n := w.count(w.ann, "", "one"); n != 1 {
		t.Errorf("it is there %d times", n)
	}
}

// Files are put into the thread of a message after it: where that fails, the message is not made again, and need not be looked for.
func TestPostTrackedFiles(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, ModeHTTP, nil)
	began := time.Now()
	m := words("with a file")
	m.Blocks = append(m.Blocks, bot.File{Name: "log.txt", Data: []byte("x")})
	w.slack.Fault(methodUploadURL, slacktest.Fault{Status: http.StatusBadGateway})
	if _, err := w.bot.PostTracked(t.Context(), w.place(""), "a/head", time.Time{}, m); err == nil || bot.IsUnsent(err) {
		t.Fatalf("a file that failed: %v", err)
	}
	if _, err := w.bot.PostTracked(t.Context(), w.place(""), "a/head", began, m); err != nil {
		t.Fatal(err)
	}
	if n := w.count(w.ann, "", "with a file"); n != 1 || len(w.slack.Calls(methodHistory)) > 0 {
		t.Errorf("it is there %d times, looked for %d times", n, len(w.slack.Calls(methodHistory)))
	}
}
