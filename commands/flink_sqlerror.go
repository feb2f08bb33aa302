package commands

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqltext"
)

var position = regexp.MustCompile(`(?i)\bline (\d+), column (\d+)`)

// flinkSays stands before each cause, once for every layer it went through.
const flinkSays = "SQL validation failed. "

// placed is a cluster's error in a person's script.
type placed struct {
	err            *platform.Error
	line, col, end int // in the script, from 1; end is the last column, 0 where only col is known
}

func (p *placed) Error() string { return p.err.Error() }
func (p *placed) Unwrap() error { return p.err }

// inScript turns the positions of an error, which count from the statement, into positions in the person's text. above is
// how many lines were put before the statement. A statement of the session that fails has no place in the text.
func (s *script) inScript(err error, st sqltext.Statement, above int) error {
	var pe *platform.Error
	switch {
	case !errors.As(err, &pe):
		return err
	case strings.Contains(pe.Error(), "of the prelude"):
		return &platform.Error{Kind: pe.Kind, Detail: pe.Detail, Err: fmt.Errorf("%w. It is one of those kept for you in this channel: /flink session shows them, /flink session clear=true forgets them", innermost(pe).Err)}
	case !strings.Contains(s.a.Text, st.Text): // a statement set that had to be put differently
		return err
	}
	pe = innermost(pe)
	text := pe.Err.Error()
	for strings.HasPrefix(text, flinkSays) {
		text = strings.TrimPrefix(text, flinkSays)
	}
	at := &placed{}
	shifted := position.ReplaceAllStringFunc(text, func(p string) string {
		m := position.FindStringSubmatch(p)
		line, _ := strconv.Atoi(m[1])
		col, _ := strconv.Atoi(m[2])
		if line -= above; line <= 1 {
			line, col = 1, col+st.Col-1
		}
		line += st.Line - 1
		switch {
		case at.line == 0:
			at.line, at.col = line, col
		case at.line == line && at.end == 0 && col >= at.col:
			at.end = col
		}
		return fmt.Sprintf("line %d, column %d", line, col)
	})
	at.err = &platform.Error{Op: pe.Op, Kind: pe.Kind, Err: errors.New(shifted), Detail: pe.Detail}
	if at.line == 0 {
		return at.err
	}
	return at
}

// innermost is the error that says what is wrong, without what was attempted around it.
func innermost(e *platform.Error) *platform.Error {
	for in := e; errors.As(e.Err, &in); {
		e = &platform.Error{Kind: e.Kind, Err: in.Err, Detail: cmp.Or(e.Detail, in.Detail)}
	}
	return e
}

// failed says which statement of several failed, what was wrong with it and where, and what became of the others.
func (s *script) failed(err error, st sqltext.Statement, i, of int) error {
	kept := "Nothing was run."
	switch {
	case i == 1:
		kept = "The statement before it ran, and keeps its effect; the rest did not run."
	case i > 1:
		kept = fmt.Sprintf("The %d statements before it ran, and keep their effect; the rest did not run.", i)
	case of > 1:
		kept = "Nothing was run, neither this nor the rest."
	}
	which := ""
	if of > 1 {
		which = fmt.Sprintf("statement %d of %d, %s: ", i+1, of, st.Verb())
	}
	if unexpected(err) { // somebody has to look into it: it goes the way of all errors
		var pe *platform.Error
		if of == 1 || !errors.As(err, &pe) {
			return err
		}
		return &platform.Error{Kind: pe.Kind, Detail: pe.Detail, Err: fmt.Errorf("%s%w (%s)", which, pe, kept)}
	}
	m := Explain(err)
	var at *placed
	if errors.As(err, &at) {
		m = bot.Message{Title: fmt.Sprintf("SQL error in line %d", at.line), Tone: bot.Warn, Private: true}
		m.Blocks = []bot.Block{bot.Textf("%s", upperFirst(Redact(clip(which+at.err.Err.Error(), 600))))}
		if body, ok := at.excerpt(s.a.Text); ok {
			m.Blocks = append(m.Blocks, bot.Code{Lang: "sql", Body: body})
		}
		m.Blocks = append(m.Blocks, bot.Notef("%s", kept))
	} else if of > 1 {
		m.Blocks = append([]bot.Block{bot.Textf("**%s** did not run. %s", upperFirst(strings.TrimSuffix(which, ": ")), kept)}, m.Blocks...)
	}
	wrong := sentence(m)
	if at != nil {
		wrong = fmt.Sprintf("Line %d, column %d: %s", at.line, at.col, sentence(m))
	}
	m.Blocks = append(s.done[:len(s.done):len(s.done)], m.Blocks...)
	m.Private = true
	if !s.e.fromEditor() && s.e.Approved == "" && s.e.cmd.param("edit") != nil {
		m.Blocks = append(m.Blocks, s.e.Actions(bot.Button{Label: "Edit…", Call: s.e.again(map[string]any{"edit": true}), Opens: true}))
	}
	return s.d.inEditor(s.e, s.a, "text", &Told{Message: m, fault: wrong})
}

// excerpt is the line of the script that is wrong, with a mark under the place.
func (p *placed) excerpt(script string) (string, bool) {
	lines := strings.Split(script, "\n")
	if p.line > len(lines) {
		return "", false
	}
	line := strings.TrimRight(lines[p.line-1], "\r ")
	if len(line) > 200 || RedactTyped(line) != line || strings.Contains(line, "\t") || p.col > len(line) {
		return "", false
	}
	no := strconv.Itoa(p.line)
	mark := strings.Repeat("^", max(1, min(p.end, len(line))-p.col+1))
	return fmt.Sprintf("%s | %s\n%s | %s%s", no, line, strings.Repeat(" ", len(no)), strings.Repeat(" ", max(0, p.col-1)), mark), true
}
