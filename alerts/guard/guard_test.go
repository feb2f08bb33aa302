package guard_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/guard"
)

type inner struct {
	Hour int    `expr:"hour"`
	Zone string `expr:"zone"`
}

type env struct {
	Labels   map[string]string                   `expr:"labels"`
	Severity string                              `expr:"severity"`
	Firing   int                                 `expr:"firing"`
	Age      time.Duration                       `expr:"age"`
	Env      inner                               `expr:"env"`
	OneOf    func(x string, list ...string) bool `expr:"oneOf"`
}

func TestCompileAllows(t *testing.T) {
	c := guard.New[env]()
	e := &env{
		Labels:   map[string]string{"team": "core", "cluster": "prod-eu", "k8s.pod/name": "api-1", "n": "7"},
		Severity: "critical", Firing: 3, Age: time.Hour, Env: inner{Hour: 9, Zone: "UTC"},
		OneOf: func(x string, list ...string) bool { return slices.Contains(list, x) },
	}
	for _, rule := range []string{
		`true`,
		`labels.team == "core" && severity in ["critical", "warning"]`,
		`labels.cluster matches "^prod-(eu|us)$" and not (labels.cluster startsWith "kube-")`,
		`labels["k8s.pod/name"] contains "api"`,
		`(labels.missing ?? "x") == ""`,
		`labels.missing == ""`,
		`len(labels) > 3 ? env.hour >= 8 : false`,
		`lower("ABC") == "abc"`,
		`int(labels.n) + 1 == 8`,
		`firing * 2 > 5 && firing + 1 == 4`,
		`age > duration("15m")`,
		`oneOf(severity, "critical", "page")`,
		"severity == \"critical\" &&\n\tfiring > 1",
	} {
		r, err := c.Compile(rule)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		if ok, err := r.Eval(e); !ok || err != nil {
			t.Errorf("%s: %v, %v", rule, ok, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	c := guard.New[env]()
	for _, tt := range []struct{ rule, want string }{
		{``, "empty rule"},
		{`let r = 1..30000; all(r, all(r, # > 0))`, "not allowed"},
		{`all(1..10, # > 0)`, "not allowed"},
		{`any(["a"], labels.team == #)`, "any() is not allowed"},
		{`let a = repeat("x", 900000); len(a+a) > 0`, "not allowed"},
		{`len(repeat("x", 10000000)) > 0`, "repeat() is not allowed"},
		{`labels.team matches labels.cluster`, "must be written out"},
		{`labels.team matches "("`, "missing closing )"},
		{`1 in 1..900000`, "ranges are not allowed"},
		{`toJSON(labels) == ""`, "toJSON() is not allowed"},
		{`reduce(1..900, #acc + #, 0) > 1`, "not allowed"},
		{`labels.team + labels.team == "x"`, "joining text"},
		{`len("a" + labels.team) > 1`, "joining text"},
		{`age.Hours() > 1`, "methods are not allowed"},
		{`now().Year() > 1`, "not allowed"},
		{`labels[labels.team] == "x"`, "computed key"},
		{strings.Repeat("!", 300) + "true", "too many parts"},
		{strings.Repeat("(", 2500) + "true" + strings.Repeat(")", 2500), "at most 4096"},
		{`labels.team`, "expected bool"},
		{`sevrity == "x"`, "unknown name sevrity (1:1)"},
		{`severity == 1`, "mismatched types"},
		{`severity matches "` + strings.Repeat("(a|b){1,900}", 3) + `"`, "too big"},
		{`2 ** 1000 > 1`, "operator ** is not allowed"},
		{`labels.team[0:1] == "x"`, "not allowed"},
		{`{"a": 1} == labels`, "not allowed"},
		{`"a" | upper() == "A" ; true`, "not allowed"},
	} {
		_, err := c.Compile(tt.rule)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60s: got %v, want %q", tt.rule, err, tt.want)
		}
	}
}

func TestErrorShowsThePlace(t *testing.T) {
	_, err := guard.New[env]().Compile("severity == \"critical\" &&\n  label.team == \"core\"")
	want := "unknown name label (2:3)\n |   label.team == \"core\"\n | ..^\nallowed names: age, env, firing, labels, oneOf, severity; functions: "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestText(t *testing.T) {
	c := guard.New[env]()
	e := &env{Labels: map[string]string{"channel": "slack:C1"}, Severity: "critical"}
	for source, want := range map[string]string{
		`labels.channel`: "slack:C1", `labels.missing`: "", `severity == "critical" ? labels.channel : "web:ops"`: "slack:C1", `lower(severity)`: "critical",
	} {
		x, err := c.CompileText(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := x.Eval(e); got != want || err != nil {
			t.Errorf("%s: %q, %v", source, got, err)
		}
	}
	for source, want := range map[string]string{
		``: "empty expression", `firing`: "expected string", `"slack:" + labels.channel`: "joining text", `labels[severity]`: "computed key",
		`map([1], # > 0)[0]`: "not allowed", `labels.a ?? nothing`: "unknown name nothing",
	} {
		if _, err := c.CompileText(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", source, err, want)
		}
	}
}

func TestWhy(t *testing.T) {
	c := guard.New[env]()
	e := &env{Labels: map[string]string{"team": "core", "long": strings.Repeat("x", 500)}, Severity: "info", OneOf: func(string, ...string) bool { return false }}
	for source, want := range map[string]string{
		`labels.team == "core" && severity == "critical"`:       `severity == "critical", but it is "info"`,
		`"page" == severity && labels.team == "x"`:              `"page" == severity, but it is "info"`,
		`severity in ["a", "b"]`:                                `severity in ["a", "b"], but it is "info"`,
		`not (labels.team startsWith "co") && true`:             `not (labels.team startsWith "co"), but it is "core"`,
		`labels["team"] matches "^data" and severity == "info"`: `labels.team matches "^data", but it is "core"`,
		`firing > 3`:                            `firing > 3`,
		`severity == "a" || labels.team == "b"`: `severity == "a" || labels.team == "b"`,
		`oneOf(severity, "a")`:                  `oneOf(severity, "a")`,
		`1 % firing == 0 && severity == "info"`: `1 % firing == 0`,
		`labels.long == ""`:                     `labels.long == "", but it is "` + strings.Repeat("x", 79) + `…"`,
	} {
		r, err := c.Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Why(r, e); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", source, got, want)
		}
	}
}

func TestLiterals(t *testing.T) {
	c := guard.New[env]()
	r, err := c.Compile(`oneOf("b", "a", "b") && not oneOf("c")`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Literals("oneOf"); err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got, err)
	}
	if got, err := r.Literals("other"); err != nil || len(got) > 0 {
		t.Error(got, err)
	}
	if r, err = c.Compile(`oneOf("a", lower(severity))`); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Literals("oneOf"); err == nil || !strings.Contains(err.Error(), "written out (1:12)") {
		t.Error(err)
	}
}

func TestEvalError(t *testing.T) {
	r, err := guard.New[env]().Compile(`10 % firing == 1`)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := r.Eval(&env{}); ok || err == nil {
		t.Errorf("division by zero: %v, %v", ok, err)
	}
}

// TestIndexAgrees compares the index with plain evaluation on random rules and random environments.
func TestIndexAgrees(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c := guard.New[env]()
	var rules []*guard.Rule[env]
	for range 400 {
		r, err := c.Compile(randomRule(rnd, 3))
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	ix := c.Index(rules)
	for range 300 {
		e := &env{Labels: map[string]string{}, Severity: pick(rnd, "", "a", "b", "c"), Firing: rnd.IntN(3), Env: inner{Zone: pick(rnd, "a", "b")}}
		for _, k := range []string{"x", "y", "z"} {
			if rnd.IntN(3) > 0 {
				e.Labels[k] = pick(rnd, "", "a", "b", "c")
			}
		}
		var want []int
		for i, r := range rules {
			if ok, _ := r.Eval(e); ok {
				want = append(want, i)
			}
		}
		got, _ := ix.Match(e)
		if !slices.Equal(got, want) {
			t.Fatalf("on %+v\ngot  %v\nwant %v", e, got, want)
		}
	}
	t.Logf("%d of %d rules unindexed", ix.Unindexed(), len(rules))
}

func pick(rnd *rand.Rand, of ...string) string { return of[rnd.IntN(len(of))] }

func randomRule(rnd *rand.Rand, depth int) string {
	if depth > 0 && rnd.IntN(3) > 0 {
		l, r := randomRule(rnd, depth-1), randomRule(rnd, depth-1)
		switch rnd.IntN(5) {
		case 0, 1:
			return "(" + l + " && " + r + ")"
		case 2, 3:
			return "(" + l + " || " + r + ")"
		}
		return "not (" + l + ")"
	}
	field := pick(rnd, "labels.x", "labels.y", `labels["z"]`, "severity", "env.zone", "labels?.x")
	value := pick(rnd, `""`, `"a"`, `"b"`, `"c"`)
	switch rnd.IntN(6) {
	case 0:
		return value + " == " + field
	case 1:
		return fmt.Sprintf("%s in [%s, %s]", field, value, pick(rnd, `"a"`, `"b"`))
	case 2:
		return fmt.Sprintf("%s != %s", field, value)
	case 3:
		return fmt.Sprintf("firing %% %d == 1", rnd.IntN(3))
	case 4:
		return fmt.Sprintf(`%s matches "^[ab]$"`, field)
	}
	return field + " == " + value
}

func benchRule(i int) string {
	switch i % 4 {
	case 0:
		return fmt.Sprintf(`labels.service == "svc-%d" && severity in ["critical", "warning"]`, i)
	case 1:
		return fmt.Sprintf(`labels.team == "team-%d" && labels.service == "svc-%d" && labels.cluster startsWith "prod-"`, i%500, i)
	case 2:
		return fmt.Sprintf(`severity == "critical" && labels.service == "svc-%d" && labels.cluster matches "^prod-(eu|us)-[0-9]+$"`, i)
	}
	return fmt.Sprintf(`labels.service in ["svc-%d", "svc-%d"] && (env.hour >= 8 && env.hour < 18 || severity == "critical") && firing > 2`, i, i+1_000_000)
}

// BenchmarkRules prints what 10,000 rules cost in units of one, with the index and in order without it.
func BenchmarkRules(b *testing.B) {
	c := guard.New[env]()
	var rules []*guard.Rule[env]
	for i := range 10_000 {
		r, err := c.Compile(benchRule(i))
		if err != nil {
			b.Fatal(err)
		}
		rules = append(rules, r)
	}
	e := &env{Labels: map[string]string{"alertname": "HighLatency", "team": "team-49", "service": "svc-50", "cluster": "prod-eu-1"}, Severity: "critical", Firing: 3, Env: inner{Hour: 12}}
	one, many := c.Index(rules[50:51]), c.Index(rules)
	measure := func(n int, fn func()) float64 {
		start := time.Now()
		for range n {
			fn()
		}
		return float64(time.Since(start).Nanoseconds()) / float64(n)
	}
	match := func(ix *guard.Index[env]) func() {
		return func() {
			if got, err := ix.Match(e); len(got) != 1 || err != nil {
				b.Fatal(got, err)
			}
		}
	}
	match(many)()
	for b.Loop() {
		cost1 := measure(20_000, match(one))
		cost10k := measure(20_000, match(many))
		naive := measure(20, func() {
			for _, r := range rules {
				_, _ = r.Eval(e)
			}
		})
		b.ReportMetric(cost1, "ns/1-rule")
		b.ReportMetric(cost10k, "ns/10k-rules")
		b.ReportMetric(cost10k/cost1, "ratio-10k:1")
		b.ReportMetric(naive/cost1, "ratio-naive:1")
	}
	if r := b.Elapsed(); r == 0 {
		b.Fatal("nothing measured")
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`true`, `labels.a == "b"`, `all(1..9, # > 0)`, `severity matches "(a+)+$"`, `a ?? b`, `len(labels) > 1 ? true : false`, `"x" in labels`} {
		f.Add(s)
	}
	c := guard.New[env]()
	e := &env{Labels: map[string]string{"a": strings.Repeat("x", 1000)}, OneOf: func(string, ...string) bool { return false }}
	f.Fuzz(func(t *testing.T, source string) {
		r, err := c.Compile(source)
		if err != nil {
			_ = err.Error()
			return
		}
		start := time.Now()
		want, _ := r.Eval(e)
		if d := time.Since(start); d > time.Second {
			t.Errorf("%q took %s", source, d)
		}
		_ = c.Why(r, e)
		_, _ = r.Literals("oneOf")
		got, _ := c.Index([]*guard.Rule[env]{r}).Match(e)
		if (len(got) == 1) != want {
			t.Errorf("%q: index says %v, the rule %v", source, got, want)
		}
	})
}
