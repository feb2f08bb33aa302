package webbot

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/drey-ops/drey/bot"
)

func (b *Bot) parseTemplates() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"clock":  func(t time.Time) string { return t.UTC().Format("15:04 UTC") },
		"weburl": webURL,
		"chanof": b.channelOf,
		"size":   func(n int) string { return size(int64(n)) },
		"size64": size,
		"tone":   toneOf,
		"step":   stepOf,
		"style":  styleOf,
		"icon":   func(name string) icon { return icon{name} },
		"hue":    hue,
		"first":  initial,
		"lines":  func(s string) int { return strings.Count(s, "\n") + 1 },
		"line1":  func(s string) string { l, _, _ := strings.Cut(s, "\n"); return l },
		"dict":   dict,
	}).ParseFS(templateFS, "templates/*.html"))
}

type icon struct{ Name string }

func dict(kv ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(kv); i += 2 {
		m[fmt.Sprint(kv[i])] = kv[i+1]
	}
	return m
}

// webURL is true for what may become a link.
func webURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// channelOf is the channel of this console that a place is in; empty: none.
func (b *Bot) channelOf(p bot.Place) string {
	if p.Network == Network && b.feeds[p.Channel] != nil {
		return p.Channel
	}
	return ""
}

func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// look is a state as a class, a sign and a word.
type look struct{ Class, Icon, Word string }

func toneOf(t bot.Tone) look {
	switch t {
	case bot.Good:
		return look{"good", "check", t.Word()}
	case bot.Busy:
		return look{"busy", "spin", t.Word()}
	case bot.Warn:
		return look{"warn", "warn", t.Word()}
	case bot.Bad:
		return look{"bad", "stop", t.Word()}
	case bot.Muted:
		return look{"muted", "dash", t.Word()}
	}
	return look{"plain", "", ""}
}

func stepOf(s bot.StepState) look {
	switch s {
	case bot.Doing:
		return look{"doing", "spin", s.Word()}
	case bot.Did:
		return look{"did", "check", s.Word()}
	case bot.Failed:
		return look{"failed", "stop", s.Word()}
	case bot.Skipped:
		return look{"skipped", "dash", s.Word()}
	}
	return look{"todo", "ring", s.Word()}
}

func styleOf(s bot.Style) string {
	switch s {
	case bot.Primary:
		return "primary"
	case bot.Danger:
		return "danger"
	}
	return "normal"
}

// hue is one of eight colours, for an avatar.
func hue(s string) string {
	h := fnv.New32a()
	h.Write([]byte(s))
	return fmt.Sprintf("hue%d", h.Sum32()%8)
}

func initial(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError {
		return "?"
	}
	return string(unicode.ToUpper(r))
}

// messageView is a record as the template shows it.
type messageView struct {
	record
	Channel string
	Name    string // of the person
	Author  string // drey or the person, for grouping
	Plain   bool   // neither title nor tone: no card around it
	Blocks  []blockView
	Say     string
	Note    []notePart
	Wide    bool // stands in a thread, and in the channel as well
	State   string
}

// columnMax is how long a value may be that has a column beside others.
const columnMax = 40

// blockView is a block with where its bytes are.
type blockView struct {
	Kind    string
	Wide    []bool // of Fields: too long for a column
	Text    []bot.Span
	Fields  bot.Fields
	Table   tableView
	Code    bot.Code
	Alt     string
	File    fileRef
	URL     string
	Steps   bot.Steps
	Done    int
	Buttons bot.Actions
}

type tableView struct {
	Columns []cell
	Rows    [][]cell
	Foot    string
	CSV     string // where the same can be had as a file
	CSVName string
	CSVSize int
}

type cell struct {
	Text    string
	Numeric bool
}

type notePart struct {
	Text string
	Code bool
}

func (b *Bot) renderMessage(channel string, r record) []byte {
	var buf bytes.Buffer
	if err := b.tmpl.ExecuteTemplate(&buf, "message", b.messageView(channel, r)); err != nil {
		b.log.Error("console could not show a message", "network", Network, "err", err)
		return nil
	}
	return buf.Bytes()
}

