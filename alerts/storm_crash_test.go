package alerts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// wreck is a small storm that a process lives through until it dies at one of its round trips to the store; the next process goes
// on with what it left there. Time passes when the test says so, in the store too.
type wreck struct {
	t    *testing.T
	url  string
	db   *storage.DB // the test's own
	look *bot.Outbox
	rdb  *redis.Client
	chat *bottest.Memory
	c    *clock

	p     *process
	lives int
}

// process is drey over its own connections to the store.
type process struct {
	s     *Service
	dead  chan struct{}
	calls atomic.Int64
	stop  func()
}

// errDied is what a process sees of the world after its death.
var errDied = errors.New("the process is dead")

const wrecked = 12 // groups

// live starts a process that dies right after its kth round trip; 0: never. deaf says that nothing it posts arrives from then
// on; otherwise what it is posting still does, and is not written down.
func (w *wreck) live(k int64, deaf bool) {
	w.t.Helper()
	p := &process{dead: make(chan struct{})}
	var db *storage.DB
	var armed atomic.Bool
	o := storage.Options{Redis: w.url, OnCall: func(string, time.Duration, error) {
		if armed.Load() && p.calls.Add(1) == k {
			close(p.dead)
			_ = db.Close() // from here on nothing that it does reaches the store
		}
	}}
	db, err := storage.Open(w.t.Context(), o, quietLog())
	if err != nil {
		w.t.Fatal(err)
	}
	armed.Store(true)
	w.chat.Script(func(context.Context, bottest.Call) error {
		if deaf && p.died() {
			return errDied
		}
		return nil
	})
	out := bot.NewOutbox(db, quietLog(), bot.OutboxOptions{}, w.chat)
	opts := testOptions()
	opts.Storm = StormOptions{From: 3, Within: time.Hour, Calm: 30 * time.Minute}
	opts.Ack.RemindAfter = -1
	opts.OnCall = rota()
	opts.Routes[0].Escalate = "night"
	opts.Escalations = map[string]Escalation{"night": {Steps: []EscalationStep{{After: 5 * time.Minute, OnCall: "primary", To: []string{"web:boss"}}}}}
	if p.s, err = New(db, out, quietLog(), opts, Hooks{Now: w.c.now}); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = out.Run(ctx) })
	p.stop = func() { cancel(); wg.Wait(); _ = db.Close() }
	w.p, w.lives = p, w.lives+1
}

func (p *process) died() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// shift lets time pass in the queues: what is due and what is leased comes that much sooner.
var shift = redis.NewScript(`
for _, key in ipairs(redis.call('KEYS', '*:q:*')) do
	for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -ARGV[1], id) end
end
return 1`)

func (w *wreck) pass(d time.Duration) {
	w.t.Helper()
	w.c.pass(d)
	if err := shift.Run(w.t.Context(), w.rdb, nil, d.Milliseconds()).Err(); err != nil {
		w.t.Fatal(err)
	}
}

// work does all that is due, and waits until it is posted.
func (w *wreck) work() error {
	s := w.p.s
	for _, q := range []struct {
		queue storage.Queue
		do    func(context.Context, []storage.Item)
	}{{stormQueue, s.weatherReport}, {escalateQueue, s.escalate}, {dueQueue, s.due}, {muteQueue, s.unmute}} {
		items, _, err := s.db.Claim(w.t.Context(), q.queue, 64, lease)
		if err != nil {
			return err
		}
		if len(items) > 0 {
			q.do(w.t.Context(), items)
		}
	}
	for end := time.Now().Add(time.Minute); !w.p.died(); time.Sleep(time.Millisecond) {
		n, _, err := w.look.Depth(w.t.Context())
		if err != nil || time.Now().After(end) {
			w.t.Fatalf("%d messages left, %v", n, err)
		}
		if n == 0 {
			return nil
		}
	}
	return errDied
}

// all sends a webhook for every group, as Alertmanager does: again where the last try had no answer.
func (w *wreck) all(status string) error {
	for n := 1; n <= wrecked; n++ {
		sev := map[bool]string{false: "warning", true: "critical"}[n%4 == 0]
		if _, err := w.p.s.Take(w.t.Context(), "main", webhook(fmt.Sprintf("Down%d", n), map[string]string{"cluster": "prod", "severity": sev}, status)); err != nil {
			return err
		}
	}
	return nil
}

func (w *wreck) stormNow() (string, error) {
	for e, err := range w.p.s.storms.Newest(w.t.Context(), 0) {
		return e.Value.ID, err
	}
	return "", errors.New("there is no storm")
}

