package commands

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Confirmation is a question before a call runs. One about what Destroys, or that the policy demands, is answered by typing
// a word, any other by a press.
type Confirmation struct {
	Word   string   // to be typed; empty: the job's name, or the last word of the command
	Title  string   // "Cancel orders?"
	Submit string   // "Cancel the job"
	Intro  bot.Text // what will be lost
	Danger bool     // of a question that is pressed: not to be answered by a stray key
	// Run is the run of a job that the question speaks of; empty: not known. An answer that comes when the job has another is
	// asked again.
	Run platform.JobID
	// Standing is how the job stood when the question was made; an approval looks whether it is still so.
	Standing stance
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

// answerAge is how long the answer to a question counts. After it the facts in the question are old news.
const answerAge = 10 * time.Minute

// ask returns nil when the person has said yes to this question, or typed c.Word without being asked; else the question, as
// an error of Tell. It is made anew for every press, from how things stand then.
func (e *Env) ask(c Confirmation) error {
	if e.typed != "" && e.typed == c.Word {
		return nil
	}
	why := ""
	if e.answers() {
		run, at, ok := readAnswer(e.typed)
		switch {
		case !ok:
		case e.Now.Sub(at) > answerAge:
			why = "You were asked " + ago(e.Now, at) + ". This is how it stands now. "
		case run != "" && c.Run != "" && run != c.Run:
			why = "The job has been started anew since you were asked. This is how it stands now. "
		default:
			return nil
		}
	}
	intro := bot.Text{Spans: append(bot.Textf("%s", why).Spans, c.Intro.Spans...)}
	call := e.Call()
	call.Args = withArg(call.Args, confirmKey, writeAnswer(c.Run, e.Now))
	return Tell(bot.Message{
		Title: c.Title, Tone: bot.Warn, Private: true, Blocks: []bot.Block{intro},
		Fallback: strings.TrimSpace(c.Title + " " + intro.Plain()),
		Form:     &bot.Form{Title: c.Title, Submit: c.Submit, Danger: c.Danger, Intro: intro, Call: call},
	})
}

// answers says whether the call is the press that answers a question. What is typed is none.
func (e *Env) answers() bool {
	return e.Event.Button != "" && strings.HasPrefix(e.typed, answerMark)
}

// answerMark begins what the button of a question bears in place of a typed word.
const answerMark = "yes:"

func writeAnswer(run platform.JobID, at time.Time) string {
	return answerMark + strconv.FormatInt(at.Unix(), 10) + ":" + string(run)
}

func readAnswer(s string) (run platform.JobID, at time.Time, ok bool) {
	unix, id, ok := strings.Cut(strings.TrimPrefix(s, answerMark), ":")
	n, err := strconv.ParseInt(unix, 10, 64)
	return platform.JobID(id), time.Unix(n, 0), ok && err == nil
}

// withArg is canonical arguments with one more.
func withArg(args json.RawMessage, name, value string) json.RawMessage {
	all := map[string]json.RawMessage{}
	if json.Unmarshal(args, &all) != nil {
		return args // canonical arguments can be read
	}
	all[name], _ = json.Marshal(value)
	out, err := json.Marshal(all)
	if err != nil {
		return args
	}
	return out
}
