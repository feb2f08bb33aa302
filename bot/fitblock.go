package bot

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	nameMax    = 200 // of a field's name, a step's label
	valueMax   = 1000
	cellMax    = 200
	confirmMax = 300
	fileName   = 100
	codeWidth  = 100 // columns of a table that is shown as code
)

// block returns b cleaned, cut and degraded, with the file that keeps what was cut; nothing when there is nothing in it.
func (f *fitter) block(b Block) []Block {
	switch v := b.(type) {
	case Text:
		return f.spans(v.Spans, func(s []Span) Block { return Text{s} })
	case Note:
		return f.spans(v.Spans, func(s []Span) Block { return Note{s} })
	case Fields:
		return f.fields(v)
	case Table:
		return f.table(v)
	case Code:
		return f.code(v)
	case Image:
		return f.image(v)
	case File:
		return f.attach(v)
	case Steps:
		return f.steps(v)
	case Actions:
		if a := f.actions(v); len(a) > 0 {
			return []Block{a}
		}
	}
	return nil
}

func (f *fitter) spans(in []Span, as func([]Span) Block) []Block {
	all := cleanSpans(in)
	if strings.TrimSpace(plain(all)) == "" {
		return nil
	}
	short, whole := cutSpans(all, f.text)
	out := []Block{as(short)}
	if !whole {
		out = f.spill(out, "text", "txt", "text/plain", []byte(plain(all)+"\n"))
	}
	return out
}

// cutSpans shortens spans to max in all, and says whether they are whole.
func cutSpans(in []Span, max int) (out []Span, whole bool) {
	if Length(plain(in)) <= max {
		return in, true
	}
	for _, s := range in {
		n := Length(s.Text)
		if n >= max { // even when it would just fit: what follows must be missed visibly
			if s.Text = cut(s.Text+"…", max); s.Text != "" {
				out = append(out, s)
			}
			return out, false
		}
		out, max = append(out, s), max-n
	}
	return out, true
}

// spill adds the file that keeps what was cut, where the network takes files.
func (f *fitter) spill(out []Block, name, ext, mime string, data []byte) []Block {
	if f.c.FileMax <= 0 {
		return out
	}
	f.files++
	if f.files > 1 {
		name += "-" + strconv.Itoa(f.files)
	}
	return append(out, f.file(name+"."+ext, mime, data))
}

// file cuts data to what the network takes, at the end of a line where there is one.
func (f *fitter) file(name, mime string, data []byte) File {
	if len(data) > f.c.FileMax {
		data = data[:f.c.FileMax]
		if i := bytes.LastIndexByte(data, '\n'); i > 0 {
			data = data[:i+1]
		}
		for r, n := utf8.DecodeLastRune(data); r == utf8.RuneError && n == 1; r, n = utf8.DecodeLastRune(data) {
			data = data[:len(data)-1] // half a character
		}
	}
	return File{Name: cut(name, min(fileName, f.text)), MIME: mime, Data: data}
}

func (f *fitter) fields(in Fields) []Block {
	var out []Block
	var cur Fields
	room, most := f.total, limit(f.c.FieldsMax)
	for _, x := range in {
		name := cut(cleanLine(x.Name), min(nameMax, max(1, f.total/4)))
		value, _ := cutSpans(cleanSpans(x.Value.Spans), min(valueMax, f.text, max(1, f.total/2)))
		if name == "" && len(value) == 0 {
			continue
		}
		n := Length(name) + Length(plain(value))
		if len(cur) > 0 && (len(cur) >= most || n > room) {
			out, cur, room = append(out, cur), nil, f.total
		}
		cur, room = append(cur, Field{name, Text{value}}), room-n
	}
	if len(cur) > 0 {
		out = append(out, cur)
	}
	return out
}

var langs = regexp.MustCompile(`^[A-Za-z0-9+#-]{0,20}$`)

func (f *fitter) code(in Code) []Block {
	body := strings.Trim(clean(in.Body), "\n")
	lang := in.Lang
	if !langs.MatchString(lang) {
		lang = ""
	}
	if body == "" {
		return nil
	}
	if Length(body) <= f.text {
		return []Block{Code{lang, body}}
	}
	ext := "txt"
	if lang == "sql" || lang == "json" || lang == "yaml" {
		ext = lang
	}
	return f.spill([]Block{Code{lang, cutLines(body, f.text)}}, "text", ext, "text/plain", []byte(body+"\n"))
}

