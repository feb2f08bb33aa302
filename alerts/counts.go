package alerts

import (
	"context"
	"time"

	"github.com/drey-ops/drey/storage"
)

// countOver is how many of the incidents that changed last Counts looks at.
const countOver = 2000

// stance is the part of an Incident that its State rests on: a scrape reads thousands, most of them long.
type stance struct {
	Over       time.Time   `json:"over"`
	Acked      *Mark       `json:"acked"`
	Silences   []Silence   `json:"silences"`
	Suppressed *Suppressed `json:"suppressed"`
}

// Counts counts the newest incidents by state, for drey_incidents. Open incidents are looked at every minute, so that
// none of them is older than those that are over.
func (s *Service) Counts(ctx context.Context) (map[string]int, error) {
	n := map[string]int{Firing: 0, Acked: 0, Silenced: 0, Resolved: 0}
	stances := storage.Table[stance]{DB: s.db, Name: s.current.Name}
	for e, err := range stances.Newest(ctx, countOver) {
		if err != nil {
			return nil, err
		}
		i := Incident{Over: e.Value.Over, Acked: e.Value.Acked, Silences: e.Value.Silences, Suppressed: e.Value.Suppressed}
		n[i.State()]++
	}
	return n, nil
}
