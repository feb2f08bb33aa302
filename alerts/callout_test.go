package alerts

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/config/secret"
	"github.com/drey-ops/drey/storage"
)

// pager is a webhook's server.
type pager struct {
	*httptest.Server
	mu    sync.Mutex
	codes []int // to answer; then 200
	keys  []string
	got   []Callout
}

func newPager(t *testing.T, codes ...int) *pager {
	p := &pager{codes: codes}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		var c Callout
		b, err := io.ReadAll(r.Body)
		if err := json.Unmarshal(b, &c); err != nil || r.Method != http.MethodPost {
			t.Errorf("%s %s: %v", r.Method, b, err)
		}
		p.keys, p.got = append(p.keys, r.Header.Get("Idempotency-Key")), append(p.got, c)
		code := 200
		if len(p.codes) > 0 {
			code, p.codes = p.codes[0], p.codes[1:]
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
		_, err2 := io.WriteString(w, "see https://pager.example/s3cret")
		if err != nil || err2 != nil {
			t.Error(err, err2)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// callNow does what the worker does with the webhooks on their way.
func callNow(t *testing.T, s *Service) {
	t.Helper()
	for e, err := range s.callings().Newest(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		it, err := s.db.Take(t.Context(), calloutQueue, e.ID, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		s.callouts(t.Context(), []storage.Item{it})
	}
}

func TestWebhookOfAStep(t *testing.T) {
	for name, test := range map[string]struct {
		codes []int
		calls int
		told  string
	}{
		"at once":        {nil, 1, ""},
		"third time":     {[]int{500, 429}, 3, ""},
		"never":          {slices.Repeat([]int{503}, 99), calloutTries, "its server answered 503. Tried 9 times"},
		"refused":        {[]int{403}, 1, "its server answered 403. Tried 1 times"},
		"sent elsewhere": {[]int{302}, 1, "its server answered 302"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPager(t, test.codes...)
			o := climbing()
			o.Escalations["night"] = Escalation{Steps: []EscalationStep{{After: time.Minute, Webhook: secret.Text(p.URL + "/s3cret")}}}
			s, _, c := newService(t, o, Hooks{HTTP: p.Client()})
			take(t, s, webhook("Down", map[string]string{"severity": "critical"}, Firing))
			pass(t, s, c, time.Minute)
			for range 12 {
				callNow(t, s)
			}
			if len(p.got) != test.calls || len(slices.Compact(slices.Sorted(slices.Values(p.keys)))) != 1 {
				t.Fatalf("%d calls with keys %q", len(p.got), p.keys)
			}
			i := one(t, s)
			want := Callout{
				Version: "1", ID: p.keys[0], Incident: i.ID, Title: "Down", Text: p.got[0].Text, Severity: "critical", State: "firing", Labels: i.Labels,
				Since: i.Since, Chain: "night", Step: 1, Steps: 1, At: c.t,
			}
			if d := cmp.Diff(want, p.got[0]); d != "" {
				t.Error(d)
			}
			lines := escalated(i)
			if test.told == "" && len(lines) != 1 || test.told != "" && (len(lines) != 2 || !strings.Contains(lines[1], test.told)) {
				t.Errorf("told: %q", lines)
			}
			if all := strings.Join(lines, "\n"); strings.Contains(all, "s3cret") || strings.Contains(all, "127.0.0.1") {
				t.Errorf("it tells the address: %s", all)
			}
		})
	}
}
