package diagnosis

import "github.com/drey-ops/drey/platform"

// What counts as busy and as held back.
const (
	busyFrom         = 0.8
	backpressureFrom = 0.5
)

// Jam is a job that is held back.
type Jam struct {
	Held platform.Vertex // the last vertex that is backpressured before Slow
	// Slow is the first vertex after it that works all the time; nil when none is known to: a sink waits for what it writes to.
	Slow *platform.Vertex
}

// Bottleneck finds what holds a job back; it returns false when nothing does, or the load is not known. The vertices are in the
// order of the data, as a Driver tells them.
func Bottleneck(vs []platform.Vertex) (Jam, bool) {
	var out Jam
	found := false
	for i, v := range vs {
		switch { // comparisons with NaN, what is not known, do not hold
		case v.Backpressured >= backpressureFrom:
			out.Held, found = v, true
		case found && v.Busy >= busyFrom:
			out.Slow = &vs[i]
			return out, true
		}
	}
	return out, found
}
