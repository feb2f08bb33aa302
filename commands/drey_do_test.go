package commands

import (
	"testing"

	"github.com/drey-ops/drey/bot"
)

func TestDoRunsALine(t *testing.T) {
	r := alertsRig(t)
	for name, call := range map[string]bot.Call{
		"typed":  {Line: "/drey do /alerts list"},
		"fields": CallOf(doPath, doArgs{Line: "/alerts list"}),
		"again":  {Line: "/drey do /drey do /alerts list"},
	} {
		m := r.router.Handle(t.Context(), bot.Event{ID: name, Actor: web("olga"), Place: webOps(), Call: call}, nil)
		if name == "again" {
			wants(t, m, "is such a command itself")
			continue
		}
		want := r.router.Handle(t.Context(), bot.Event{ID: name + "2", Actor: web("olga"), Place: webOps(), Call: bot.Call{Line: "/alerts list"}}, nil)
		if m.Title != want.Title || m.Title == "" {
			t.Errorf("%s: %q, want %q", name, m.Title, want.Title)
		}
	}
}
