package bot

import "time"

const (
	// troubleAfter is how many failures in a row are the network's own, and in how many channels.
	troubleAfter = 3
	// A network in trouble is tried so often, and more rarely the longer it lasts: one part in troubleShare of the time so far.
	probeMin     = 1500 * time.Millisecond
	probeMax     = 30 * time.Second
	troubleShare = 20
	// freshLater is how much later than those that failed already the others may try: what failed may have been posted all the
	// same, and has to be looked for; so it is better when few do.
	freshLater = 300 * time.Millisecond
	// troubleLong is how long failures are not held against the messages that failed.
	troubleLong = 10 * time.Minute
)

// trouble is a network that takes nothing. It is tried with one message at a time; the others wait for no more than the next
// try, so that all go on when one got through. While it shows in a channel or two alone, the other channels are not kept from
// it.
type trouble struct {
	fails int       // in a row
	lanes int       // the channels that began to fail meanwhile
	since time.Time // when the first of them was
	next  time.Time // when the next try may be made
}

// failed notes a failure, the channel's first in a row or not; the network wants to be left alone until a time (zero: it does not say).
func (t *trouble) failed(first bool, now, until time.Time) {
	if t.fails == 0 {
		t.since = now
	}
	if first {
		t.lanes++
	}
	t.fails++
	t.next = latest(now.Add(t.gap(now)), until)
}

func (t *trouble) gap(now time.Time) time.Duration {
	return min(max(now.Sub(t.since)/troubleShare, probeMin), probeMax)
}

func (t *trouble) lasts() bool { return t.fails >= troubleAfter }

// gate is when the next try may be made in a channel that failed or did not; zero: at once.
func (t *trouble) gate(failed bool) time.Time {
	if !t.lasts() || !failed && t.lanes < troubleAfter {
		return time.Time{}
	}
	return t.next
}

// take uses the next try.
func (t *trouble) take(now time.Time) { t.next = now.Add(t.gap(now)) }

// over notes that the network took something.
func (t *trouble) over() { *t = trouble{} }
