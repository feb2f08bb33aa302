package slacktest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a whole message.
const (
	blocksMax     = 50
	viewBlocksMax = 100
	blockTextMax  = 13_000 // undocumented: beyond it Slack answers msg_blocks_too_long
	markdownMax   = 12_000
	viewBytesMax  = 250 << 10
	metadataMax   = 2 << 10 // not Slack's, whose limit is not documented, but a safe one
)

// message judges what is posted. The lock of s is held.
func (j *judge) message(s *Slack, m *message) *refusal {
	all := append([]any{}, m.blocks...)
	for _, a := range m.attachments {
		all = append(all, list(a, "blocks")...)
	}
	switch {
	case len(all) > blocksMax:
		return wrong("invalid_blocks", fmt.Sprintf("%d blocks, at most %d are allowed", len(all), blocksMax))
	case len(m.attachments) > 100:
		return wrong("too_many_attachments")
	}
	if bad := j.blocks(s, all, true); bad != nil {
		return bad
	}
	for _, a := range m.attachments {
		if msg := j.valid("MessageAttachment", a); msg != "" {
			return wrong("invalid_attachments", msg)
		}
	}
	if m.metadata != nil {
		if msg := j.valid("MessageMetadata", m.metadata); msg != "" {
			return wrong("invalid_metadata_format", msg)
		}
		if text(m.metadata, "event_type") == "" {
			return wrong("invalid_metadata_format", "event_type is empty")
		}
		if n := len(encode(m.metadata)); n > metadataMax {
			return wrong("metadata_too_large", fmt.Sprintf("%d bytes", n))
		}
	}
	return nil
}

// blocks judges a list of blocks and what holds for all of them together.
func (j *judge) blocks(s *Slack, blocks []any, inMessage bool) *refusal {
	var faults []string
	ids, tables, markdown, total := map[string]bool{}, 0, 0, 0
	for i, b := range blocks {
		where := fmt.Sprintf("/blocks/%d", i)
		kind := text(b, "type")
		if msg := j.block(b, inMessage); msg != "" {
			faults = append(faults, where+" ("+kind+"): "+msg)
			continue
		}
		if id := text(b, "block_id"); id != "" {
			if ids[id] {
				faults = append(faults, where+": block_id "+id+" is there twice")
			}
			ids[id] = true
		}
		faults = append(faults, within(where, b)...)
		faults = append(faults, s.images(where, b)...)
		switch kind {
		case "table", "data_table":
			tables++
		case "markdown":
			markdown += utf8.RuneCountInString(text(b, "text"))
		}
		total += lettersIn(b)
	}
	if tables > 1 {
		faults = append(faults, fmt.Sprintf("only_one_table_allowed: %d tables", tables))
	}
	if markdown > markdownMax {
		faults = append(faults, fmt.Sprintf("markdown blocks of %d characters", markdown))
	}
	if len(faults) > 0 {
		return wrong("invalid_blocks", faults...)
	}
	if inMessage && total > blockTextMax {
		return wrong("msg_blocks_too_long", fmt.Sprintf("%d characters in blocks", total))
	}
	for i, b := range blocks {
		s.primaries(i, b)
	}
	return nil
}

// lettersIn counts the characters of all text in a block.
func lettersIn(b any) int {
	n := 0
	walk(b, func(o object) {
		for _, key := range []string{"text", "alt_text", "title"} {
			if t, ok := o[key].(string); ok {
				n += utf8.RuneCountInString(t)
			}
		}
	})
	return n
}

// primaries reports a second primary button in a set.
func (s *Slack) primaries(i int, b any) {
	n := 0
	for _, e := range list(b, "elements") {
		if text(e, "type") == "button" && text(e, "style") == "primary" {
			n++
		}
	}
	if n > 1 {
		s.violateLocked("/blocks/%d has %d primary buttons, use one at most", i, n)
	}
}

