package webbot

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

const (
	suggestWait = 400 * time.Millisecond
	askMax      = 16 << 10 // of all that a question about one field holds
	argPrefix   = "arg."
)

// suggest answers what could stand at byte offset at of a line, or in the field param of a form for the command path.
func (b *Bot) suggest(w http.ResponseWriter, r *http.Request, u User) {
	q := r.URL.Query()
	ask, ok := askOf(r)
	if !ok || b.feeds[q.Get("channel")] == nil {
		fail(w, http.StatusBadRequest, "The question cannot be read.")
		return
	}
	ask.Actor, ask.Place = u.actor(), bot.Place{Network: Network, Channel: q.Get("channel"), Thread: q.Get("thread")}
	sink, _, ok := b.receiving()
	if !ok {
		starting(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), suggestWait)
	defer cancel()
	s := sink.Suggest(ctx, ask)
	s.From = min(max(s.From, 0), len(ask.Line))
	s.To = min(max(s.To, s.From), len(ask.Line))
	answer(w, http.StatusOK, map[string]any{"from": s.From, "to": s.To, "hint": s.Hint, "choices": choicesOf(s.Choices)})
}

// askOf reads a question: line and at, or path, param, prefix and what the other fields hold as arg.NAME.
func askOf(r *http.Request) (bot.Ask, bool) {
	q := r.URL.Query()
	if !q.Has("path") {
		line := q.Get("line")
		at, err := strconv.Atoi(q.Get("at"))
		return bot.Ask{Line: line, At: at}, err == nil && at >= 0 && at <= len(line) && len(line) <= lineMax
	}
	ask := bot.Ask{Path: q.Get("path"), Param: q.Get("param"), Prefix: q.Get("prefix"), Args: map[string]string{}}
	for key, values := range q {
		if name, ok := strings.CutPrefix(key, argPrefix); ok && values[0] != "" && name != ask.Param {
			ask.Args[name] = values[0]
		}
	}
	return ask, ask.Path != "" && ask.Param != "" && len(r.URL.RawQuery) <= askMax
}

func choicesOf(cs []bot.Choice) []map[string]string {
	out := make([]map[string]string, 0, len(cs))
	for _, c := range cs[:min(len(cs), 50)] {
		label := c.Label
		if label == "" {
			label = c.Value
		}
		out = append(out, map[string]string{"value": c.Value, "label": label, "help": c.Help})
	}
	return out
}

// commands lists what was published, for the command list of the composer.
func (b *Bot) commands(w http.ResponseWriter, _ *http.Request, _ User) {
	specs, _ := b.published()
	type param struct {
		Name     string `json:"name"`
		Required bool   `json:"required"`
		Rest     bool   `json:"rest"`
	}
	type command struct {
		Path   string   `json:"path"`
		Help   string   `json:"help"`
		Params []param  `json:"params"`
		Opens  bool     `json:"opens"`
		Files  []string `json:"files,omitempty"` // endings
	}
	out := make([]command, 0, len(specs))
	for _, s := range specs {
		c := command{Path: "/" + s.Path, Help: s.Help, Params: []param{}, Opens: s.Opens, Files: s.Files}
		for _, p := range s.Params {
			c.Params = append(c.Params, param{p.Name, p.Required, p.Rest})
		}
		out = append(out, c)
	}
	answer(w, http.StatusOK, out)
}
