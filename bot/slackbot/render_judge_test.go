package slackbot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/slack-go/slack"
)

// critic judges what is rendered: by Slack's official schema where it is to be had, and by the limits that no schema holds.
type critic struct {
	kinds map[string]*jsonschema.Schema // of blocks by their type
	views map[string]*jsonschema.Schema
}

func newCritic(t testing.TB) *critic {
	t.Helper()
	c := &critic{kinds: map[string]*jsonschema.Schema{}, views: map[string]*jsonschema.Schema{}}
	dir := os.Getenv("DREY_SPECS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "specs") // beside the repository
	}
	raw, err := os.ReadFile(filepath.Join(dir, "slack", "slack-types.schema.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("Slack's schema is not to be had (DREY_SPECS, ../shared/specs): judged by the limits alone")
		return c
	}
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	k := jsonschema.NewCompiler()
	if err := k.AddResource("slack.json", doc); err != nil {
		t.Fatal(err)
	}
	for kind, def := range map[string]string{
		"header": "HeaderBlock", "context": "ContextBlock", "actions": "ActionsBlock", "rich_text": "RichTextBlock",
		"table": "TableBlock", "image": "ImageBlock", "input": "InputBlock",
	} {
		c.kinds[kind] = k.MustCompile("slack.json#/definitions/" + def)
	}
	c.views["modal"] = k.MustCompile("slack.json#/definitions/SlackModal")
	c.views["home"] = k.MustCompile("slack.json#/definitions/SlackHome")
	return c
}

func decoded(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

// message returns what is wrong with a message; nothing when Slack would take it.
func (c *critic) message(r rendered) []string {
	var bad []string
	if n := utf8.RuneCountInString(r.Text); n == 0 || n > fallbackMax {
		bad = append(bad, fmt.Sprintf("text of %d characters", n))
	}
	all := decoded(r.all()).([]any)
	if len(all) == 0 || len(all) > blocksMax {
		bad = append(bad, fmt.Sprintf("%d blocks", len(all)))
	}
	letters, tables := 0, 0
	for i, b := range all {
		bad = append(bad, c.block(b, fmt.Sprintf("block %d", i), "input")...)
		letters += lettersOf(b)
		if b.(map[string]any)["type"] == "table" {
			tables++
		}
	}
	if letters > 13_000 {
		bad = append(bad, fmt.Sprintf("%d characters in blocks", letters))
	}
	if tables > 1 {
		bad = append(bad, fmt.Sprintf("%d tables", tables))
	}
	for _, a := range r.Attachments {
		if len(a.Blocks.BlockSet) == 0 || len(a.Blocks.BlockSet) > partMax || a.Color == "" {
			bad = append(bad, fmt.Sprintf("attachment of %d blocks with color %q", len(a.Blocks.BlockSet), a.Color))
		}
	}
	return append(bad, unlike(all)...)
}

// view returns what is wrong with a modal or home.
func (c *critic) view(v any) []string {
	o := decoded(v).(map[string]any)
	var bad []string
	blocks := o["blocks"].([]any)
	if s := c.views[o["type"].(string)]; s != nil {
		o["blocks"] = []any{} // they are judged one by one, which tells more and takes less
		bad = append(bad, fault("view", s.Validate(o))...)
	}
	inputs, ids := 0, map[string]bool{}
	for i, b := range blocks {
		bad = append(bad, c.block(b, fmt.Sprintf("block %d", i), "table")...)
		o := b.(map[string]any)
		if o["type"] == "input" {
			inputs++
			if id := o["block_id"].(string); ids[id] {
				bad = append(bad, "block_id twice: "+id)
			} else {
				ids[id] = true
			}
		}
	}
	if inputs > 0 && o["submit"] == nil || len(blocks) == 0 || len(blocks) > viewBlocks {
		bad = append(bad, fmt.Sprintf("%d blocks, %d inputs, submit %v", len(blocks), inputs, o["submit"]))
	}
	return append(bad, unlike(blocks)...)
}

func (c *critic) block(b any, where, never string) []string {
	kind := b.(map[string]any)["type"].(string)
	if kind == never {
		return []string{where + ": " + kind + " cannot stand here"}
	}
	if len(c.kinds) == 0 {
		return nil
	}
	s := c.kinds[kind]
	if s == nil {
		return []string{where + ": drey makes no " + kind}
	}
	bad := fault(where+" "+kind, s.Validate(b))
	each(b, func(o map[string]any) {
		t, isText := o["text"].(string)
		switch o["type"] {
		case "text", "raw_text", "plain_text", "mrkdwn":
			if !isText || t == "" {
				bad = append(bad, where+": empty "+fmt.Sprint(o["type"]))
			}
		}
		if !utf8.ValidString(t) {
			bad = append(bad, where+": no UTF-8")
		}
		if o["type"] == "plain_text" && o["emoji"] != false {
			bad = append(bad, where+": names of emoji would become emoji in "+t)
		}
		if e, ok := o["elements"].([]any); ok && len(e) == 0 {
			bad = append(bad, where+": no elements")
		}
	})
	return bad
}

// unlike checks that the ids of elements are unique.
func unlike(blocks []any) (bad []string) {
	seen := map[string]bool{}
	for _, b := range blocks {
		if b.(map[string]any)["type"] == "input" {
			continue // there they are unique with the block's id
		}
		each(b, func(o map[string]any) {
			if id, ok := o["action_id"].(string); ok {
				if seen[id] || len(id) > 255 {
					bad = append(bad, "action_id twice or too long: "+id)
				}
				seen[id] = true
			}
		})
	}
	return bad
}

func fault(where string, err error) []string {
	if err == nil {
		return nil
	}
	if v := new(jsonschema.ValidationError); errors.As(err, &v) {
		return []string{fmt.Sprintf("%s: %#v", where, v)}
	}
	return []string{where + ": " + err.Error()}
}

func lettersOf(b any) int {
	n := 0
	each(b, func(o map[string]any) {
		for _, key := range []string{"text", "alt_text", "fallback"} {
			if s, ok := o[key].(string); ok {
				n += utf8.RuneCountInString(s)
			}
		}
	})
	return n
}

// each calls f with every object in v.
func each(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			each(x, f)
		}
	case map[string]any:
		f(v)
		for _, x := range v {
			each(x, f)
		}
	}
}

// said is all that can be read in blocks, letter by letter, in order.
func said(blocks []slack.Block) string {
	var b strings.Builder
	var read func(v any)
	read = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				read(x)
			}
		case map[string]any:
			if t, ok := v["text"].(string); ok {
				b.WriteString(t)
			}
			for _, key := range []string{"text", "elements", "rows", "label", "hint", "element", "title", "options"} {
				read(v[key])
			}
			if k := fmt.Sprint(v["type"]); k != "text" {
				b.WriteString("\n")
			}
		}
	}
	read(decoded(blocks))
	return b.String()
}
