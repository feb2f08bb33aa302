package alerts

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// kept is an Outbox that writes deliveries down with the transaction that makes them.
type kept struct{ table storage.Table[bot.Delivery] }

func newKept(db *storage.DB) *kept {
	return &kept{storage.Table[bot.Delivery]{DB: db, Name: "test-outbox"}}
}

func (k *kept) Put(tx *storage.Tx, d bot.Delivery) { k.table.Put(tx, d.Key, d, storage.Any) }

// all returns the deliveries by key, as they stand.
func (k *kept) all(t testing.TB) map[string]bot.Delivery {
	t.Helper()
	out := map[string]bot.Delivery{}
	for e, err := range k.table.Newest(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		out[e.ID] = e.Value
	}
	return out
}

// heads and stories are the deliveries of each kind, by key.
func (k *kept) heads(t testing.TB) []bot.Delivery   { return k.kind(t, "head") }
func (k *kept) stories(t testing.TB) []bot.Delivery { return k.kind(t, "story") }

func (k *kept) kind(t testing.TB, kind string) []bot.Delivery {
	t.Helper()
	var out []bot.Delivery
	for key, d := range k.all(t) {
		if strings.Contains(key, "/"+kind) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b bot.Delivery) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

const testToken = "test-token"

func testOptions() Options {
	return Options{
		Sources: map[string]Source{"main": {Token: testToken}},
		Routes:  []Route{{Name: "all", Match: "true", To: []string{"web:oncall"}}},
	}
}

// clock is a settable one.
type clock struct{ t time.Time }

func (c *clock) now() time.Time       { return c.t }
func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }
func newClock() *clock                { return &clock{time.Date(2026, 11, 20, 23, 57, 43, 0, time.UTC)} }
func quietLog() *slog.Logger          { return slog.New(slog.DiscardHandler) }
func olga() bot.Actor {
	return bot.Actor{Network: "web", ID: "olga", Name: "Olga", Groups: []string{"ops"}}
}
func texts(ds []bot.Delivery) (out []string) {
	for _, d := range ds {
		out = append(out, d.Message.Fallback)
	}
	return out
}

func newService(t testing.TB, o Options, h Hooks) (*Service, *kept, *clock) {
	t.Helper()
	db := storagetest.Open(t)
	out, c := newKept(db), newClock()
	h.Now = c.now
	s, err := New(db, out, quietLog(), o, h)
	if err != nil {
		t.Fatal(err)
	}
	return s, out, c
}

// captured is one recorded webhook.
type captured struct {
	AtS  float64         `json:"at_s"`
	Body json.RawMessage `json:"body"`
}

func capture(t testing.TB, name string) []captured {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "captures", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []captured
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestReplay gives the service what real Alertmanagers sent, at the times they sent it.
func TestReplay(t *testing.T) {
	for _, tt := range []struct {
		capture string
		kinds   string // what each webhook was
		state   string
		heads   []string
		stories []string
	}{
		{
			capture: "single", kinds: "new resolved", state: Resolved,
			heads:   []string{"Resolved: InstanceDown on prod-eu/web-1:9100 (critical)"},
			stories: []string{"Resolved after 5 s"},
		},
		{
			capture: "single-0.25", kinds: "new resolved", state: Resolved,
			heads:   []string{"Resolved: InstanceDown on prod-eu/web-1:9100 (critical)"},
			stories: []string{"Resolved after 4 s"},
		},
		{
			capture: "ha", kinds: "new repeat resolved repeat", state: Resolved,
			heads:   []string{"Resolved: InstanceDown on prod-eu/web-1:9100 (critical)"},
			stories: []string{"Resolved after 5 s"},
		},
		{
			capture: "ha-0.25", kinds: "new repeat resolved repeat", state: Resolved,
			heads:   []string{"Resolved: InstanceDown on prod-eu/web-1:9100 (critical)"},
			stories: []string{"Resolved after 4 s"},
		},
		{
			capture: "grouped", kinds: "new changed changed resolved", state: Resolved,
			heads: []string{"Resolved: HighLatency on prod-eu (critical)"},
			// who left and who joined came within a minute: one message, edited
			stories: []string{"Now 3 of 4 fire: web-2:9100, web-3:9100, web-4:9100; ended: web-1:9100", "Resolved after 15 s"},
		},
		{
			capture: "truncated", kinds: "new repeat", state: Firing,
			heads: []string{"Firing: DiskFull on prod-eu (critical). DiskFull on db-2:9100 (and one more alert)"},
		},
		{
			capture: "silencepart", kinds: "new repeat repeat repeat", state: Firing,
			heads: []string{"Firing: InstanceDown on prod-eu (critical). InstanceDown on web-2:9100 (and one more alert)"},
		},
		{
			capture: "flap", kinds: "new resolved reopened resolved", state: Resolved,
			heads:   []string{"Resolved: Flap on prod-eu/a (critical)"},
			stories: []string{"Resolved after 8 s", "Firing again, 1 s after it was over (time 2): a", "Resolved after 3 s"},
		},
		{
			capture: "repeat", kinds: "new repeat", state: Firing,
			heads: []string{"Firing: Watchdog on prod-eu/w (critical). Watchdog on w"},
		},
		{
			capture: "groupnone", kinds: "new", state: Firing,
			heads: []string{"Firing: X and others on prod-eu (critical). X on a (and one more alert)"},
		},
		{
			capture: "utf8", kinds: "new", state: Firing,
			heads: []string{"Firing: Höhe über NN ⛔ on prod-eu/a (critical). Höhe über NN ⛔ on a"},
		},
	} {
		t.Run(tt.capture, func(t *testing.T) {
			s, out, c := newService(t, testOptions(), Hooks{})
			begin := c.t
			var kinds []string
			for _, w := range capture(t, tt.capture) {
				c.t = begin.Add(time.Duration(w.AtS * float64(time.Second)))
				kind, err := s.Take(t.Context(), "main", w.Body)
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, kind)
			}
			if got := strings.Join(kinds, " "); got != tt.kinds {
				t.Errorf("webhooks were %q, want %q", got, tt.kinds)
			}
			if got := texts(out.heads(t)); !slices.Equal(got, tt.heads) {
				t.Errorf("heads %q, want %q", got, tt.heads)
			}
			if got := texts(out.stories(t)); !slices.Equal(got, tt.stories) {
				t.Errorf("stories %q, want %q", got, tt.stories)
			}
			for _, i := range list(t, s) {
				if i.State() != tt.state {
					t.Errorf("%s is %s, want %s", i.ID, i.State(), tt.state)
				}
			}
		})
	}
}

