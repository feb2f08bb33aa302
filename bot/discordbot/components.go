package discordbot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// The limits of Discord's buttons.
const (
	rowMax       = 5 // buttons in a row
	rowsMax      = 5
	labelMax     = 80
	buttonURLMax = 512
)

// row is a row of buttons.
type row struct {
	Type       discordgo.ComponentType `json:"type"`
	Components []button                `json:"components"`
}

type button struct {
	Type     discordgo.ComponentType `json:"type"`
	Style    discordgo.ButtonStyle   `json:"style"`
	Label    string                  `json:"label"`
	CustomID string                  `json:"custom_id,omitempty"`
	URL      string                  `json:"url,omitempty"`
	Disabled bool                    `json:"disabled,omitempty"`
}

// What the press of a button does, as its custom_id has it.
const (
	actPress  = 'b'
	actOpens  = 'o' // the answer is a form, which only the first response can open
	actAsk    = 'a' // asks a question first
	actAskOp  = 'q' // the same of a button that opens a form
	actYes    = 'y' // the answer to that question
	actYesOp  = 'z'
	actNo     = 'n'
	actKept   = 'f' // opens a form that drey keeps
	actModal  = 'm' // a sent modal
	customTag = "drey."
)

// pressed is what a custom_id of drey's means.
type pressed struct {
	act byte
	// ID is that of the button or form, as the Binder gave it.
	ID string
	// Origin is the id of the message that bore the button, where the press came on the question that followed it.
	Origin string
}

func (p pressed) String() string {
	s := customTag + string(p.act) + "." + p.ID
	if p.Origin != "" {
		s += "." + p.Origin
	}
	return s
}

// opens says whether the answer is going to be a form, so that the first response must be kept for it.
func (p pressed) opens() bool { return p.act == actOpens || p.act == actYesOp }

// asks says whether the press is to be confirmed.
func (p pressed) asks() bool { return p.act == actAsk || p.act == actAskOp }

func parsePressed(custom string) (p pressed, ok bool) {
	rest, ok := strings.CutPrefix(custom, customTag)
	if !ok || len(rest) < 3 || rest[1] != '.' || !strings.ContainsRune("boaqyznfm", rune(rest[0])) {
		return pressed{}, false
	}
	p.act = rest[0]
	p.ID, p.Origin, _ = strings.Cut(rest[2:], ".")
	return p, p.ID != "" && (p.Origin == "" || isSnowflake(p.Origin))
}

// customID is what Discord sends back when b is pressed.
func customID(b bot.Button) string {
	p := pressed{act: actPress, ID: b.ID}
	switch {
	case b.Confirm != "" && b.Opens:
		p.act = actAskOp
	case b.Confirm != "":
		p.act = actAsk
	case b.Opens:
		p.act = actOpens
	}
	return p.String()
}

// buttonOf returns the Binder's id in a custom_id. With confirm the press is not to be delivered, only asked about.
func buttonOf(custom string) (id string, opens, confirm, ok bool) {
	p, ok := parsePressed(custom)
	if !ok || p.act == actModal || p.act == actKept || p.act == actNo {
		return "", false, false, false
	}
	return p.ID, p.opens(), p.asks(), true
}

// buttons lays the actions of a message out in rows: each block begins a new one as long as there are rows enough.
func buttons(m bot.Message) []row {
	var blocks [][]button
	var all []button
	for _, b := range m.Blocks {
		actions, ok := b.(bot.Actions)
		if !ok {
			continue
		}
		var these []button
		for _, a := range actions {
			if x, ok := oneButton(a); ok {
				these = append(these, x)
			}
		}
		blocks, all = append(blocks, these), append(all, these...)
	}
	rows := rowsOf(blocks...)
	if len(rows) > rowsMax {
		rows = rowsOf(all)
	}
	return rows[:min(len(rows), rowsMax)]
}

func rowsOf(blocks ...[]button) []row {
	rows := []row{}
	for _, b := range blocks {
		for ; len(b) > 0; b = b[min(rowMax, len(b)):] {
			rows = append(rows, row{discordgo.ActionsRowComponent, b[:min(rowMax, len(b))]})
		}
	}
	return rows
}

// oneButton is false for a button that leads nowhere: one without an id, or with an address too long for Discord.
func oneButton(a bot.Button) (button, bool) {
	x := button{Type: discordgo.ButtonComponent, Style: discordgo.SecondaryButton, Label: cut(a.Label, labelMax)}
	if a.URL != "" {
		x.Style, x.URL = discordgo.LinkButton, a.URL
		return x, bot.Length(a.URL) <= buttonURLMax
	}
	switch a.Style {
	case bot.Normal:
	case bot.Primary:
		x.Style = discordgo.PrimaryButton
	case bot.Danger:
		x.Style = discordgo.DangerButton
	}
	x.CustomID = customID(a)
	return x, a.ID != "" && len(x.CustomID) <= 100
}

// labelOf finds the label of the button with a custom_id in the components of a message.
func labelOf(components json.RawMessage, custom string) string {
	var any []struct {
		CustomID   string          `json:"custom_id"`
		Label      string          `json:"label"`
		Components json.RawMessage `json:"components"`
	}
	if json.Unmarshal(components, &any) != nil {
		return ""
	}
	for _, c := range any {
		if c.CustomID == custom {
			return c.Label
		}
		if len(c.Components) > 0 {
			if label := labelOf(c.Components, custom); label != "" {
				return label
			}
		}
	}
	return ""
}

// question is what a button asks before its press counts. Discord's buttons have no place for it.
type question struct {
	Text  string `json:"text"`
	Label string `json:"label"`
}

const (
	questionTTL     = 30 * 24 * time.Hour
	questionRefresh = 24 * time.Hour
	questionsKnown  = 4096
)

// questions keeps what buttons ask, by their ids.
type questions struct {
	table storage.Table[question]

	mu    sync.Mutex
	known map[string]time.Time // stored by us, and when
}

func newQuestions(db *storage.DB) *questions {
	return &questions{table: storage.Table[question]{DB: db, Name: "discord-confirms", TTL: questionTTL}, known: map[string]time.Time{}}
}

// keep stores what the buttons of m ask.
func (q *questions) keep(ctx context.Context, m bot.Message, now time.Time) error {
	for _, b := range m.Blocks {
		actions, _ := b.(bot.Actions)
		for _, a := range actions {
			if a.Confirm == "" || a.ID == "" || q.fresh(a.ID, now) {
				continue
			}
			tx := q.table.DB.Begin(storage.Root(a.ID))
			q.table.Put(tx, a.ID, question{a.Confirm, a.Label}, storage.Any)
			if err := q.table.DB.Commit(ctx, tx); err != nil {
				return fmt.Errorf("question of button %q: %w", a.Label, err)
			}
			q.mu.Lock()
			if len(q.known) >= questionsKnown {
				clear(q.known)
			}
			q.known[a.ID] = now
			q.mu.Unlock()
		}
	}
	return nil
}

func (q *questions) fresh(id string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at, ok := q.known[id]
	return ok && now.Sub(at) < questionRefresh
}

// find returns what the button asks; without the store it asks in general words.
func (q *questions) find(ctx context.Context, id, label string) question {
	got, _, err := q.table.Get(ctx, id)
	if err != nil || got.Text == "" {
		got.Text = "Do you really want to do this?"
		if label != "" {
			got.Text = fmt.Sprintf("Do you really want to do this: %s?", label)
		}
	}
	if label != "" {
		got.Label = label
	}
	if got.Label == "" {
		got.Label = "Yes"
	}
	return got
}
