package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestSoak plays random schedules against real programs until DREY_SOAK, a duration, is over: two Alertmanagers that gossip, two
// dreys, one Redis. Alerts come and go, people press buttons, and everything is killed, frozen, cut off and refused in turn; then all
// is made well, and what is shown must be true. DREY_SOAK_SEED is the first seed; each further schedule has the next one.
func TestSoak(t *testing.T) {
	d, err := time.ParseDuration(os.Getenv("DREY_SOAK"))
	if err != nil {
		t.Skip("make soak runs this")
	}
	seed := uint64(time.Now().Unix())
	if n, err := strconv.ParseUint(os.Getenv("DREY_SOAK_SEED"), 10, 64); err == nil {
		seed = n
	}
	for end := time.Now().Add(d); time.Now().Before(end); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { soak(t, seed, 2, 45*time.Second, soakFaults(), true) })
	}
}

// TestSoakShort is one short schedule of that kind, the same each time but for what the machine's speed makes of it.
func TestSoakShort(t *testing.T) {
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT is set")
	}
	soak(t, 7, 1, 8*time.Second, soakFaults(), false)
}

// soak plays a number of rounds of one schedule; late says whether alerts may fire again with their old start, which drey makes
// sure of only after a minute.
func soak(t *testing.T, seed uint64, rounds int, d time.Duration, faults []soakFault, late bool) {
	t.Logf("seed %d", seed)
	redis.SetLogger(silent{})
	begin := time.Now()
	r := newSoakRig(t, late && seed%2 == 1)
	w := newSoakWorld()
	people := &soakPeople{r: r, w: w, asks: map[string]bool{}, ack: map[string]time.Time{}}
	p := &soakPlay{t: t, rng: rand.New(rand.NewPCG(seed, 1)), r: r, w: w, people: people, busy: map[string]bool{}, late: late}
	o := &soakOracle{r: r, w: w}
	logs := &soakLogs{seen: map[string]int64{}, counts: map[string]int{}}
	p.error = append(p.error, soakSpan{begin, time.Now()})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w.run(ctx, r) })
	defer wg.Wait()
	defer cancel()
	for round := range rounds {
		p.play(ctx, d, faults)
		people.wg.Wait()
		wrong := p.settled(ctx, o, "all is well from now on")
		wrong = append(wrong, logs.wrong(r, p.explained)...)
		wrong = append(wrong, w.unheard()...)
		wrong = append(wrong, p.ended(ctx, o)...)
		wrong = append(wrong, r.slack.Violations()...)
		if len(wrong) > 0 {
			p.report(t, seed, round, wrong)
			return
		}
	}
	p.keep(seed, "schedule", p.log)
	t.Logf("seed %d: %d rounds, %d posts; errors in the log while something was wrong: %s", seed, rounds, len(r.slack.Calls("chat.postMessage")), logs)
}

// settled waits until all is as it must be.
func (p *soakPlay) settled(ctx context.Context, o *soakOracle, when string) []string {
	p.note("%s", when)
	patience := 45 * time.Second
	if p.late {
		patience = 110 * time.Second
	}
	o.acked = p.people.acked()
	wrong := p.await(ctx, patience, func() []string { return o.wrong(ctx) })
	p.note("settled: %d wrong", len(wrong))
	return wrong
}

// ended ends every silence, and then every alert.
func (p *soakPlay) ended(ctx context.Context, o *soakOracle) []string {
	wrong := p.await(ctx, 30*time.Second, func() []string {
		if err := p.people.quiet(ctx); err != nil {
			return []string{err.Error()}
		}
		return nil
	})
	wrong = append(wrong, p.settled(ctx, o, "every silence is over")...)
	p.w.set(p.w.alerts, false, false, 0)
	wrong = append(wrong, p.settled(ctx, o, "every alert is over")...)
	for _, about := range p.w.about() {
		p.w.hush(about, false)
	}
	return wrong
}

// await waits until nothing is wrong twice in a row, and returns what is at last.
func (p *soakPlay) await(ctx context.Context, most time.Duration, look func() []string) (wrong []string) {
	well, last := 0, ""
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		wrong = look()
		slices.Sort(wrong)
		if said := strings.Join(wrong, "; "); said != last {
			p.note("wrong now: %.1000s", said)
			last = said
		}
		if len(wrong) > 0 || ctx.Err() != nil {
			well = 0
		} else if well++; well == 2 {
			return nil
		}
	}
	return wrong
}

// report fails the test with what is wrong, and keeps all that tells how it came: in DREY_ARTIFACTS, if that is set.
func (p *soakPlay) report(t *testing.T, seed uint64, round int, wrong []string) {
	slices.Sort(wrong)
	wrong = slices.Compact(wrong)
	t.Errorf("seed %d, round %d, %d are wrong:\n%s", seed, round, len(wrong), strings.Join(wrong[:min(20, len(wrong))], "\n"))
	dir := p.keep(seed, "schedule", p.log)
	if dir == "" {
		t.Logf("the schedule:\n%s", strings.Join(p.log, "\n"))
		return
	}
	p.keep(seed, "wrong", wrong)
	p.dump(dir)
	t.Logf("kept in %s", dir)
}

// keep writes lines into a file, and says into which folder; none where DREY_ARTIFACTS is not set.
func (p *soakPlay) keep(seed uint64, name string, lines []string) (dir string) {
	if dir = os.Getenv("DREY_ARTIFACTS"); dir == "" {
		return ""
	}
	dir = filepath.Join(dir, fmt.Sprintf("soak-%d", seed))
	_ = os.MkdirAll(dir, 0o755)
	_ = os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
	return dir
}
