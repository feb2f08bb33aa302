package alerts

import "context"

// countOver is how many of the incidents that changed last Counts looks at.
const countOver = 2000

// Counts counts the newest incidents by state, for drey_incidents. Open incidents are looked at every minute, so that
// none of them is older than those that are over.
func (s *Service) Counts(ctx context.Context) (map[string]int, error) {
	n := map[string]int{Firing: 0, Acked: 0, Silenced: 0, Resolved: 0}
	for e, err := range s.current.Newest(ctx, countOver) {
		if err != nil {
			return nil, err
		}
		n[e.Value.State()]++
	}
	return n, nil
}
