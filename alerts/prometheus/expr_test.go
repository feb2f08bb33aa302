package prometheus

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		expr, value string
		limits      []float64
	}{
		{`up == 0`, `up`, []float64{0}},
		{`rate(x[5m]) > 0.5`, `rate(x[5m])`, []float64{0.5}},
		{`(rate(x[5m]) > 1e-3)`, `rate(x[5m])`, []float64{0.001}},
		{`x >= -5`, `x`, []float64{-5}},
		{`a - 5`, `a - 5`, nil},
		{`x > 1 < 10`, `x`, []float64{10, 1}},
		{`time() - a/1000 > 900 and a > 0`, `time() - a/1000`, []float64{900}},
		{`busy > 900 unless on (job_id) back > 200`, `busy`, []float64{900}},
		{`a > 1 or b > 2`, `a > 1 or b > 2`, nil},
		{`(a > 1 or b > 2) > 3`, `(a > 1 or b > 2)`, []float64{3}},
		{`(a) > 1 and (b) > 2`, `(a)`, []float64{1}},
		{`a < b`, `a < b`, nil},
		{`x > bool 1`, `x > bool 1`, nil},
		{`increase(a[10m]) - (increase(b[10m]) or 0*a) >= 2`, `increase(a[10m]) - (increase(b[10m]) or 0*a)`, []float64{2}},
		{`x{l="> 5 and", m=~'a"b'} > 5`, `x{l="> 5 and", m=~'a"b'}`, []float64{5}},
		{"x # > 3\n > 4", "x", []float64{4}},
		{`absent(up{job="flink"}) == 1`, `absent(up{job="flink"})`, []float64{1}},
		{`> 5`, `> 5`, nil},
		{``, ``, nil},
		{`(((`, `(((`, nil},
		{`() > 1`, `()`, []float64{1}},
		{`x offset 5m != 3`, `x offset 5m`, []float64{3}},
		{`x > Inf`, `x`, []float64{math.Inf(1)}},
	} {
		value, limits := Split(tt.expr)
		if value != tt.value || !cmp.Equal(limits, tt.limits) {
			t.Errorf("%q: %q, %v; want %q, %v", tt.expr, value, limits, tt.value, tt.limits)
		}
	}
}

func TestExprOf(t *testing.T) {
	for url, want := range map[string]string{
		"http://prom:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1": "up == 0",
		"https://grafana.example/alerting/x":                  "",
		"::":                                                  "",
		"":                                                    "",
	} {
		if got := ExprOf(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`rate(x{a="b"}[5m]) > 0.5 and y < 3`)
	f.Add("((a)) > 1 # c\n")
	f.Fuzz(func(t *testing.T, expr string) {
		value, limits := Split(expr)
		if !strings.Contains(expr, value) || len(limits) == 0 && value != expr {
			t.Errorf("%q became %q, %v", expr, value, limits)
		}
	})
}
