package commands

import (
	"context"
	"errors"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
)

// Explain turns any error into what the person sees: what happened, what was kept, what to do next. It shows the text of
// no error that is not meant for people.
func Explain(err error) bot.Message {
	var (
		told    *Told
		refused *Refused
		usage   *UsageError
		busy    *ops.BusyError
		plat    *platform.Error
	)
	switch {
	case errors.As(err, &told):
		return told.Message
	case errors.As(err, &refused):
		return refused.message()
	case errors.As(err, &usage):
		return usage.message()
	case errors.As(err, &busy):
		return explainBusy(busy)
	case errors.As(err, &plat):
		return explainPlatform(plat)
	case platform.KindOf(err) != platform.Other && !errors.Is(err, context.DeadlineExceeded):
		return explainPlatform(&platform.Error{Kind: platform.KindOf(err), Err: err}) // a job's name that leads nowhere, or to several
	case errors.Is(err, storage.ErrUnavailable):
		return sorry("The store does not answer", bot.Warn,
			"drey's store does not answer, so nothing was started that could not be recorded.",
			"Try again in a moment; operations under way go on when it is back.")
	case errors.Is(err, storage.ErrSeen):
		return sorry("Done already", bot.Muted, "This was asked before and is done once only.", "Nothing more to do.")
	case errors.Is(err, storage.ErrConflict):
		return sorry("Somebody else was faster", bot.Warn, "It was changed by somebody else at the same moment. Nothing of this call was applied.",
			"Look at it again, then repeat if you still want to.")
	case errors.Is(err, storage.ErrNotFound):
		return sorry("Not found", bot.Warn, "It does not exist, or not any more. Nothing was changed.", "Check the name or the id.")
	case errors.Is(err, context.DeadlineExceeded):
		return sorry("It took too long", bot.Warn, "No answer came in time. What had been started goes on by itself.",
			"See `/drey operations` before you repeat a change.")
	case errors.Is(err, context.Canceled):
		return sorry("Interrupted", bot.Warn, "drey is restarting, or you went away. What had been started goes on by itself.",
			"See `/drey operations` before you repeat a change.")
	}
	return sorry("Something went wrong inside drey", bot.Bad, "The call could not be finished. What had been started is kept and goes on by itself.",
		"See `/drey operations` before you repeat a change. If it happens again, give the reference to whoever runs drey.")
}

// sorry says what happened and was kept, and what to do next. Both are our own words.
func sorry(title string, tone bot.Tone, what, next string) bot.Message {
	return bot.Message{Title: title, Tone: tone, Private: true, Blocks: []bot.Block{bot.Textf(what), bot.Notef(next)}}
}

// explainBusy says who has the job: a second press, or two people with one thought.
func explainBusy(e *ops.BusyError) bot.Message {
	by := ""
	if e.By != "" {
		by = " by " + e.By
	}
	_, short, _ := strings.Cut(e.Op, "/")
	return bot.Message{Title: "Already under way", Tone: bot.Busy, Private: true, Blocks: []bot.Block{
		bot.Textf("**%s** has an operation already: %s `%s`, started%s at %v. Nothing was started a second time.", e.Job, e.Kind, short, by, stamp(e.Since)),
		bot.Actions{Button("Show operation", "drey operation", opArgs{ID: short})},
	}}
}

func explainPlatform(e *platform.Error) bot.Message {
	title, next := kindWords(e.Kind)
	tone := bot.Warn
	if e.Kind == platform.Other || e.Kind == platform.Ambiguous {
		tone = bot.Bad
	}
	what, more := firstLine(Redact(e.Error()))
	m := bot.Message{Title: title, Tone: tone, Private: true, Blocks: []bot.Block{bot.Textf("%s", upperFirst(what))}}
	m.Blocks = append(m.Blocks, detail(more, Redact(e.Detail))...)
	m.Blocks = append(m.Blocks, bot.Notef(next))
	return m
}

// kindWords is what a kind of error is called, and what was kept and is to be done.
func kindWords(k platform.Kind) (title, next string) {
	switch k {
	case platform.Invalid:
		return "That cannot be done", "Nothing was changed. Mend the request and send it again."
	case platform.NotFound:
		return "Not found", "Nothing was changed. Check the name or the id."
	case platform.Denied:
		return "The cluster refused", "Nothing was changed. Whoever runs the cluster has to give drey the right."
	case platform.Busy:
		return "Busy just now", "Nothing was changed. Try again in a moment."
	case platform.Unsupported:
		return "This cluster cannot do that", "Nothing was changed."
	case platform.Unavailable:
		return "No answer from the cluster", "Nothing was changed, or it is harmless to repeat. Try again in a moment; operations under way wait for the cluster."
	case platform.Ambiguous:
		return "The outcome is not known", "It may have happened. Look at `/flink jobs` and `/drey operations` before you repeat it."
	default:
		return "It did not work", "See `/flink jobs` and `/drey operations` for how things stand before you repeat it."
	}
}

// firstLine is the first line of s, cut to what is read at a glance, and the whole of s when that is more.
func firstLine(s string) (first, whole string) {
	s = strings.TrimSpace(s)
	first, _, more := strings.Cut(s, "\n")
	first = strings.TrimSpace(clip(strings.TrimSpace(first), 400))
	if more || len(first) < len(s) {
		return first, s
	}
	return first, ""
}

// detailMax is the longest text shown in place; longer ones are files.
const detailMax = 600

func detail(texts ...string) []bot.Block {
	for _, t := range texts[1:] { // the backend's whole text holds what the error was made of
		if strings.TrimSpace(t) != "" {
			texts = texts[1:]
			break
		}
	}
	t := strings.TrimSpace(texts[0])
	switch {
	case t == "":
		return nil
	case len(t) <= detailMax && strings.Count(t, "\n") < 8 && !strings.Contains(t, "\n\tat "):
		return []bot.Block{bot.Code{Body: t}}
	}
	return []bot.Block{bot.File{Name: "detail.txt", MIME: "text/plain", Data: []byte(t)}}
}

// tell explains err to the person. An error that somebody should look into is logged here, once, with a reference that the
// person is given.
func (r *Router) tell(ev bot.Event, err error) bot.Message {
	m := Explain(err)
	if !unexpected(err) {
		return m
	}
	ref := storage.NewID()[:8]
	r.log.Error("command failed", "ref", ref, "path", clip(ev.Call.Path+RedactTyped(ev.Call.Line), 80), "network", string(ev.Place.Network),
		"actor", ev.Actor.String(), "error", hideSecrets(err.Error()))
	m.Blocks = append(m.Blocks, bot.Notef("Reference `%s`", ref))
	return m
}

func unexpected(err error) bool {
	var (
		told    *Told
		refused *Refused
		usage   *UsageError
		busy    *ops.BusyError
		plat    *platform.Error
	)
	switch {
	case errors.As(err, &told), errors.As(err, &refused), errors.As(err, &usage), errors.As(err, &busy):
		return false
	case errors.As(err, &plat):
		return plat.Kind == platform.Other || plat.Kind == platform.Ambiguous || plat.Kind == platform.Denied || plat.Kind == platform.Unavailable
	case platform.KindOf(err) != platform.Other:
		return false
	}
	return !errors.Is(err, storage.ErrSeen) && !errors.Is(err, context.Canceled)
}
