package commands

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// ask lets olga ask for a scale, and returns the card.
func (b *bench) ask(line string) bot.Message {
	b.t.Helper()
	wants(b.t, b.says("olga", line), "Waiting for approval", "reviewer", "Nothing was changed so far")
	d, ok := b.out.find("/card-1")
	if !ok {
		b.t.Fatal("no card")
	}
	return d.Message
}

func (b *bench) card(t *testing.T) bot.Message {
	t.Helper()
	d, _ := b.out.find("/card-1")
	return d.Message
}

// whats counts the entries of the audit trail by what they say; the order within a millisecond is not kept.
func (b *bench) whats() map[string]int {
	out := map[string]int{}
	for _, en := range b.trail() {
		out[en.What]++
	}
	return out
}

func TestApproval(t *testing.T) {
	b := newBench(t, testOptions())
	b.start()
	card := b.ask("/flink scale orders 4")
	wants(t, card, "Approval wanted: Change the parallelism", "olga", "/flink scale prod/orders 4 mode=auto wait=5m0s", "reviewer", "prod/orders")
	if len(b.runs()) != 0 {
		t.Fatal("it ran without consent")
	}
	wants(t, b.says("olga", "/flink scale orders 4"), "was asked for already")
	yes := buttonOf(t, card, "Approve").Call
	for _, label := range []string{"Approve", "Reject"} {
		if err := b.tree().Resolves(buttonOf(t, card, label).Call); err != nil {
			t.Errorf("button %s: %v", label, err)
		}
	}
	wants(t, b.presses("olga", yes), "You cannot decide on this", "somebody else has to agree")
	wants(t, b.presses("vera", yes), "You cannot decide on this", "reviewer", "viewer")
	wants(t, b.presses("rita", yes), "Approved", "olga")
	eventually(t, "it runs", func() bool { return len(b.runs()) == 1 })
	if got := b.runs()[0]; got != "olga scale prod/orders" {
		t.Errorf("ran %q", got)
	}
	wants(t, b.presses("rita", yes), "Decided already", "rita agreed", "once only")
	wants(t, b.presses("rob", buttonOf(t, card, "Reject").Call), "Decided already")
	eventually(t, "the card says so", func() bool { return b.card(t).Tone == bot.Good })
	wants(t, b.card(t), "rita agreed. Started.")
	if res, ok := b.out.find("/card-1/result"); !ok || res.Parent == "" || res.Message.Private {
		t.Errorf("result: %+v", res)
	}
	eventually(t, "the queue is empty", func() bool {
		n, _, err := b.db.Depth(t.Context(), approvalQueue)
		return err == nil && n == 0
	})
	want := map[string]int{"call": 3, "approval asked": 1, "not approved": 2, "approved": 1, "done": 1}
	if diff := cmp.Diff(want, b.whats()); diff != "" {
		t.Errorf("trail (-want +got)\n%s", diff)
	}
	b.says("olga", "/flink scale orders 4")
	if _, ok := b.out.find("/card-2"); !ok {
		t.Error("the same cannot be asked for again afterwards")
	}
	wants(t, b.presses("rita", yes), "This card is out of date")
}

func TestConfirmationComesBeforeApproval(t *testing.T) {
	o := testOptions()
	o.Policy[2].For = []string{"job.cancel"}
	b := newBench(t, o)
	b.start()
	if m := b.says("olga", "/flink cancel orders"); m.Form == nil {
		t.Fatalf("no confirmation: %s", shown(m))
	}
	card := b.ask("/flink cancel orders confirm=orders")
	wants(t, card, "All is lost.", "/flink cancel prod/orders")
	wants(t, b.presses("rita", buttonOf(t, card, "Approve").Call), "Approved")
	eventually(t, "it runs", func() bool { return len(b.runs()) == 1 })
}

func TestTwoApproversRunOnce(t *testing.T) {
	b := newBench(t, testOptions())
	b.start()
	yes := buttonOf(t, b.ask("/flink scale orders 4"), "Approve").Call
	var wg sync.WaitGroup
	titles := make([]string, 8)
	for i := range titles {
		who := []string{"rita", "rob"}[i%2]
		wg.Go(func() { titles[i] = b.presses(who, yes).Title })
	}
	wg.Wait()
	agreed := 0
	for _, title := range titles {
		switch title {
		case "Approved":
			agreed++
		case "Decided already":
		default:
			t.Errorf("told %q", title)
		}
	}
	if agreed != 1 {
		t.Errorf("%d agreed", agreed)
	}
	eventually(t, "it runs", func() bool { return b.card(t).Tone == bot.Good })
	if got := b.runs(); len(got) != 1 {
		t.Errorf("ran %v", got)
	}
}

