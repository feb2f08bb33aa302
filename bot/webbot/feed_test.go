package webbot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

func TestPostIsIdempotent(t *testing.T) {
	s := newStage(t, Options{})
	var refs [8]bot.MessageRef
	var wg sync.WaitGroup
	for i := range refs {
		wg.Go(func() { refs[i] = s.post(web("ops", ""), "op/1", bot.Message{Title: fmt.Sprint("try ", i)}) })
	}
	wg.Wait()
	for _, r := range refs {
		if r != refs[0] {
			t.Errorf("refs differ: %v, %v", r, refs[0])
		}
	}
	if all, _ := s.bot.feeds["ops"].entries(); len(all) != 1 {
		t.Errorf("%d messages", len(all))
	}
	// Another process with the same store finds it too.
	other := New(s.db, s.bot.log, s.o)
	ref, err := other.Post(t.Context(), web("ops", ""), "op/1", bot.Message{Title: "again"})
	if err != nil || ref != refs[0] {
		t.Errorf("other process: %v, %v", ref, err)
	}
}

func TestGone(t *testing.T) {
	s := newStage(t, Options{})
	var gone *bot.SendError
	if _, err := s.bot.Post(t.Context(), web("nowhere", ""), "k", bot.Message{Title: "x"}); !errors.As(err, &gone) || !gone.Gone {
		t.Errorf("post to no channel: %v", err)
	}
	if err := s.bot.Edit(t.Context(), bot.MessageRef{Place: web("ops", ""), ID: "k-none"}, bot.Message{Title: "x"}); !errors.As(err, &gone) || !gone.Gone {
		t.Errorf("edit of no message: %v", err)
	}
	if ref := s.post(web("ops", "k-none"), "orphan", bot.Message{Title: "x"}); ref.Place.Thread != "" {
		t.Errorf("a post to a thread that is no more: %v", ref)
	}
}

