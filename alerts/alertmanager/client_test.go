package alertmanager_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform"
)

func TestFilter(t *testing.T) {
	var query map[string][]string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/prefix/api/v2/alerts" {
			t.Errorf("path %s", r.URL.Path)
		}
		query = r.URL.Query()
		w.Write([]byte(`[
			{"fingerprint":"1","labels":{"a":"x\"y","k8s.pod/name":"p"},"receivers":[{"name":"r.1"}],"status":{"state":"active"}},
			{"fingerprint":"2","labels":{"a":"x\"y","k8s.pod/name":"q"},"receivers":[{"name":"r.1"}],"status":{"state":"active"}},
			{"fingerprint":"3","labels":{"a":"x\"y","k8s.pod/name":"p"},"receivers":[{"name":"rx1"}],"status":{"state":"active"}}]`))
	}))
	defer srv.Close()
	c, err := alertmanager.New(srv.URL+"/prefix/", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Alerts(t.Context(), map[string]string{"a": `x"y`, "k8s.pod/name": "p"}, "r.1")
	if err != nil || len(got) != 1 || got[0].Fingerprint != "1" {
		t.Errorf("%+v, %v", got, err)
	}
	if f := query["filter"]; len(f) != 1 || f[0] != `a="x\"y"` || query["receiver"][0] != `r\.1` {
		t.Errorf("asked %v", query)
	}
}

// Errors are for people: what was wanted and what came, never the address or the password.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		code int
		body string
		kind platform.Kind
		want string
	}{
		{400, `"bad matcher"`, platform.Invalid, "make a silence: Alertmanager answers 400: bad matcher"},
		{400, `{"code":601,"message":"matchers is required"}`, platform.Invalid, "make a silence: Alertmanager answers 400: matchers is required"},
		{404, ``, platform.NotFound, "make a silence: Alertmanager answers 404"},
		{401, `<html>`, platform.Denied, "make a silence: Alertmanager answers 401"},
		{429, ``, platform.Busy, "make a silence: Alertmanager answers 429"},
		{502, `<html>bad gateway</html>`, platform.Unavailable, "make a silence: Alertmanager answers 502"},
		{200, `<html>login</html>`, platform.Unavailable, "make a silence: what answers is not Alertmanager's API"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.code)
			w.Write([]byte(tt.body))
		}))
		c, err := alertmanager.New(strings.Replace(srv.URL, "http://", "http://user:pass@", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.SetSilence(t.Context(), alertmanager.Silence{})
		if err == nil || err.Error() != tt.want || platform.KindOf(err) != tt.kind {
			t.Errorf("%d %s: got %v of kind %s, want %s of kind %s", tt.code, tt.body, err, platform.KindOf(err), tt.want, tt.kind)
		}
		srv.Close()
		_, err = c.Status(t.Context())
		if platform.KindOf(err) != platform.Unavailable || strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "pass") {
			t.Errorf("nobody there: %v", err)
		}
	}
	if _, err := alertmanager.New("localhost:9093", nil); err == nil {
		t.Error("took an address without a scheme")
	}
}
