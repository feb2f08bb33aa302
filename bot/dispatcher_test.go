package bot_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage/storagetest"
)

// handler answers with a function.
type handler func(ctx context.Context, ev bot.Event, show func(bot.Message)) bot.Message

func (h handler) Handle(ctx context.Context, ev bot.Event, show func(bot.Message)) bot.Message {
	return h(ctx, ev, show)
}

func (h handler) Suggest(context.Context, bot.Ask) bot.Suggestions { return bot.Suggestions{} }

func TestDispatcherButton(t *testing.T) {
	db, n := storagetest.Open(t), bottest.NewMemory("mem", bottest.Roomy())
	d := bot.NewDispatcher(db, silent, bot.DispatcherOptions{}, handler(func(_ context.Context, ev bot.Event, _ func(bot.Message)) bot.Message {
		if ev.Call.Path != "" {
			return say(ev.Call.Path + string(ev.Call.Args))
		}
		return bot.Message{Title: "Hi", Blocks: []bot.Block{bot.Actions{{Label: "Go", Call: bot.Call{Path: "flink stop", Args: json.RawMessage(`{"job":"orders"}`)}}}}}
	}), n)
	n.Attach(d)
	t.Cleanup(func() { d.Drain(context.Background()) })
	ev := n.Type("olga", "ops", "/flink hi")
	ev = n.PressAnswer(t, "olga", ev, "Go")
	if got := n.Answer(t, ev).Title; got != `flink stop{"job":"orders"}` {
		t.Fatal(got)
	}
}