func list(t testing.TB, s *Service) []Incident {
	t.Helper()
	l, err := s.List(t.Context(), Filter{States: []string{Firing, Acked, Silenced, Resolved}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func labels(d bot.Delivery) string {
	var out []string
	for _, b := range d.Message.Blocks {
		if a, ok := b.(bot.Actions); ok {
			for _, x := range a {
				out = append(out, x.Label)
			}
		}
	}
	return strings.Join(out, " ")
}

func TestThinPath(t *testing.T) {
	s, out, c := newService(t, testOptions(), Hooks{})
	body := webhook("FlinkJobCrashLoop", map[string]string{"job_id": "a1", "job_name": "orders", "cluster": "prod", "severity": "critical"}, Firing)
	if _, err := s.Take(t.Context(), "main", body); err != nil {
		t.Fatal(err)
	}
	h := out.heads(t)
	if len(h) != 1 || labels(h[0]) != "Ack Diagnose Restart… Savepoint Logs Scale… Stop… Assign…" {
		t.Fatalf("%d heads, buttons %q", len(h), labels(h[0]))
	}
	id := list(t, s)[0].ID
	c.pass(time.Minute)
	a, err := s.Ack(t.Context(), "#"+strings.ToUpper(id), olga())
	if err != nil || a.Already {
		t.Fatal(a, err)
	}
	a, err = s.Ack(t.Context(), id, bot.Actor{ID: "vera"})
	if err != nil || !a.Already || a.Say != id+" was already acknowledged by Olga at 23:58 UTC. To take it over: /alerts assign "+id+" me" {
		t.Fatal(a, err)
	}
	h = out.heads(t)
	if got := labels(h[0]); got != "Un-ack Diagnose Restart… Savepoint Logs Scale… Stop… Assign…" || !strings.HasPrefix(h[0].Message.Title, "Acknowledged: ") {
		t.Errorf("after Ack: %q with %q", h[0].Message.Title, got)
	}
	if got := texts(out.stories(t)); !slices.Equal(got, []string{"Acknowledged by Olga"}) {
		t.Errorf("stories %q", got)
	}
}

// webhook is one of a single alert that began at the clock's start.
func webhook(name string, l map[string]string, status string) []byte {
	return webhookOf(name, status, l)
}

func webhookOf(name, status string, alerts ...map[string]string) []byte {
	p := Payload{Version: "4", Receiver: "drey", Status: status, GroupLabels: map[string]string{"alertname": name}, ExternalURL: "http://am.example:9093"}
	for _, l := range alerts {
		a := PayloadAlert{Status: status, Labels: map[string]string{"alertname": name}, Annotations: map[string]string{"summary": name + " happened"}, StartsAt: newClock().t.Add(-time.Second), GeneratorURL: "http://prom.example/graph?g0.expr=up"}
		for k, v := range l {
			a.Labels[k] = v
		}
		if s, ok := l["!"]; ok {
			a.Status = s
			delete(a.Labels, "!")
		}
		if a.Status == Resolved {
			a.EndsAt = newClock().t
		}
		p.Alerts = append(p.Alerts, a)
	}
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return raw
}
