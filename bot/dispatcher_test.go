package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// handler answers with a function.
type handler func(ctx context.Context, ev bot.Event, show func(bot.Message)) bot.Message

func (h handler) Handle(ctx context.Context, ev bot.Event, show func(bot.Message)) bot.Message {
	return h(ctx, ev, show)
}

func (h handler) Suggest(ctx context.Context, a bot.Ask) bot.Suggestions {
	switch a.Line {
	case "panic":
		panic("suggest")
	case "slow":
		<-ctx.Done()
	}
	return bot.Suggestions{Hint: a.Line}
}

// talk runs fn in virtual time with a dispatcher in front of h. It is drained at the end.
func talk(t *testing.T, o bot.DispatcherOptions, h handler, fn func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher)) {
	synctest.Test(t, func(t *testing.T) {
		db, n := storagetest.Open(t), bottest.NewMemory("mem", bottest.Roomy())
		d := bot.NewDispatcher(db, silent, o, h, n)
		n.Attach(d)
		defer d.Drain(context.Background())
		fn(t, n, d)
	})
}

func echo(_ context.Context, ev bot.Event, _ func(bot.Message)) bot.Message { return say(ev.Call.Line) }

func history(n *bottest.Memory, ev bot.Event) string {
	var out []string
	for _, m := range n.Replies(ev) {
		text := strings.ReplaceAll(m.Plain(), "\n", " ")
		if m.Pending {
			text += " (pending)"
		}
		out = append(out, text)
	}
	return strings.Join(out, " | ")
}

func TestDispatcherAnswersOnce(t *testing.T) {
	var results sync.Map
	o := bot.DispatcherOptions{OnHandled: func(_ bot.NetworkID, _, result string, _ time.Duration) {
		n, _ := results.LoadOrStore(result, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	}}
	synctest.Test(t, func(t *testing.T) {
		db, n := storagetest.Open(t), bottest.NewMemory("mem", bottest.Roomy())
		one, two := bot.NewDispatcher(db, silent, o, handler(echo), n), bot.NewDispatcher(db, silent, o, handler(echo), n)
		n.Attach(one)
		ev := n.Type("ann", "ops", "hi")
		one.Deliver(t.Context(), ev)
		synctest.Wait()
		two.Deliver(t.Context(), ev) // another replica, and a retry
		one.Deliver(t.Context(), ev)
		one.Drain(t.Context())
		two.Drain(t.Context())
		if got := history(n, ev); got != "hi hi" {
			t.Fatal(got)
		}
		count := func(result string) int64 {
			v, ok := results.Load(result)
			if !ok {
				return 0
			}
			return v.(*atomic.Int64).Load()
		}
		if count("answered") != 1 || count("repeat") != 3 {
			t.Fatalf("%d answered, %d repeats", count("answered"), count("repeat"))
		}
	})
}

func TestDispatcherDropsOldEvents(t *testing.T) {
	talk(t, bot.DispatcherOptions{}, echo, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
		ev := n.Send(bot.Event{ID: "old", At: time.Now().Add(-16 * time.Minute), Place: n.Place("ops"), Call: bot.Call{Line: "x"}})
		synctest.Wait()
		if got := history(n, ev); got != "" {
			t.Fatal(got)
		}
	})
}

func TestDispatcherPending(t *testing.T) {
	slow := func(_ context.Context, ev bot.Event, show func(bot.Message)) bot.Message {
		time.Sleep(5 * time.Second)
		return say("done")
	}
	talk(t, bot.DispatcherOptions{}, slow, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
		start := time.Now()
		ev := n.Type("ann", "ops", "x")
		time.Sleep(2 * time.Second)
		if calls := n.Calls("reply"); len(calls) != 1 || calls[0].At.Sub(start) != 1800*time.Millisecond {
			t.Fatalf("calls %+v", calls)
		}
		time.Sleep(4 * time.Second)
		if got := history(n, ev); got != "Working on it… (pending) | done done" {
			t.Fatal(got)
		}
	})
}

func TestDispatcherCoalescesInterimAnswers(t *testing.T) {
	busy := func(_ context.Context, ev bot.Event, show func(bot.Message)) bot.Message {
		for i := range 100 {
			show(bot.Message{Title: fmt.Sprint(i)})
			time.Sleep(20 * time.Millisecond)
		}
		show(bot.Message{Title: "late"})
		return say("done")
	}
	talk(t, bot.DispatcherOptions{}, busy, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
		ev := n.Type("ann", "ops", "x")
		time.Sleep(4 * time.Second)
		got := n.Replies(ev)
		if len(got) < 4 || len(got) > 6 || got[len(got)-1].Title != "done" {
			t.Fatal(history(n, ev))
		}
		calls := n.Calls("reply")
		for i := 1; i < len(calls)-1; i++ {
			if d := calls[i].At.Sub(calls[i-1].At); d < 500*time.Millisecond {
				t.Errorf("interim answers %s apart", d)
			}
		}
	})
}

