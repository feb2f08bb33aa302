package webbot

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
)

// TestTypedSecrets types secrets as a command, as a note and into a form that comes back with a mistake.
func TestTypedSecrets(t *testing.T) {
	s := newStage(t, Options{Redact: func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }})
	c := s.client("olga")
	for i, line := range []string{"/flink jobs hunter2", "note hunter2"} {
		if code, body := c.send(i, "ops", line); code != http.StatusAccepted {
			t.Fatalf("%d %s", code, body)
		}
	}
	s.acts.Wait()
	evs := s.got()
	if len(evs) != 1 || evs[0].Call.Line != "/flink jobs hunter2" {
		t.Errorf("the Dispatcher got %+v", evs)
	}
	f := sqlForm()
	f.Form.Fields[0].Value = "SELEC hunter2"
	ev := bot.Event{ID: "web-x", Actor: evs[0].Actor, Place: evs[0].Place, Call: bot.Call{Line: "/flink sql SELEC hunter2"}}
	s.reply(ev, f)
	if f.Form.Fields[0].Value == "" {
		t.Error("the caller's form was changed")
	}
	var dump bytes.Buffer
	if err := s.db.Backup(t.Context(), &dump); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump.String(), "hunter2") || strings.Count(dump.String(), "***") < 3 {
		t.Errorf("the store holds %s", &dump)
	}
}
