package slacktest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Manifest judges an app manifest (JSON) by Slack's schema; it is fine where the specifications are absent.
func Manifest(raw []byte) error {
	dir := Specs()
	if dir == "" {
		return nil
	}
	c := jsonschema.NewCompiler()
	c.UseRegexpEngine(lookahead)
	schema, err := c.Compile(filepath.Join(dir, "manifest.schema.2.0.0.json"))
	if err != nil {
		return fmt.Errorf("compile Slack's schema of manifests: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("read the manifest: %w", err)
	}
	if err := schema.Validate(doc); err != nil {
		return fmt.Errorf("the manifest does not fit Slack's schema: %w", err)
	}
	return nil
}

// pattern is a regexp with what its matches must not begin with, which Go's regexps cannot say.
type pattern struct {
	*regexp.Regexp
	not *regexp.Regexp
}

// MatchString implements jsonschema.Regexp.
func (p pattern) MatchString(s string) bool {
	return p.Regexp.MatchString(s) && (p.not == nil || !p.not.MatchString(s))
}

// lookahead compiles a pattern that may begin with "^(?!…)".
func lookahead(src string) (jsonschema.Regexp, error) {
	var p pattern
	if rest, ok := strings.CutPrefix(src, "^(?!"); ok {
		not, rest, _ := strings.Cut(rest, ")")
		re, err := regexp.Compile("^(?:" + not + ")")
		if err != nil {
			return nil, fmt.Errorf("compile %q: %w", src, err)
		}
		p.not, src = re, "^"+rest
	}
	re, err := regexp.Compile(src)
	if err != nil {
		return nil, fmt.Errorf("compile %q: %w", src, err)
	}
	p.Regexp = re
	return p, nil
}

// Sample reads one of the official examples of payloads, such as "events/AppMentionPayload.json"; nil where the
// specifications are absent.
func Sample(name string) []byte {
	dir := Specs()
	if dir == "" {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, "json-logs", filepath.FromSlash(name)))
	if err != nil {
		return nil
	}
	return raw
}