func TestDispatcherTriesAgain(t *testing.T) {
	for name, errs := range map[string][]error{
		"passing": {errors.New("502"), bottest.RateLimited(3 * time.Second)},
		"lost":    {bottest.ErrLost}, "rejected": {bottest.Rejected()},
	} {
		t.Run(name, func(t *testing.T) {
			talk(t, bot.DispatcherOptions{}, echo, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
				n.Fail("reply", errs...)
				if got := n.Answer(t, n.Type("ann", "ops", "hi")).Title; got != "hi" {
					t.Fatal(got)
				}
			})
		})
	}
}

func TestDispatcherPanicAndTimeout(t *testing.T) {
	h := func(ctx context.Context, ev bot.Event, _ func(bot.Message)) bot.Message {
		switch ev.Call.Line {
		case "panic":
			panic("bug")
		case "empty":
			return bot.Message{}
		}
		<-ctx.Done()
		time.Sleep(time.Minute) // and even then
		return say("too late")
	}
	talk(t, bot.DispatcherOptions{Timeout: 5 * time.Second}, h, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
		for line, want := range map[string]string{"panic": "logged under the reference", "empty": "Done.", "hang": "no result within 5s"} {
			if got := n.Answer(t, n.Type("ann", "ops", line)); !strings.Contains(got.Plain(), want) || !got.Private {
				t.Errorf("%s: %s", line, got.Plain())
			}
		}
	})
}

// One person sends a hundred lines; another's single one must not wait for them.
func TestDispatcherFairness(t *testing.T) {
	h := func(_ context.Context, ev bot.Event, _ func(bot.Message)) bot.Message {
		time.Sleep(10 * time.Second)
		return say("done")
	}
	talk(t, bot.DispatcherOptions{Concurrency: 4}, h, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
		refused := 0
		var all []bot.Event
		for range 100 {
			all = append(all, n.Type("ann", "ops", "x"))
		}
		synctest.Wait()
		start := time.Now()
		bob := n.Type("bob", "ops", "x")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := history(n, bob); !strings.HasSuffix(got, "done done") {
			t.Fatalf("bob has %q after %s", got, time.Since(start))
		}
		time.Sleep(time.Minute)
		for _, ev := range all {
			if strings.Contains(history(n, ev), "Too many at once") {
				refused++
			}
		}
		if refused != 92 {
			t.Errorf("%d refused", refused)
		}
	})
}

func TestDispatcherDrain(t *testing.T) {
	h := func(ctx context.Context, ev bot.Event, _ func(bot.Message)) bot.Message {
		select {
		case <-ctx.Done():
			return say("ended")
		case <-time.After(5 * time.Second):
			return say("done")
		}
	}
	for wait, want := range map[time.Duration]string{time.Minute: "done", time.Second: "drey is restarting"} {
		talk(t, bot.DispatcherOptions{}, h, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
			ev := n.Type("ann", "ops", "x")
			synctest.Wait()
			go func() {
				time.Sleep(time.Millisecond)
				late := n.Type("bob", "ops", "x")
				synctest.Wait()
				if got := n.Replies(late); len(got) != 1 || got[0].Title != "drey is restarting" {
					t.Errorf("late: %+v", got)
				}
			}()
			ctx, cancel := context.WithTimeout(context.Background(), wait)
			defer cancel()
			d.Drain(ctx)
			if got := n.Replies(ev); got[len(got)-1].Title != want {
				t.Errorf("drained within %s: %s", wait, history(n, ev))
			}
		})
	}
}

func TestDispatcherSuggest(t *testing.T) {
	talk(t, bot.DispatcherOptions{}, echo, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
		for line, want := range map[string]string{"quick": "quick", "slow": "", "panic": ""} {
			start := time.Now()
			if got := d.Suggest(t.Context(), bot.Ask{Line: line, At: 3}); got.Hint != want || want == "" && (got.From != 3 || got.To != 3) {
				t.Errorf("%s: %+v", line, got)
			}
			if took := time.Since(start); took > 100*time.Millisecond {
				t.Errorf("%s: took %s", line, took)
			}
		}
	})
}

