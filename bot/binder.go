package bot

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	bindTTL     = 30 * 24 * time.Hour // how long a button can be pressed
	bindRefresh = 24 * time.Hour      // how often a call that is still being shown is stored again
)

// Binder gives buttons and forms their ids and finds the calls behind them. An id is a hash of what it stands for: the
// same button has the same id in every message, replica and restart, and is stored once. An id is no authority: whoever
// presses is asked for their rights anew.
type Binder struct {
	calls  storage.Table[bound]
	stored *recent
}

// bound is what stands behind an id. Of a secret call Args is a sealed text, and Line is put into it.
type bound struct {
	Call Call  `json:"call"`
	Form *Form `json:"form,omitempty"` // with neither values nor errors: those may be secrets
}

// NewBinder returns a Binder that keeps its calls in db.
func NewBinder(db *storage.DB) *Binder {
	return &Binder{calls: storage.Table[bound]{DB: db, Name: "button", TTL: bindTTL}, stored: newRecent(2048, bindRefresh)}
}

// Bind returns m with an id on every button that runs a call, and on the form; their calls are stored and taken out of
// the message. Of two buttons that would be the same one stays. m itself is not changed. With an error the message is
// returned without those buttons and form, and a note says so.
func (b *Binder) Bind(ctx context.Context, m Message) (Message, error) {
	var failed error
	seen := map[string]bool{}
	out := m
	out.Blocks = make([]Block, 0, len(m.Blocks))
	for _, block := range m.Blocks {
		actions, ok := block.(Actions)
		if !ok {
			out.Blocks = append(out.Blocks, block)
			continue
		}
		kept := make(Actions, 0, len(actions))
		for _, a := range actions {
			if a.URL == "" && a.ID == "" {
				err := b.button(ctx, &a)
				if err != nil {
					failed = err
					continue
				}
			}
			if a.ID != "" && seen[a.ID] {
				continue
			}
			seen[a.ID] = true
			kept = append(kept, a)
		}
		if len(kept) > 0 {
			out.Blocks = append(out.Blocks, kept)
		}
	}
	if m.Form != nil && m.Form.ID == "" {
		f := *m.Form
		if err := b.form(ctx, &f); err != nil {
			failed, out.Form = err, nil
		} else {
			out.Form = &f
		}
	}
	if failed != nil {
		out.Blocks = append(out.Blocks, Notef("Buttons are left out: drey's state store can't be reached."))
	}
	return out, failed
}

func (b *Binder) button(ctx context.Context, a *Button) error {
	id, err := idOf("button", struct {
		Call    Call
		Style   Style
		Confirm string
	}{a.Call, a.Style, a.Confirm})
	if err != nil {
		return fmt.Errorf("button %q: %w", a.Label, err)
	}
	if err := b.store(ctx, id, bound{Call: a.Call}); err != nil {
		return fmt.Errorf("button %q: %w", a.Label, err)
	}
	a.ID, a.Call = id, Call{}
	return nil
}

func (b *Binder) form(ctx context.Context, f *Form) error {
	bare := *f
	bare.Fields = append([]Input(nil), f.Fields...)
	for i := range bare.Fields {
		bare.Fields[i].Value, bare.Fields[i].Error = "", ""
	}
	id, err := idOf("form", bare)
	if err != nil {
		return fmt.Errorf("form %q: %w", f.Title, err)
	}
	if err := b.store(ctx, id, bound{Call: f.Call, Form: &bare}); err != nil {
		return fmt.Errorf("form %q: %w", f.Title, err)
	}
	f.ID, f.Call = id, Call{}
	return nil
}

func (b *Binder) store(ctx context.Context, id string, v bound) error {
	now := time.Now()
	if b.stored.known(id, now) {
		return nil
	}
	if err := b.seal(&v); err != nil {
		return err
	}
	tx := b.calls.DB.Begin(id)
	b.calls.Put(tx, id, v, storage.Any)
	if err := b.calls.DB.Commit(ctx, tx); err != nil {
		return err
	}
	b.stored.mark(id, now)
	return nil
}

// seal hides the arguments of a secret call.
func (b *Binder) seal(v *bound) error {
	if v.Form != nil {
		f := *v.Form
		f.Call = Call{} // it is v.Call
		v.Form = &f
	}
	if !v.Call.Secret {
		return nil
	}
	raw, err := json.Marshal(secretCall{v.Call.Args, v.Call.Line})
	if err != nil {
		return err
	}
	text, err := b.calls.DB.Seal(raw)
	if err != nil {
		return err
	}
	v.Call.Line = ""
	v.Call.Args, err = json.Marshal(text)
	return err
}