// cutLines keeps the first lines that fit and names how many follow.
func cutLines(s string, max int) string {
	lines := strings.Split(s, "\n")
	room := max - len("\n… 1234567 more lines")
	kept := 0
	for kept < len(lines) && room >= Length(lines[kept])+1 {
		room -= Length(lines[kept]) + 1
		kept++
	}
	if kept == 0 {
		return cut(s, max)
	}
	return fmt.Sprintf("%s\n… %d more lines", strings.Join(lines[:kept], "\n"), len(lines)-kept)
}

func (f *fitter) image(in Image) []Block {
	alt := cleanLine(in.Alt)
	if alt == "" {
		alt = cleanLine(in.Name)
	}
	if alt == "" {
		alt = "picture"
	}
	fits := len(in.PNG) > 0 && (f.c.FileMax <= 0 || len(in.PNG) <= f.c.FileMax)
	if f.c.Images && fits {
		// Name and Alt share the room of one block.
		return []Block{Image{Name: cut(baseName(in.Name, "picture.png"), min(fileName, max(1, f.text/2))), Alt: cut(alt, min(valueMax, max(1, f.text/2))), PNG: in.PNG}}
	}
	out := []Block{f.note("Picture: " + alt)}
	if fits && f.c.FileMax > 0 {
		out = append(out, File{Name: cut(baseName(in.Name, "picture.png"), min(fileName, f.text)), MIME: "image/png", Data: in.PNG})
	}
	return out
}

func (f *fitter) attach(in File) []Block {
	name := cut(baseName(in.Name, "file"), min(fileName, f.text))
	switch {
	case f.c.FileMax <= 0:
		return []Block{f.note("A file cannot be attached here: " + name)}
	case len(in.Data) > f.c.FileMax:
		return []Block{f.note(fmt.Sprintf("Too large to attach (%d kB): %s", len(in.Data)/1000, name))}
	}
	mime := cleanLine(in.MIME)
	if mime == "" || len(mime) > fileName {
		mime = "application/octet-stream"
	}
	return []Block{File{Name: name, MIME: mime, Data: in.Data}}
}