func TestDispatcherButtons(t *testing.T) {
	h := func(_ context.Context, ev bot.Event, _ func(bot.Message)) bot.Message {
		if ev.Call.Path != "" {
			return say(ev.Call.Path + string(ev.Call.Args))
		}
		return bot.Message{Title: "Hi", Blocks: []bot.Block{bot.Actions{button("Stop"), button("Stop"), {Label: "UI", URL: "https://x.example"}}}}
	}
	talk(t, bot.DispatcherOptions{}, h, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
		ev := n.Type("ann", "ops", "hi")
		m := n.Answer(t, ev)
		if got := m.Plain(); got != "Hi\n[Stop] [UI]" {
			t.Fatal(got)
		}
		b, _ := bottest.FindButton(m, "Stop")
		if len(b.ID) != 24 || b.Call.Path != "" {
			t.Fatalf("button %+v", b)
		}
		if got := n.Answer(t, n.PressAnswer(t, "bob", ev, "Stop")).Title; got != `flink stop{"job":"Stop"}` {
			t.Fatal(got)
		}
		for _, id := range []string{"aaaaaaaaaaaaaaaaaaaaaaaa", "short", "../../../etc/passwd/......"} {
			got := n.Answer(t, n.Send(bot.Event{Place: n.Place("ops"), Button: id}))
			if got.Title != "This button is no longer valid" || !got.Private {
				t.Fatal(got.Plain())
			}
		}
		time.Sleep(31 * 24 * time.Hour)
		if got := n.Answer(t, n.PressAnswer(t, "bob", ev, "Stop")).Title; got != "This button is no longer valid" {
			t.Fatal(got)
		}
	})
}

func TestDispatcherForm(t *testing.T) {
	h := func(_ context.Context, ev bot.Event, _ func(bot.Message)) bot.Message {
		if ev.Call.Path != "" {
			return say(ev.Call.Path + string(ev.Call.Args))
		}
		return bot.Message{Title: "Sure?", Form: &bot.Form{Title: "Cancel", Call: bot.Call{Path: "flink cancel", Args: json.RawMessage(`{"job":"orders","note":"old"}`)},
			Fields: []bot.Input{{Name: "confirm", Label: "Job", Match: "orders"}, {Name: "why", Label: "Why", Value: "because"}, {Name: "note", Label: "Note"}}}}
	}
	talk(t, bot.DispatcherOptions{}, h, func(t *testing.T, n *bottest.Memory, d *bot.Dispatcher) {
		ev := n.Type("ann", "ops", "cancel")
		wrong := n.Submit(t, "ann", ev, map[string]string{"confirm": "orderz", "why": "x\"y"})
		again := n.Answer(t, wrong)
		if again.Form == nil || again.Form.Fields[0].Error == "" || again.Form.Fields[1].Value != "x\"y" || !again.Private {
			t.Fatalf("%+v", again)
		}
		right := n.Submit(t, "ann", wrong, map[string]string{"confirm": "orders"})
		if got := n.Answer(t, right).Title; got != `flink cancel{"confirm":"orders","job":"orders","why":"x\"y"}` {
			t.Fatal(got)
		}
		// A hand-made submission names what the form does not have, and leaves out what it must.
		id := n.Answer(t, ev).Form.ID
		got := n.Answer(t, n.Send(bot.Event{Place: n.Place("ops"), Button: id, Form: map[string]string{"confirm": "orders", "job": "payments"}})).Title
		if got != `flink cancel{"confirm":"orders","job":"orders","note":"old"}` {
			t.Fatal(got)
		}
		if got := n.Answer(t, n.Send(bot.Event{Place: n.Place("ops"), Button: id})).Title; got != "Not confirmed" {
			t.Fatal(got)
		}
	})
}

// Without its store drey tells the person, and does nothing.
func TestDispatcherWithoutStore(t *testing.T) {
	url, srv := storagetest.Redis(t)
	db := storagetest.With(t, storage.Options{Redis: url})
	n := bottest.NewMemory("mem", bottest.Roomy())
	var acted atomic.Int64
	d := bot.NewDispatcher(db, silent, bot.DispatcherOptions{}, handler(func(context.Context, bot.Event, func(bot.Message)) bot.Message {
		acted.Add(1)
		return say("done")
	}), n)
	n.Attach(d)
	t.Cleanup(func() { d.Drain(context.Background()) })
	srv.Kill()
	if got := n.Answer(t, n.Type("ann", "ops", "x")); got.Title != "Nothing was done" || acted.Load() != 0 {
		t.Fatalf("%s, acted %d times", got.Plain(), acted.Load())
	}
	srv.Start(t)
	if got := n.Answer(t, n.Type("ann", "ops", "x")).Title; got != "done" {
		t.Fatal(got)
	}
}