// inView are kinds of blocks that only views may hold; unposted are those that can be neither posted nor opened.
func inView() []string { return []string{"input"} }

func unposted() []string {
	return []string{"alert", "card", "carousel", "plan", "task_card", "container", "data_table"}
}

// block judges one block; "" is fine.
func (j *judge) block(b any, inMessage bool) string {
	kind := text(b, "type")
	switch {
	case kind == "":
		return "missing type"
	case contains(unposted(), kind):
		return "unsupported type: " + kind
	case inMessage && contains(inView(), kind):
		return "unsupported type in a message: " + kind
	case !inMessage && (kind == "markdown" || kind == "table" || kind == "file"):
		return "unsupported type in a view: " + kind
	}
	if kind == "section" && at(b, "text") == nil && at(b, "fields") == nil {
		return "a section needs text or fields"
	}
	if msg := sizes(b); msg != "" {
		return msg
	}
	return j.valid(j.kinds[kind], b)
}

// within judges the elements of one block: unique action ids, text that is not empty, addresses.
func within(where string, b any) []string {
	var faults []string
	actions := map[string]bool{}
	walk(b, func(o object) {
		kind := text(o, "type")
		if id, ok := o["action_id"].(string); ok {
			if actions[id] {
				faults = append(faults, where+": action_id "+id+" is there twice")
			}
			actions[id] = true
		}
		switch kind {
		case "plain_text", "mrkdwn", "text", "raw_text", "link":
			if t, ok := o["text"].(string); ok && t == "" {
				faults = append(faults, where+": "+kind+": text must be more than 0 characters")
			}
		}
		if l, ok := o["elements"].([]any); ok && len(l) == 0 && strings.HasPrefix(kind, "rich_text") {
			faults = append(faults, where+": "+kind+": missing element")
		}
		for _, key := range []string{"url", "image_url", "title_url"} {
			u, ok := o[key].(string)
			if ok && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "mailto:") {
				faults = append(faults, fmt.Sprintf("%s: %s %q is no address", where, key, shorten(u, 100)))
			}
		}
	})
	return faults
}

// images judges pictures that are files of Slack: they have to be there, and to be pictures.
func (s *Slack) images(where string, b any) []string {
	var faults []string
	walk(b, func(o object) {
		ref, ok := o["slack_file"].(object)
		if !ok {
			return
		}
		f := s.files[text(ref, "id")]
		if f == nil || !f.done || !strings.HasPrefix(f.mime(), "image/") {
			faults = append(faults, where+": slack_file: invalid_slack_file: no such picture "+string(encode(ref)))
		}
	})
	return faults
}

// view judges what is opened as a modal or published as a home.
func (j *judge) view(s *Slack, v any, kind string) *refusal {
	def := "SlackModal"
	if kind == "home" {
		def = "SlackHome"
	}
	blocks := list(v, "blocks")
	switch {
	case text(v, "type") != kind:
		return wrong("invalid_arguments", "want a view of type "+kind+", have "+text(v, "type"))
	case len(encode(v)) > viewBytesMax:
		return wrong("view_too_large", fmt.Sprintf("%d bytes", len(encode(v))))
	case len(blocks) > viewBlocksMax:
		return wrong("invalid_arguments", fmt.Sprintf("%d blocks, at most %d are allowed", len(blocks), viewBlocksMax))
	}
	inputs := 0
	for _, b := range blocks {
		if text(b, "type") == "input" {
			inputs++
		}
	}
	if kind == "modal" && inputs > 0 && at(v, "submit") == nil {
		return wrong("invalid_arguments", "a view with inputs needs submit")
	}
	if msg := viewSizes(v); msg != "" {
		return wrong("invalid_arguments", msg)
	}
	if bad := j.blocks(s, blocks, false); bad != nil {
		bad.code = "invalid_arguments"
		return bad
	}
	if msg := j.valid(def, v); msg != "" {
		return wrong("invalid_arguments", msg)
	}
	return nil
}
