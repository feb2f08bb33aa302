package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqltext"
	"github.com/drey-ops/drey/storage"
)

// secretArgs says whether arguments seem to hold a secret: the value of a parameter that is one, or SQL with a password.
func (c *Command) secretArgs(args json.RawMessage) bool {
	g, err := givenOf(args, nil)
	if err != nil {
		return true // nobody can tell
	}
	for name, texts := range g {
		p := c.param(name)
		if p != nil && p.secret && len(texts) > 0 || slices.ContainsFunc(texts, hasSecret) {
			return true
		}
	}
	return false
}

// hasSecret says whether a text seems to hold a secret, by the measure of SQL and by that of what is shown.
func hasSecret(text string) bool { return sqltext.HasSecret(text) || hideSecrets(text) != text }

// RedactTyped takes the secrets out of what a person typed, a line or SQL, before it is stored or shown. SQL that is not
// whole is cut where it stops making sense.
func RedactTyped(text string) string {
	if sqltext.HasSecret(text) {
		text = sqltext.Redact(text)
	}
	return hideSecrets(text)
}

// storable refuses a call with a secret where there is no key to seal it with: its confirmation, its approval and what it
// defines would be stored in the clear.
func (r *Router) storable(e *Env) error {
	if r.db.CanSeal() || e.cmd.Effect == Reads || !e.cmd.secretArgs(e.args) {
		return nil
	}
	return noKey(storage.ErrNoKey)
}

// noKey is an error of sealing in words for the person.
func noKey(err error) error {
	switch {
	case errors.Is(err, storage.ErrNoKey):
		return platform.Errorf(platform.Invalid, "", "this holds a secret, which drey would have to keep, and %w; nothing was run. Without a key, leave the secret out", err)
	case errors.Is(err, storage.ErrOtherKey), errors.Is(err, storage.ErrSeal):
		return platform.Errorf(platform.Invalid, "", "what drey keeps of this is %w; nothing was run", err)
	}
	return err
}

// seal puts the call into the request, its arguments sealed.
func (r *Router) seal(a *approval, c *Command, call bot.Call) error {
	text, err := r.db.SealText(string(call.Args), c.secretArgs(call.Args))
	if err != nil {
		return noKey(err)
	}
	call.Line = ""
	call.Args, err = json.Marshal(text)
	a.Call = call
	return err
}

// callOf is the call that was asked for. It must not enter a record.
func (r *Router) callOf(a *approval) (bot.Call, error) {
	call := a.Call
	if !bytes.HasPrefix(call.Args, []byte{'"'}) { // of a drey that did not seal
		return call, nil
	}
	var text string
	if err := json.Unmarshal(call.Args, &text); err != nil {
		return call, err
	}
	args, err := r.db.UnsealText(text)
	call.Args = json.RawMessage(args)
	return call, noKey(err)
}
