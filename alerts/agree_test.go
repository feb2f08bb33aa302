package alerts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// amRoute is a node of Alertmanager's routing tree.
type amRoute struct {
	receiver string
	matchers []matcher
	more     bool // continue
	children []*amRoute
}

// matcher is one of Alertmanager's.
type matcher struct{ name, op, value string }

// yaml is the matcher as Alertmanager's configuration has it.
func (m matcher) yaml() string { return fmt.Sprintf("%s%s%q", m.name, m.op, m.value) }

// expr is the matcher as a condition.
func (m matcher) expr() string {
	label := fmt.Sprintf("labels[%q]", m.name)
	switch m.op {
	case "=":
		return fmt.Sprintf("%s == %q", label, m.value)
	case "!=":
		return fmt.Sprintf("%s != %q", label, m.value)
	case "=~":
		return fmt.Sprintf("%s matches %q", label, "^(?:"+m.value+")$")
	}
	return fmt.Sprintf("not (%s matches %q)", label, "^(?:"+m.value+")$")
}

func (r *amRoute) condition() string {
	out := []string{"true"}
	for _, m := range r.matchers {
		out = append(out, m.expr())
	}
	return "(" + strings.Join(out, " && ") + ")"
}

// randomTree makes a routing tree with at most depth levels below its root, whose nodes all have a receiver of their own.
func randomTree(rnd *rand.Rand, depth int) *amRoute {
	n := 0
	var grow func(level int) *amRoute
	grow = func(level int) *amRoute {
		r := &amRoute{receiver: fmt.Sprintf("r%d", n), more: level > 0 && rnd.IntN(3) == 0}
		n++
		if level > 0 {
			for range 1 + rnd.IntN(2) {
				r.matchers = append(r.matchers, randomMatcher(rnd))
			}
		}
		if level < depth {
			for range rnd.IntN(4) + max(0, 1-level) {
				r.children = append(r.children, grow(level+1))
			}
		}
		return r
	}
	return grow(0)
}

func randomMatcher(rnd *rand.Rand) matcher {
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	m := matcher{name: pick("team", "severity", "k"), op: pick("=", "=", "=", "!=", "=~", "!~")}
	if m.value = pick("a", "b", "c", ""); strings.Contains(m.op, "~") {
		m.value = pick("a|b", "b.*", ".+", "", "[ab]c?", "a")
	}
	return m
}

// write appends the tree as YAML.
func (r *amRoute) write(b *strings.Builder, indent string, seen map[string]bool) {
	seen[r.receiver] = true
	fmt.Fprintf(b, "receiver: %s\n", r.receiver)
	if r.more {
		fmt.Fprintf(b, "%scontinue: true\n", indent)
	}
	if len(r.matchers) > 0 {
		fmt.Fprintf(b, "%smatchers:\n", indent)
		for _, m := range r.matchers {
			fmt.Fprintf(b, "%s- '%s'\n", indent, m.yaml())
		}
	}
	if len(r.children) > 0 {
		fmt.Fprintf(b, "%sroutes:\n", indent)
		for _, c := range r.children {
			fmt.Fprintf(b, "%s- ", indent)
			c.write(b, indent+"  ", seen)
		}
	}
}

// flat translates a tree into drey's list of routes. A tree of one level says what a list says: its order, its continue, its root
// as the default. A deeper one needs its scopes written out: each route's condition holds those of its ancestors, and none of
// an earlier sibling that does not continue nor of its own children, and all go on.
func (r *amRoute) flat() Options {
	var o Options
	if !slices.ContainsFunc(r.children, func(c *amRoute) bool { return len(c.children) > 0 }) {
		for _, c := range r.children {
			o.Routes = append(o.Routes, Route{Name: c.receiver, Match: c.condition(), To: []string{"web:" + c.receiver}, Continue: c.more})
		}
		o.DefaultTo = []string{"web:" + r.receiver}
		return o
	}
	r.spread(&o, nil)
	return o
}

func (r *amRoute) spread(o *Options, above []string) {
	above = append(slices.Clip(above), r.condition())
	own := slices.Clip(above)
	before := slices.Clip(above)
	for _, c := range r.children {
		c.spread(o, before)
		own = append(own, "not "+c.condition())
		if !c.more {
			before = append(slices.Clip(before), "not "+c.condition())
		}
	}
	o.Routes = append(o.Routes, Route{Name: r.receiver, Match: strings.Join(own, " && "), To: []string{"web:" + r.receiver}, Continue: true})
}

// TestAgreesWithAlertmanager compares where drey and Alertmanager's own dispatcher send alerts, over random trees of routes and
// random labels. The dispatcher is asked through amtool, which holds it.
func TestAgreesWithAlertmanager(t *testing.T) {
	amtool, err := exec.LookPath("amtool")
	if err != nil {
		t.Skip("no amtool on PATH (apt-get install prometheus-alertmanager): routes are not compared with Alertmanager's")
	}
	trees, asks := 40, 6
	if testing.Short() {
		trees = 8
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("DREY_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DREY_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	several := 0
	for n := range trees {
		tree := randomTree(rnd, 1+n%3)
		file, text := writeTree(t, tree, n)
		p, err := NewPipeline(tree.flat(), nil, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for range asks {
			l := map[string]string{"alertname": "x"}
			for _, k := range []string{"team", "severity", "k"} {
				if v := []string{"a", "b", "c", "bc", ""}[rnd.IntN(5)]; v != "" {
					l[k] = v
				}
			}
			got := receivers(p.Test(t.Context(), Question{Labels: l, At: newClock().t}))
			if len(got) > 1 {
				several++
			}
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				want, err := askAmtool(t.Context(), amtool, file, l)
				if err != nil {
					t.Error(err)
				} else if !slices.Equal(got, want) {
					t.Errorf("%v goes to %v, and in Alertmanager to %v\n%s\n%+v", l, got, want, text, tree.flat().Routes)
				}
			})
		}
	}
	wg.Wait()
	if several == 0 && trees > 10 {
		t.Error("no alert went to several receivers: the trees test too little")
	}
}

func writeTree(t *testing.T, tree *amRoute, n int) (file, text string) {
	t.Helper()
	var b strings.Builder
	seen := map[string]bool{}
	b.WriteString("route:\n  ")
	tree.write(&b, "  ", seen)
	b.WriteString("receivers:\n")
	for _, r := range slices.Sorted(maps.Keys(seen)) {
		fmt.Fprintf(&b, "- name: %s\n", r)
	}
	file = filepath.Join(t.TempDir(), fmt.Sprintf("am%d.yml", n))
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, b.String()
}

// receivers are the channels of a trace, which are named like the receivers.
func receivers(tr Trace) []string {
	var out []string
	for _, x := range tr.Incident.Targets {
		out = append(out, x.Place.Channel)
	}
	slices.Sort(out)
	return out
}

func askAmtool(ctx context.Context, amtool, file string, l map[string]string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	args := []string{"config", "routes", "test", "--config.file=" + file}
	for _, k := range slices.Sorted(maps.Keys(l)) {
		args = append(args, k+"="+l[k])
	}
	raw, err := exec.CommandContext(ctx, amtool, args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("amtool config routes test: %w", err)
	}
	out := strings.Split(strings.TrimSpace(string(raw)), ",")
	slices.Sort(out)
	return out, nil
}
