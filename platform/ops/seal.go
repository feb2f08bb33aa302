package ops

import (
	"errors"
	"fmt"
	"slices"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqltext"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
)

// each returns s with every text that a person wrote replaced by what fn makes of it.
func (s *Source) each(fn func(string) (string, error)) (*Source, error) {
	var errs []error
	put := func(text string) string {
		out, err := fn(text)
		errs = append(errs, err)
		return out
	}
	all := func(texts []string) []string {
		texts = slices.Clone(texts)
		for i, t := range texts {
			texts[i] = put(t)
		}
		return texts
	}
	values := func(config map[string]string) map[string]string {
		if config == nil {
			return nil
		}
		out := make(map[string]string, len(config))
		for k, v := range config {
			out[k] = put(v)
		}
		return out
	}
	var out Source
	if s.SQL != nil {
		out.SQL = &SQLSource{Prelude: all(s.SQL.Prelude), Statement: put(s.SQL.Statement), Config: values(s.SQL.Config)}
	}
	if s.Jar != nil {
		jar := *s.Jar
		jar.Args, jar.Config = all(jar.Args), values(jar.Config)
		out.Jar = &jar
	}
	return &out, first(errs...)
}

// secret says whether any text of s seems to hold a secret.
func (s *Source) secret() bool {
	for k, v := range s.config() {
		if sqltext.SecretKey(k) || sqltext.HasSecret("'"+v+"'") {
			return true
		}
	}
	if s.Jar != nil {
		return slices.ContainsFunc(s.Jar.Args, func(a string) bool { return sqltext.SecretKey(a) || sqltext.HasSecret("'"+a+"'") })
	}
	return slices.ContainsFunc(append([]string{s.SQL.Statement}, s.SQL.Prelude...), sqltext.HasSecret)
}

// seal makes the form of s that may enter a record.
func (v *sight) seal(s *Source) (*Source, error) {
	hot := s.secret()
	sealed, err := s.each(func(text string) (string, error) { return v.o.db.SealText(text, hot) })
	if errors.Is(err, storage.ErrNoKey) {
		return nil, v.refuse(platform.Invalid, "it holds a secret, and %w. Nothing was started; without a key, leave the secret out", err)
	}
	return sealed, err
}

// unsealed gives back a source from its stored form. It must not enter a record, an error or a log.
func (o *Ops) unsealed(s *Source) (*Source, error) { return s.each(o.db.UnsealText) }

// readable refuses an operation that would come to submit a source which cannot be read.
func (v *sight) readable() error {
	if _, err := v.o.unsealed(v.st.Known.Source); err != nil {
		return v.refuse(platform.Invalid, "what it was submitted with is %w. Nothing was changed", err)
	}
	return nil
}

// source is the job's own, for a step. One that cannot be read is a person's matter.
func (o *Ops) source(st *state) (*Source, error) {
	s, err := o.unsealed(st.Known.Source)
	if err != nil {
		return nil, saga.Ask(fmt.Errorf("what the job was submitted with is %w; then resume, or cancel the operation", err))
	}
	return s, nil
}
