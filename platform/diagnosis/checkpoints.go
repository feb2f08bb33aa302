package diagnosis

import "github.com/drey-ops/drey/platform"

// Failing counts the newest checkpoints that failed in a row, savepoints included, and returns the reason of the newest. What is
// under way does not count.
func Failing(c platform.Checkpoints) (n int, why string) {
	for _, p := range c.History {
		switch p.Status {
		case "FAILED":
			if n++; why == "" {
				why = p.Failure
			}
		case "COMPLETED":
			return n, why
		}
	}
	return n, why
}

// Trend is how a job's checkpoints went lately.
type Trend struct {
	Newest, Oldest platform.Checkpoint // of the completed ones that the cluster remembers, savepoints not counted
	Slower         bool                // they take twice as long and more, and a good part of their timeout
	Grows          bool                // so does the state
}

// trendFrom is how many completed checkpoints make a trend, and trendOf how many are looked at.
const (
	trendFrom = 4
	trendOf   = 10
)

// Checkpoints compares the newest checkpoints with one another; it returns false when there are too few.
func Checkpoints(c platform.Checkpoints) (Trend, bool) {
	var done []platform.Checkpoint
	for _, p := range c.History {
		if p.Status == "COMPLETED" && !p.Savepoint && len(done) < trendOf {
			done = append(done, p)
		}
	}
	if len(done) < trendFrom {
		return Trend{}, false
	}
	t := Trend{Newest: done[0], Oldest: done[len(done)-1]}
	t.Slower = c.Timeout > 0 && t.Newest.Duration >= c.Timeout/4 && t.Newest.Duration >= 2*t.Oldest.Duration
	t.Grows = t.Oldest.Size > 0 && t.Newest.Size > 2*t.Oldest.Size
	return t, true
}
