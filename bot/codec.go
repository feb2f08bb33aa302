package bot

import (
	"encoding/json"
	"fmt"
)

// message is Message without its methods, for the codec.
type message Message

type tagged struct {
	Kind string          `json:"k"`
	Body json.RawMessage `json:"v"`
}

// untagged is tagged before it is encoded: in one go, so that no block is encoded for itself and then checked once more.
type untagged struct {
	Kind string `json:"k"`
	Body Block  `json:"v"`
}

// MarshalJSON stores the blocks with their kinds.
func (m Message) MarshalJSON() ([]byte, error) {
	blocks := make([]untagged, 0, len(m.Blocks))
	for _, b := range m.Blocks {
		if b != nil {
			blocks = append(blocks, untagged{kindOf(b), b})
		}
	}
	return json.Marshal(struct {
		message
		Blocks []untagged `json:"blocks,omitempty"`
	}{message(m), blocks})
}

// UnmarshalJSON reads what MarshalJSON wrote. Blocks of a kind that this version does not know are left out.
func (m *Message) UnmarshalJSON(raw []byte) error {
	var in struct {
		message
		Blocks []tagged `json:"blocks"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	*m = Message(in.message)
	for _, t := range in.Blocks {
		b, err := decodeBlock(t)
		if err != nil {
			return fmt.Errorf("block %s: %w", t.Kind, err)
		}
		if b != nil {
			m.Blocks = append(m.Blocks, b)
		}
	}
	return nil
}

func kindOf(b Block) string {
	switch b.(type) {
	case Text:
		return "text"
	case Note:
		return "note"
	case Fields:
		return "fields"
	case Table:
		return "table"
	case Code:
		return "code"
	case Image:
		return "image"
	case File:
		return "file"
	case Steps:
		return "steps"
	case Actions:
		return "actions"
	}
	panic(fmt.Sprintf("bot: block of unknown type %T", b))
}

func decodeBlock(t tagged) (Block, error) {
	switch t.Kind {
	case "text":
		return decode[Text](t.Body)
	case "note":
		return decode[Note](t.Body)
	case "fields":
		return decode[Fields](t.Body)
	case "table":
		return decode[Table](t.Body)
	case "code":
		return decode[Code](t.Body)
	case "image":
		return decode[Image](t.Body)
	case "file":
		return decode[File](t.Body)
	case "steps":
		return decode[Steps](t.Body)
	case "actions":
		return decode[Actions](t.Body)
	}
	return nil, nil
}

func decode[B Block](raw json.RawMessage) (Block, error) {
	var b B
	err := json.Unmarshal(raw, &b)
	return b, err
}
