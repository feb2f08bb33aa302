package guard

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Text is a compiled expression whose value is a text, under the same bounds as a Rule. It may be evaluated by many
// goroutines.
type Text[E any] struct{ rule *Rule[E] }

// CompileText compiles an expression such as labels.channel, or returns an *Error.
func (c *Compiler[E]) CompileText(source string) (*Text[E], error) {
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Msg: "empty expression; name a text, such as labels.channel"}
	}
	r, err := c.compile(source, expr.AsKind(reflect.String))
	if err != nil {
		return nil, err
	}
	return &Text[E]{r}, nil
}

// String is the expression as it was written.
func (t *Text[E]) String() string { return t.rule.source }

// Eval returns the text.
func (t *Text[E]) Eval(env *E) (string, error) {
	v, err := t.rule.run(env)
	s, _ := v.(string)
	return s, err
}

// Literals are the arguments that rule gives to a function, each once, sorted. It returns an *Error when one
// of them is not written out: then what the function is asked is known only at evaluation.
func (r *Rule[E]) Literals(function string) ([]string, error) {
	if !strings.Contains(r.source, function) {
		return nil, nil
	}
	tree, err := parser.Parse(r.source)
	if err != nil {
		return nil, fmt.Errorf("parse a compiled rule: %w", err)
	}
	v := &literalArgs{function: function, rule: r.source}
	ast.Walk(&tree.Node, v)
	if v.wrong != nil {
		return nil, v.wrong
	}
	return unique(v.found), nil
}

type literalArgs struct {
	function, rule string
	found          []string
	wrong          *Error
}

// Visit implements ast.Visitor.
func (v *literalArgs) Visit(n *ast.Node) {
	call, ok := (*n).(*ast.CallNode)
	if !ok {
		return
	}
	if name, ok := call.Callee.(*ast.IdentifierNode); !ok || name.Value != v.function {
		return
	}
	for _, a := range call.Arguments {
		lit, ok := a.(*ast.StringNode)
		if !ok {
			v.wrong = &Error{Rule: v.rule, At: a.Location().From, Msg: fmt.Sprintf("what %s() is asked must be written out", v.function)}
			return
		}
		v.found = append(v.found, lit.Value)
	}
}