func TestReplayAfterReconnect(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	first := s.post(web("ops", ""), "1", bot.Message{Title: "first"})
	got := c.events("", func(e sseEvent) bool { return strings.Contains(e.data, "first") })
	at := got[len(got)-1].id
	s.post(web("oncall", ""), "2", bot.Message{Title: "second"})
	for i := range 5 {
		if err := s.bot.Edit(t.Context(), first, bot.Message{Title: fmt.Sprint("state ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	// The process restarts over the same store.
	addr := strings.TrimPrefix(s.url, "http://")
	s.stop()
	s.start(addr)
	s.post(web("analytics", ""), "3", bot.Message{Title: "third"})
	var titles []string
	for _, e := range c.events(at, func(e sseEvent) bool { return strings.Contains(e.data, "third") }) {
		for _, w := range []string{"first", "second", "third", "state 3", "state 4"} {
			if e.name == "message" && strings.Contains(e.data, w) {
				titles = append(titles, w)
			}
		}
		if e.name == "reset" {
			t.Error("reset of " + e.data)
		}
	}
	if got := strings.Join(titles, ", "); got != "state 4, second, third" {
		t.Errorf("replayed %s", got)
	}
	// A cursor of a store that was lost asks for a reload.
	// The browser's own cursor is newer than the one of the page.
	now := cursors{}
	for ch, f := range s.bot.feeds {
		now[ch] = f.cursor()
	}
	s.post(web("ops", ""), "4", bot.Message{Title: "fourth"})
	for _, e := range c.events(at, func(e sseEvent) bool { return strings.Contains(e.data, "fourth") }, func(r *http.Request) {
		r.Header.Set("Last-Event-ID", now.format(s.bot.o.Channels))
	}) {
		if e.name == "message" && !strings.Contains(e.data, "fourth") {
			t.Errorf("replayed once more: %s", e.data)
		}
	}
	got = c.events("ops.elsewhere.99", func(e sseEvent) bool { return e.name == "reset" })
	if last := got[len(got)-1]; last.name != "reset" || last.data != "ops" {
		t.Errorf("foreign cursor: %v", last)
	}
}

// TestSlowReader: a reader who never reads must not hold up anybody, nor make memory grow.
func TestSlowReader(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(4096)
	r, _ := http.NewRequest(http.MethodGet, s.url+"/events", nil)
	for _, k := range c.http.Jar.Cookies(r.URL) {
		r.AddCookie(k)
	}
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slow reader's stream", func() bool {
		s.bot.mu.Lock()
		defer s.bot.mu.Unlock()
		return len(s.bot.streams) == 1
	})
	ref := s.post(web("ops", ""), "big", bot.Message{Title: "big"})
	big := strings.Repeat("much text ", 1000)
	began := time.Now()
	for i := range 600 {
		if err := s.bot.Edit(t.Context(), ref, bot.Message{Title: fmt.Sprint("edit ", i), Blocks: []bot.Block{bot.Code{Body: big}}}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("600 edits beside a slow reader took %v", took)
	}
	at := c.events("", func(e sseEvent) bool { return strings.Contains(e.data, "edit 599") })
	if len(at) == 0 {
		t.Error("a quick reader saw nothing")
	}
}

func TestHistoryIsBoundedAndPaged(t *testing.T) {
	const kept = 200
	s := newStage(t, Options{MaxHistory: kept})
	c := s.client("olga")
	for i := range 1000 {
		s.post(web("ops", ""), fmt.Sprint(i), bot.Message{Blocks: []bot.Block{bot.Textf("message %d.", i)}})
	}
	seen := map[string]bool{}
	path, pages := "/c/ops?part=channel", 0
	for path != "" {
		_, body := c.get(path)
		pages++
		for _, part := range strings.Split(body, "data-id=\"")[1:] {
			id, _, _ := strings.Cut(part, `"`)
			if seen[id] {
				t.Fatalf("%s twice", id)
			}
			seen[id] = true
		}
		_, rest, _ := strings.Cut(body, `data-first="`)
		before, _, _ := strings.Cut(rest, `"`)
		path = ""
		if strings.Contains(body, "data-more") {
			path = "/c/ops?part=older&before=" + before
		}
	}
	if len(seen) != kept || pages != kept/pageSize {
		t.Errorf("%d messages on %d pages", len(seen), pages)
	}
	n, err := s.bot.feeds["ops"].records.Len(t.Context())
	if err != nil || n > kept+trimStep {
		t.Errorf("%d records are stored, %v", n, err)
	}
}

// TestLargeAnswersAreBounded: a channel full of large tables keeps as many as there is room for.
func TestLargeAnswersAreBounded(t *testing.T) {
	s := newStage(t, Options{})
	rows := make([][]string, 500)
	for i := range rows {
		rows[i] = []string{strings.Repeat("x", 400), strings.Repeat("y", 400)}
	}
	for i := range 40 {
		s.post(web("ops", ""), fmt.Sprint(i), bot.Message{Title: fmt.Sprint(i), Blocks: []bot.Block{bot.Table{Columns: []string{"a", "b"}, Rows: rows}}})
	}
	f := s.bot.feeds["ops"]
	n, err := f.records.Len(t.Context())
	if err != nil || f.weight > weightMax || len(f.order) < 10 || n > len(f.order)+2 {
		t.Errorf("%d bytes in %d messages, %d stored, %v", f.weight, len(f.order), n, err)
	}
}

func TestThreadsAreCounted(t *testing.T) {
	s := newStage(t, Options{})
	head := s.post(web("oncall", ""), "h", bot.Message{Title: "head"})
	s.post(web("oncall", head.ID), "r1", bot.Message{Title: "one"})
	s.post(web("oncall", head.ID), "r1", bot.Message{Title: "one"})
	ev := bot.Event{ID: "e", Actor: bot.Actor{ID: "olga"}, Place: web("oncall", head.ID), Call: bot.Call{Line: "/alerts ack"}}
	replies := func() int { e, _ := s.bot.feeds["oncall"].get(head.ID); return e.Replies }
	s.reply(ev, bot.Message{Private: true, Title: "private"})
	if replies() != 1 {
		t.Errorf("%d replies with a private one", replies())
	}
	s.reply(ev, bot.Message{Title: "public"})
	s.reply(ev, bot.Message{Title: "public, edited"})
	if replies() != 2 {
		t.Errorf("%d replies", replies())
	}
}

// TestAnswerStandsAtTheEnd: what a form that was open for long leads to is seen, by all.
func TestAnswerStandsAtTheEnd(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	c.send(1, "ops", "/flink sql")
	f := s.bot.feeds["ops"]
	rid := gestureID("olga", gestureNo(1))
	eventually(t, "a form", func() bool { e, ok := f.get(rid); return ok && e.Msg != nil && e.Msg.Form != nil })
	s.post(web("ops", ""), "between", bot.Message{Title: "between"})
	if code, body := c.post("/submit", submitBody{ID: gestureNo(2), Channel: "ops", Message: rid, Form: "form-sql", Values: map[string]string{"text": "SELECT 1"}}); code != http.StatusAccepted {
		t.Fatal(code, body)
	}
	eventually(t, "an answer at the end", func() bool { all, _ := f.entries(); return len(all) == 2 && all[1].ID == rid && all[1].answered() })
	other := New(s.db, s.bot.log, s.o)
	if err := other.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, _ := other.feeds["ops"].entries(); len(all) != 2 || all[1].ID != rid {
		t.Error("another process has another order")
	}
	if n := f.unread("vera", all(f)[0].Pos); n != 1 {
		t.Errorf("vera has %d unread", n)
	}
}

func all(f *feed) []*entry { es, _ := f.entries(); return es }

func TestTwoReplicas(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	other := New(s.db, s.bot.log, s.o)
	go func() {
		time.Sleep(100 * time.Millisecond)
		other.Post(context.Background(), web("ops", ""), "far", bot.Message{Title: "from afar"})
	}()
	got := c.events("", func(e sseEvent) bool { return strings.Contains(e.data, "from afar") })
	if len(got) == 0 || !strings.Contains(got[len(got)-1].data, "from afar") {
		t.Error("a message of another replica did not arrive")
	}
	s.post(web("ops", ""), "near", bot.Message{Title: "near"})
	if err := other.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, _ := other.feeds["ops"].entries(); len(all) != 2 {
		t.Errorf("the other replica has %d messages", len(all))
	}
}
