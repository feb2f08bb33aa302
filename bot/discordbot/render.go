package discordbot

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// The limits of Discord's messages, in UTF-16 units.
const (
	contentMax    = 2000
	embedsMax     = 10
	embedsTotal   = 6000
	cardTextMax   = 4096
	embedFields   = 25
	fieldNameMax  = 256
	fieldValueMax = 1024
	altMax        = 1024
	filesMax      = 10
	filesTotal    = 24 << 20 // bytes of one request
	inlineMax     = 40       // a longer value has a line of its own
	leadMax       = 1200     // of a text that stands outside of the card
)

// body is a message in Discord's JSON. Nothing is left out when it is empty: what an edit does not name it keeps.
type body struct {
	Content     string          `json:"content"`
	Embeds      []embed         `json:"embeds"`
	Components  []row           `json:"components"`
	Mentions    allowedMentions `json:"allowed_mentions"`
	Attachments []attachment    `json:"attachments"`
	Flags       int             `json:"flags,omitempty"`
	Nonce       string          `json:"nonce,omitempty"`
	OnceOnly    bool            `json:"enforce_nonce,omitempty"`
}

type embed struct {
	Description string       `json:"description,omitempty"`
	Color       int          `json:"color,omitempty"`
	Fields      []embedField `json:"fields,omitempty"`
	Image       *embedImage  `json:"image,omitempty"`
}

type embedField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

type embedImage struct {
	URL string `json:"url"`
}

// allowedMentions is whom a message may notify. Without it Discord notifies everybody that a text seems to name.
type allowedMentions struct {
	Parse []string `json:"parse"`
	Users []string `json:"users,omitempty"`
	Roles []string `json:"roles,omitempty"`
}

func noMentions() allowedMentions { return allowedMentions{Parse: []string{}} }

// emptyBody is a message with nothing in it but text, which is ours and may hold markup.
func emptyBody(text string) body {
	return body{Content: text, Embeds: []embed{}, Components: []row{}, Mentions: noMentions(), Attachments: []attachment{}}
}

// renderer makes one message.
type renderer struct {
	body  body
	color int
	left  int // of the text of all embeds
	files []file
	names map[string]bool
	bytes int
	lost  []string  // names of files that have no room
	day   time.Time // the first time that stands there, with its day
}

// render makes Discord's message of m: the headline as content, which is what notifications, replies and lists show, and
// what else there is as a card with the colour of its tone below.
func render(m bot.Message) (body, []file) {
	r := &renderer{body: emptyBody(""), color: colorOf(m.Tone), left: embedsTotal, names: map[string]bool{}}
	blocks := r.headline(m)
	for _, b := range blocks {
		r.block(b)
	}
	if len(r.lost) > 0 {
		r.text(note("Not attached, there is no room: "+escape(strings.Join(r.lost, ", "))), "\n")
	}
	r.body.Components = buttons(m)
	r.mentions(m)
	r.attach()
	if r.body.Content == "" && len(r.body.Embeds) == 0 && len(r.files) == 0 {
		r.body.Content = "–"
	}
	return r.body, r.files
}

// headline writes the content, and returns the blocks that remain for the card.
func (r *renderer) headline(m bot.Message) []bot.Block {
	sign, word := signOf(m.Tone), m.Word()
	blocks := m.Blocks
	if m.Title != "" {
		title := cutEscaped(m.Title, leadMax)
		r.body.Content = "**" + strings.Join(slices.DeleteFunc([]string{sign, word, title}, func(s string) bool { return s == "" }), " ") + "**"
		return blocks
	}
	if len(blocks) > 0 {
		if t, ok := blocks[0].(bot.Text); ok && !mentions(t.Spans) {
			if text := markdownOf(t.Spans, contentMax); bot.Length(text) <= leadMax { // what is cut is longer
				r.body.Content = strings.TrimSpace(sign + " " + text)
				return blocks[1:]
			}
		}
	}
	if word != "" {
		r.body.Content = "**" + sign + " " + word + "**"
	} else if m.Fallback != "" && len(blocks) > 0 {
		r.body.Content = escape(m.Fallback)
	}
	return blocks
}

func (r *renderer) block(b bot.Block) {
	switch v := b.(type) {
	case bot.Text:
		if mentions(v.Spans) && bot.Length(r.body.Content) <= leadMax {
			r.body.Content = strings.TrimPrefix(r.body.Content+"\n"+r.markdown(v.Spans, contentMax-leadMax-100), "\n")
			return // a mention in a card notifies nobody
		}
		r.text(r.markdown(v.Spans, r.room()), "\n\n")
	case bot.Note:
		r.text(note(r.markdown(v.Spans, r.room()-3)), "\n")
	case bot.Fields:
		r.fields(v)
	case bot.Table:
		r.table(v)
	case bot.Code:
		r.text(codeBlock(v.Lang, v.Body, r.room()), "\n")
	case bot.Image:
		r.image(v)
	case bot.File:
		r.file(file{name: v.Name, mime: v.MIME, data: v.Data})
	case bot.Steps:
		r.steps(v)
	case bot.Actions: // all buttons are below the card
	}
}

// sameDay is how near to a time with its day another one needs none of its own.
const sameDay = 6 * time.Hour

// markdown renders spans within max units. Of several times near each other the first has its day: with it a time takes most of a
// line on a phone.
func (r *renderer) markdown(spans []bot.Span, max int) string {
	return markdownBy(func(s bot.Span) string {
		switch {
		case s.At.IsZero() || s.Mention != "":
		case r.day.IsZero():
			r.day = s.At
		case s.At.Sub(r.day).Abs() <= sameDay:
			return hour(s.At)
		}
		return spanOf(s)
	}, spans, max)
}

