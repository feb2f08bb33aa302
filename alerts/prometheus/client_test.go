package prometheus

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, base string) *Client {
	t.Helper()
	h := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(h.CloseIdleConnections)
	c, err := New(base, h)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAgainstPrometheus(t *testing.T) {
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT is set")
	}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `lag{job_name="orders"} 42`+"\n"+`lag{job_name="late"} NaN`)
	}))
	defer target.Close()
	p, err := local.Prometheus(t.Context(), local.PrometheusOptions{
		Targets: map[string][]string{"thing": {strings.TrimPrefix(target.URL, "http://")}}, Every: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	c := client(t, p.URL())
	ask := func(expr string) ([]Series, error) {
		return c.QueryRange(t.Context(), expr, time.Now().Add(-time.Minute), time.Now(), time.Second)
	}
	var got []Series
	for limit := time.Now().Add(20 * time.Second); len(got) < 2; time.Sleep(50 * time.Millisecond) {
		if got, err = ask("lag"); err != nil || time.Now().After(limit) {
			t.Fatal(got, err)
		}
	}
	for _, s := range got {
		last := s.Samples[len(s.Samples)-1]
		if s.Labels["job_name"] == "orders" && (last.Value != 42 || time.Since(last.At) > time.Minute) {
			t.Errorf("got %+v", last)
		}
	}
	if none, err := ask("no_such_metric"); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
	if _, err := ask("lag >"); platform.KindOf(err) != platform.Invalid || !strings.Contains(err.Error(), "parse error") {
		t.Errorf("%v", err)
	}
	if _, err := c.QueryRange(t.Context(), "lag", time.Now(), time.Now().Add(-time.Hour), time.Second); platform.KindOf(err) != platform.Invalid {
		t.Errorf("%v", err)
	}
	p.Kill()
	if _, err := ask("lag"); platform.KindOf(err) != platform.Unavailable || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("%v", err)
	}
}

func TestStrangeAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		code       int
		kind       platform.Kind
		say        string
	}{
		{"a page", "<html>", 200, platform.Unavailable, "not Prometheus' API"},
		{"nothing there", "404 page not found", 404, platform.Unavailable, "not Prometheus' API"},
		{"a vector", `{"status":"success","data":{"resultType":"vector","result":[]}}`, 200, platform.Unavailable, "not Prometheus' API"},
		{"broken samples", `{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1,"x"]]}]}}`, 200, platform.Unavailable, "not Prometheus' API"},
		{"too large", strings.Repeat(" ", maxAnswer+1), 200, platform.Invalid, "too many series"},
		{"slow", `{"status":"error","errorType":"timeout","error":"query timed out"}`, 503, platform.Unavailable, "in time"},
		{"locked", "no", 401, platform.Denied, "HTTP 401"},
		{"busy", "no", 429, platform.Busy, "HTTP 429"},
		{"too much", `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory"}`, 422, platform.Invalid, "too many samples"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.code)
				fmt.Fprint(w, tt.body)
			}))
			defer s.Close()
			_, err := client(t, s.URL).QueryRange(t.Context(), "up", time.Now(), time.Now(), time.Second)
			if platform.KindOf(err) != tt.kind || !strings.Contains(fmt.Sprint(err), tt.say) {
				t.Errorf("%v: %v", platform.KindOf(err), err)
			}
		})
	}
}

func TestDeadlineIsToldAndKept(t *testing.T) {
	told := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.FormValue("timeout")
		<-r.Context().Done()
	}))
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := client(t, s.URL).QueryRange(ctx, "up", time.Now(), time.Now(), time.Second)
	if platform.KindOf(err) != platform.Unavailable {
		t.Errorf("%v", err)
	}
	if d, err := time.ParseDuration(<-told); err != nil || d > 200*time.Millisecond {
		t.Errorf("Prometheus was told %s, %v", d, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1.5,"2"],[2,"+Inf"],[1e300,"NaN"]]}]}}`)
	f.Fuzz(func(_ *testing.T, code int, body string) { _, _ = read("fuzz", code, []byte(body)) })
}
