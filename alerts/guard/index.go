package guard

import (
	"errors"
	"iter"
	"reflect"
	"slices"
)

// Index finds the rules that hold without evaluating the others. It may be used by many goroutines.
type Index[E any] struct {
	rules   []*Rule[E]
	buckets []bucket
	rest    []int // rules that no equality can rule out, in order
}

// bucket holds the rules that can hold only where one text of the environment has one of certain values.
type bucket struct {
	at     place
	values map[string][]int
}

// Index makes an Index of rules that this Compiler compiled. A rule's number is its place in rules.
func (c *Compiler[E]) Index(rules []*Rule[E]) *Index[E] {
	ix := &Index[E]{rules: slices.Clone(rules)}
	env := reflect.TypeFor[E]()
	needs := make([][]need, len(rules))
	common := map[string]int{} // how many rules need a value at a place
	for i, r := range rules {
		needs[i] = needsOf(r.source, env)
		for _, n := range needs[i] {
			for _, v := range n.values {
				common[n.at.name+"\x00"+v]++
			}
		}
	}
	known := map[string]int{} // place to bucket
	for i := range rules {
		n := rarest(needs[i], common)
		if n == nil {
			ix.rest = append(ix.rest, i)
			continue
		}
		b, ok := known[n.at.name]
		if !ok {
			b = len(ix.buckets)
			known[n.at.name] = b
			ix.buckets = append(ix.buckets, bucket{at: n.at, values: map[string][]int{}})
		}
		for _, v := range n.values {
			ix.buckets[b].values[v] = append(ix.buckets[b].values[v], i)
		}
	}
	return ix
}

// rarest is the need with the fewest other rules in its way, or nil.
func rarest(needs []need, common map[string]int) *need {
	var best *need
	least := int(^uint(0) >> 1)
	for i, n := range needs {
		cost := 0
		for _, v := range n.values {
			cost += common[n.at.name+"\x00"+v]
		}
		if cost < least {
			best, least = &needs[i], cost
		}
	}
	return best
}

// Unindexed counts the rules that every Match has to evaluate.
func (ix *Index[E]) Unindexed() int { return len(ix.rest) }

// Match returns the numbers of the rules that hold, in order. The error joins those of rules that could not be
// evaluated; these do not hold. A rule that its equality rules out is not evaluated and has no error.
func (ix *Index[E]) Match(env *E) ([]int, error) {
	var out []int
	var errs []error
	for i, err := range ix.Each(env) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, i)
	}
	return out, errors.Join(errs...)
}

// Each yields the rules that hold, in order, evaluating no further than the loop goes. With an error comes the number of
// the rule that could not be evaluated.
func (ix *Index[E]) Each(env *E) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		found := ix.candidates(env)
		rest := ix.rest
		for len(found) > 0 || len(rest) > 0 {
			var i int
			if len(rest) == 0 || len(found) > 0 && found[0] < rest[0] {
				i, found = found[0], found[1:]
			} else {
				i, rest = rest[0], rest[1:]
			}
			ok, err := ix.rules[i].Eval(env)
			if (ok || err != nil) && !yield(i, err) {
				return
			}
		}
	}
}

func (ix *Index[E]) candidates(env *E) []int {
	v := reflect.ValueOf(env).Elem()
	var out []int
	lists := 0
	for i := range ix.buckets {
		b := &ix.buckets[i]
		if hit := b.values[b.at.read(v)]; len(hit) > 0 {
			out = append(out, hit...)
			lists++
		}
	}
	if lists > 1 {
		slices.Sort(out)
	}
	return out
}
