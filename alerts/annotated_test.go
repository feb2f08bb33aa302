package alerts

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
)

// lossy is a way to Alertmanager that loses the answers to what makes silences, as often as it is told to.
type lossy struct{ lose atomic.Int32 }

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && r.Method == http.MethodPost && l.lose.Add(-1) >= 0 {
		resp.Body.Close()
		return nil, errors.New("the answer was lost")
	}
	return resp, err
}

// Debian's Alertmanager drops annotations: the op of a silence stands in its comment.
func TestSilenceOpInComment(t *testing.T) { silenceAnnotated(t, newRig(t, 1)) }

// silenceAnnotated makes a silence whose answer is lost, asks for it again, lengthens it and ends it: Alertmanager has one silence,
// which bears its op in the annotation, or where there are none at the end of the comment.
func silenceAnnotated(t *testing.T, r *rig) {
	t.Helper()
	way := &lossy{}
	direct, err := alertmanager.New(r.ams[0].URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	through, err := alertmanager.New(r.ams[0].URL(), &http.Client{Transport: way, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	st, err := direct.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	annotates := atLeast(st.Version.Version, 0, 32)
	r.send(0, time.Minute, crashLoop())
	r.until("a thread", func() bool { return len(r.said("head")) == 1 })
	inc := r.one()
	op := "op-annotated"
	want := Silence{Op: op, Matchers: inc.matchers(), From: time.Now().UTC().Truncate(time.Second), Until: time.Now().Add(time.Hour).UTC().Truncate(time.Second), By: olga(), Comment: "why [not]"}
	fresh := func() *view {
		s := &Service{peers: map[string][]*alertmanager.Client{"main": {through}}}
		return s.view(t.Context(), "main")
	}
	check := func(what string, until time.Time) string {
		t.Helper()
		all, err := direct.Silences(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %d silences, %v", what, len(all), err)
		}
		x := all[0]
		if x.Live() == until.IsZero() || !until.IsZero() && x.EndsAt.Sub(until).Abs() > 2*time.Second {
			t.Errorf("%s: %+v", what, x)
		}
		if got := x.Annotations[opAnnotation]; (got == op) != annotates || (x.Comment == "why [not]") != annotates || opOf(x) != op {
			t.Errorf("%s, version %s: annotations %v, comment %q", what, st.Version.Version, x.Annotations, x.Comment)
		}
		return x.ID
	}

	way.lose.Store(1)
	if id, err := fresh().place(t.Context(), want); err == nil {
		t.Errorf("the lost answer is %q", id)
	}
	made := check("made", want.Until)
	if id, err := fresh().place(t.Context(), want); err != nil || id != made {
		t.Errorf("again: %q, %v; want %q", id, err, made)
	}
	check("again", want.Until)
	want.Until = want.Until.Add(time.Hour)
	way.lose.Store(1)
	_, _ = fresh().place(t.Context(), want)
	if _, err := fresh().place(t.Context(), want); err != nil {
		t.Error(err)
	}
	check("lengthened", want.Until)
	for range 2 {
		if err := fresh().end(t.Context(), op); err != nil {
			t.Error(err)
		}
		check("ended", time.Time{})
	}
	for range 3 { // the service itself, as a person asks: the second time nothing is made, the third time another end is wanted
		a, err := silenceFor(t, r.service, inc.ID, olga(), time.Hour, "deploying")
		if err != nil || a.Pending {
			t.Fatal(a.Say, err)
		}
	}
	a, err := silenceFor(t, r.service, inc.ID, olga(), 3*time.Hour, "")
	if err != nil || a.Already || !strings.Contains(a.Say, "is silenced until") {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err = r.service.Unsilence(t.Context(), inc.ID, olga()); err != nil || a.Pending {
		t.Errorf("%+v, %v", a, err)
	}
	all, err := direct.Silences(t.Context())
	if err != nil || len(all) != 2 || all[0].Live() || all[1].Live() {
		t.Errorf("in the end: %+v, %v", all, err)
	}
	for _, x := range all {
		if (x.Annotations[opAnnotation] != "") != annotates || strings.Contains(x.Comment, "[drey:") == annotates || opOf(x) == "" {
			t.Errorf("%+v", x)
		}
	}
}
