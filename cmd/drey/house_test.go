package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
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

// TestHosts keeps real machines out of the code: an address in it is this machine's, an example's, that of a standard,
// or that of a chat service.
func TestHosts(t *testing.T) {
	address := regexp.MustCompile(`https?://([A-Za-z0-9.-]+)`)
	fine := regexp.MustCompile(`^(127\.0\.0\.1|localhost|json-schema\.org|([a-z]+\.)?(slack|discord|discordapp|discordstatus)\.com|gateway\.discord\.gg|github\.com|169\.254\.169\.254|[A-Za-z]+|(?i:[a-z.-]*(example|example\.com|example\.org|invalid|test|svc|internal))|a\.b)$`)
	eachFile(t, parser.PackageClauseOnly, func(path string, src []byte, _ *token.FileSet, _ *ast.File) {
		for _, m := range address.FindAllSubmatch(src, -1) {
			if host := strings.TrimRight(string(m[1]), ".-"); !fine.MatchString(host) {
				t.Errorf("%s speaks of the host %s", path, host)
			}
		}
	})
}
