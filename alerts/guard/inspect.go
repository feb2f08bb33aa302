package guard

import (
	"fmt"
	"reflect"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// inspect refuses every kind of node that is not known to be harmless, the first in the order of the text.
func inspect(root ast.Node) *Error {
	v := &inspector{operators: operators(), builtins: builtins()}
	ast.Walk(&root, v)
	return v.first
}

type inspector struct {
	operators map[string]bool
	builtins  []string
	first     *Error
}

// Visit implements ast.Visitor.
func (v *inspector) Visit(n *ast.Node) {
	msg, allowed := v.refuse(*n)
	at := (*n).Location().From
	if msg != "" && (v.first == nil || at < v.first.At) {
		v.first = &Error{At: at, Msg: msg, Allowed: allowed}
	}
}

func (v *inspector) refuse(n ast.Node) (msg, allowed string) {
	switch x := n.(type) {
	case *ast.NilNode, *ast.IdentifierNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.UnaryNode,
		*ast.ChainNode, *ast.ArrayNode, *ast.ConditionalNode:
		return "", ""
	case *ast.MemberNode:
		switch x.Property.(type) {
		case *ast.StringNode, *ast.IntegerNode:
			return "", ""
		}
		return "a computed key is not allowed in a rule", `write the key out: labels["k8s.pod/name"]`
	case *ast.BinaryNode:
		return v.refuseBinary(x)
	case *ast.BuiltinNode:
		if !slices.Contains(v.builtins, x.Name) {
			return fmt.Sprintf("%s() is not allowed in a rule", x.Name), "allowed functions: " + strings.Join(v.builtins, ", ")
		}
		return "", ""
	case *ast.CallNode:
		if _, plain := x.Callee.(*ast.IdentifierNode); !plain {
			return "methods are not allowed in a rule", "allowed functions: " + strings.Join(v.builtins, ", ")
		}
		return "", ""
	case *ast.PredicateNode, *ast.PointerNode:
		return "closures are not allowed in a rule", `to compare with several values, write x in ["a", "b"]`
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return "let and ; are not allowed in a rule", "a rule is one condition"
	}
	return "this is not allowed in a rule", "a rule is one condition made of comparisons joined by &&, || and not"
}

func (v *inspector) refuseBinary(x *ast.BinaryNode) (msg, allowed string) {
	if x.Operator == ".." {
		return "ranges are not allowed in a rule", "compare twice instead: hour >= 8 && hour < 18"
	}
	if !v.operators[x.Operator] {
		return fmt.Sprintf("the operator %s is not allowed in a rule", x.Operator), ""
	}
	if x.Operator != "matches" {
		return "", ""
	}
	lit, ok := x.Right.(*ast.StringNode)
	if !ok {
		return "a regular expression must be written out", ""
	}
	re, err := syntax.Parse(lit.Value, syntax.Perl)
	if err != nil {
		return err.Error(), ""
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return err.Error(), ""
	}
	if n := len(prog.Inst); n > maxRegexp {
		return fmt.Sprintf("the regular expression is too big (%d steps; at most %d are allowed)", n, maxRegexp), "repeat less: {1,900} counts 900 times"
	}
	return "", ""
}

// inspectTyped refuses what only the types tell: + on strings, whose cost grows with the square of the rule's length.
func inspectTyped(root ast.Node) *Error {
	v := &typed{}
	ast.Walk(&root, v)
	return v.first
}

type typed struct{ first *Error }

// Visit implements ast.Visitor.
func (v *typed) Visit(n *ast.Node) {
	x, ok := (*n).(*ast.BinaryNode)
	if !ok || x.Operator != "+" || v.first != nil {
		return
	}
	if t := x.Type(); t != nil {
		switch t.Kind() {
		case reflect.Int, reflect.Int64, reflect.Float64:
			return
		}
	}
	v.first = &Error{At: x.Location().From, Msg: "joining text is not allowed in a rule", Allowed: `compare each part: labels.a == "x" && labels.b == "y"`}
}
