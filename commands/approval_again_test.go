package commands

import (
	"slices"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
)

func TestStanceChanged(t *testing.T) {
	at := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	stood := func(change func(s *stance)) stance {
		s := stance{ops.Standing{Run: "a1", State: platform.Running, Points: true, Point: at.Add(-time.Minute), Retention: platform.RetainOnCancellation}, at}
		change(&s)
		return s
	}
	then := stood(func(*stance) {})
	for want, now := range map[string]stance{
		"": stood(func(s *stance) { s.At, s.Point = at.Add(time.Hour), at.Add(58*time.Minute) }),
		"The cluster does not answer about the job any more.":                              {},
		"The job has been started anew since.":                                             stood(func(s *stance) { s.Run = "b2" }),
		"The job no longer runs: it is RESTARTING.":                                        stood(func(s *stance) { s.State = platform.Restarting }),
		"The cluster does not tell of the job's checkpoints any more.":                     stood(func(s *stance) { s.Points = false }),
		"What becomes of its checkpoints is set differently since.":                        stood(func(s *stance) { s.Retention = platform.DeleteOnCancellation }),
		"Its checkpoints and savepoints are gone.":                                         stood(func(s *stance) { s.Point = time.Time{} }),
		"Its newest restore point is 11 min old by now; it was 1 min when you were asked.": stood(func(s *stance) { s.At = at.Add(10 * time.Minute) }),
	} {
		if got := then.changed(now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (stance{}).changed(then); got != "" {
		t.Errorf("what was not known before: %q", got)
	}
	if got := stood(func(s *stance) { s.Point = at.Add(-time.Hour) }).changed(stood(func(s *stance) { s.At, s.Point = at.Add(6*time.Minute), at.Add(-time.Hour) })); got != "" {
		t.Errorf("a little older than an hour: %q", got)
	}
}

// An approver who presses is asked anew where the job stands differently than the card says, and acts with the next press.
func TestApprovalLooksAgain(t *testing.T) {
	f := safeFlink()
	o := rigOptions()
	o.Roles["reviewer"] = Role{WebUsers: []string{"rita"}}
	o.Policy = append(o.Policy, Rule{Allow: []string{"job.*"}, Roles: []string{"reviewer"}},
		Rule{Name: "four eyes", Require: RequireApproval, For: []string{"job.stop"}, By: []string{"reviewer"}, Within: time.Hour})
	r := newRigOver(t, o, map[string]platform.Driver{"prod": f})
	press := func(who string, call bot.Call, id string) bot.Message {
		t.Helper()
		return r.router.Handle(t.Context(), bot.Event{ID: id, Actor: web(who), Place: webOps(), Call: call, Button: "b"}, nil)
	}
	wants(t, r.says("olga", "/flink stop orders"), "Waiting for approval")
	r.card("Approval wanted: Stop a job with a savepoint", "Last checkpoint 3 min ago")
	shownFirst := approveCall(t, r)
	f.mu.Lock()
	f.points.Retention = platform.DeleteOnCancellation
	f.mu.Unlock()
	wants(t, press("vera", shownFirst, "p0"), "You cannot decide on this")
	again := press("rita", shownFirst, "p1")
	wants(t, again, "Look again before you agree", "What becomes of its checkpoints is set differently since.", "Last checkpoint 3 min ago", "[Approve] [Reject]")
	wants(t, r.card("Approval wanted: Stop a job with a savepoint", "Asked anew").Message, "What becomes of its checkpoints is set differently since.")
	wants(t, press("rita", shownFirst, "p2"), "This card is out of date")
	if got := f.did(); len(got) > 0 {
		t.Fatalf("effects %v", got)
	}
	wants(t, press("rita", buttonOf(t, again, "Approve").Call, "p3"), "Approved")
	eventually(t, "stopped", func() bool { return slices.Equal(f.did(), []string{"stop orders"}) })
}

// approveCall is behind the button on the card of the newest request.
func approveCall(t *testing.T, r *rig) bot.Call {
	t.Helper()
	for en, err := range r.router.approvals().Newest(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		return CallOf("drey approve", sealArgs{ID: en.Value.ID, Seal: en.Value.seal()})
	}
	t.Fatal("no request")
	return bot.Call{}
}