// room is how long a text may be that comes next.
func (r *renderer) room() int { return max(0, min(r.left-2, cardTextMax)) }

// last returns the card that takes what comes next, a new one where the last is no good and there may be one more.
func (r *renderer) last(good func(e *embed) bool) *embed {
	if n := len(r.body.Embeds); n > 0 && (good(&r.body.Embeds[n-1]) || n >= embedsMax) {
		return &r.body.Embeds[n-1]
	}
	r.body.Embeds = append(r.body.Embeds, embed{Color: r.color})
	return &r.body.Embeds[len(r.body.Embeds)-1]
}

// text adds rendered text, which is at most room long. gap goes between two texts.
func (r *renderer) text(s, gap string) {
	if strings.TrimSpace(s) == "" || r.left < 2 {
		return
	}
	e := r.last(func(e *embed) bool {
		return len(e.Fields) == 0 && e.Image == nil && bot.Length(e.Description)+len(gap)+bot.Length(s) <= cardTextMax
	})
	if e.Description != "" {
		s = gap + s
	}
	if bot.Length(e.Description)+bot.Length(s) > cardTextMax {
		return // the tenth card is full
	}
	e.Description += s
	r.left -= bot.Length(s)
}

// note is text in small print; Discord has it by the line.
func note(s string) string {
	if s == "" {
		return ""
	}
	return "-# " + strings.ReplaceAll(s, "\n", " ")
}

// fewFields are so few that they are lines of the text: as fields they end the card, and a phone gives each two lines and a gap.
const fewFields = 2

func (r *renderer) fields(in bot.Fields) {
	if n := len(r.body.Embeds); len(in) <= fewFields && n > 0 && len(r.body.Embeds[n-1].Fields) == 0 {
		r.lines(in)
		return
	}
	for _, f := range in {
		name := cutEscaped(f.Name, fieldNameMax)
		if name == "" {
			name = zero
		}
		value := r.value(f.Value)
		if value == "" {
			value = "–"
		}
		if bot.Length(name)+bot.Length(value) > r.left {
			return
		}
		r.left -= bot.Length(name) + bot.Length(value)
		short := bot.Length(f.Value.Plain()) <= inlineMax && bot.Length(f.Name) <= inlineMax && !strings.Contains(value, "\n")
		e := r.last(func(e *embed) bool { return len(e.Fields) < embedFields && e.Image == nil })
		if len(e.Fields) < embedFields {
			e.Fields = append(e.Fields, embedField{name, value, short})
		}
	}
}

// lines are fields as lines of the text that is there.
func (r *renderer) lines(in bot.Fields) {
	for _, f := range in {
		if name := cutEscaped(f.Name, fieldNameMax); name != "" {
			r.text(bold(name)+" "+cmp.Or(r.value(f.Value), "–"), "\n")
		}
	}
}

// value renders what a field holds. A time alone comes with how long ago it was.
func (r *renderer) value(t bot.Text) string {
	if len(t.Spans) == 1 && !t.Spans[0].At.IsZero() && t.Spans[0].Mention == "" {
		return ago(t.Spans[0].At)
	}
	return strings.TrimSpace(r.markdown(t.Spans, max(0, min(fieldValueMax, r.left-fieldNameMax))))
}

func (r *renderer) image(v bot.Image) {
	name, ok := r.file(file{name: v.Name, mime: "image/png", alt: cut(v.Alt, altMax), data: v.PNG})
	if !ok || len(r.body.Embeds) >= embedsMax {
		return
	}
	e := r.last(func(e *embed) bool { return e.Image == nil })
	e.Image = &embedImage{"attachment://" + name}
}

// file adds a file, and returns its name among the others.
func (r *renderer) file(f file) (name string, ok bool) {
	if len(r.files) >= filesMax || r.bytes+len(f.data) > filesTotal {
		r.lost = append(r.lost, f.name)
		return "", false
	}
	f.name = fileName(f.name, r.names)
	r.files, r.bytes = append(r.files, f), r.bytes+len(f.data)
	return f.name, true
}

func (r *renderer) attach() {
	for i, f := range r.files {
		r.body.Attachments = append(r.body.Attachments, attachment{ID: strconv.Itoa(i), Filename: f.name, Description: f.alt})
	}
}

// mentions allows those that the message means to notify. One that is to be seen in the card alone is named above it,
// because in a card it notifies nobody.
func (r *renderer) mentions(m bot.Message) {
	eachSpan(m, func(s bot.Span) {
		text, ok := mentioned(s.Mention)
		if !ok || len(r.body.Mentions.Users)+len(r.body.Mentions.Roles) >= 100 {
			return
		}
		kind, id, _ := strings.Cut(s.Mention, ":")
		to := &r.body.Mentions.Users
		if kind == "group" {
			to = &r.body.Mentions.Roles
		}
		if slices.Contains(*to, id) {
			return
		}
		if !strings.Contains(r.body.Content, text) {
			if bot.Length(r.body.Content)+bot.Length(text)+1 > contentMax {
				return
			}
			r.body.Content = strings.TrimSpace(r.body.Content + " " + text)
		}
		*to = append(*to, id)
	})
}

func eachSpan(m bot.Message, visit func(bot.Span)) {
	for _, b := range m.Blocks {
		switch v := b.(type) {
		case bot.Text:
			each(v.Spans, visit)
		case bot.Note:
			each(v.Spans, visit)
		case bot.Fields:
			for _, f := range v {
				each(f.Value.Spans, visit)
			}
		}
	}
}

func each(spans []bot.Span, visit func(bot.Span)) {
	for _, s := range spans {
		visit(s)
	}
}

func mentions(spans []bot.Span) bool {
	return slices.ContainsFunc(spans, func(s bot.Span) bool { _, ok := mentioned(s.Mention); return ok })
}
