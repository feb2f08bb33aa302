package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
)

// With a real Alertmanager: while drey restarts a job its alert reaches nobody, and the moment the restart fails it is told.
func TestPlannedChangeInAlertmanager(t *testing.T) {
	r := newRig(t, 1)
	am, err := alertmanager.New(r.ams[0].URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	op := restartOf("orders", time.Now())
	op.CardKey = ""
	r.works.put(t, r.service, op)
	silences := func() (live, all int) {
		list, err := am.Silences(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.Live() {
				live++
			}
		}
		return live, len(list)
	}
	r.until("a silence", func() bool { live, _ := silences(); return live == 1 })
	r.send(0, time.Minute, crashLoop())
	other := crashLoop()
	other["job_name"] = "rates"
	r.send(0, time.Minute, other)
	r.until("the other job's alert is told", func() bool { return len(r.said("head")) == 1 })
	if got := r.said("head")[0]; !strings.Contains(got, "rates") {
		t.Errorf("told: %s", got)
	}
	as, err := am.Alerts(t.Context(), map[string]string{"job_name": "orders"}, "")
	if err != nil || len(as) != 1 || as[0].Status.State != "suppressed" {
		t.Fatalf("%+v, %v", as, err)
	}
	op.Failed = true
	r.works.put(t, r.service, op)
	began := time.Now()
	r.until("the alert is told", func() bool { return len(r.said("head")) == 2 })
	t.Logf("told %s after the failure", time.Since(began).Round(10*time.Millisecond))
	if live, all := silences(); live != 0 || all != 1 {
		t.Errorf("%d silences, %d of them live", all, live)
	}
}
