package alerts

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// callsSomebody says whether a message calls somebody.
func callsSomebody(m bot.Message) bool {
	return slices.ContainsFunc(m.Blocks, func(b bot.Block) bool {
		t, ok := b.(bot.Text)
		return ok && slices.ContainsFunc(t.Spans, func(s bot.Span) bool { return s.Mention != "" })
	})
}

// A silence of some of a job's alerts does not keep another one quiet: it is told, and calls people, even if it is no more severe.
func TestSilenceOfSomeAlerts(t *testing.T) {
	s, out, c := partService(t)
	say := func(name, status string) { take(t, s, webhook(name, about("orders", "critical"), status)) }
	say("Slow", Firing)
	if _, err := silenceFor(t, s, one(t, s).ID, olga(), time.Hour, ""); err != nil {
		t.Fatal(err)
	}
	if i := one(t, s); i.State() != Silenced {
		t.Fatalf("%s after the silence", i.State())
	}
	say("Stuck", Firing)
	i := one(t, s)
	told := out.stories(t)
	last := told[len(told)-1].Message
	if i.State() != Firing || !strings.Contains(last.Fallback, "Also firing: Stuck") || !callsSomebody(last) {
		t.Errorf("%s; the thread says %q, calls %v", i.State(), last.Fallback, callsSomebody(last))
	}
	head := out.heads(t)[0].Message
	if text := plainHead(out.heads(t)[0]); !strings.Contains(text, "1 of 2, by Olga") || !callsSomebody(head) {
		t.Errorf("the head calls %v: %s", callsSomebody(head), text)
	}
	if got := labels(out.heads(t)[0]); !strings.Contains(got, "Ack Silence… End silence") {
		t.Errorf("buttons %q", got)
	}
	say("Stuck", Resolved)
	if i := one(t, s); i.State() != Silenced {
		t.Errorf("%s when only what is silenced fires", i.State())
	}

	// nor does it hide the next incident of the job
	say("Slow", Resolved)
	c.pass(time.Hour / 2)
	say("Stuck", Firing)
	if i := one(t, s); i.Seq != 2 || i.State() != Firing || len(i.Silences) != 1 {
		t.Errorf("the next, %s, is %s with %d silences", i.ID, i.State(), len(i.Silences))
	}
}

// What Alertmanager sends it does not silence, whatever the last look at it showed.
func TestJoinsWhatIsSilencedInAlertmanager(t *testing.T) {
	s, out, _ := partService(t)
	take(t, s, webhook("Slow", about("orders", "warning"), Firing))
	i := one(t, s)
	_, err := s.change(t.Context(), i.root(), func(i *Incident, _ *storage.Tx) ([]story, error) {
		i.Suppressed = &Suppressed{By: "otto"}
		return nil, nil
	})
	if err != nil || one(t, s).State() != Silenced {
		t.Fatal(err)
	}
	take(t, s, webhook("Stuck", about("orders", "warning"), Firing))
	told := out.stories(t)
	if last := told[len(told)-1].Message; one(t, s).State() != Firing || !callsSomebody(last) {
		t.Errorf("%s; the thread says %q", one(t, s).State(), last.Fallback)
	}
}

func partService(t *testing.T) (*Service, *kept, *clock) {
	t.Helper()
	srv := httptest.NewServer(&moody{firing: []map[string]string{}})
	t.Cleanup(srv.Close)
	o := testOptions()
	o.Sources["main"] = Source{Token: testToken, Alertmanager: Addresses{srv.URL}}
	o.Routes[0].Mention = []string{"web:user:olga"}
	return newService(t, o, Hooks{})
}
