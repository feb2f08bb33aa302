package slacktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Specs is the folder with Slack's official data: what DREY_SPECS says (its slack folder), else ../shared/specs/slack
// beside the repository. It is "" where there is none, and then nothing is judged by the schema.
func Specs() string {
	root := os.Getenv("DREY_SPECS")
	if root == "" {
		dir, err := os.Getwd()
		for err == nil {
			if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
				root = filepath.Join(dir, "..", "shared", "specs")
				break
			}
			if filepath.Dir(dir) == dir {
				return ""
			}
			dir = filepath.Dir(dir)
		}
	}
	dir := filepath.Join(root, "slack")
	if _, err := os.Stat(filepath.Join(dir, schemaFile)); err != nil {
		return ""
	}
	return dir
}

const schemaFile = "slack-types.schema.json"

// judge knows Slack's types. Without the specifications it has no schemas, and then only the rules judge.
type judge struct {
	doc   any
	kinds map[string]string // definition of a block by its type

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

func newJudge(dir string) (*judge, error) {
	j := &judge{kinds: map[string]string{}, schemas: map[string]*jsonschema.Schema{}}
	if dir == "" {
		return j, nil
	}
	f, err := os.Open(filepath.Join(dir, schemaFile))
	if err != nil {
		return nil, fmt.Errorf("open Slack's schema: %w", err)
	}
	defer f.Close()
	if j.doc, err = jsonschema.UnmarshalJSON(f); err != nil {
		return nil, fmt.Errorf("read Slack's schema: %w", err)
	}
	j.compiler = jsonschema.NewCompiler()
	if err := j.compiler.AddResource(schemaFile, j.doc); err != nil {
		return nil, fmt.Errorf("load Slack's schema: %w", err)
	}
	defs, _ := at(j.doc, "definitions").(object)
	for _, ref := range list(defs, "KnownBlock", "anyOf") {
		name := strings.TrimPrefix(text(ref, "$ref"), "#/definitions/")
		if kind := text(defs, name, "properties", "type", "const"); kind != "" {
			j.kinds[kind] = name
		}
	}
	j.kinds["image"] = "ImageBlock" // either of two shapes
	return j, nil
}

// valid judges v by a definition of the schema; "" is fine. An empty name is a kind of block that Slack does not have.
func (j *judge) valid(definition string, v any) string {
	if j.doc == nil {
		return ""
	}
	if definition == "" {
		return "unsupported type"
	}
	schema, err := j.schema(definition)
	if err != nil {
		return err.Error()
	}
	dec, err := jsonschema.UnmarshalJSON(strings.NewReader(string(encode(v))))
	if err != nil {
		return err.Error()
	}
	err = schema.Validate(dec)
	if bad := new(jsonschema.ValidationError); errors.As(err, &bad) {
		return shorten(strings.Join(leaves(bad.BasicOutput()), "; "), 600)
	}
	return ""
}

// leaves are the plain complaints, without the tree they hang in.
func leaves(out *jsonschema.OutputUnit) []string {
	var all []string
	seen := map[string]bool{}
	for _, e := range out.Errors {
		msg, err := json.Marshal(e.Error)
		if err != nil || e.Error == nil || seen[e.InstanceLocation+string(msg)] {
			continue
		}
		seen[e.InstanceLocation+string(msg)] = true
		all = append(all, e.InstanceLocation+" "+strings.Trim(string(msg), `"`))
	}
	if len(all) == 0 {
		return []string{"does not fit the schema"}
	}
	return all
}

func (j *judge) schema(definition string) (*jsonschema.Schema, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s := j.schemas[definition]; s != nil {
		return s, nil
	}
	s, err := j.compiler.Compile(schemaFile + "#/definitions/" + definition)
	if err != nil {
		return nil, fmt.Errorf("compile Slack's definition of %s: %w", definition, err)
	}
	j.schemas[definition] = s
	return s, nil
}
