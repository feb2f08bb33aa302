package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// The limits of the house: a file, a function, an interface that is larger wants to be two.
const (
	fileMax      = 400
	functionMax  = 60
	interfaceMax = 7
)

func TestSizes(t *testing.T) {
	eachFile(t, parser.SkipObjectResolution, func(path string, src []byte, fset *token.FileSet, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		if n := bytes.Count(src, []byte("\n")); n > fileMax {
			t.Errorf("%s has %d lines, at most %d", path, n, fileMax)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if lines := fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1; lines > functionMax {
					t.Errorf("%s: %s has %d lines, at most %d", fset.Position(n.Pos()), n.Name.Name, lines, functionMax)
				}
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s: init() is not used here", fset.Position(n.Pos()))
				}
			case *ast.InterfaceType:
				if m := n.Methods.NumFields(); m > interfaceMax {
					t.Errorf("%s: interface of %d methods, at most %d", fset.Position(n.Pos()), m, interfaceMax)
				}
			}
			return true
		})
	})
}

func TestEveryPackageHasAComment(t *testing.T) {
	seen := map[string]bool{}
	eachFile(t, parser.ParseComments|parser.SkipObjectResolution, func(path string, _ []byte, _ *token.FileSet, f *ast.File) {
		dir := path[:strings.LastIndex(path, "/")]
		if !strings.HasSuffix(path, "_test.go") {
			seen[dir] = seen[dir] || f.Doc != nil
		}
	})
	for dir, ok := range seen {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// TestWords keeps out what must not stand in the code: names of other packages' hosts and of machines.
func TestWords(t *testing.T) {
	banned := []string{"repo1.maven" + ".org", "pypi" + ".org", "files.pythonhosted" + ".org", "proxy.golang" + ".org", "/work/" + "main", "/work/" + "shared"}
	eachFile(t, parser.PackageClauseOnly, func(path string, src []byte, _ *token.FileSet, _ *ast.File) {
		for _, w := range banned {
			if bytes.Contains(src, []byte(w)) {
				t.Errorf("%s speaks of %s", path, w)
			}
		}
	})
}
