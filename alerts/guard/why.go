package guard

import (
	"fmt"
	"reflect"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// shownValue bounds how much of a value Why repeats, in characters.
const shownValue = 80

// Why says, for people, which of the conditions that r joins by "and" is the first that does not hold, and what stands in
// its place. It compiles each of them anew: it is for explanations, not for every alert.
func (c *Compiler[E]) Why(r *Rule[E], env *E) string {
	tree, err := parser.Parse(r.source)
	if err != nil {
		return r.source
	}
	for _, n := range conjuncts(tree.Node) {
		part, err := c.Compile(n.String())
		if err != nil {
			return r.source
		}
		if ok, err := part.Eval(env); ok && err == nil {
			continue
		}
		if at, ok := subject(n, reflect.TypeFor[E]()); ok {
			return fmt.Sprintf("%s, but it is %q", n, cut(at.read(reflect.ValueOf(env).Elem())))
		}
		return n.String()
	}
	return r.source
}

func cut(s string) string {
	if r := []rune(s); len(r) > shownValue {
		return string(r[:shownValue-1]) + "…"
	}
	return s
}

func conjuncts(n ast.Node) []ast.Node {
	if x, ok := n.(*ast.BinaryNode); ok && (x.Operator == "&&" || x.Operator == "and") {
		return append(conjuncts(x.Left), conjuncts(x.Right)...)
	}
	return []ast.Node{n}
}

// subject is the text that a comparison is about.
func subject(n ast.Node, env reflect.Type) (place, bool) {
	switch x := n.(type) {
	case *ast.UnaryNode:
		return subject(x.Node, env)
	case *ast.BinaryNode:
		if at, ok := find(x.Left, env); ok {
			return at, true
		}
		return find(x.Right, env)
	}
	return place{}, false
}