func TestReject(t *testing.T) {
	b := newBench(t, testOptions())
	b.start()
	no := buttonOf(t, b.ask("/flink scale orders 4"), "Reject").Call
	wants(t, b.presses("vera", no), "You cannot decide")
	id := b.card(t).Blocks[len(b.card(t).Blocks)-2].(bot.Fields)[0].Value.Plain()
	wants(t, b.says("rita", "/drey reject "+id+" wait for the release"), "Rejected")
	wants(t, b.card(t), "Rejected: ", "rita said no", "Reason: wait for the release")
	wants(t, b.says("rita", "/drey approve "+id), "Decided already", "rita said no")
	wants(t, b.says("rita", "/drey approve zzzzzzzz"), "Not found")
	if len(b.runs()) != 0 {
		t.Errorf("ran %v", b.runs())
	}
}

func TestWithdraw(t *testing.T) {
	b := newBench(t, testOptions())
	wants(t, b.presses("olga", buttonOf(t, b.ask("/flink scale orders 4"), "Reject").Call), "Rejected")
	wants(t, b.card(t), "Withdrawn by olga")
}

func TestApprovalExpires(t *testing.T) {
	b := newBench(t, testOptions())
	var mu sync.Mutex
	now := time.Now().Add(-time.Hour) // so that the store finds it due at once
	b.Router.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	yes := buttonOf(t, b.ask("/flink scale orders 4"), "Approve").Call
	mu.Lock()
	now = now.Add(16 * time.Minute)
	mu.Unlock()
	wants(t, b.presses("rita", yes), "Too late", "expired 1m0s ago")
	b.start()
	eventually(t, "the card says so", func() bool { return b.card(t).Tone == bot.Muted })
	wants(t, b.card(t), "Expired: ", "Nobody agreed in time")
	if len(b.runs()) != 0 {
		t.Errorf("ran %v", b.runs())
	}
}

func TestApprovedRunIsCheckedAgain(t *testing.T) {
	b := newBench(t, testOptions())
	yes := buttonOf(t, b.ask("/flink scale orders 4"), "Approve").Call
	wants(t, b.presses("rita", yes), "Approved")
	o := testOptions()
	o.Roles["operator"] = Role{} // olga was let go meanwhile
	b.SetPolicy(mustPolicy(t, o))
	b.start()
	eventually(t, "the card says so", func() bool { return strings.Contains(b.card(t).Title, "not run") })
	wants(t, b.card(t), "Nothing was changed")
	if len(b.runs()) != 0 {
		t.Errorf("ran %v", b.runs())
	}
}

func TestApproversOfToday(t *testing.T) {
	b := newBench(t, testOptions())
	yes := buttonOf(t, b.ask("/flink scale orders 4"), "Approve").Call
	o := testOptions()
	o.Roles["boss"] = Role{WebUsers: []string{"rob"}}
	o.Policy[2].By = []string{"boss"}
	b.SetPolicy(mustPolicy(t, o))
	wants(t, b.presses("rita", yes), "You cannot decide", "boss")
	wants(t, b.presses("rob", yes), "Approved")
}

func TestTamperedRequestDoesNotRun(t *testing.T) {
	b := newBench(t, testOptions())
	wants(t, b.presses("rita", buttonOf(t, b.ask("/flink scale orders 4"), "Approve").Call), "Approved")
	for en, err := range b.approvals().Newest(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		err := b.approvals().Update(t.Context(), en.ID, func(_ *storage.Tx, a *approval, _ storage.Version) error {
			a.Call.Args = []byte(`{"job":"prod/payments","n":1}`)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	eventually(t, "the card says so", func() bool { return strings.Contains(b.card(t).Title, "not run") })
	if len(b.runs()) != 0 {
		t.Errorf("ran %v", b.runs())
	}
}

func TestAbandonedRunIsNotRepeated(t *testing.T) {
	b := newBench(t, testOptions())
	wants(t, b.presses("rita", buttonOf(t, b.ask("/flink scale orders 4"), "Approve").Call), "Approved")
	for en, err := range b.approvals().Newest(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		err := b.approvals().Update(t.Context(), en.ID, func(_ *storage.Tx, a *approval, _ storage.Version) error {
			a.State = stateRunning // by a replica that is no more
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	eventually(t, "the card says so", func() bool { return strings.Contains(b.card(t).Title, "outcome not known") })
	wants(t, b.card(t), "/drey operations")
	if len(b.runs()) != 0 {
		t.Errorf("ran %v", b.runs())
	}
}

func TestApprovedRunThatPanics(t *testing.T) {
	b := newBench(t, testOptions())
	b.start()
	wants(t, b.presses("rita", buttonOf(t, b.ask("/flink scale orders 66"), "Approve").Call), "Approved")
	eventually(t, "the card says so", func() bool { return b.card(t).Tone == bot.Bad })
	if s := shown(b.card(t)); strings.Contains(s, "boom") || strings.Contains(s, "goroutine") {
		t.Error(s)
	}
}

func TestApprovalSurvivesARestart(t *testing.T) {
	b := newBench(t, testOptions())
	yes := buttonOf(t, b.ask("/flink scale orders 4"), "Approve").Call
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Run(ctx); err != nil { // nothing is done by a router that ends
		t.Fatal(err)
	}
	wants(t, b.presses("rita", yes), "Approved")
	b.start()
	eventually(t, "it runs", func() bool { return len(b.runs()) == 1 })
}
