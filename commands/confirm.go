package commands

import (
	"fmt"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// Confirmation is a question that is answered by typing a word.
type Confirmation struct {
	Word   string   // to be typed; empty: the job's name, or the last word of the command
	Title  string   // "Cancel orders?"
	Submit string   // "Cancel the job"
	Intro  bot.Text // what will be lost
}

// fill puts in general words for what the command does not say.
func (c *Confirmation) fill(e *Env, args any) {
	cluster, job := e.cmd.target(args)
	if c.Word == "" {
		if c.Word = job; job == "" {
			c.Word = e.cmd.Path[strings.LastIndex(e.cmd.Path, " ")+1:]
		}
	}
	if c.Title == "" {
		c.Title = e.cmd.Help + "?"
		if t := on(cluster, job); t != "" {
			c.Title = e.cmd.Help + ": " + t + "?"
		}
	}
	if c.Submit == "" {
		c.Submit = "Go on"
	}
	if len(c.Intro.Spans) == 0 {
		c.Intro = bot.Textf("This will run `%s`.", e.Line())
		if e.cmd.Effect == Destroys {
			c.Intro = bot.Textf("This will run `%s`, which cannot be undone.", e.Line())
		}
	}
}

// Confirm returns nil when the person has typed c.Word for this very call, or a second person approved it; else an error
// of Tell with a form that asks for the word, to be returned as it is.
func (e *Env) Confirm(c Confirmation) error {
	if e.Approved != "" {
		return nil
	}
	c.fill(e, e.decoded())
	return e.confirm(c)
}

func (e *Env) confirm(c Confirmation) error {
	if e.typed != "" && e.typed == c.Word {
		return nil
	}
	in := bot.Input{
		Name: confirmKey, Label: "Type " + c.Word + " to go on", Kind: "line", Required: true, Match: c.Word, Value: e.typed,
	}
	if e.typed != "" {
		in.Error = fmt.Sprintf("This is not %q. Nothing was changed.", c.Word)
	}
	path := "/" + e.cmd.Path
	line := path + " " + confirmKey + "=" + quote(c.Word) + strings.TrimPrefix(e.Line(), path)
	return Tell(bot.Message{
		Title: c.Title, Tone: bot.Warn, Private: true,
		Blocks:   []bot.Block{c.Intro, bot.Notef("To go on, type `%s`", clip(line, 300))},
		Fallback: strings.TrimSpace(c.Title + " " + c.Intro.Plain()),
		Form: &bot.Form{
			Title: c.Title, Submit: c.Submit, Danger: true, Intro: c.Intro, Fields: []bot.Input{in},
			Call: e.Call(),
		},
	})
}
