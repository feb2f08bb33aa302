package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// NetworkID names one chat service: "web", "slack", "discord".
type NetworkID string

// Place is where in a chat service something is said. Thread is the id of the thread's root message, empty outside.
type Place struct {
	Network NetworkID `json:"network"`
	Space   string    `json:"space,omitempty"` // workspace, guild or person, where the channel id alone does not say
	Channel string    `json:"channel"`
	Thread  string    `json:"thread,omitempty"`
}

// ParsePlace reads "web:ops"; the configuration writes places so.
func ParsePlace(s string) (Place, error) {
	n, c, ok := strings.Cut(s, ":")
	if !ok || n == "" || c == "" {
		return Place{}, fmt.Errorf("want NETWORK:CHANNEL such as web:ops, have %q", s)
	}
	return Place{Network: NetworkID(n), Channel: c}, nil
}

// String is the inverse of ParsePlace; it leaves the thread out.
func (p Place) String() string { return string(p.Network) + ":" + p.Channel }

// Actor is a person as the chat service names them. Name is for display only; rights hang on ID and Groups.
type Actor struct {
	Network NetworkID `json:"network"`
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"`
	Groups  []string  `json:"groups,omitempty"` // user groups (Slack) or role ids (Discord), verified by the network
	// Outside is a guest, or somebody of another organisation: what everyone may is not for them.
	Outside bool `json:"outside,omitempty"`
}

// String is the actor's key in records: "web:olga".
func (a Actor) String() string { return string(a.Network) + ":" + a.ID }

// Call is one request to run a command, whatever the gesture was: either Path with Args, or a typed Line to be parsed.
type Call struct {
	Path string          `json:"path,omitempty"` // "flink savepoint"
	Args json.RawMessage `json:"args,omitempty"`
	Line string          `json:"line,omitempty"` // "/flink savepoint orders", as typed
	// InThread says, for a button, that what the press leads to belongs in the thread under the button's message.
	InThread bool `json:"in_thread,omitempty"`
	// Secret says that Args or Line hold a secret: the Binder seals them.
	Secret bool `json:"secret,omitempty"`
}

// Event is one gesture of a person: a typed command, a pressed button, a submitted form.
type Event struct {
	ID     string    // unique per gesture, equal for its retries: the Dispatcher drops repeats
	At     time.Time // when the network says it happened
	Actor  Actor
	Place  Place
	Call   Call              // for a button: filled in by the Dispatcher from Button
	Button string            // the id of the pressed button
	Among  []string          // of a shortcut on a message, else nil: the message's buttons, of which that of Call.Path is meant
	Files  []Upload          // what came with the gesture
	Form   map[string]string // what a submitted form held, by field name; merged into Call.Args
	Origin *MessageRef       // the message that carried the button
	Token  string            // the adapter's own handle for the reply; never stored
}

