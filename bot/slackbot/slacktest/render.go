package slacktest

import "strings"

// renderer turns blocks into what a person reads.
type renderer struct {
	reader
	buttons []string
}

// line ends a line, unless it is empty.
func (r *renderer) line() {
	if s := r.text.String(); s != "" && !strings.HasSuffix(s, "\n") {
		r.text.WriteByte('\n')
	}
}

func (r *renderer) plain(s string) {
	if s != "" {
		r.text.WriteString(s)
		r.line()
	}
}

// object is a text object, on a line of its own.
func (r *renderer) object(t any) {
	r.inline(t)
	r.line()
}

func (r *renderer) inline(t any) {
	if text(t, "type") == "mrkdwn" {
		r.read(text(t, "text"), at(t, "verbatim") == true)
		return
	}
	s := text(t, "text")
	if at(t, "emoji") != false {
		r.live = append(r.live, emoji.FindAllString(s, -1)...)
	}
	r.text.WriteString(s)
}

func (r *renderer) attachment(a any) {
	for _, key := range []string{"pretext", "title", "text", "footer"} {
		if t := text(a, key); t != "" {
			r.read(t, false)
			r.line()
		}
	}
	for _, f := range list(a, "fields") {
		r.plain(text(f, "title") + " " + text(f, "value"))
	}
	r.blocks(list(a, "blocks"))
}

func (r *renderer) blocks(blocks []any) {
	for _, b := range blocks {
		r.block(b)
	}
}

func (r *renderer) block(b any) {
	switch text(b, "type") {
	case "header":
		r.object(at(b, "text"))
	case "section":
		r.section(b)
	case "context":
		for _, e := range list(b, "elements") {
			if text(e, "type") == "image" {
				r.plain(text(e, "alt_text"))
				continue
			}
			r.object(e)
		}
	case "actions", "context_actions":
		for _, e := range list(b, "elements") {
			r.element(e)
		}
	case "image":
		r.object(at(b, "title"))
		r.plain(text(b, "alt_text"))
	case "rich_text":
		r.rich(list(b, "elements"))
		r.line()
	case "table":
		for _, row := range list(at(b, "rows")) {
			r.row(row)
		}
	case "markdown":
		r.markdown(text(b, "text"))
	case "input":
		r.object(at(b, "label"))
		r.object(at(b, "hint"))
	}
}

func (r *renderer) section(b any) {
	r.object(at(b, "text"))
	for _, f := range list(b, "fields") {
		t := text(f, "text")
		if name := fieldName.FindString(t); text(f, "type") == "mrkdwn" && name != "" {
			r.raw(strings.Trim(strings.TrimSuffix(name, "\n"), "*"))
			r.text.WriteByte(' ')
			r.read(t[len(name):], at(f, "verbatim") == true)
		} else {
			r.inline(f)
		}
		r.line()
	}
	r.element(at(b, "accessory"))
}

// element is what stands in an actions block, or beside a section.
func (r *renderer) element(e any) {
	switch text(e, "type") {
	case "button", "workflow_button":
		r.label(at(e, "text"))
	case "overflow":
		for _, o := range list(e, "options") {
			r.label(at(o, "text"))
		}
	case "image":
		r.plain(text(e, "alt_text"))
	case "":
	default:
		r.object(at(e, "placeholder"))
	}
}

func (r *renderer) label(t any) {
	if at(t, "emoji") != false {
		r.live = append(r.live, emoji.FindAllString(text(t, "text"), -1)...)
	}
	r.buttons = append(r.buttons, text(t, "text"))
}

func (r *renderer) row(row any) {
	cells, _ := row.([]any)
	for i, c := range cells {
		if i > 0 {
			r.text.WriteByte(' ')
		}
		if text(c, "type") == "rich_text" {
			r.rich(list(c, "elements"))
			continue
		}
		r.text.WriteString(text(c, "text"))
	}
	r.line()
}

// rich is rich text, in which nothing is parsed.
func (r *renderer) rich(elements []any) {
	for i, e := range elements {
		if i > 0 {
			r.line()
		}
		switch text(e, "type") {
		case "rich_text_list":
			for _, item := range list(e, "elements") {
				r.spans(list(item, "elements"))
				r.line()
			}
		default:
			r.spans(list(e, "elements"))
		}
	}
}

func (r *renderer) spans(spans []any) {
	for _, e := range spans {
		switch text(e, "type") {
		case "text":
			r.text.WriteString(text(e, "text"))
		case "link":
			r.live = append(r.live, text(e, "url"))
			if label := text(e, "text"); label != "" {
				r.text.WriteString(label)
			} else {
				r.text.WriteString(text(e, "url"))
			}
		case "date":
			r.text.WriteString(text(e, "fallback"))
			if u := text(e, "url"); u != "" {
				r.live = append(r.live, u)
			}
		case "emoji":
			r.text.WriteString(":" + text(e, "name") + ":")
		case "user":
			r.mention("@"+r.s.named(text(e, "user_id")), "<@"+text(e, "user_id")+">")
		case "usergroup":
			r.text.WriteString(r.bracketed("<!subteam^"+text(e, "usergroup_id")+">", "!subteam^"+text(e, "usergroup_id")))
		case "channel":
			r.text.WriteString(r.bracketed("<#"+text(e, "channel_id")+">", "#"+text(e, "channel_id")))
		case "broadcast":
			r.mention("@"+text(e, "range"), "<!"+text(e, "range")+">")
		}
	}
}

func (r *renderer) mention(shown, live string) {
	r.text.WriteString(shown)
	r.live = append(r.live, live)
}

// markdown is a markdown block. Its text is shown as it is, and every sign that its dialect knows is live.
func (r *renderer) markdown(s string) {
	for _, sign := range []string{"**", "__", "~~", "`", "](", "<", "> ", "# ", "- ", "* ", "https://", "http://", "| "} {
		if strings.Contains(s, sign) {
			r.live = append(r.live, "markdown "+sign)
		}
	}
	r.live = append(r.live, emoji.FindAllString(s, -1)...)
	r.plain(unescape(s))
}
