package guard

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// The bounds of one rule.
const (
	maxSource = 4096 // bytes
	maxNodes  = 256
	maxRegexp = 500    // instructions of a compiled regular expression
	memory    = 10_000 // units of the engine's own budget: elements of arrays and the like
)

// builtins are the functions of expr that a rule may call: each is linear in its argument and builds nothing bigger.
func builtins() []string {
	return []string{"len", "lower", "upper", "trim", "hasPrefix", "hasSuffix", "int", "float", "string", "duration", "indexOf", "abs"}
}

// Compiler compiles rules over the exported fields of E, named by their `expr` tags. It may be used by many goroutines.
type Compiler[E any] struct {
	options []expr.Option
	names   []string
	vms     *sync.Pool
}

// New returns a Compiler for the environment E, a struct.
func New[E any]() *Compiler[E] {
	c := &Compiler[E]{vms: &sync.Pool{New: func() any { return &vm.VM{MemoryBudget: memory} }}}
	c.options = []expr.Option{expr.Env(new(E)), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins()}
	for _, b := range builtins() {
		c.options = append(c.options, expr.EnableBuiltin(b))
	}
	t := reflect.TypeFor[E]()
	for i := range t.NumField() {
		if name := nameOf(t.Field(i)); name != "" {
			c.names = append(c.names, name)
		}
	}
	slices.Sort(c.names)
	return c
}

// nameOf is the name a rule knows a field by, or "".
func nameOf(f reflect.StructField) string {
	tag := f.Tag.Get("expr")
	switch {
	case !f.IsExported() || tag == "-":
		return ""
	case tag != "":
		return tag
	}
	return f.Name
}

// Names are the names that a rule may use, sorted.
func (c *Compiler[E]) Names() []string { return slices.Clone(c.names) }

// Rule is a compiled condition. It may be evaluated by many goroutines.
type Rule[E any] struct {
	source  string
	program *vm.Program
	vms     *sync.Pool
}

// String is the rule as it was written.
func (r *Rule[E]) String() string { return r.source }

// Eval says whether the rule holds. An error means that it does not, such as a division by zero.
func (r *Rule[E]) Eval(env *E) (bool, error) {
	v, err := r.run(env)
	ok, _ := v.(bool)
	return ok, err
}

func (r *Rule[E]) run(env *E) (any, error) {
	m := r.vms.Get().(*vm.VM)
	defer r.vms.Put(m)
	v, err := m.Run(r.program, env)
	if err != nil {
		return nil, r.refusal(err)
	}
	return v, nil
}

func (r *Rule[E]) refusal(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return &Error{Rule: r.source, At: at.From, Msg: at.Message}
	}
	return err
}

// Compile compiles a rule, or returns an *Error.
func (c *Compiler[E]) Compile(source string) (*Rule[E], error) {
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Msg: `empty rule; write "true" to match everything`}
	}
	return c.compile(source, expr.AsBool())
}

func (c *Compiler[E]) compile(source string, result expr.Option) (*Rule[E], error) {
	if len(source) > maxSource {
		return nil, &Error{Msg: fmt.Sprintf("rule of %d bytes; at most %d are allowed", len(source), maxSource)}
	}
	tree, err := parser.Parse(source)
	if err != nil {
		return nil, c.explain(source, err)
	}
	if e := inspect(tree.Node); e != nil {
		e.Rule = source
		return nil, e
	}
	p, err := expr.Compile(source, append(slices.Clip(c.options), result)...)
	if err != nil {
		return nil, c.explain(source, err)
	}
	if e := inspectTyped(p.Node()); e != nil {
		e.Rule = source
		return nil, e
	}
	if slices.Contains(p.Bytecode, vm.OpJumpBackward) {
		return nil, &Error{Rule: source, Msg: "loops are not allowed in a rule"}
	}
	return &Rule[E]{source: source, program: p, vms: c.vms}, nil
}

// explain makes the engine's own complaint ours, and says what would have been allowed.
func (c *Compiler[E]) explain(source string, err error) *Error {
	out := &Error{Rule: source, At: -1, Msg: err.Error()}
	var at *file.Error
	if errors.As(err, &at) {
		out.At, out.Msg = at.From, at.Message
	}
	switch {
	case strings.Contains(out.Msg, "unknown name"):
		out.Allowed = "allowed names: " + strings.Join(c.names, ", ") + "; functions: " + strings.Join(builtins(), ", ")
	case strings.Contains(out.Msg, "exceeds maximum allowed nodes"):
		out.Msg = fmt.Sprintf("rule with too many parts; at most %d are allowed", maxNodes)
	case strings.Contains(out.Msg, "expected bool"):
		out.Allowed = `a rule is a condition, such as labels.team == "core"`
	case strings.Contains(out.Msg, "expected string"):
		out.Allowed = `this is a text, such as labels.channel`
	}
	return out
}

// Error says what is wrong with a rule.
type Error struct {
	Rule    string
	At      int // offset in Rule, in characters; negative: the whole rule
	Msg     string
	Allowed string // what would be right, where that helps
}

// Position is where the mistake is, counted from 1.
func (e *Error) Position() (line, column int) {
	line, column = 1, 1
	for i, r := range []rune(e.Rule) {
		if i >= e.At {
			break
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}

// Error is the message, the line it is about with a caret below the place, and what is allowed.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Msg)
	if e.Rule != "" && e.At >= 0 {
		line, column := e.Position()
		text := strings.ReplaceAll(strings.Split(e.Rule, "\n")[line-1], "\t", " ")
		fmt.Fprintf(&b, " (%d:%d)\n | %s\n | %s^", line, column, text, strings.Repeat(".", column-1))
	}
	if e.Allowed != "" {
		b.WriteString("\n" + e.Allowed)
	}
	return b.String()
}

// operators are what stands between two values.
func operators() map[string]bool {
	return maps.Collect(func(yield func(string, bool) bool) {
		for _, o := range strings.Fields("|| or && and == != < > <= >= in matches contains startsWith endsWith + - * / % ??") {
			if !yield(o, true) {
				return
			}
		}
	})
}