// unseal undoes seal.
func (b *Binder) unseal(v *bound) error {
	if v.Call.Secret {
		var text string
		if err := json.Unmarshal(v.Call.Args, &text); err != nil {
			return err
		}
		raw, err := b.calls.DB.Unseal(text)
		if err != nil {
			return err
		}
		var in secretCall
		if err := json.Unmarshal(raw, &in); err != nil {
			return err
		}
		v.Call.Args, v.Call.Line = in.Args, in.Line
	}
	if v.Form != nil {
		v.Form.Call = v.Call
	}
	return nil
}

// secretCall is the part of a call that may hold a secret.
type secretCall struct {
	Args json.RawMessage `json:"args,omitempty"`
	Line string          `json:"line,omitempty"`
}

// idLen is 120 bits in base32: nobody finds two calls with one id.
const idLen = 24

func idOf(kind string, v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(kind+"\x00"), raw...))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:idLen]), nil
}

// Find returns the call behind a button's or form's id. For a form, values are merged into the call's Args as JSON
// strings by field name: only those of fields that the form has, an empty one taking the argument away. When a field's
// Match is not met, the form comes back with what was typed and the error, and the call must not run. An id that is
// unknown or too old is storage.ErrNotFound.
func (b *Binder) Find(ctx context.Context, id string, values map[string]string) (Call, *Form, error) {
	if !isID(id) {
		return Call{}, nil, fmt.Errorf("button %.40q: %w", id, storage.ErrNotFound)
	}
	got, _, err := b.calls.Get(ctx, id)
	if err != nil {
		return Call{}, nil, fmt.Errorf("find button: %w", err)
	}
	if err := b.unseal(&got); err != nil {
		return Call{}, nil, fmt.Errorf("find button: %w", err)
	}
	if got.Form == nil {
		return got.Call, nil, nil
	}
	if again := mismatch(got.Form, values); again != nil {
		return Call{}, again, nil
	}
	call := got.Call
	call.Args, err = merge(call.Args, got.Form.Fields, values)
	if err != nil {
		return Call{}, nil, fmt.Errorf("form %q: %w", got.Form.Title, err)
	}
	return call, nil, nil
}

// Pick returns the call of path behind one of the given ids; storage.ErrNotFound when there is none. Forms are not looked
// at.
func (b *Binder) Pick(ctx context.Context, ids []string, path string) (Call, error) {
	for _, id := range ids[:min(len(ids), pickMax)] {
		if !isID(id) {
			continue
		}
		got, _, err := b.calls.Get(ctx, id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			continue
		case err != nil:
			return Call{}, fmt.Errorf("find button: %w", err)
		case got.Form != nil || got.Call.Path != path:
			continue
		}
		err = b.unseal(&got)
		return got.Call, err
	}
	return Call{}, fmt.Errorf("button of %q: %w", path, storage.ErrNotFound)
}

// pickMax is more buttons than a message has.
const pickMax = 64

func isID(id string) bool {
	return len(id) == idLen && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// mismatch returns the form with what was typed and its errors, or nil when every field that must match does.
func mismatch(f *Form, values map[string]string) *Form {
	again := *f
	again.ID = ""
	again.Fields = append([]Input(nil), f.Fields...)
	bad := false
	for i := range again.Fields {
		in := &again.Fields[i]
		in.Value = values[in.Name]
		if in.Match != "" && strings.TrimSpace(in.Value) != in.Match {
			in.Error, bad = fmt.Sprintf("This must be %q to confirm.", in.Match), true
		}
	}
	if !bad {
		return nil
	}
	return &again
}

func merge(args json.RawMessage, fields []Input, values map[string]string) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if len(args) > 0 {
		if err := json.Unmarshal(args, &all); err != nil {
			return nil, fmt.Errorf("arguments of the call: %w", err)
		}
	}
	given := maps.Clone(values)
	for _, f := range fields {
		v, ok := given[f.Name]
		switch {
		case !ok:
		case v == "":
			delete(all, f.Name)
		default:
			raw, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			all[f.Name] = raw
		}
	}
	return json.Marshal(all)
}
