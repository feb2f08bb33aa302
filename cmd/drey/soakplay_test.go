package main

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// soakPlay plays a schedule on a rig. Everything that changes the rig is done by the goroutine that runs it.
type soakPlay struct {
	t      testing.TB
	rng    *rand.Rand
	r      *soakRig
	w      *soakWorld
	people *soakPeople

	todo  soakTodo
	log   []string
	until time.Time // no fault lasts longer
	busy  map[string]bool
	error []soakSpan // times in which dreys may log errors
	late  bool       // that something fired again with its old start
	upset int        // faults under way that are in the way of alerts
	shape int
}

type soakSpan struct{ from, to time.Time }

// soakStep is something to do at a time.
type soakStep struct {
	at time.Time
	do func()
}

type soakTodo []soakStep

func (s soakTodo) Len() int           { return len(s) }
func (s soakTodo) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s soakTodo) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *soakTodo) Push(x any)        { *s = append(*s, x.(soakStep)) }
func (s *soakTodo) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

func (p *soakPlay) note(format string, args ...any) {
	p.log = append(p.log, clockOf(time.Now())+" "+fmt.Sprintf(format, args...))
}

func (p *soakPlay) in(d time.Duration, do func()) {
	heap.Push(&p.todo, soakStep{time.Now().Add(d), do})
}

// between is a random time.
func (p *soakPlay) between(least, most time.Duration) time.Duration {
	return least + time.Duration(p.rng.Int64N(int64(most-least)))
}

// play lets things happen for a while, and then makes all well.
func (p *soakPlay) play(ctx context.Context, d time.Duration, faults []soakFault) {
	p.until = time.Now().Add(d)
	var world, fault, person func()
	again := func(least, most time.Duration, do func()) {
		if at := p.between(least, most); time.Now().Add(at).Before(p.until) {
			p.in(at, do)
		}
	}
	world = func() { p.happen(); again(200*time.Millisecond, 2*time.Second, world) }
	fault = func() { p.fault(faults); again(2*time.Second, 7*time.Second, fault) }
	person = func() { p.people.act(ctx, p); again(time.Second, 4*time.Second, person) }
	p.in(0, world)
	if len(faults) > 0 {
		p.in(2*time.Second, fault)
	}
	p.in(5*time.Second, person)
	for len(p.todo) > 0 && ctx.Err() == nil {
		next := heap.Pop(&p.todo).(soakStep)
		time.Sleep(time.Until(next.at))
		next.do()
	}
}

// happen changes what is true.
func (p *soakPlay) happen() {
	skew := time.Duration(0)
	if p.rng.IntN(4) == 0 {
		skew = p.between(-8*time.Second, 6*time.Second)
	}
	switch n := p.rng.IntN(12); {
	case n < 5:
		as := p.w.some(p.rng, false)
		same := p.late && p.rng.IntN(4) == 0
		p.note("fire %v same=%v skew=%s", sids(as), same, skew)
		p.w.set(as, true, same, skew)
	case n < 10:
		as := p.w.some(p.rng, true)
		p.note("end %v", sids(as))
		p.w.set(as, false, false, 0)
	default:
		as := p.w.some(p.rng, p.rng.IntN(2) == 0)
		times := 2 + p.rng.IntN(5)
		p.note("flap %v %d times", sids(as), times)
		at := time.Duration(0)
		for range times {
			p.in(at, func() {
				if len(as) > 0 {
					p.w.mu.Lock()
					firing := as[0].firing
					p.w.mu.Unlock()
					p.w.set(as, !firing, false, 0)
				}
			})
			at += p.between(300*time.Millisecond, 1800*time.Millisecond)
		}
	}
}

func sids(as []*soakAlert) (out []string) {
	for _, a := range as {
		out = append(out, a.sid)
	}
	return out
}

// soakFault is something that goes wrong for a while.
type soakFault struct {
	name   string
	what   string // what it is done to: one fault at a time
	most   time.Duration
	upset  bool // alerts may not get through meanwhile
	errors bool // dreys may log errors
	begin  func(p *soakPlay) (end func())
}

func (p *soakPlay) fault(all []soakFault) {
	f := all[p.rng.IntN(len(all))]
	last := p.between(300*time.Millisecond, f.most)
	if p.busy[f.what] || time.Now().Add(last).After(p.until) {
		return
	}
	p.note("%s for %s", f.name, last.Round(time.Millisecond))
	p.busy[f.what] = true
	if f.upset {
		p.upset++
		p.w.disturb(p.until)
	}
	from := time.Now()
	end := f.begin(p)
	p.in(last, func() {
		end()
		p.note("%s is over", f.name)
		delete(p.busy, f.what)
		if f.upset {
			p.calm()
		}
		if f.errors {
			p.error = append(p.error, soakSpan{from.Add(-time.Second), time.Now().Add(soakGrace)})
		}
	})
}

