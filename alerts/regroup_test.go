package alerts

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform/local"
)

// by is a webhook whose group is made by other labels.
func by(body []byte, labels string) []byte {
	return []byte(strings.Replace(string(body), `"groupLabels":{"alertname":"Down"}`, `"groupLabels":`+labels, 1))
}

// Alertmanager groups by other labels since its configuration changed: what fires goes on, and ends, in its thread.
func TestRegrouped(t *testing.T) {
	a, b := map[string]string{"instance": "a"}, map[string]string{"instance": "b"}
	t.Run("finer", func(t *testing.T) {
		s, out, c := newService(t, testOptions(), Hooks{})
		take(t, s, webhookOf("Down", Firing, a, b))
		for round := range 12 { // long after it changed, by its repeats
			for instance, l := range map[string]map[string]string{"a": a, "b": b} {
				if kind := take(t, s, by(webhookOf("Down", Firing, l), `{"alertname":"Down","instance":"`+instance+`"}`)); kind != kindRepeat {
					t.Fatalf("round %d: %s was %s", round, instance, kind)
				}
			}
			c.pass(4 * time.Hour)
		}
		if kind := take(t, s, by(webhookOf("Down", Resolved, a), `{"alertname":"Down","instance":"a"}`)); kind != kindChanged {
			t.Errorf("a ends: %s", kind)
		}
		c.pass(time.Minute)
		if kind := take(t, s, by(webhookOf("Down", Resolved, b), `{"alertname":"Down","instance":"b"}`)); kind != kindResolved || one(t, s).Open() {
			t.Errorf("b ends: %s", kind)
		}
		c.pass(time.Minute)
		if kind := take(t, s, by(webhookOf("Down", Resolved, b), `{"alertname":"Down","instance":"b"}`)); kind != kindRepeat || len(out.heads(t)) != 1 {
			t.Errorf("again: %s, %d threads", kind, len(out.heads(t)))
		}
	})
	t.Run("coarser", func(t *testing.T) {
		s, out, c := newService(t, testOptions(), Hooks{})
		take(t, s, webhookOf("Down", Firing, a))
		c.pass(time.Minute)
		d := map[string]string{"instance": "d"}
		if kind := take(t, s, by(webhookOf("Down", Firing, a, d), `{}`)); kind != kindNew {
			t.Errorf("with another: %s", kind)
		}
		l := list(t, s)
		if len(l) != 2 || l[0].FiringCount() != 1 || l[1].FiringCount() != 1 {
			t.Errorf("a is told twice: %d incidents", len(l))
		}
		c.pass(time.Minute)
		take(t, s, by(webhookOf("Down", Resolved, a, d), `{}`))
		for _, i := range list(t, s) {
			if i.Open() {
				t.Errorf("%s is still open", i.ID)
			}
		}
		if n := len(out.heads(t)); n != 2 {
			t.Errorf("%d threads", n)
		}
	})
}

// A real Alertmanager is given another group_by while alerts fire.
func TestReloadedAlertmanager(t *testing.T) {
	dir := t.TempDir()
	r := newRigOf(t, 1, local.AlertmanagerOptions{Dir: dir})
	a := map[string]string{"alertname": "DiskFull", "cluster": "prod", "instance": "a"}
	b := map[string]string{"alertname": "DiskFull", "cluster": "prod", "instance": "b"}
	r.send(0, time.Minute, a, b)
	r.until("a thread", func() bool { return len(r.said("head")) == 1 })
	file := filepath.Join(dir, "alertmanager.yml")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	finer := regexp.MustCompile(`(?m)^( *- )cluster$`).ReplaceAll(raw, []byte("${1}cluster\n${1}instance"))
	if bytes.Equal(raw, finer) {
		t.Fatalf("no group_by in %s", raw)
	}
	if err := os.WriteFile(file, finer, 0o600); err != nil {
		t.Fatal(err)
	}
	before := r.count(resultDuplicate) + r.count(resultAccepted)
	res, err := http.Post(r.ams[0].URL()+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	r.until("both groups", func() bool { return r.count(resultDuplicate)+r.count(resultAccepted) >= before+2 })
	if i := r.one(); i.FiringCount() != 2 {
		t.Errorf("%d fire", i.FiringCount())
	}
	r.send(0, -time.Millisecond, a, b)
	r.until("the end", func() bool {
		heads := r.said("head")
		return len(heads) > 0 && strings.HasPrefix(heads[0], "Resolved")
	})
	if heads := r.said("head"); len(heads) != 1 {
		t.Errorf("threads: %q", heads)
	}
}
