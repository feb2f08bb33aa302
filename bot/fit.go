package bot

import (
	"fmt"
	"strings"
)

const (
	partsMax    = 4   // messages that one may become
	fallbackMax = 300 // of Message.Fallback
	noteMax     = 200 // of a note that says what is left out
	noLimit     = 1 << 30
)

// Fit cuts and degrades m to what c allows; pure. The result has at least one message; what is cut is named ("12 more
// rows") and kept as a file where the network takes files. Only the last message carries actions and form.
//
// Lengths are counted in UTF-16 units and cuts fall between graphemes. A limit of 0 is none, but for FileMax. Text from
// outside is cleaned: repaired UTF-8, no control characters, none that turn the direction of writing. A message becomes
// at most four. Fitting what Fit returned changes nothing. The result shares file data with m, and no memory that either
// may change.
func Fit(m Message, c Caps) []Message { return fit(m, c, partsMax) }

// fitOne is Fit into one message: a reply is one, since a further one could neither be private nor be kept in step with
// later replies. What does not fit is left out, named and kept in a file.
func fitOne(m Message, c Caps) Message { return fit(m, c, 1)[0] }

// fitter holds the limits that hold for one message.
type fitter struct {
	c      Caps
	total  int // of one message beside its title
	text   int // of one block
	blocks int

	buttons int  // how many more may come
	primary bool // there was one
	hidden  []string
	files   int // spilled so far
}

func limit(n int) int {
	if n <= 0 {
		return noLimit
	}
	return n
}

func fit(m Message, c Caps, most int) []Message {
	total := limit(c.TotalMax)
	head := m
	// With at most half of the room for the title, every block finds a place beside it.
	head.Title = cut(cleanLine(m.Title), min(limit(c.TitleMax), max(1, total/2)))
	head.Fallback = cut(cleanLine(m.Fallback), fallbackMax)
	head.Blocks, head.Form = nil, nil
	if head.Tone > Muted {
		head.Tone = Plain
	}
	f := &fitter{c: c, total: max(1, total-Length(head.Title)), blocks: limit(c.BlocksMax), buttons: limit(c.ButtonsMax)}
	f.text = min(limit(c.TextMax), f.total)

	var blocks []Block
	for _, b := range m.Blocks {
		blocks = append(blocks, f.block(b)...)
	}
	form := cleanForm(m.Form)
	if form != nil && !c.Forms {
		blocks, form = append(blocks, f.note(formNote(form))), nil
	}
	if len(f.hidden) > 0 {
		blocks = append(blocks, f.note("Not shown: "+strings.Join(f.hidden, ", ")))
	}
	if head.Title == "" && len(blocks) == 0 && form == nil {
		blocks = []Block{Text{[]Span{{Text: "–"}}}}
	}
	parts := f.pack(blocks)
	if len(parts) > 1 {
		parts = f.join(m, blocks, most)
	}
	out := make([]Message, len(parts))
	for i, p := range parts {
		out[i] = head
		out[i].Blocks = p
		if i > 0 {
			out[i].Title = ""
			if out[i].Fallback == "" {
				out[i].Fallback = cut(head.Title, fallbackMax)
			}
		}
	}
	out[len(out)-1].Form = form
	return out
}

func formNote(f *Form) string {
	labels := make([]string, len(f.Fields))
	for i, in := range f.Fields {
		labels[i] = in.Label
	}
	return fmt.Sprintf("%s: forms cannot be shown here. Please type the command with its values: %s", f.Title, strings.Join(labels, ", "))
}

func (f *fitter) note(s string) Block {
	return Note{[]Span{{Text: cut(s, min(noteMax, f.text))}}}
}

// pack fills one message after the other, in order. There is at least one.
func (f *fitter) pack(blocks []Block) [][]Block {
	parts := [][]Block{nil}
	room := f.total
	for _, b := range blocks {
		last := len(parts) - 1
		n := size(b)
		if len(parts[last]) > 0 && (n > room || len(parts[last]) >= f.blocks) {
			parts, room, last = append(parts, nil), f.total, last+1
		}
		parts[last] = append(parts[last], b)
		room -= n
	}
	return parts
}

// join packs blocks into at most a number of messages. The actions go to the end, where a person looks for them; what
// has no room is named in a note and kept in a file.
func (f *fitter) join(m Message, blocks []Block, most int) [][]Block {
	var actions Actions
	var body []Block
	for _, b := range blocks {
		if a, ok := b.(Actions); ok {
			actions = append(actions, a...)
		} else {
			body = append(body, b)
		}
	}
	actions = f.buttonsWithin(actions, f.total)
	tail := []Block{}
	if len(actions) > 0 {
		tail = append(tail, actions)
	}
	if parts := f.pack(append(body[:len(body):len(body)], tail...)); len(parts) <= most {
		return parts
	}
	// There is more than fits: the last message ends in a note, the whole as a file, and the actions.
	end := []Block{f.note("There is more than fits in here.")}
	if f.c.FileMax > 0 {
		end = []Block{f.note("The whole is in message.txt."), f.file("message.txt", "text/plain", []byte(wholly(m)))}
	}
	end = append(end, tail...)
	for len(end) > 1 && (len(end) > f.blocks || sizes(end) > f.total) {
		end = end[1:]
	}
	parts := f.pack(body)
	parts = parts[:min(most, len(parts))]
	last := len(parts) - 1
	parts[last] = append(f.within(parts[last], f.total-sizes(end), f.blocks-len(end)), end...)
	return parts
}

// within keeps the blocks that fit into room, and what it can of the first that does not.
func (f *fitter) within(blocks []Block, room, most int) []Block {
	var out []Block
	for _, b := range blocks {
		n := size(b)
		if len(out) >= most {
			break
		}
		if n <= room {
			out, room = append(out, b), room-n
			continue
		}
		if room >= 80 {
			small := *f
			small.text, small.total, small.c.FileMax = min(room, f.text), room, 0
			if less := small.block(b); len(less) > 0 && size(less[0]) <= room {
				out = append(out, less[0])
			}
		}
		break
	}
	return out
}

// wholly is the cleaned text of a message that is going to be a file.
func wholly(m Message) string { return clean(m.Plain()) + "\n" }

func sizes(blocks []Block) int {
	n := 0
	for _, b := range blocks {
		n += size(b)
	}
	return n
}

// size is how much of a message's total a block takes.
func size(b Block) int {
	n := 0
	switch v := b.(type) {
	case Text:
		return Length(v.Plain())
	case Note:
		return Length(v.Plain())
	case Fields:
		for _, x := range v {
			n += Length(x.Name) + Length(x.Value.Plain())
		}
	case Table:
		return tableSize(v, len(v.Rows)) + Length(v.Foot)
	case Code:
		return Length(v.Body)
	case Image:
		return Length(v.Name) + Length(v.Alt)
	case File:
		return Length(v.Name)
	case Steps:
		for _, s := range v {
			n += stepSize(s)
		}
	case Actions:
		for _, a := range v {
			n += Length(a.Label)
		}
	}
	return n
}
