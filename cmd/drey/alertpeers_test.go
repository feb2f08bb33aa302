package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// TestAlertPeers compares what becomes of alerts through drey and through Alertmanager's own Slack receiver: real
// processes (Alertmanager, drey, redis-server) beside one cheap fake of Slack for both. What takes the machine's time is
// measured in turns and the median counts; what mostly waits is measured side by side. It is run by make bench-peers, and
// takes about ten minutes; with -short outages last 10 s instead of 30.
func TestAlertPeers(t *testing.T) {
	if os.Getenv("DREY_PEERS") == "" {
		t.Skip("make bench-peers runs this")
	}
	table := &peerTable{}
	for _, row := range []struct {
		name string
		run  func(testing.TB, *peerTable)
	}{
		{"one", peerOne}, {"thousand", peerThousand}, {"memory", peerMemory}, {"limit", peerLimit}, {"outage503", peerOutage(503)}, {"outage429", peerOutage(429)},
		{"inside", peerInside}, {"kill", peerKill}, {"replicas", peerReplicas},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t, table) })
	}
	fmt.Println()
	if err := table.print(os.Stdout); err != nil {
		t.Fatal(err)
	}
	fmt.Println()
}

// peerRow is a line of the table.
type peerRow struct{ what, drey, native, ratio, target, word string }

type peerTable struct{ rows []peerRow }

// add adds a line; target is empty where there is none.
func (p *peerTable) add(what, drey, native, ratio, target string, met bool) {
	word := ""
	switch {
	case target != "" && met:
		word = "met"
	case target != "":
		word = "MISSED"
	}
	p.rows = append(p.rows, peerRow{what, drey, native, ratio, target, word})
}

// compare adds a line of two numbers, the smaller the better.
func (p *peerTable) compare(what string, drey, native float64, target string, met bool) {
	p.add(what, fmt.Sprintf("%.4g", drey), fmt.Sprintf("%.4g", native), fmt.Sprintf("%.2f", drey/native), target, met)
}

func (p *peerTable) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "alert to chat\tdrey\tAlertmanager's own\tratio\ttarget\t")
	for _, r := range p.rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.drey, r.native, r.ratio, r.target, r.word)
	}
	return t.Flush()
}

// sides runs the same on both at once: for what mostly waits.
func sides(t testing.TB, o sideOptions, run func(s *side) peerCount) (drey, native peerCount) {
	d, n := newDreySide(t, o), newNativeSide(t, o)
	var wg sync.WaitGroup
	wg.Go(func() { drey = run(d) })
	wg.Go(func() { native = run(n) })
	wg.Wait()
	return drey, native
}

const (
	oneRounds    = 3
	oneSamples   = 100
	manyGroups   = 1000
	manyChannels = 20
)

// peerOne: one group after another. drey's own pace is off: no channel would take these in such a row.
func peerOne(t testing.TB, table *peerTable) {
	pair := []*side{newDreySide(t, sideOptions{unpaced: true}), newNativeSide(t, sideOptions{})}
	var p50, p99 [2][]time.Duration
	for range oneRounds {
		for i, s := range pair {
			var took []time.Duration
			for range oneSamples {
				g := s.fresh(1)
				at := s.send(t, g, 1, false)
				got := s.chat.until(g, at.Add(10*time.Second))
				if got.lost > 0 {
					t.Fatalf("%s never came", g[0])
				}
				took = append(took, got.last.Sub(at))
				time.Sleep(5 * time.Millisecond)
			}
			p50[i], p99[i] = append(p50[i], median(took)), append(p99[i], took[oneSamples*99/100])
		}
	}
	d, n := ms(median(p50[0])), ms(median(p50[1]))
	table.compare("1 group, no limit: p50 (ms)", d, n, "≤ native + 2", d <= n+2)
	table.compare("  p99 (ms)", ms(median(p99[0])), ms(median(p99[1])), "", true)
}

// flood sends a storm into many channels, and says when all of it had come and what the program took by then, in MB.
func flood(t testing.TB, s *side) (took time.Duration, mb float64) {
	g := s.fresh(manyGroups)
	at := s.send(t, g, manyChannels, false)
	got := s.chat.until(g, at.Add(5*time.Minute)) // at drey's own pace it is 300 messages a minute
	if got.lost > 0 || got.doubled > 0 {
		t.Fatalf("%d of %d groups are missing, %d doubled", got.lost, manyGroups, got.doubled)
	}
	mb = resident(t, s.front().cmd.Process.Pid)
	s.stop()
	return got.last.Sub(at), mb
}

// peerThousand: without any limit, drey's own pace off too: what the programs themselves take.
func peerThousand(t testing.TB, table *peerTable) {
	var took [2][]time.Duration
	for range oneRounds {
		for i, make := range []func(testing.TB, sideOptions) *side{newDreySide, newNativeSide} {
			d, _ := flood(t, make(t, sideOptions{unpaced: true}))
			took[i] = append(took[i], d)
		}
	}
	d, n := ms(median(took[0])), ms(median(took[1]))
	table.compare("1,000 groups at once, 20 channels, no limit: all arrived (ms)", d, n, "≤ 1.2 × native", d <= 1.2*n)
}

// peerMemory: the same for drey as it is built, at its own pace.
func peerMemory(t testing.TB, table *peerTable) {
	_, n := flood(t, newNativeSide(t, sideOptions{}))
	_, d := flood(t, newDreySide(t, sideOptions{program: buildDrey(t, t.TempDir())}))
	table.compare("  resident after it, at drey's own pace (MB)", d, n, "≤ 60", d <= 60)
}

// peerLimit: one channel that takes a message a second and refuses every other one.
func peerLimit(t testing.TB, table *peerTable) {
	const groups, native = 60, 90 * time.Second
	var within [2]peerCount
	d, n := sides(t, sideOptions{interval: 10 * time.Second}, func(s *side) peerCount {
		s.chat.be(func(c *peerChat) { c.gap = time.Second })
		g := s.fresh(groups)
		at := s.send(t, g, 1, false)
		i := min(1, len(s.drey))
		within[i] = s.chat.until(g, at.Add(time.Minute))
		if len(s.drey) > 0 {
			return s.chat.until(g, at.Add(native))
		}
		time.Sleep(time.Until(at.Add(native)))
		return s.chat.count(g)
	})
	of := func(c peerCount) string { return fmt.Sprintf("%d of %d", c.told, groups) }
	table.add("60 groups at once, 1 message a second: told within 60 s", of(within[1]), of(within[0]), "", "60 of 60", within[1].told == groups)
	table.add("  the same: told within 90 s", of(d), of(n), "", "", true)
	table.add("  calls refused", fmt.Sprint(d.refused), fmt.Sprint(n.refused), "", "0", d.refused == 0)
}

func outage() time.Duration {
	if testing.Short() {
		return 10 * time.Second
	}
	return 30 * time.Second
}
