package webbot

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"image/png"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// record is one line of a channel as it is stored under "web:CHANNEL/ID".
type record struct {
	ID     string    `json:"id"`
	Pos    int64     `json:"pos"` // the change at which it came or was answered: its place
	Seq    int64     `json:"seq"` // the change at which it last changed
	At     time.Time `json:"at"`
	Edited time.Time `json:"edited,omitzero"`
	Thread string    `json:"thread,omitempty"`
	Only   string    `json:"only,omitempty"` // the one person who sees it
	// Shown says that everybody saw it once, so that their pages must be told when that ends.
	Shown   bool `json:"shown,omitempty"`
	Removed bool `json:"removed,omitempty"`

	// Who made the gesture that this answers, or wrote the note; empty for what drey says by itself.
	Who     string `json:"who,omitempty"`
	Line    string `json:"line,omitempty"`    // what was typed
	Pressed string `json:"pressed,omitempty"` // the label of the button that was pressed instead
	Note    string `json:"note,omitempty"`    // what a person wrote to people
	// Sent are the files that came with the line. Their bytes are not stored.
	Sent []sentFile `json:"sent,omitempty"`

	Msg   *bot.Message `json:"msg,omitempty"` // without the bytes of its files
	Files []fileRef    `json:"files,omitempty"`

	Replies   int       `json:"replies,omitempty"`
	LastReply time.Time `json:"last_reply,omitzero"`
}

// sentFile is a file that a person sent along.
type sentFile struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// fileRef says where the bytes of a block lie. Refs are in the order of the Image and File blocks of the message.
type fileRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	MIME string `json:"mime"`
	Size int    `json:"size"`
	W    int    `json:"w,omitempty"`
	H    int    `json:"h,omitempty"`
}

// blob is a stored file.
type blob struct {
	Data []byte `json:"data"`
}

func (r record) visibleTo(user string) bool { return !r.Removed && (r.Only == "" || r.Only == user) }

// listed says that r stands in the channel, and not in a thread alone.
func (r record) listed() bool { return r.Thread == "" || r.broadcast() }

// broadcast says that r stands in a thread and in the channel as well.
func (r record) broadcast() bool { return r.Thread != "" && r.Msg != nil && r.Msg.Broadcast }

// answered says that something other than a stand-in or a question has been said.
func (r record) answered() bool { return r.Msg != nil && !r.Msg.Pending && r.Msg.Form == nil }

func shortHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))[:20]
}

func postID(key string) string { return "k-" + shortHash(key) }

// gestureID is the id of the record of a gesture. It holds the person, so that nobody can name another's record.
func gestureID(user, gesture string) string { return "e-" + user + "-" + gesture }

// detach takes the bytes out of m, which is not changed.
func detach(id string, m bot.Message) (bot.Message, []fileRef, map[string]blob) {
	var refs []fileRef
	blobs := map[string]blob{}
	blocks := make([]bot.Block, len(m.Blocks))
	for i, b := range m.Blocks {
		switch v := b.(type) {
		case bot.Image:
			ref := fileRef{Name: v.Name, MIME: "image/png", Size: len(v.PNG), ID: shortHash(id, v.Name, string(v.PNG))}
			if c, err := png.DecodeConfig(bytes.NewReader(v.PNG)); err == nil {
				ref.W, ref.H = c.Width, c.Height
			}
			refs, blobs[ref.ID] = append(refs, ref), blob{v.PNG}
			v.PNG = nil
			b = v
		case bot.File:
			ref := fileRef{Name: v.Name, MIME: v.MIME, Size: len(v.Data), ID: shortHash(id, v.Name, string(v.Data))}
			refs, blobs[ref.ID] = append(refs, ref), blob{v.Data}
			v.Data = nil
			b = v
		}
		blocks[i] = b
	}
	m.Blocks = blocks
	return m, refs, blobs
}

func (r record) file(id string) (fileRef, bool) {
	for _, f := range r.Files {
		if f.ID == id {
			return f, true
		}
	}
	return fileRef{}, false
}

// button finds the button, or the form, that has the id.
func (r record) button(id string) (label string, ok bool) {
	if r.Msg == nil || id == "" {
		return "", false
	}
	if r.Msg.Form != nil && r.Msg.Form.ID == id {
		return r.Msg.Form.Submit, true
	}
	for _, b := range r.Msg.Blocks {
		row, _ := b.(bot.Actions)
		for _, b := range row {
			if b.ID == id && b.URL == "" {
				return b.Label, true
			}
		}
	}
	return "", false
}

// weight is about how many bytes r takes in memory.
func (r record) weight() int {
	n := 600 + len(r.Line) + len(r.Note) + 200*len(r.Sent)
	if r.Msg == nil {
		return n
	}
	spans := func(ss []bot.Span) {
		for _, s := range ss {
			n += 80 + len(s.Text) + len(s.URL)
		}
	}
	for _, b := range r.Msg.Blocks {
		n += 100
		switch b := b.(type) {
		case bot.Text:
			spans(b.Spans)
		case bot.Note:
			spans(b.Spans)
		case bot.Fields:
			for _, f := range b {
				spans(f.Value.Spans)
			}
		case bot.Code:
			n += len(b.Body)
		case bot.Table:
			for _, row := range b.Rows {
				n += 24
				for _, cell := range row {
					n += 16 + len(cell)
				}
			}
		}
	}
	return n
}

func sameContent(a, b record) bool {
	a.Seq, b.Seq, a.Edited, b.Edited = 0, 0, time.Time{}, time.Time{}
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
