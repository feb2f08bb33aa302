package slackbot

import (
	"encoding/json"
	"strings"
)

// anybody stands for drey's user id while that is not known.
const anybody = "*"

// richElement is a part of a rich_text block.
type richElement struct {
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	URL       string          `json:"url"`
	User      string          `json:"user_id"`
	UserGroup string          `json:"usergroup_id"`
	Channel   string          `json:"channel_id"`
	Range     string          `json:"range"`
	Name      string          `json:"name"`
	Value     string          `json:"value"`
	Fallback  string          `json:"fallback"`
	Language  string          `json:"language"`
	Style     json.RawMessage `json:"style"` // of text an object, of a list a word
	Elements  []richElement   `json:"elements"`
}

// code says whether the element is in the style of code.
func (e richElement) code() bool {
	var style struct {
		Code bool `json:"code"`
	}
	return len(e.Style) > 0 && e.Style[0] == '{' && lenient(e.Style, &style) == nil && style.Code
}

// richWriter turns rich text into lines: code blocks in fences, code in backquotes, as they were typed.
type richWriter struct {
	b     strings.Builder
	self  string // whose mention at the beginning is left out
	codes []string
}

// richText returns the text of a message's rich_text blocks, and the bodies of its code blocks.
func richText(blocks []json.RawMessage, self string) (text string, codes []string) {
	w := &richWriter{self: self}
	for _, raw := range blocks {
		var block richElement
		if err := lenient(raw, &block); err != nil || block.Type != "rich_text" {
			continue
		}
		for _, e := range block.Elements {
			w.part(e, 0)
		}
	}
	return strings.TrimSpace(w.b.String()), w.codes
}

// part writes a section, list, quote or code block. Lists hold lists; nobody nests deeper than Slack lets them.
func (w *richWriter) part(e richElement, depth int) {
	const deepest = 10
	if depth > deepest {
		return
	}
	switch e.Type {
	case "rich_text_preformatted":
		var b strings.Builder
		for _, i := range e.Elements {
			b.WriteString(firstOf(i.Text, i.URL))
		}
		code := strings.Trim(b.String(), "\n")
		if strings.TrimSpace(code) == "" {
			return
		}
		w.codes = append(w.codes, code)
		w.newLine()
		w.b.WriteString("```" + languageOf(e.Language) + "\n" + code + "\n```\n")
	case "rich_text_list", "rich_text_quote":
		w.newLine()
		for _, i := range e.Elements {
			if strings.HasPrefix(i.Type, "rich_text_") {
				w.part(i, depth+1)
				w.newLine()
				continue
			}
			w.inline(i)
		}
		w.newLine()
	case "rich_text_section":
		for _, i := range e.Elements {
			w.inline(i)
		}
	}
}

// languageOf is a code block's language, where it is one word.
func languageOf(s string) string {
	if len(s) > 16 || strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return s
}

func (w *richWriter) newLine() {
	if s := w.b.String(); s != "" && s[len(s)-1] != '\n' {
		w.b.WriteByte('\n')
	}
}

// inline writes one element of a section.
func (w *richWriter) inline(e richElement) {
	switch e.Type {
	case "text":
		switch {
		case e.code():
			w.b.WriteString("`" + e.Text + "`")
		case w.b.Len() == 0: // after a mention of drey people write a comma or colon
			w.b.WriteString(straight(strings.TrimLeft(e.Text, " \u00a0,:\n")))
		default:
			w.b.WriteString(straight(e.Text))
		}
	case "link":
		if isShort(e.URL, e.Text) {
			w.b.WriteString(e.Text)
			return
		}
		w.b.WriteString(e.URL)
	case "user":
		if w.b.Len() == 0 && e.User != "" && (e.User == w.self || w.self == anybody) {
			return
		}
		w.b.WriteString("@" + e.User)
	case "usergroup":
		w.b.WriteString("@" + e.UserGroup)
	case "channel":
		w.b.WriteString("#" + e.Channel)
	case "broadcast":
		w.b.WriteString("@" + e.Range)
	case "emoji":
		w.b.WriteString(":" + e.Name + ":")
	case "date":
		w.b.WriteString(e.Fallback)
	case "color":
		w.b.WriteString(e.Value)
	}
}
