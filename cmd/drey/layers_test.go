package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rank gives each package its layer: an import of ours must go to a lower one. A package without a rank fails the test.
func rank() map[string]int {
	return map[string]int{
		"config/secret": 0, "platform": 2, "storage": 2,
		"platform/flinkhttp": 5, "platform/flinkhttp/flinktest": 7,
		"alerts/alertmanager": 10, "alerts/oncall": 10, "alerts/prometheus": 10, "alerts/guard": 10, "alerts/rules": 10,
		"bot": 10, "bot/chart": 5, "storage/saga": 10, "storage/storagetest": 10,
		"platform/diagnosis": 10, "platform/flinkrest": 10, "platform/local": 10, "platform/sqlgateway": 10, "platform/sqltext": 10, "platform/platformtest": 15,
		"alerts": 20, "bot/bottest": 15, "bot/webbot": 20, "bot/slackbot": 20, "bot/slackbot/slacktest": 15, "bot/discordbot": 20, "bot/discordbot/discordtest": 15, "platform/ops": 20, "platform/session": 20,
		"commands": 30, "config": 40, "cmd/drey": 50,
	}
}

const module = "github.com/drey-ops/drey/"

// eachFile parses every Go file of the module; the paths are slash-separated and relative to its root.
func eachFile(t *testing.T, mode parser.Mode, fn func(path string, src []byte, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, src, mode)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		fn(filepath.ToSlash(rel), src, fset, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportsGoDown(t *testing.T) {
	ranks := rank()
	eachFile(t, parser.ImportsOnly, func(path string, _ []byte, _ *token.FileSet, f *ast.File) {
		dir := path[:strings.LastIndex(path, "/")]
		from, ok := ranks[dir]
		if !ok {
			t.Errorf("%s: package %s has no layer; give it one in rank()", path, dir)
		}
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, i := range f.Imports {
			to, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module)
			if ours && ranks[to] >= from {
				t.Errorf("%s (layer %d) imports %s (layer %d)", path, from, to, ranks[to])
			}
			if strings.HasPrefix(strings.Trim(i.Path.Value, `"`), "github.com/go-redis/") {
				t.Errorf("%s imports the abandoned path of go-redis", path)
			}
		}
	})
}
