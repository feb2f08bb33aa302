package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage"
)

// polledAway is a service whose incident ended because Alertmanager no longer had its alert.
func polledAway(t *testing.T) (*moody, *Service, *kept, *clock) {
	t.Helper()
	m, s, out, c := moodyService(t)
	m.set(func() { m.firing = []map[string]string{} })
	for range 3 {
		c.pass(time.Minute)
		reconcileSoon(t, s)
	}
	if one(t, s).Open() {
		t.Fatal("it is open")
	}
	return m, s, out, c
}

// reconcileSoon reconciles whether that is due by the store's clock or not.
func reconcileSoon(t *testing.T, s *Service) {
	t.Helper()
	root := one(t, s).root()
	it, err := s.db.Take(t.Context(), reconcileQueue, root, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s.reconcile(t.Context(), []storage.Item{it})
}

// What fires again after an end that only the API told is told as if a webhook had brought it: Alertmanager sends none.
func TestFiresAgainUnsent(t *testing.T) {
	m, s, out, c := polledAway(t)
	c.pass(time.Minute)
	reconcileSoon(t, s)
	m.set(func() { m.firing = nil })
	c.pass(time.Minute)
	reconcileSoon(t, s)
	i := one(t, s)
	got := texts(out.stories(t))
	if i.State() != Firing || i.Episodes != 2 || len(got) != 2 || !strings.HasPrefix(got[1], "Firing again, 3 min after it was over (time 2)") {
		t.Errorf("%s, episode %d: %q", i.State(), i.Episodes, got)
	}
	reconcileSoon(t, s)
	if n := len(out.stories(t)); n != 2 {
		t.Errorf("told again: %d", n)
	}
}

// It is not looked at for ever: until Alertmanager has told the end as well, or until it would have.
func TestDoubtEnds(t *testing.T) {
	t.Run("told", func(t *testing.T) {
		_, s, _, c := polledAway(t)
		c.pass(time.Second)
		if kind := take(t, s, webhook("Down", nil, Resolved)); kind != kindRepeat || one(t, s).doubted(c.now()) {
			t.Errorf("%s, doubted %v", kind, one(t, s).doubted(c.now()))
		}
		reconcileSoon(t, s)
		if n, _, err := s.db.Depth(t.Context(), reconcileQueue); n != 0 || err != nil {
			t.Errorf("%d left to reconcile, %v", n, err)
		}
	})
	t.Run("late", func(t *testing.T) {
		_, s, _, c := polledAway(t)
		c.pass(doubtFor)
		reconcileSoon(t, s)
		if n, _, err := s.db.Depth(t.Context(), reconcileQueue); n != 0 || err != nil {
			t.Errorf("%d left to reconcile, %v", n, err)
		}
	})
}