// Upload is a file that came with a gesture. Nothing of it was read yet: Name and Size are what the network says.
type Upload struct {
	Name string
	Size int64
	// Open fetches it, for as long as the event is being handled. The reader gives at most Size bytes and then an error.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// MessageRef is a posted message.
type MessageRef struct {
	Place Place  `json:"place"`
	ID    string `json:"id"`
}

// Tone says how a message is meant; networks show it as a word or sign and a colour, never as colour alone.
type Tone uint8

// The tones.
const (
	Plain Tone = iota
	Good
	Busy // something is under way
	Warn
	Bad
	Muted
)

// Message is what drey says, independent of the network.
type Message struct {
	Title   string  `json:"title,omitempty"`
	Tone    Tone    `json:"tone,omitempty"`
	Blocks  []Block `json:"-"`
	Private bool    `json:"private,omitempty"` // for the person who asked alone; only in replies
	Pending bool    `json:"pending,omitempty"` // stands in for an answer that is still being made
	Form    *Form   `json:"form,omitempty"`    // opens a form for the person who asked; only in replies
	// Instead makes a reply take the place of the message whose button was pressed, where that one is private too.
	Instead bool `json:"instead,omitempty"`
	// Broadcast shows what is posted in a thread in the channel as well.
	Broadcast bool `json:"broadcast,omitempty"`
	// State is one word for how the matter stands that a thread is about ("firing"), for networks whose threads have
	// titles or tags. Closed says that nothing more is expected there, for those that can put threads away.
	State  string `json:"state,omitempty"`
	Closed bool   `json:"closed,omitempty"`
	// Stated says that the title begins with the state in words ("Firing: …"): the tone's word would say it twice.
	Stated bool `json:"stated,omitempty"`
	// Fallback is one complete sentence for notifications and screen readers; empty: made from the title and first text.
	Fallback string `json:"fallback,omitempty"`
}

// Block is one part of a message; a closed set: Text, Note, Fields, Table, Code, Image, File, Steps, Actions.
type Block interface{ block() }

// Text is a paragraph of spans. Everything in a span is outside text: the network escapes it.
type Text struct{ Spans []Span }

// Span is a run of text in one style.
type Span struct {
	Text string    `json:"t,omitempty"`
	Bold bool      `json:"b,omitempty"`
	Code bool      `json:"c,omitempty"`
	URL  string    `json:"u,omitempty"` // http(s) only; others are shown as text
	At   time.Time `json:"at,omitzero"` // shown as a time in the reader's zone; Text is the fallback
	// In is a channel, shown by its name where its network can; Text is the fallback.
	In Place `json:"in,omitzero"`
	// Mention notifies a person or group: "user:ID", "group:ID". It is written by the configuration, or names a person of this
	// network whom somebody chose by their id; never by outside text. Text is what networks show that have no such person.
	Mention string `json:"m,omitempty"`
}

// Note is a paragraph in small print.
type Note struct{ Spans []Span }

// Fields are short facts, shown in columns where there is room.
type Fields []Field

// Field is one fact.
type Field struct {
	Name  string
	Value Text
}

// Table is rows of plain text. Numeric columns are aligned right.
type Table struct {
	Columns []string
	Numeric []bool // by column; may be shorter
	Rows    [][]string
	Foot    string // "12 of 480 rows"
}

// Code is preformatted text, shown in a fixed font.
type Code struct{ Lang, Body string }

// Image is a picture.
type Image struct {
	Name, Alt string
	PNG       []byte
}

// File is an attachment for download.
type File struct {
	Name, MIME string
	Data       []byte
}

// Steps shows how far something has come.
type Steps []StepLine

// StepLine is one step of a procedure.
type StepLine struct {
	Label string
	State StepState
	Note  string
}

// StepState is where a step stands.
type StepState uint8

// The states of a step.
const (
	ToDo StepState = iota
	Doing
	Did
	Failed
	Skipped
)

// Actions are buttons in a row.
type Actions []Button

// Button is a saved command, or a link. Exactly one of Call and URL is set.
type Button struct {
	ID      string // short, opaque; set by the Binder, never by commands
	Label   string // verb and object: "Stop orders"
	Call    Call
	URL     string
	Style   Style
	Confirm string // a question asked before the press counts
	Opens   bool   // the press opens a form
}

// Style is a button's weight.
type Style uint8

// The styles; at most one Primary in a message.
const (
	Normal Style = iota
	Primary
	Danger
)

// Form asks the person for values; its submission is an Event with Call and Form set.
type Form struct {
	ID     string  `json:"id,omitempty"` // as Button.ID
	Title  string  `json:"title"`
	Submit string  `json:"submit"` // label of the button that sends it
	Call   Call    `json:"call"`   // Path, and the Args already known
	Intro  Text    `json:"intro,omitzero"`
	Danger bool    `json:"danger,omitempty"`
	Fields []Input `json:"fields"`
}

// Input is one field of a form.
type Input struct {
	Name     string   `json:"name"` // the parameter's name
	Label    string   `json:"label"`
	Help     string   `json:"help,omitempty"`
	Kind     string   `json:"kind"` // "line" (Choices are suggestions), "text" (several lines), "choice", "person" (an id of the network)
	Value    string   `json:"value,omitempty"`
	Choices  []Choice `json:"choices,omitempty"`
	Required bool     `json:"required,omitempty"`
	Match    string   `json:"match,omitempty"` // the value that must be typed: a confirmation
	Error    string   `json:"error,omitempty"` // what was wrong with the value last time
	Asks     string   `json:"asks,omitempty"`  // the command whose parameter of this name completes what is typed
}

// Choice is one suggestion or option.
type Choice struct {
	Value string `json:"value"`
	Label string `json:"label,omitempty"` // empty: Value
	Help  string `json:"help,omitempty"`
}

func (Text) block()    {}
func (Note) block()    {}
func (Fields) block()  {}
func (Table) block()   {}
func (Code) block()    {}
func (Image) block()   {}
func (File) block()    {}
func (Steps) block()   {}
func (Actions) block() {}

// Caps says what a network can do; Fit and the Dispatcher read it instead of asking which network it is.
type Caps struct {
	TitleMax   int // in UTF-16 units, as all lengths here; 0 is no limit, but for FileMax
	TextMax    int // one block of text or code
	TotalMax   int // all text of one message
	BlocksMax  int
	ButtonsMax int // in one message
	LabelMax   int // of a button
	FieldsMax  int // in one Fields block
	TableRows  int
	TableCols  int
	FileMax    int // bytes; 0: no files
	Threads    bool
	Private    bool
	Forms      bool
	Images     bool
	AckWithin  time.Duration // how long a gesture may wait for its first answer
	PostEvery  time.Duration // least gap between posts to one channel
	EditEvery  time.Duration // least gap between edits of one message
}

// CommandSpec is a command as a network needs to know it.
type CommandSpec struct {
	Path     string // "flink savepoint"
	Help     string
	Examples []string
	Params   []ParamSpec
	Opens    bool      // called with nothing more, it opens a form
	Files    []string  // endings of the names of files that it takes: ".sql"
	Shortcut *Shortcut // offered on messages
}

// Shortcut is a command that a person calls on a message.
type Shortcut struct {
	Label string // verb and object, at most 24 characters
	// Text is the parameter that takes the message's text. Empty: the call is the one behind the message's own button of
	// this command (Event.Among).
	Text string
	Args json.RawMessage // beside the text
}

// ParamSpec is one parameter of a command.
type ParamSpec struct {
	Name, Help string
	Type       string // "string", "int", "bool", "duration", "job", "cluster", "text"
	Required   bool
	Default    string
	Choices    []string
	Completes  bool // asks the Sink for suggestions
	Rest       bool // takes the rest of the line
	Min, Max   *int // of an int; nil is no limit
}

// Ask asks for suggestions: for the word at byte offset At of Line, or for parameter Param of command Path with what is
// known of its Args.
type Ask struct {
	Actor  Actor
	Place  Place
	Line   string
	At     int
	Path   string
	Param  string
	Prefix string
	Args   map[string]string
}

// Suggestions answer an Ask: Choices replace Line[From:To].
type Suggestions struct {
	From, To int
	Choices  []Choice
	Hint     string // the usage of the command being typed
}

// Sink takes what a network receives. Both may be called concurrently.
type Sink interface {
	// Deliver hands one gesture over. It returns within microseconds; the work goes on in the Sink's own goroutines.
	Deliver(ctx context.Context, ev Event)
	// Suggest answers within 100 ms or with what it has by then.
	Suggest(ctx context.Context, a Ask) Suggestions
}

// Network is one chat service. Messages reaching it were cut by Fit to its Caps, and their buttons bear ids. Its methods
// may be called concurrently and return soon after their context ended; they do not try again themselves, but say in a
// SendError what would help.
type Network interface {
	ID() NetworkID
	Caps() Caps
	// Publish tells the network which commands there are.
	Publish(ctx context.Context, cmds []CommandSpec) error
	// Receive runs until ctx ends, or returns what cannot be mended by trying again.
	Receive(ctx context.Context, s Sink) error
	// Reply answers ev. A further Reply to the same ev replaces the earlier one.
	Reply(ctx context.Context, ev Event, m Message) error
	// Post says something in a place. key names the post for ever: a repeat with the same key returns the first message
	// where the network can know it.
	Post(ctx context.Context, at Place, key string, m Message) (MessageRef, error)
	// Edit replaces a posted message.
	Edit(ctx context.Context, ref MessageRef, m Message) error
}

// Handler answers events; it never panics through and never returns an empty message.
type Handler interface {
	// Handle runs one call. show may be called any number of times with an interim answer; the last word is the result.
	Handle(ctx context.Context, ev Event, show func(Message)) Message
	// Suggest completes what is being typed.
	Suggest(ctx context.Context, a Ask) Suggestions
}

// SendError is an error of Post, Edit or Reply whose remedy is known.
type SendError struct {
	After time.Duration // try again after it; 0 with Gone or Rejected
	Alone bool          // After is for this message: others need not wait for it
	Paced bool          // After keeps to the network's limits: nothing was sent, and nothing is wrong
	Gone  bool          // the channel or message is no more, or closed to us
	// Rejected says that the network will never take this message; the Outbox posts a plain one in its stead.
	Rejected bool
	Err      error
}

func (e *SendError) Error() string { return e.Err.Error() }
func (e *SendError) Unwrap() error { return e.Err }

// Finding is one thing that a look at an outside system told, for drey doctor.
type Finding struct {
	What string // what was looked at: "Slack: scope chat:write"
	OK   bool
	Note string // what was found
	Mend string // what to do about it, when it is not well
}
