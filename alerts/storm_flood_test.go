package alerts

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// flood is a storm over replicas that share a redis-server and a chat which takes one message a second in a channel.
type flood struct {
	t    testing.TB
	url  string
	chat *bottest.Memory
	o    Options
}

func newFlood(t testing.TB, from int) *flood {
	url, _ := storagetest.Redis(t)
	c := bottest.Roomy()
	c.PostEvery, c.EditEvery = time.Second, time.Second
	f := &flood{t: t, url: url, chat: bottest.NewMemory("web", c), o: testOptions()}
	f.o.Routes = append([]Route{{Name: "calm", Match: `labels.team == "calm"`, To: []string{"web:calm"}}}, f.o.Routes...)
	f.o.Storm = StormOptions{From: from}
	return f
}

// replica runs a service with its outbox until the returned function is called.
func (f *flood) replica() (*Service, func()) {
	f.t.Helper()
	db := storagetest.With(f.t, storage.Options{Redis: f.url})
	out := bot.NewOutbox(db, quietLog(), bot.OutboxOptions{}, f.chat)
	s, err := New(db, out, quietLog(), f.o, Hooks{})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = out.Run(ctx) })
	wg.Go(func() { _ = s.Run(ctx) })
	stop := sync.OnceFunc(func() { cancel(); wg.Wait() })
	f.t.Cleanup(stop)
	return s, stop
}

// group is the webhook of one of many groups of ten alerts.
func group(n int, status string) []byte {
	var as []map[string]string
	for k := range 10 {
		sev := "warning"
		if n%10 == 0 {
			sev = "critical"
		}
		as = append(as, map[string]string{"instance": fmt.Sprintf("tm-%d", k), "severity": sev, "cluster": fmt.Sprintf("prod-%d", n%3), "owner": fmt.Sprintf("team-%d", n%7)})
	}
	return webhookOf(fmt.Sprintf("Down%d", n), status, as...)
}

// pour sends a webhook for every number, sixteen at once, to the replicas in turn.
func pour(t testing.TB, ns []int, status string, to ...*Service) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(16)
	for i, n := range ns {
		g.Go(func() error {
			_, err := to[i%len(to)].Take(context.Background(), "main", group(n, status))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// digest is the storm's message as it stands.
func (f *flood) digest() (bottest.Said, bool) {
	for _, s := range f.chat.Said("oncall") {
		if strings.HasSuffix(s.Key, "/digest") {
			return s, true
		}
	}
	return bottest.Said{}, false
}

func (f *flood) shows(title string) {
	f.t.Helper()
	f.chat.Until(f.t, title, func() bool {
		s, ok := f.digest()
		return ok && s.Message.Title == title
	})
}

// Ten thousand alerts in a thousand groups for one channel, over two replicas of which one goes and comes back: few messages,
// each group counted once, and what the digest says at the end is true.
func TestStormFlood(t *testing.T) {
	groups, from := 1000, 3
	if testing.Short() {
		groups = 200
	}
	f := newFlood(t, from)
	a, _ := f.replica()
	b, kill := f.replica()
	ns := rand.Perm(groups)
	pour(t, ns[:groups/2], Firing, a, b)
	for n := range 3 {
		take(t, a, webhook(fmt.Sprintf("Calm%d", n), map[string]string{"team": "calm"}, Firing))
	}
	kill()
	pour(t, ns[groups/2:], Firing, a)
	f.chat.Until(t, "the other channel", func() bool { return len(f.chat.Said("calm")) == 3 })
	f.shows(fmt.Sprintf("Storm: %[1]s firing of %[1]s incidents", thousands(groups)))
	s, _ := f.digest()
	want := []string{fmt.Sprintf("%d critical, %d warning", groups/10, groups-groups/10), "Alerts firing: " + thousands(10*groups), "Cluster: prod-0 ×", fmt.Sprintf("With own thread: %d", from), "[Show firing] [Expand top 10] [Ack all]"}
	for _, w := range want {
		if !strings.Contains(s.Message.Plain(), w) {
			t.Errorf("the digest lacks %q:\n%s", w, s.Message.Plain())
		}
	}

	b, _ = f.replica()
	over := rand.Perm(groups)[:groups*6/10]
	pour(t, over, Resolved, a, b)
	pour(t, over[:groups/10], Resolved, b, a) // the other half of a pair says so too
	f.shows(fmt.Sprintf("Storm: %d firing, %d resolved of %s incidents", groups-len(over), len(over), thousands(groups)))

	s, _ = f.digest()
	id := s.Message.Blocks[len(s.Message.Blocks)-2].(bot.Note).Spans
	x, err := b.Expand(t.Context(), Expansion{What: id[len(id)-1].Text, May: func(*Incident) bool { return true }})
	if err != nil || len(x.Incidents) != ExpandMax || x.Incidents[0].Severity != "critical" {
		t.Fatal(len(x.Incidents), err)
	}
	f.chat.Until(t, "ten threads more", func() bool { return len(f.chat.Said("oncall")) >= from+1+ExpandMax })
	left := groups - len(over)
	acked, firing, err := a.AckStorm(t.Context(), id[len(id)-1].Text, olga(), func(*Incident) bool { return true })
	if err != nil || acked != left || firing != left {
		t.Errorf("%d of %d acknowledged, %v", acked, firing, err)
	}
	f.shows(fmt.Sprintf("Storm: 0 firing, %d acknowledged, %d resolved of %s incidents", left, len(over), thousands(groups)))
	posts, edits := 0, 0
	for _, c := range f.chat.Calls("") {
		switch {
		case c.Place.Channel != "oncall":
		case c.Method == bot.MethodPost:
			posts++
		default:
			edits++
		}
	}
	t.Logf("%d alerts in %d groups: %d posts, %d edits", 10*groups, groups, posts, edits)
	// Heads, stories of those with threads (resolved, acknowledged), the digest.
	if posts > 1+3*(from+ExpandMax) {
		t.Errorf("%d posts", posts)
	}
}