func (b *Bot) messageView(channel string, r record) messageView {
	v := messageView{record: r, Channel: channel, Author: "drey", Name: r.Who}
	if u, ok := b.users[r.Who]; ok {
		v.Name = u.Name
	}
	if r.Note != "" {
		v.Author, v.Note, v.Say = r.Who, noteParts(r.Note), v.Name+": "+r.Note
	}
	if m := r.Msg; m != nil {
		v.Plain = m.Title == "" && m.Tone == bot.Plain
		v.Blocks = blockViews("/files/"+channel+"/"+r.ID+"/", r)
		v.Say = sayOf(*m)
		v.Wide, v.State = r.broadcast(), m.State
	}
	return v
}

func sayOf(m bot.Message) string {
	if m.Fallback != "" {
		return m.Fallback
	}
	words := []string{toneOf(m.Tone).Word, m.Title}
	for _, b := range m.Blocks {
		if t, ok := b.(bot.Text); ok {
			words = append(words, t.Plain())
			break
		}
	}
	out := ""
	for _, w := range words {
		if w != "" && out != "" {
			out += ": "
		}
		out += w
	}
	return out
}

// noteParts cuts a note at its ``` fences.
func noteParts(s string) []notePart {
	var out []notePart
	for i, part := range strings.Split(s, "```") {
		if part = strings.Trim(part, "\n"); strings.TrimSpace(part) != "" {
			out = append(out, notePart{part, i%2 == 1})
		}
	}
	return out
}

// inOrder are the blocks as they are read: of a matter that goes on, what one can do about it comes before what explains it, or a
// phone would show the buttons alone.
func inOrder(m *bot.Message) []bot.Block {
	if m.State == "" {
		return m.Blocks
	}
	lead, actions, rest := bot.Lead(m.Blocks)
	return slices.Concat(lead, actions, rest)
}

// blockViews pairs blocks with files. A CSV in the same message goes to the table before it.
func blockViews(base string, r record) []blockView {
	var out []blockView
	files, table := r.Files, -1
	for _, b := range inOrder(r.Msg) {
		v := blockView{}
		switch b := b.(type) {
		case bot.Text:
			v.Kind, v.Text = "text", b.Spans
		case bot.Note:
			v.Kind, v.Text = "note", b.Spans
		case bot.Fields:
			v.Kind, v.Fields = "fields", b
			for _, f := range b {
				v.Wide = append(v.Wide, bot.Length(f.Value.Plain()) > columnMax)
			}
		case bot.Table:
			v.Kind, v.Table = "table", tableOf(b)
			table = len(out)
		case bot.Code:
			v.Kind, v.Code = "code", b
		case bot.Image, bot.File:
			if len(files) == 0 {
				continue
			}
			v.File, files = files[0], files[1:]
			v.Kind, v.URL = "file", base+v.File.ID
			if img, ok := b.(bot.Image); ok {
				v.Kind, v.Alt = "image", img.Alt
			} else if table >= 0 && strings.HasSuffix(strings.ToLower(v.File.Name), ".csv") && out[table].Table.CSV == "" {
				out[table].Table.CSV, out[table].Table.CSVName = v.URL, v.File.Name
				out[table].Table.CSVSize = v.File.Size
				continue
			}
		case bot.Steps:
			v.Kind, v.Steps = "steps", b
			for _, s := range b {
				if s.State == bot.Did || s.State == bot.Skipped {
					v.Done++
				}
			}
		case bot.Actions:
			v.Kind, v.Buttons = "actions", b
		}
		out = append(out, v)
	}
	return out
}

func tableOf(t bot.Table) tableView {
	numeric := func(i int) bool { return i < len(t.Numeric) && t.Numeric[i] }
	v := tableView{Foot: t.Foot}
	for i, c := range t.Columns {
		v.Columns = append(v.Columns, cell{c, numeric(i)})
	}
	for _, row := range t.Rows {
		cells := make([]cell, len(row))
		for i, c := range row {
			cells[i] = cell{c, numeric(i)}
		}
		v.Rows = append(v.Rows, cells)
	}
	return v
}