// acts are what happens in the storm. Each is done again, by whoever did it, when the process died before it was through.
func (w *wreck) acts() []func() error {
	may := func(*Incident) bool { return true }
	rest := func(d time.Duration) func() error {
		passed := false
		return func() error {
			if !passed {
				w.pass(d)
			}
			passed = true
			return w.work()
		}
	}
	return []func() error{
		func() error { return w.all(Firing) },
		rest(5 * time.Second),
		rest(6 * time.Minute), // it escalates
		func() error { // the most urgent gets a thread
			id, err := w.stormNow()
			if err != nil {
				return err
			}
			r, err := w.p.s.storm(w.t.Context(), id)
			if err != nil || r.members[0].Value.Own {
				return err
			}
			_, err = w.p.s.Expand(w.t.Context(), Expansion{What: r.members[0].Value.ID, May: may})
			return err
		},
		rest(5 * time.Second),
		func() error {
			id, err := w.stormNow()
			if err == nil {
				_, _, err = w.p.s.AckStorm(w.t.Context(), id, olga(), may)
			}
			return err
		},
		rest(5 * time.Second),
		func() error { return w.all(Resolved) },
		rest(5 * time.Second),
		rest(40 * time.Minute), // it is calm
		rest(5 * time.Second),
		rest(time.Hour),
	}
}

// through lives the storm through, with one death at round trip k, and returns how many round trips the first process made.
func (w *wreck) through(k int64, deaf bool) int64 {
	w.t.Helper()
	w.live(k, deaf)
	first := w.p
	for n, act := range w.acts() {
		for try := 0; ; try++ {
			err := act()
			if err == nil && !w.p.died() {
				break
			}
			if !w.p.died() || try > 3 {
				w.t.Fatalf("death at %d: act %d: %v", k, n, err)
			}
			w.p.stop()
			w.pass(lease + time.Second)
			w.live(0, false)
		}
	}
	w.p.stop()
	return first.calls.Load()
}

// check says what is not as it should be at the end.
func (w *wreck) check() (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	count, threads := map[string]int{}, map[string]int{}
	for _, s := range append(w.chat.Said("oncall"), w.chat.Said("boss")...) {
		at := s.Ref.Place.Channel
		switch title := s.Message.Title; {
		case strings.HasPrefix(title, "Storm"):
			count[at+" digest"]++
			if title != fmt.Sprintf("Storm over: all %d incidents resolved", wrecked) {
				bad("the digest in %s ends as %q", at, title)
			}
		case title != "":
			threads[at+" "+title]++
			if !strings.HasPrefix(title, "Resolved: ") {
				bad("a head ends as %q", title)
			}
		default:
			what, _, _ := strings.Cut(s.Message.Fallback, " after ")
			what, _, _ = strings.Cut(what, ":")
			count[at+" "+s.Ref.Place.Thread+" "+what]++
		}
	}
	for what, n := range count {
		if n != 1 {
			bad("%d × %s", n, what)
		}
	}
	for title, n := range threads {
		if n != 1 {
			bad("%d × %s", n, title)
		}
	}
	// The three from before the storm and the one that was expanded have threads; those three were escalated by themselves.
	if len(threads) != 4+3 || count["oncall digest"] != 1 || count["boss digest"] != 1 {
		bad("%d heads, %v", len(threads), count)
	}
	w.live(0, false)
	defer w.p.stop()
	is, err := w.p.s.List(w.t.Context(), Filter{States: []string{Firing, Acked, Silenced, Resolved}, Max: 1000})
	if err != nil || len(is) != wrecked {
		bad("%d incidents, %v", len(is), err)
	}
	for _, i := range is {
		if i.State() != Resolved || i.Seq != 1 || len(i.Targets) == 0 || !i.Targets[0].Headed && !i.Targets[0].represented() {
			bad("%s is %s, in %d places", i.ID, i.State(), len(i.Targets))
		}
	}
	for _, q := range []storage.Queue{stormQueue, escalateQueue, dueQueue, muteQueue, "outbox"} {
		if n, _, err := w.db.Depth(w.t.Context(), q); n != 0 || err != nil {
			bad("%d left in %s, %v", n, q, err)
		}
	}
	return wrong
}

// TestStormCrashEverywhere: wherever a process dies in a storm, the next one brings it to the same end. The deaths are a few by
// chance of the round trips, or all with DREY_TEST_ALL set.
func TestStormCrashEverywhere(t *testing.T) {
	url, _ := storagetest.Redis(t, "--appendfsync", "no")
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	db := storagetest.With(t, storage.Options{Redis: url})
	run := func(k int64, deaf bool) int64 {
		if err := rdb.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		chat := bottest.NewMemory("web", bottest.Roomy())
		w := &wreck{t: t, url: url, db: db, rdb: rdb, chat: chat, c: newClock(), look: bot.NewOutbox(db, quietLog(), bot.OutboxOptions{}, chat)}
		n := w.through(k, deaf)
		if wrong := w.check(); len(wrong) > 0 {
			t.Errorf("death at round trip %d (deaf: %v):\n  %s", k, deaf, strings.Join(wrong, "\n  "))
		}
		return n
	}
	n := run(0, false)
	every := max(1, n/40)
	if testing.Short() {
		every = max(1, n/5)
	}
	if os.Getenv("DREY_TEST_ALL") != "" {
		every = 1
	}
	start := time.Now()
	for k := 1 + time.Now().UnixNano()%every; k <= n; k += every {
		run(k, k%2 == 0)
		if every == 1 {
			run(k, k%2 == 1)
		}
	}
	t.Logf("%d round trips, a death at every %d: %s", n, every, time.Since(start))
}