func baseName(s, none string) string {
	s = path.Base(strings.ReplaceAll(cleanLine(s), `\`, "/"))
	if s == "." || s == "/" || s == ".." || s == "" {
		return none
	}
	return s
}

func stepSize(s StepLine) int { return Length(s.Label) + Length(s.Note) + 4 } // the sign and two spaces

func (f *fitter) steps(in Steps) []Block {
	out := make(Steps, 0, len(in))
	for _, s := range in {
		s.Label, s.Note = cut(cleanLine(s.Label), min(nameMax, max(1, f.text/4))), cut(cleanLine(s.Note), min(valueMax/2, max(1, f.text/2)))
		if s.State > Skipped {
			s.State = ToDo
		}
		if s.Label != "" || s.Note != "" {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil
	}
	if size(out) <= f.text {
		return []Block{out}
	}
	// What comes last is what people wait for: the earlier steps go.
	for gone := 1; gone < len(out); gone++ {
		label := cut(fmt.Sprintf("… %d earlier steps", gone), max(1, f.text/4))
		less := append(Steps{{Label: label, State: Skipped}}, out[gone:]...)
		if size(less) <= f.text {
			return []Block{less}
		}
	}
	return f.asText(out)
}

// asText is the last resort for a block whose parts do not fit.
func (f *fitter) asText(b Block) []Block {
	return []Block{Text{[]Span{{Text: cut(strings.TrimSpace(plainBlock(b)), f.text)}}}}
}

func (f *fitter) actions(in Actions) Actions {
	out := make(Actions, 0, len(in))
	for _, a := range in {
		label := cleanLine(a.Label)
		if a.URL != "" {
			a.URL = cleanURL(a.URL)
		}
		if a.URL == "" && a.ID == "" && a.Call.Path == "" && a.Call.Line == "" {
			continue // leads nowhere
		}
		if label == "" {
			label = "Go"
		}
		if f.buttons <= 0 {
			f.hidden = append(f.hidden, label)
			continue
		}
		f.buttons--
		a.Label = cut(label, min(limit(f.c.LabelMax), max(1, f.total)))
		a.Confirm = cut(cleanLine(a.Confirm), confirmMax)
		if a.Style > Danger || a.Style == Primary && f.primary {
			a.Style = Normal
		}
		f.primary = f.primary || a.Style == Primary
		out = append(out, a)
	}
	return f.buttonsWithin(out, f.total)
}

// buttonsWithin leaves out the last buttons until the labels fit.
func (f *fitter) buttonsWithin(in Actions, room int) Actions {
	for i, a := range in {
		if room -= Length(a.Label); room < 0 {
			for _, a := range in[i:] {
				f.hidden = append(f.hidden, a.Label)
			}
			return in[:i]
		}
	}
	return in
}

// tableSize is how long the first rows of t are in a fixed font; networks without tables show them so.
func tableSize(t Table, rows int) int {
	n := 0
	for _, w := range widths(t, rows) {
		n += w + 2
	}
	return n * (rows + 1)
}

func (f *fitter) table(in Table) []Block {
	t := cleanTable(in)
	if strings.TrimSpace(plainBlock(t)) == "" {
		return nil
	}
	whole := t
	var foot []string
	if t.Foot != "" {
		foot = append(foot, t.Foot)
	}
	if most := limit(f.c.TableCols); len(t.Columns) > most {
		if out := f.tableAsCode(t); out != nil {
			return out
		}
		foot = append(foot, "columns left out: "+strings.Join(t.Columns[most:], ", "))
		t = columns(t, most)
	}
	rows := min(len(t.Rows), limit(f.c.TableRows))
	t.Foot = cut(strings.TrimSpace(strings.Join(foot, " · ")), min(noteMax, max(1, f.text/3)))
	if rows < len(t.Rows) || tableSize(t, rows)+Length(t.Foot) > f.text {
		rows = fitRows(t, rows, f.text-Length(t.Foot)-len(" · 12345678 more rows"))
		t.Foot = strings.TrimPrefix(fmt.Sprintf("%s · %d more rows", t.Foot, len(t.Rows)-rows), " · ")
	}
	cutAny := len(t.Columns) < len(whole.Columns) || rows < len(t.Rows)
	t.Rows = t.Rows[:rows]
	out := []Block{t}
	if size(t) > f.text || rows == 0 && len(whole.Rows) > 0 {
		out = f.asText(whole)
	}
	if cutAny {
		out = f.spill(out, "table", "csv", "text/csv", asCSV(whole))
	}
	return out
}

// fitRows is how many rows fit into room: size grows with every row, so the half decides.
func fitRows(t Table, most, room int) int {
	low, high := 0, most
	for low < high {
		mid := (low + high + 1) / 2
		if tableSize(t, mid) <= room {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}

func (f *fitter) tableAsCode(t Table) []Block {
	width := 0
	for _, w := range widths(t, len(t.Rows)) {
		width += w + 2
	}
	body := strings.TrimRight(aligned(t), "\n")
	if width > codeWidth || Length(body) > f.text || strings.TrimSpace(body) == "" {
		return nil
	}
	out := []Block{Code{Body: strings.TrimLeft(body, "\n")}}
	if t.Foot != "" {
		out = append(out, f.note(t.Foot))
	}
	return out
}

// cleanTable gives every row as many cells as there are columns.
func cleanTable(in Table) Table {
	n := len(in.Columns)
	for _, r := range in.Rows {
		n = max(n, len(r))
	}
	row := func(cells []string) []string {
		out := make([]string, n)
		for i, c := range cells {
			out[i] = cut(cleanLine(c), cellMax)
		}
		return out
	}
	t := Table{Columns: row(in.Columns), Numeric: slices.Clone(in.Numeric[:min(len(in.Numeric), n)]), Foot: cleanLine(in.Foot)}
	for _, r := range in.Rows {
		t.Rows = append(t.Rows, row(r))
	}
	return t
}

func columns(t Table, n int) Table {
	out := Table{Columns: t.Columns[:n], Numeric: t.Numeric[:min(len(t.Numeric), n)], Foot: t.Foot, Rows: make([][]string, len(t.Rows))}
	for i, r := range t.Rows {
		out.Rows[i] = r[:n]
	}
	return out
}

func asCSV(t Table) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(t.Columns)
	_ = w.WriteAll(t.Rows) // a buffer takes everything
	return b.Bytes()
}
