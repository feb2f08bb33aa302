package discordtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Specs is the file of Discord's OpenAPI description that bodies are judged by: below DREY_SPECS, or in ../shared/specs
// beside the repository. Empty: there is none, and only the documented rules hold.
func Specs() string {
	root := os.Getenv("DREY_SPECS")
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			return ""
		}
		for !isFile(filepath.Join(dir, "go.mod")) {
			if dir == filepath.Dir(dir) {
				return ""
			}
			dir = filepath.Dir(dir)
		}
		root = filepath.Join(dir, "..", "shared", "specs")
	}
	for _, name := range []string{"openapi.subset.json", "openapi.json"} {
		if f := filepath.Join(root, "discord", name); isFile(f) {
			return f
		}
	}
	return ""
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && !fi.IsDir()
}

// judge holds bodies against the schemas of the description.
type judge struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler // nil: everything passes
	schemas  map[string]*jsonschema.Schema
}

const specURL = "file:///discord.json"

func newJudge(file string) (*judge, error) {
	j := &judge{schemas: map[string]*jsonschema.Schema{}}
	if file == "" {
		return j, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the description of Discord: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	j.compiler = jsonschema.NewCompiler()
	j.compiler.DefaultDraft(jsonschema.Draft2020)
	if err := j.compiler.AddResource(specURL, doc); err != nil {
		return nil, fmt.Errorf("take in %s: %w", file, err)
	}
	return j, nil
}

// check returns what is wrong with body by the schema of this name.
func (j *judge) check(name string, body any) ([]problem, error) {
	if j.compiler == nil {
		return nil, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.schemas[name]
	if s == nil {
		var err error
		if s, err = j.compiler.Compile(specURL + "#/components/schemas/" + name); err != nil {
			return nil, fmt.Errorf("compile the schema %s: %w", name, err)
		}
		j.schemas[name] = s
	}
	err := s.Validate(body)
	if err == nil {
		return nil, nil
	}
	bad, ok := err.(*jsonschema.ValidationError) //nolint:errorlint // Validate returns no other, and does not wrap
	if !ok {
		return nil, fmt.Errorf("judge by the schema %s: %w", name, err)
	}
	var out []problem
	for _, leaf := range leaves(bad) {
		out = append(out, problem{leaf.InstanceLocation, schemaCode(leaf.ErrorKind), fmt.Sprintf("%s (%s)", lastLine(leaf), name)})
	}
	return out, nil
}

// leaves are the errors at the bottom of e. Of alternatives only that of the same type is looked at.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	switch e.ErrorKind.(type) {
	case *kind.OneOf, *kind.AnyOf:
		for _, c := range e.Causes {
			if all := leaves(c); !mistyped(all, len(e.InstanceLocation)) {
				return all
			}
		}
		return []*jsonschema.ValidationError{e}
	}
	var out []*jsonschema.ValidationError
	for _, c := range e.Causes {
		out = append(out, leaves(c)...)
	}
	return out
}

// mistyped says whether errors say that the value is of another kind than was tried.
func mistyped(all []*jsonschema.ValidationError, depth int) bool {
	for _, e := range all {
		loc := e.InstanceLocation
		if len(loc) == depth+1 && loc[depth] == "type" {
			return true
		}
		if _, ok := e.ErrorKind.(*kind.Type); ok && len(loc) == depth {
			return true
		}
	}
	return false
}

func schemaCode(k jsonschema.ErrorKind) string {
	switch k.(type) {
	case *kind.MaxLength, *kind.MaxItems:
		return "BASE_TYPE_MAX_LENGTH"
	case *kind.MinLength, *kind.MinItems:
		return "BASE_TYPE_MIN_LENGTH"
	case *kind.Required:
		return "BASE_TYPE_REQUIRED"
	case *kind.Enum, *kind.Const:
		return "BASE_TYPE_CHOICES"
	case *kind.OneOf, *kind.AnyOf:
		return "UNION_TYPE_CHOICES"
	}
	return "BASE_TYPE_BAD"
}

func lastLine(e *jsonschema.ValidationError) string {
	s := strings.TrimSpace((&jsonschema.ValidationError{SchemaURL: e.SchemaURL, InstanceLocation: e.InstanceLocation, ErrorKind: e.ErrorKind}).Error())
	return s[strings.LastIndexByte(s, '\n')+1:]
}
