package commands

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	positions "go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// TestButtonsThatOpenAForm is a house test: a label ends in "…" if and only if the press opens a form.
func TestButtonsThatOpenAForm(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../alerts/*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	fset := positions.NewFileSet()
	for _, file := range append(files, more...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			label, opens, ok := buttonIn(n)
			if ok {
				seen++
			}
			if ok && strings.HasSuffix(label, "…") != opens {
				t.Errorf("%s: button %q: a label ends in … if and only if Opens is set", fset.Position(n.Pos()), label)
			}
			return true
		})
	}
	if seen < 20 {
		t.Errorf("only %d buttons found: the test looks wrongly", seen)
	}
}

// buttonIn is the label of a button that n makes, as far as it is written there, and whether the button opens a form.
func buttonIn(n ast.Node) (label string, opens, ok bool) {
	if call, is := n.(*ast.CallExpr); is {
		if f, is := call.Fun.(*ast.Ident); is && f.Name == "Button" && len(call.Args) == 3 {
			return endOf(call.Args[0]), false, true
		}
		return "", false, false
	}
	lit, is := n.(*ast.CompositeLit)
	if !is {
		return "", false, false
	}
	keys := map[string]ast.Expr{}
	for _, el := range lit.Elts {
		if kv, is := el.(*ast.KeyValueExpr); is {
			if k, is := kv.Key.(*ast.Ident); is {
				keys[k.Name] = kv.Value
			}
		}
	}
	if keys["Label"] == nil || keys["Call"] == nil {
		return "", false, false
	}
	return endOf(keys["Label"]), keys["Opens"] != nil, true
}

// endOf is what a text ends with, as far as it is written out.
func endOf(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(x.Value)
		return s
	case *ast.BinaryExpr:
		return endOf(x.Y)
	}
	return ""
}

func TestShortcuts(t *testing.T) {
	got := map[string]bot.CommandSpec{}
	for _, s := range All(Deps{}).Specs() {
		if s.Shortcut != nil {
			got[s.Shortcut.Label] = s
		}
	}
	for label, path := range map[string]string{"Diagnose": "flink diagnose", "Savepoint": "flink savepoint", "Silence": "alerts silence", "Run as Flink SQL": "flink sql"} {
		if got[label].Path != path {
			t.Errorf("%s calls %q, want %q", label, got[label].Path, path)
		}
	}
	s := got["Run as Flink SQL"]
	var args map[string]any
	if err := json.Unmarshal(s.Shortcut.Args, &args); err != nil || args["edit"] != true || s.Shortcut.Text != "text" || !s.Opens {
		t.Errorf("SQL of a message would run at once: %+v", s.Shortcut)
	}
	bad := func(s bot.Shortcut) bool {
		c := New(Spec{Path: "flink x", Help: "Try", Examples: []string{"/flink x"}, Shortcut: &s}, func(ctx, *Env, jobsArgs) (bot.Message, error) { return bot.Message{}, nil })
		return NewTree(c).Check() != nil
	}
	for _, s := range []bot.Shortcut{{}, {Label: strings.Repeat("x", 25)}, {Label: "x", Text: "none"}, {Label: "x", Text: "page"}, {Label: "x", Args: json.RawMessage("[]")}} {
		if !bad(s) {
			t.Errorf("%+v passes", s)
		}
	}
	if bad(bot.Shortcut{Label: "x", Text: "filter"}) {
		t.Error("a right one does not pass")
	}
}

func TestWhatOpensAsksWhenCalledBare(t *testing.T) {
	r := newRig(t, map[string]*fakeFlink{"prod": newFakeFlink()})
	for _, c := range r.router.Tree() {
		if !c.Opens {
			continue
		}
		m := r.router.Handle(t.Context(), bot.Event{ID: storage.NewID(), Actor: web("olga"), Place: webOps(), Call: bot.Call{Line: "/" + c.Path}}, nil)
		if m.Form == nil || !m.Private {
			t.Errorf("/%s opens nothing:\n%s", c.Path, shown(m))
		}
	}
	m := r.says("olga", "/alerts silence k3x9q2 yesterday")
	if m.Form != nil {
		t.Errorf("what was typed wrong opens a form:\n%s", shown(m))
	}
}

func TestOutsidersHaveNoRoleOfEveryone(t *testing.T) {
	b := newBench(t, testOptions())
	guest := bot.Actor{Network: "slack", ID: "U9", Name: "Gus", Outside: true}
	at := bot.Place{Network: "slack", Channel: "C1"}
	says := func(a bot.Actor, line string) bot.Message {
		return b.Handle(t.Context(), bot.Event{ID: storage.NewID(), Actor: a, Place: at, Call: bot.Call{Line: line}}, nil)
	}
	wants(t, says(guest, "/flink jobs"), "You may not do that here")
	m := says(guest, "/drey whoami")
	wants(t, m, "You are a guest here, so roles for everyone do not hold", "Roles: none")
	inside := guest
	inside.Outside = false
	wants(t, says(inside, "/flink jobs"), "Started")
	lacks(t, says(inside, "/drey whoami"), "guest")
	// Who is named has the role, guest or not.
	for _, named := range []bot.Actor{{Network: "slack", ID: "U1", Outside: true}, {Network: "slack", ID: "U9", Groups: []string{"S0OPS"}, Outside: true}} {
		wants(t, says(named, "/flink stop orders"), "stop prod/orders")
		wants(t, says(named, "/drey whoami"), "Roles: operator")
	}
}
