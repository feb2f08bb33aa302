package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// rig is the whole way with real programs: Alertmanager, drey's receiver and workers, Redis, the outbox, a chat in memory.
type rig struct {
	t       *testing.T
	db      *storage.DB
	redis   *storagetest.Server
	service *Service
	chat    *bottest.Memory
	hook    *httptest.Server

	mu      sync.Mutex
	results map[string]int
	ams     []*local.Server
	works   works
}

func newRig(t *testing.T, alertmanagers int) *rig {
	t.Helper()
	return newRigOf(t, alertmanagers, local.AlertmanagerOptions{})
}

// newRigOf gives each Alertmanager a source of its own where sources names them; else all are of one.
func newRigOf(t *testing.T, alertmanagers int, am local.AlertmanagerOptions, sources ...string) *rig {
	t.Helper()
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT is set")
	}
	r := &rig{t: t, results: map[string]int{}, works: works{byID: map[string]Operation{}}, chat: bottest.NewMemory("web", bottest.Roomy())}
	url, redis := storagetest.Redis(t)
	r.redis = redis
	r.db = storagetest.With(t, storage.Options{Redis: url})

	// The service wants the addresses of the Alertmanagers and they want that of the receiver, so one of them comes late.
	var receiver atomic.Pointer[Receiver]
	r.hook = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r := receiver.Load(); r != nil {
			r.ServeHTTP(w, req)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(r.hook.Close)
	o := testOptions()
	for n := range alertmanagers {
		source := "main"
		if n < len(sources) {
			source = sources[n]
		}
		am.WebhookURL, am.Token = r.hook.URL+"/webhooks/alertmanager/"+source, testToken
		am.GroupWait, am.GroupInterval, am.GroupBy = 100*time.Millisecond, time.Second, []string{"alertname", "cluster"}
		am, err := local.Alertmanager(t.Context(), am)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(am.Stop)
		r.ams = append(r.ams, am)
		o.Sources[source] = Source{Token: testToken, Alertmanager: append(o.Sources[source].Alertmanager, am.URL())}
	}
	o.ReconcileEvery, o.SettleAfter = time.Second, 3*time.Second
	out := bot.NewOutbox(r.db, quietLog(), bot.OutboxOptions{}, r.chat)
	var err error
	r.service, err = New(r.db, out, quietLog(), o, Hooks{Operation: r.works.get, OnWebhook: func(_, result string, _ time.Duration) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.results[result]++
	}})
	if err != nil {
		t.Fatal(err)
	}
	receiver.Store(r.service.Receiver())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = out.Run(ctx) })
	wg.Go(func() { _ = r.service.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r
}

// send posts alerts to one Alertmanager. ends: how long they last unless sent again.
func (r *rig) send(am int, ends time.Duration, ls ...map[string]string) {
	r.t.Helper()
	var list []map[string]any
	for _, l := range ls {
		list = append(list, map[string]any{
			"labels": l, "annotations": map[string]string{"summary": l["alertname"] + " happened"},
			"startsAt": time.Now().Add(-time.Second), "endsAt": time.Now().Add(ends), "generatorURL": "http://prom.example/graph",
		})
	}
	raw, err := json.Marshal(list)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := http.Post(r.ams[am].URL()+"/api/v2/alerts", "application/json", bytes.NewReader(raw))
	if err != nil {
		r.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("Alertmanager answers %s", res.Status)
	}
}

func (r *rig) count(result string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.results[result]
}

func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	limit := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(limit) {
			for _, s := range r.all() {
				r.t.Logf("%s: %s", s.Key, s.Message.Fallback)
			}
			r.t.Fatalf("not in 30 s: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// all is what stands in the channel and in its threads.
func (r *rig) all() []bottest.Said { return r.chat.Said("oncall") }

// said lists the heads or the stories as they stand, by the time of their first post.
func (r *rig) said(kind string) []string {
	var out []string
	for _, s := range r.all() {
		if strings.Contains(s.Key, "/"+kind) {
			out = append(out, s.Message.Fallback)
		}
	}
	return out
}

func (r *rig) one() Incident {
	r.t.Helper()
	l := list(r.t, r.service)
	if len(l) != 1 {
		r.t.Fatalf("%d incidents", len(l))
	}
	return l[0]
}

func crashLoop() map[string]string {
	return map[string]string{"alertname": "FlinkJobCrashLoop", "cluster": "prod", "job_name": "orders", "severity": "critical"}
}

func TestFireAndResolve(t *testing.T) { fireAndResolve(t, newRig(t, 1)) }

func fireAndResolve(t *testing.T, r *rig) {
	t.Helper()
	r.send(0, time.Minute, crashLoop())
	r.until("a thread", func() bool {
		return slices.Equal(r.said("head"), []string{"Firing: FlinkJobCrashLoop on prod/orders (critical). FlinkJobCrashLoop happened"})
	})
	r.send(0, -time.Millisecond, crashLoop())
	r.until("the end", func() bool {
		return slices.Equal(r.said("head"), []string{"Resolved: FlinkJobCrashLoop on prod/orders (critical)"}) && len(r.said("story")) == 1
	})
	t.Log(r.said("story"))
	head, story := r.all()[0], r.all()[1]
	if head.Edits == 0 || story.Ref.Place.Thread != head.Ref.ID {
		t.Errorf("head edited %d times, story in thread %q of %q", head.Edits, story.Ref.Place.Thread, head.Ref.ID)
	}
}

// A silence swallows the resolve; what Alertmanager's API says closes the thread.
func TestResolvedWhileSilenced(t *testing.T) { resolvedWhileSilenced(t, newRig(t, 1)) }

func resolvedWhileSilenced(t *testing.T, r *rig) {
	t.Helper()
	r.send(0, time.Minute, crashLoop())
	r.until("a thread", func() bool { return len(r.said("head")) == 1 })
	a, err := silenceFor(t, r.service, r.one().ID, olga(), time.Hour, "deploying")
	if err != nil || a.Pending {
		t.Fatal(a.Say, err)
	}
	t.Log(a.Say)
	again, err := silenceFor(t, r.service, r.one().ID, olga(), time.Hour-time.Minute, "")
	if err != nil || !again.Already {
		t.Fatal(again.Say, err)
	}
	r.until("the head says so", func() bool { return strings.HasPrefix(r.said("head")[0], "Silenced: ") })
	r.until("enough looks", func() bool { return time.Since(r.one().First) > 4*time.Second })
	r.send(0, -time.Millisecond, crashLoop())
	r.until("the end", func() bool { return strings.HasPrefix(r.said("head")[0], "Resolved: ") })
	r.until("the thread says so", func() bool { return len(r.said("story")) == 2 })
	got := r.said("story")
	t.Log(got)
	if !strings.HasSuffix(got[1], "It ended while it was silenced.") {
		t.Errorf("stories %q", got)
	}
	if r.count(resultAccepted) != 1 {
		t.Errorf("Alertmanager sent %d webhooks that told something", r.count(resultAccepted))
	}
}

// kill -9 loses the silence, and every alert is notified again.
func TestAlertmanagerKilled(t *testing.T) { alertmanagerKilled(t, newRig(t, 1)) }

func alertmanagerKilled(t *testing.T, r *rig) {
	t.Helper()
	r.send(0, time.Minute, crashLoop())
	r.until("a thread", func() bool { return len(r.said("head")) == 1 })
	if _, err := silenceFor(t, r.service, r.one().ID, olga(), time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	r.ams[0].Kill()
	r.until("the head says that nobody answers", func() bool { return !r.one().Blind.IsZero() })
	if err := r.ams[0].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.until("the silence is made again", func() bool { return len(r.said("story")) == 2 })
	r.send(0, time.Minute, crashLoop())
	time.Sleep(3 * time.Second)
	c, err := alertmanager.New(r.ams[0].URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.Silences(t.Context())
	if err != nil || len(all) != 1 || !all[0].Live() {
		t.Fatalf("silences %+v, %v", all, err)
	}
	if got := r.said("story"); len(r.said("head")) != 1 || len(got) != 2 || !strings.HasPrefix(got[1], "Silenced again") {
		t.Errorf("heads %q, stories %q", r.said("head"), got)
	}
	a, err := r.service.Unsilence(t.Context(), r.one().ID, olga())
	if err != nil || a.Pending {
		t.Fatal(a.Say, err)
	}
	if all, err = c.Silences(t.Context()); err != nil || all[0].Live() {
		t.Errorf("after Unsilence: %+v, %v", all, err)
	}
	r.until("the head fires again", func() bool { return strings.HasPrefix(r.said("head")[0], "Firing: ") })
}

// Two Alertmanagers without gossip both send; each alert is told once.
func TestPairIsOneThread(t *testing.T) {
	r := newRig(t, 2)
	for i := range 5 {
		l := crashLoop()
		l["cluster"] = fmt.Sprint("prod-", i)
		r.send(0, time.Minute, l)
		r.send(1, time.Minute, l)
	}
	r.until("both told all", func() bool { return r.count(resultAccepted)+r.count(resultDuplicate) >= 10 })
	r.until("five threads", func() bool { return len(r.said("head")) == 5 })
	if r.count(resultAccepted) != 5 || len(r.said("story")) != 0 {
		t.Errorf("%d accepted, stories %q", r.count(resultAccepted), r.said("story"))
	}
}

// With the store away the webhook is refused with 503, and Alertmanager brings it again.
func TestStoreAway(t *testing.T) {
	r := newRig(t, 1)
	r.redis.Kill()
	r.send(0, time.Minute, crashLoop())
	r.until("refused", func() bool { return r.count(resultUnavailable) > 0 })
	r.redis.Start(t)
	r.until("told all the same", func() bool { return len(r.said("head")) == 1 })
	t.Logf("refused %d times before", r.count(resultUnavailable))
}

// With the newest Alertmanager, which says why it notifies and keeps annotations of silences, all goes as with Debian's.
func TestNewestAlertmanager(t *testing.T) {
	if os.Getenv("DREY_TEST_SHORT") != "" || testing.Short() {
		t.Skip("builds Alertmanager")
	}
	newest := local.AlertmanagerOptions{Newest: true, Progress: func(line string) { t.Log(line) }}
	if _, err := local.NewestAlertmanager(t.Context(), "", newest.Progress); err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]func(*testing.T, *rig){
		"fire and resolve": fireAndResolve, "resolved while silenced": resolvedWhileSilenced, "killed": alertmanagerKilled, "cut": cutWebhooks,
		"annotations": silenceAnnotated,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newest
			if name == "cut" {
				o.MaxAlerts = 2
			}
			check(t, newRigOf(t, 1, o))
		})
	}
}

// What a webhook was too short for is asked for, and each job gets its own thread all the same.
func TestCutWebhooks(t *testing.T) {
	cutWebhooks(t, newRigOf(t, 1, local.AlertmanagerOptions{MaxAlerts: 2}))
}

func cutWebhooks(t *testing.T, r *rig) {
	t.Helper()
	var ls []map[string]string
	for i := range 5 {
		l := crashLoop()
		l["job_name"] = fmt.Sprint("job-", i)
		ls = append(ls, l)
	}
	for i := range 3 {
		ls = append(ls, map[string]string{"alertname": "Down", "cluster": "prod", "instance": fmt.Sprint("tm-", i)})
	}
	r.send(0, time.Minute, ls...)
	r.until("a thread each, and one for the group", func() bool { return len(r.said("head")) == 6 })
	r.until("the group is whole", func() bool {
		for _, i := range list(t, r.service) {
			if i.About == aboutGroup && (i.FiringCount() != 3 || i.Cut != 0) {
				return false
			}
		}
		return true
	})
}
