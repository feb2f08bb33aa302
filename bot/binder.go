package bot

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
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
	calls   storage.Table[bound]
	stored  *recent
	bundles storage.Table[bundle]
}

// bound is what stands behind an id. Of a secret call Args is a sealed text, and Line is put into it.
type bound struct {
	Call Call  `json:"call"`
	Form *Form `json:"form,omitempty"` // with neither values nor errors: those may be secrets
}

// NewBinder returns a Binder that keeps its calls in db.
func NewBinder(db *storage.DB) *Binder {
	return &Binder{
		calls: storage.Table[bound]{DB: db, Name: "button", TTL: bindTTL, Unlisted: true}, stored: newRecent(2048, bindRefresh),
		bundles: storage.Table[bundle]{DB: db, Name: "buttons", TTL: bindTTL, Unlisted: true},
	}
}

// Bind returns m with an id on every button that runs a call, and on the form; their calls are stored and taken out of
// the message. Of two buttons that would be the same one stays. m itself is not changed. With an error the message is
// returned without those buttons and form that could not be stored, and a note says so.
func (b *Binder) Bind(ctx context.Context, m Message) (Message, error) {
	out, fresh, failed := b.name(m)
	if err := b.store(ctx, fresh); err != nil {
		failed = errors.Join(failed, err)
		out = without(out, fresh)
	}
	if failed != nil {
		out.Blocks = append(out.Blocks, Notef("Buttons are left out: drey's state store can't be reached."))
	}
	return out, failed
}

// name gives the ids, and returns what stands behind those that are not known to be stored.
func (b *Binder) name(m Message) (out Message, fresh map[string]bound, failed error) {
	seen, now := map[string]bool{}, time.Now()
	fresh = map[string]bound{}
	note := func(id string, v bound) {
		if !b.stored.known(id, now) {
			fresh[id] = v
		}
	}
	out = m
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
				call := a.Call
				if err := nameButton(&a); err != nil {
					failed = err
					continue
				}
				note(a.ID, bound{Call: call})
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
		f, v, err := nameForm(*m.Form)
		if out.Form = f; err != nil {
			return out, fresh, err
		}
		note(f.ID, v)
	}
	return out, fresh, failed
}

func nameButton(a *Button) error {
	id, err := idOf("button", struct {
		Call    Call
		Style   Style
		Confirm string
	}{a.Call, a.Style, a.Confirm})
	if err != nil {
		return fmt.Errorf("button %q: %w", a.Label, err)
	}
	a.ID, a.Call = id, Call{}
	return nil
}

func nameForm(f Form) (*Form, bound, error) {
	bare := f
	bare.Fields = append([]Input(nil), f.Fields...)
	for i := range bare.Fields {
		bare.Fields[i].Value, bare.Fields[i].Error = "", ""
	}
	id, err := idOf("form", bare)
	if err != nil {
		return nil, bound{}, fmt.Errorf("form %q: %w", f.Title, err)
	}
	v := bound{Call: f.Call, Form: &bare}
	f.ID, f.Call = id, Call{}
	return &f, v, nil
}

// store writes what stands behind ids, and takes from fresh what is stored.
func (b *Binder) store(ctx context.Context, fresh map[string]bound) error {
	if len(fresh) == 0 {
		return nil
	}
	var failed []error
	var mu sync.Mutex
	var wg sync.WaitGroup
	for id, v := range maps.Clone(fresh) {
		wg.Go(func() { // at once, so that they share a round trip
			err := b.storeOne(ctx, id, v)
			mu.Lock()
			defer mu.Unlock()
			if failed = append(failed, err); err == nil {
				delete(fresh, id)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

func (b *Binder) storeOne(ctx context.Context, id string, v bound) error {
	if err := b.seal(&v); err != nil {
		return fmt.Errorf("button of %q: %w", v.Call.Path, err)
	}
	tx := b.calls.DB.Begin(id)
	b.calls.Put(tx, id, v, storage.Any)
	if err := b.calls.DB.Commit(ctx, tx); err != nil {
		return fmt.Errorf("store button: %w", err)
	}
	b.stored.mark(id, time.Now())
	return nil
}

// without is m without the buttons and the form of some ids.
func without(m Message, ids map[string]bound) Message {
	var blocks []Block
	for _, block := range m.Blocks {
		if actions, ok := block.(Actions); ok {
			actions = slices.DeleteFunc(actions, func(a Button) bool { _, ok := ids[a.ID]; return ok })
			if len(actions) == 0 {
				continue
			}
			block = actions
		}
		blocks = append(blocks, block)
	}
	m.Blocks = blocks
	if m.Form != nil {
		if _, ok := ids[m.Form.ID]; ok {
			m.Form = nil
		}
	}
	return m
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
const (
	idLen     = 24
	base32Set = "abcdefghijklmnopqrstuvwxyz234567"
)

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
	got, err := b.get(ctx, id)
	if err != nil {
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
		got, err := b.get(ctx, id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
		case err != nil:
			return Call{}, fmt.Errorf("find button: %w", err)
		case got.Form == nil && got.Call.Path == path:
			return got.Call, nil
		}
	}
	return Call{}, fmt.Errorf("button of %q: %w", path, storage.ErrNotFound)
}

// pickMax is more buttons than a message has.
const pickMax = 64

func isID(id string) bool {
	return len(id) == idLen && strings.Trim(id, base32Set) == ""
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
