package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// chat is a chat service as the scripts use it: the same script runs on each.
type chat interface {
	// section is what drey.yaml has to say of the service, beside what the script itself says.
	section() string
	// env are the variables by which scripts name channels and people.
	env() map[string]string
	// join brings a person in, once drey is up.
	join(ctx context.Context, ts *testscript.TestScript, name string) (person, error)
	// here says whether drey has come, after it was started.
	here() error
	// end closes the service, and tells what drey did that the real one would not have taken. A drey that was restarted is
	// forgiven that it was too fast.
	end(restarted bool) []string
}

// sockets makes drey connect to the chat services, where it would be called by them otherwise.
func sockets() bool { return os.Getenv("DREY_TEST_SOCKETS") != "" }

var errNotHere = errors.New("drey is not connected")

// person is somebody in a chat. Channels are named as the console names them: ops, oncall, analytics.
type person interface {
	// say types a line.
	say(ctx context.Context, channel, line string) error
	// drop sends a line with a file.
	drop(ctx context.Context, channel, line, name string, data []byte) error
	// read is what the person sees in a channel, or in a thread of it, the oldest first.
	read(ctx context.Context, channel, thread string) ([]heard, error)
	// find finds the newest button whose label is this, or begins with it where it ends with a star.
	find(ctx context.Context, channel, thread, label string) (button, error)
	// press presses a button that was found, though it may be out of date by now. An errGone says that the message has
	// changed so that the press was not taken.
	press(ctx context.Context, b button) error
	// hold keeps a button that was found: the press comes later, from a client that has not heard what became of the message.
	hold(b button) (press func() error, err error)
	// form is the text of the newest form, its mistakes included.
	form(ctx context.Context, channel string) (string, error)
	// fill submits the newest form; fields without a value keep theirs.
	fill(ctx context.Context, channel string, values map[string]string) error
}

// heard is a message as a person reads it.
type heard struct {
	id      string
	text    string // on one line, the labels of its buttons with it
	replied bool   // there is a thread under it
}

// button is a button of a message.
type button struct{ channel, thread, message, id string }

// errGone says that a button is not there any more.
type errGone struct{ text string }

func (e *errGone) Error() string { return e.text }

// reader notes what somebody reads, for heed.
type reader struct {
	person
	name string
	heed *heed
}

func (r reader) read(ctx context.Context, channel, thread string) ([]heard, error) {
	all, err := r.person.read(ctx, channel, thread)
	for _, m := range all {
		r.heed.read(r.name, channel, m.text)
	}
	return all, err
}

// threadOf finds the newest message that matches, for its thread.
func threadOf(ctx context.Context, p person, channel string, re *regexp.Regexp) (string, error) {
	all, err := p.read(ctx, channel, "")
	if err != nil {
		return "", err
	}
	for _, m := range slices.Backward(all) {
		if re.MatchString(m.text) {
			return m.id, nil
		}
	}
	return "", fmt.Errorf("no message in #%s matches %s", channel, re)
}

// readAll reads a channel with all its threads.
func readAll(ctx context.Context, p person, channel string) error {
	all, err := p.read(ctx, channel, "")
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.replied && m.id != "" {
			if _, err := p.read(ctx, channel, m.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// pressNow presses the newest button with that label.
func pressNow(ctx context.Context, p person, channel, label string) error {
	b, err := p.find(ctx, channel, "", label)
	if err != nil {
		return err
	}
	return p.press(ctx, b)
}

// fill NAME CHANNEL FIELD=VALUE…: a person submits the newest form. `! fill` tries once: the client may refuse to send it, and
// what is sent is not taken; the script looks at what is there then.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: fill NAME CHANNEL FIELD=VALUE…")
	}
	values := map[string]string{}
	for _, a := range args[2:] {
		k, v, _ := strings.Cut(a, "=")
		values[k] = v
	}
	c := who(ts, args[0])
	if neg {
		if err := c.fill(context.Background(), args[1], values); err != nil {
			ts.Logf("not sent: %v", err)
		}
		return
	}
	wait(ts, "fill the form", func(ctx context.Context) error { return c.fill(ctx, args[1], values) })
}

// learn VAR NAME CHANNEL REGEXP: a person notes what the newest message that matches says in the expression's brackets; the
// script has it as $VAR from then on.
func learn(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: learn VAR NAME CHANNEL REGEXP")
	}
	re, c := regexp.MustCompile(args[3]), who(ts, args[1])
	wait(ts, "learn "+args[0], func(ctx context.Context) error {
		all, err := c.read(ctx, args[2], "")
		if err != nil {
			return err
		}
		for _, m := range slices.Backward(all) {
			if found := re.FindStringSubmatch(m.text); len(found) > 1 {
				ts.Setenv(args[0], found[1])
				return nil
			}
		}
		return fmt.Errorf("%s finds no %s in #%s", args[1], re, args[2])
	})
}

// labelled says whether a button's label is meant.
func labelled(label, want string) bool {
	start, open := strings.CutSuffix(want, "*")
	return label == want || open && strings.HasPrefix(label, start)
}

// pattern is a script's regular expression. A fact may be written "Name value" or "Name: value", and a title "OK Title" or
// "OK · Title", as the chat service likes.
func pattern(s string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(s, " ", "(:| ·)? "))
}

// unpaced leaves out that drey was too fast, of one that was restarted: a new process cannot know what was left of its
// limits.
func unpaced(restarted bool, violations []string, mark string) []string {
	if !restarted {
		return violations
	}
	return slices.DeleteFunc(violations, func(v string) bool { return strings.Contains(v, mark) })
}

// oneLine is a text as the scripts match it.
func oneLine(s string) string { return strings.TrimSpace(blanks.ReplaceAllString(s, " ")) }

// addSection writes what the chat service needs into every configuration of the script.
func addSection(dir, section string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if key, _, _ := strings.Cut(section, ":"); bytes.Contains(append([]byte("\n"), b...), []byte(key+":")) {
			continue // the script says it itself
		}
		if err := os.WriteFile(name, append(b, section...), 0o600); err != nil {
			return err
		}
	}
	return nil
}
