package guard

import (
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// need is a condition without which a rule cannot hold: the text at a place is one of some values.
type need struct {
	at     place
	values []string
}

// place is where a text stands in the environment: a string field, or one key of a map[string]string field.
type place struct {
	name  string // tells places apart
	index []int
	key   string
	isMap bool
}

func (p place) read(env reflect.Value) string {
	v := env.FieldByIndex(p.index)
	if !p.isMap {
		return v.String()
	}
	m, _ := v.Interface().(map[string]string)
	return m[p.key]
}

// needsOf finds the needs of a rule; none for one that does not parse.
func needsOf(source string, env reflect.Type) []need {
	tree, err := parser.Parse(source)
	if err != nil {
		return nil
	}
	return needs(tree.Node, env)
}

func needs(n ast.Node, env reflect.Type) []need {
	x, ok := n.(*ast.BinaryNode)
	if !ok {
		return nil
	}
	switch x.Operator {
	case "&&", "and":
		return append(needs(x.Left, env), needs(x.Right, env)...)
	case "||", "or":
		return either(needs(x.Left, env), needs(x.Right, env))
	case "==":
		for _, side := range [][2]ast.Node{{x.Left, x.Right}, {x.Right, x.Left}} {
			if lit, ok := side[1].(*ast.StringNode); ok {
				if at, ok := find(side[0], env); ok {
					return []need{{at, []string{lit.Value}}}
				}
			}
		}
	case "in":
		at, ok := find(x.Left, env)
		values, lits := literals(x.Right)
		if ok && lits {
			return []need{{at, values}}
		}
	}
	return nil
}

// either keeps the needs that both sides of an "or" have at the same place, with the values of both.
func either(left, right []need) []need {
	var out []need
	for _, l := range left {
		for _, r := range right {
			if l.at.name == r.at.name {
				out = append(out, need{l.at, unique(slices.Concat(l.values, r.values))})
			}
		}
	}
	return out
}

func unique(in []string) []string {
	slices.Sort(in)
	return slices.Compact(in)
}

func literals(n ast.Node) ([]string, bool) {
	list, ok := n.(*ast.ArrayNode)
	if !ok {
		return nil, false
	}
	var out []string
	for _, e := range list.Nodes {
		lit, ok := e.(*ast.StringNode)
		if !ok {
			return nil, false
		}
		out = append(out, lit.Value)
	}
	return unique(out), true
}

// find resolves a chain of names such as severity, labels.team or labels["k8s.pod/name"] in the environment.
func find(n ast.Node, env reflect.Type) (place, bool) {
	names, ok := chain(n)
	if !ok {
		return place{}, false
	}
	p := place{name: strings.Join(names, "\x00")}
	for i, name := range names {
		if env == reflect.TypeFor[map[string]string]() {
			p.key, p.isMap = name, true
			return p, i == len(names)-1
		}
		if env.Kind() != reflect.Struct {
			return place{}, false
		}
		f, ok := field(env, name)
		if !ok {
			return place{}, false
		}
		p.index, env = append(p.index, f.Index...), f.Type
	}
	return p, env == reflect.TypeFor[string]()
}

func field(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); nameOf(f) == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func chain(n ast.Node) ([]string, bool) {
	switch x := n.(type) {
	case *ast.IdentifierNode:
		return []string{x.Value}, true
	case *ast.ChainNode:
		return chain(x.Node)
	case *ast.MemberNode:
		names, ok := chain(x.Node)
		key, lit := x.Property.(*ast.StringNode)
		if !ok || !lit || x.Method {
			return nil, false
		}
		return append(names, key.Value), true
	}
	return nil, false
}
