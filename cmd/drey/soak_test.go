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
		wrong := append(p.settled(ctx, o), logs.wrong(r, p.explained)...)
		wrong = append(wrong, w.unheard()...)
		wrong = append(wrong, p.ended(ctx, o)...)
		wrong = append(wrong, r.slack.Violations()...)
		if len(wrong) > 0 {
			p.report(t, seed, round, wrong)
			return
		}
	}
	t.Logf("seed %d: %d rounds, %d posts; errors in the log while something was wrong: %s", seed, rounds, len(r.slack.Calls("chat.postMessage")), logs)
}

// settled waits until all is as it must be, with what still fires.
func (p *soakPlay) settled(ctx context.Context, o *soakOracle) []string {
	p.note("all is well from now on")
	o.acked = p.people.acked()
	patience := 45 * time.Second
	if p.late {
		patience = 110 * time.Second
	}
	wrong := p.await(ctx, patience, func() []string { return o.wrong(ctx) })
	p.note("settled: %d wrong", len(wrong))
	return wrong
}

// ended ends every alert and silence, and waits until that is told.
func (p *soakPlay) ended(ctx context.Context, o *soakOracle) []string {
	p.w.set(p.w.alerts, false, false, 0)
	p.note("everything ends")
	wrong := p.await(ctx, 30*time.Second, func() []string {
		if err := p.people.quiet(ctx); err != nil {
			return []string{err.Error()}
		}
		return nil
	})
	patience := 45 * time.Second
	if p.late {
		patience = 110 * time.Second
	}
	wrong = append(wrong, p.await(ctx, patience, func() []string { return o.wrong(ctx) })...)
	p.note("ended: %d wrong", len(wrong))
	for _, about := range p.w.about() {
		p.w.hush(about, false)
	}
	return wrong
}

// await waits until nothing is wrong twice in a row, and returns what is at last.
func (p *soakPlay) await(ctx context.Context, most time.Duration, look func() []string) (wrong []string) {
	well := 0
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if wrong = look(); len(wrong) > 0 || ctx.Err() != nil {
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
	dir := os.Getenv("DREY_ARTIFACTS")
	if dir == "" {
		t.Logf("the schedule:\n%s", strings.Join(p.log, "\n"))
		return
	}
	dir = filepath.Join(dir, fmt.Sprintf("soak-%d", seed))
	_ = os.MkdirAll(dir, 0o755)
	_ = os.WriteFile(filepath.Join(dir, "wrong"), []byte(strings.Join(wrong, "\n")+"\n"), 0o600)
	_ = os.WriteFile(filepath.Join(dir, "schedule"), []byte(strings.Join(p.log, "\n")+"\n"), 0o600)
	p.dump(dir)
	t.Logf("kept in %s", dir)
}
