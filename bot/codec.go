package bot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// message is Message without its methods.
type message Message

// wireMessage is a Message as it is stored: no part of it encodes or decodes itself, which would be done once more around it.
type wireMessage struct {
	message
	Blocks []wireBlock `json:"blocks,omitempty"`
}

// wireBlock is a Block by its kind: one of the fields is set.
type wireBlock struct {
	Text    *Text    `json:"text,omitempty"`
	Note    *Note    `json:"note,omitempty"`
	Fields  *Fields  `json:"fields,omitempty"`
	Table   *Table   `json:"table,omitempty"`
	Code    *Code    `json:"code,omitempty"`
	Image   *Image   `json:"image,omitempty"`
	File    *File    `json:"file,omitempty"`
	Steps   *Steps   `json:"steps,omitempty"`
	Actions *Actions `json:"actions,omitempty"`
}

func wireOf(m Message) wireMessage {
	out := wireMessage{message: message(m), Blocks: make([]wireBlock, 0, len(m.Blocks))}
	out.message.Blocks = nil
	for _, b := range m.Blocks {
		if b != nil {
			out.Blocks = append(out.Blocks, wireBlockOf(b))
		}
	}
	return out
}

func wireBlockOf(b Block) wireBlock {
	switch b := b.(type) {
	case Text:
		return wireBlock{Text: &b}
	case Note:
		return wireBlock{Note: &b}
	case Fields:
		return wireBlock{Fields: &b}
	case Table:
		return wireBlock{Table: &b}
	case Code:
		return wireBlock{Code: &b}
	case Image:
		return wireBlock{Image: &b}
	case File:
		return wireBlock{File: &b}
	case Steps:
		return wireBlock{Steps: &b}
	case Actions:
		return wireBlock{Actions: &b}
	}
	panic(fmt.Sprintf("bot: block of unknown type %T", b))
}

// Message is what w stands for. Blocks of a kind that this version does not know are left out.
func (w wireMessage) Message() Message {
	m := Message(w.message)
	m.Blocks = nil
	for _, b := range w.Blocks {
		if x := b.block(); x != nil {
			m.Blocks = append(m.Blocks, x)
		}
	}
	return m
}

func (b wireBlock) block() Block {
	switch {
	case b.Text != nil:
		return *b.Text
	case b.Note != nil:
		return *b.Note
	case b.Fields != nil:
		return *b.Fields
	case b.Table != nil:
		return *b.Table
	case b.Code != nil:
		return *b.Code
	case b.Image != nil:
		return *b.Image
	case b.File != nil:
		return *b.File
	case b.Steps != nil:
		return *b.Steps
	case b.Actions != nil:
		return *b.Actions
	}
	return nil
}

// MarshalJSON stores the blocks with their kinds.
func (m Message) MarshalJSON() ([]byte, error) { return json.Marshal(wireOf(m)) }

// UnmarshalJSON reads what MarshalJSON wrote. Blocks of a kind that this version does not know are left out.
func (m *Message) UnmarshalJSON(raw []byte) error {
	var w wireMessage
	if err := json.Unmarshal(raw, &w); err != nil {
		return err
	}
	*m = w.Message()
	return nil
}

// Sum is the same for messages that look and do the same. It is empty for one that cannot be encoded: no other is like that.
func Sum(m Message) string {
	raw, err := json.Marshal(wireOf(m))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:12])
}

// wanted is a Delivery with the time it was put, as it is stored.
type wanted struct {
	Key     string      `json:"key"`
	Parent  string      `json:"parent,omitempty"`
	After   string      `json:"after,omitempty"`
	To      Place       `json:"to"`
	Message wireMessage `json:"message"`
	Sum     string      `json:"sum,omitempty"`
	PutAt   time.Time   `json:"put_at"`
}

func wantedOf(d Delivery) wanted {
	return wanted{Key: d.Key, Parent: d.Parent, After: d.After, To: d.To, Message: wireOf(d.Message), Sum: d.Sum, PutAt: time.Now().UTC()}
}

// wish is a Delivery with the time it was put.
type wish struct {
	Delivery
	PutAt time.Time
}

func (w wanted) wish() wish {
	return wish{Delivery{Key: w.Key, Parent: w.Parent, After: w.After, To: w.To, Message: w.Message.Message(), Sum: w.Sum}, w.PutAt}
}
