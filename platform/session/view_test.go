package session

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/drey-ops/drey/platform/sqlgateway"
)

func change(kind string, fields ...string) sqlgateway.Row {
	r := sqlgateway.Row{Kind: kind}
	for _, f := range fields {
		r.Fields = append(r.Fields, sqlgateway.Field(f))
	}
	return r
}

func shown(v *view, limit int) string {
	var rows []string
	for _, r := range v.show(limit) {
		rows = append(rows, strings.Join(r, "|"))
	}
	return strings.Join(rows, " ")
}

func TestViewFolds(t *testing.T) {
	const ins, before, after, del = sqlgateway.Insert, sqlgateway.UpdateBefore, sqlgateway.UpdateAfter, sqlgateway.Delete
	for _, tc := range []struct {
		name string
		log  []sqlgateway.Row
		want string
	}{
		{"inserts keep their order", []sqlgateway.Row{change(ins, "b"), change(ins, "a"), change(ins, "b")}, "b a b"},
		{"an update keeps its place", []sqlgateway.Row{change(ins, "a", "1"), change(ins, "b", "1"), change(before, "a", "1"), change(after, "a", "2")}, "a|2 b|1"},
		{"a delete takes one of equals", []sqlgateway.Row{change(ins, "a"), change(ins, "a"), change(del, "a")}, "a"},
		{"a delete of nothing", []sqlgateway.Row{change(ins, "a"), change(del, "b"), change(before, "c")}, "a"},
		{"an update without a before", []sqlgateway.Row{change(ins, "a"), change(after, "b")}, "a b"},
		{"a hole is for its own update", []sqlgateway.Row{change(ins, "a"), change(before, "a"), change(ins, "b"), change(after, "c")}, "b c"},
		{"fields do not run together", []sqlgateway.Row{change(ins, "a\x00", "b"), change(del, "a", "\x00b")}, "a\x00|b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := newView()
			for _, r := range tc.log {
				v.apply(r)
			}
			if got := shown(v, 100); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// TestViewAgainstList compares with the obvious way, over many random changes.
func TestViewAgainstList(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	v, plain := newView(), []string{}
	for i := range 20_000 {
		f := fmt.Sprint(rnd.IntN(30))
		if rnd.IntN(2) == 0 {
			v.apply(change(sqlgateway.Insert, f))
			plain = append(plain, f)
		} else {
			v.apply(change(sqlgateway.Delete, f))
			if at := slices.Index(plain, f); at >= 0 {
				plain = slices.Delete(plain, at, at+1)
			}
		}
		if i%500 == 0 {
			got := strings.Fields(shown(v, 1<<20))
			want := slices.Clone(plain)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || v.rows != len(plain) {
				t.Fatalf("after %d changes: %d rows, want %d", i, v.rows, len(plain))
			}
		}
	}
	if len(v.slots) > 2*v.rows+64+500 {
		t.Errorf("%d slots for %d rows", len(v.slots), v.rows)
	}
}

func TestViewIsBounded(t *testing.T) {
	v := newView()
	for range 3 {
		v.apply(change(sqlgateway.Insert, "x"))
	}
	if v.full(3) || !v.full(2) || shown(v, 2) != "x x" {
		t.Error("rows")
	}
	v.apply(change(sqlgateway.Insert, strings.Repeat("x", viewBytes)))
	if !v.full(1000) {
		t.Error("bytes")
	}
}