// calm notes when nothing is in the way of alerts any more.
func (p *soakPlay) calm() {
	if p.upset--; p.upset > 0 {
		return
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.upset = time.Now().Add(soakGrace)
}

func (p *soakPlay) explained(at time.Time) bool {
	for _, s := range p.error {
		if at.After(s.from) && at.Before(s.to) {
			return true
		}
	}
	return false
}

// moody is a fault of Slack's.
func moody(name string, m soakMood) soakFault {
	return soakFault{name: "Slack " + name, what: "slack", most: 7 * time.Second, begin: func(p *soakPlay) func() {
		p.r.gate.be(m)
		return func() { p.r.gate.be(soakMood{}) }
	}}
}

// killed is the end of some programs as by kill -9, and their start.
func killed(name, what string, upset bool, of func(p *soakPlay) []*program, meanwhile func(p *soakPlay)) soakFault {
	return soakFault{name: "kill " + name, what: what, most: 5 * time.Second, upset: upset, begin: func(p *soakPlay) func() {
		ps := of(p)
		for _, x := range ps {
			x.kill()
		}
		if meanwhile != nil {
			meanwhile(p)
		}
		return func() {
			for _, x := range ps {
				x.spawn(p.t)
			}
		}
	}}
}

// frozen is a program, shorter than its leases, that does nothing.
func frozen(name, what string, most time.Duration, of func(p *soakPlay) *program) soakFault {
	return soakFault{name: "freeze " + name, what: what, most: most, upset: true, errors: true, begin: func(p *soakPlay) func() {
		x := of(p).cmd.Process
		_ = x.Signal(syscall.SIGSTOP)
		return func() { _ = x.Signal(syscall.SIGCONT) }
	}}
}

func oneDrey(p *soakPlay) []*program { return p.r.dreys[p.rng.IntN(2):][:1] }
func oneAM(p *soakPlay) []*program   { return []*program{p.r.ams[p.rng.IntN(2)].program} }
func bothAMs(p *soakPlay) []*program { return []*program{p.r.ams[0].program, p.r.ams[1].program} }

// forget takes the data of those Alertmanagers away that do not run.
func forget(p *soakPlay) {
	for _, am := range p.r.ams {
		if am.cmd == nil {
			_ = os.RemoveAll(filepath.Join(am.data, "nflog"))
			_ = os.RemoveAll(filepath.Join(am.data, "silences"))
		}
	}
}

func soakFaults() []soakFault {
	return []soakFault{
		moody("503", soakMood{status: 503}), moody("500", soakMood{status: 500}), moody("429", soakMood{status: 429, retry: 1}), moody("429 for long", soakMood{status: 429, retry: 4}),
		moody("slow", soakMood{delay: 1500 * time.Millisecond}), moody("hangs", soakMood{hang: true}),
		moody("loses answers", soakMood{lose: 0.6}), moody("loses every answer", soakMood{lose: 1}),
		killed("a drey", "drey", true, oneDrey, nil), killed("a drey", "drey", true, oneDrey, nil),
		killed("both dreys", "drey", true, func(p *soakPlay) []*program { return p.r.dreys[:] }, nil),
		frozen("a drey", "drey", 4*time.Second, func(p *soakPlay) *program { return oneDrey(p)[0] }),
		killed("an Alertmanager", "am", true, oneAM, nil), killed("both Alertmanagers", "am", true, bothAMs, nil),
		killed("an Alertmanager and its data", "am", true, oneAM, forget), killed("both Alertmanagers and their data", "am", true, bothAMs, forget),
		frozen("an Alertmanager", "am", 5*time.Second, func(p *soakPlay) *program { return oneAM(p)[0] }),
		{name: "split the Alertmanagers", what: "am", most: 12 * time.Second, upset: true, begin: func(p *soakPlay) func() {
			p.peers(true)
			return func() { p.peers(false) }
		}},
		{name: "restart a drey in peace", what: "drey", most: 3 * time.Second, upset: true, begin: func(p *soakPlay) func() {
			x := oneDrey(p)[0]
			_ = x.cmd.Process.Signal(syscall.SIGTERM)
			return func() {
				x.kill()
				x.spawn(p.t)
			}
		}},
		{name: "reload Alertmanager", what: "am", most: time.Second, upset: true, begin: reshape},
		{name: "kill Redis", what: "redis", most: 3 * time.Second, upset: true, errors: true, begin: func(p *soakPlay) func() {
			p.r.redis.Kill()
			return func() { p.r.redis.Start(p.t) }
		}},
		{name: "pause Redis", what: "redis", most: 4 * time.Second, upset: true, errors: true, begin: func(p *soakPlay) func() {
			return redisDo(p, "CLIENT", "PAUSE", "3000", "ALL")
		}},
		{name: "cut Redis connections", what: "redis", most: time.Second, upset: true, errors: true, begin: func(p *soakPlay) func() {
			return redisDo(p, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		}},
	}
}

// peers starts both Alertmanagers anew, with or without each other.
func (p *soakPlay) peers(alone bool) {
	for _, am := range p.r.ams {
		am.kill()
		am.alone = alone
		am.program.spawn(p.t)
	}
}

// reshape gives both Alertmanagers another shape of their configuration: the same groups have another key there.
func reshape(p *soakPlay) func() {
	p.shape = (p.shape + 1 + p.rng.IntN(soakShapes-1)) % soakShapes
	p.r.configure(p.t, p.shape)
	for _, am := range p.r.ams {
		if resp, err := http.Post(am.url+"/-/reload", "", nil); err == nil {
			_ = resp.Body.Close()
		}
	}
	return func() {}
}

// redisDo gives Redis a command.
func redisDo(p *soakPlay, args ...any) func() {
	c := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", p.r.redis.Port), MaxRetries: -1})
	_ = c.Do(context.Background(), args...).Err()
	_ = c.Close()
	return func() {}
}
