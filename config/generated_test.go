package config

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the generated files")

// comments are the words that the Go source says about every field of a package's structs: "Options.Dir" → "holds …".
type comments map[string]string

func readComments(t *testing.T, dir string) comments {
	t.Helper()
	out := comments{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range st.Fields.List {
				text := strings.Join(strings.Fields(field.Doc.Text()+" "+field.Comment.Text()), " ")
				for _, id := range field.Names {
					said := strings.TrimPrefix(text, id.Name+" ")
					out[spec.Name.Name+"."+id.Name] = strings.TrimPrefix(strings.TrimPrefix(said, "is "), "are ")
				}
			}
			return true
		})
	}
	return out
}

// keyTable writes one row per key.
type keyTable struct {
	t    *testing.T
	out  *bytes.Buffer
	said map[string]comments // by package path
}

func (r *keyTable) walk(key string, typ reflect.Type) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	for i := range typ.NumField() {
		sf := typ.Field(i)
		tag, opts, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case tag == "-" || !sf.IsExported():
			continue
		case opts == "inline":
			r.walk(key, sf.Type)
			continue
		case tag == "":
			tag = strings.ToLower(sf.Name)
		}
		path, inner := join(key, tag), sf.Type
		switch {
		case inner.Kind() == reflect.Map && inner.Elem().Kind() == reflect.Struct:
			path, inner = path+".NAME", inner.Elem()
		case inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
			path, inner = path+"[]", inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			r.walk(path, inner)
			continue
		}
		pkg := strings.TrimPrefix(typ.PkgPath(), "github.com/drey-ops/drey/")
		if r.said[pkg] == nil {
			r.said[pkg] = readComments(r.t, filepath.Join("..", filepath.FromSlash(pkg)))
		}
		text := r.said[pkg][typ.Name()+"."+sf.Name]
		fmt.Fprintf(r.out, "| `%s` | %s | %s |\n", path, wordFor(sf.Type), strings.ReplaceAll(upper(text), "|", "\\|"))
	}
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func wordFor(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Map:
		return "mapping"
	case t.Kind() == reflect.Bool:
		return "true, false"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "number"
	}
	return "text"
}

// TestGeneratedReadme keeps README.md what the structs and their comments say.
func TestGeneratedReadme(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`# Configuration

One YAML file. Unknown keys are refused; every key has a default; any value may hold ` + "`${env:NAME}` or `${file:/path}`" + `.
` + "`drey config init` writes [a commented file](drey.yaml) to begin with, `drey config check` tells every mistake with its line, and `drey config schema`" + `
prints a JSON schema for editors. ` + "`SIGHUP`" + ` reloads roles, policy and the tokens of chat services; everything else takes effect at the next start.

This table is made from the code by ` + "`make generate`" + `.

| key | value | meaning |
|---|---|---|
`)
	(&keyTable{t, &b, map[string]comments{}}).walk("", reflect.TypeFor[Config]())
	golden(t, "README.md", b.Bytes())
}

// TestGeneratedSchema keeps the schema in the tree, for editors that read it from there.
func TestGeneratedSchema(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "drey.schema.json", s)
}

func golden(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is stale (%v): run make generate", name, err)
	}
}
