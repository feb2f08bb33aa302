package bot_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// The buttons of what the outbox posts are stored with it: in one Tx, found again by any replica, as long as the root of the key
// leaves room in an id.
func TestButtonsWithMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, n := storagetest.Open(t), bottest.NewMemory("mem", bottest.Roomy())
		o := bot.NewOutbox(db, silent, bot.OutboxOptions{}, n)
		run(t, o)
		secret := button("Secret")
		secret.Call.Secret = true
		acts := bot.Actions{
			button("Stop"), {Label: "UI", URL: "https://x.example"}, button("Start"), {Label: "Halt", Call: button("Stop").Call},
			{Label: "Danger", Call: button("Stop").Call, Style: bot.Danger}, secret,
		}
		for _, key := range []string{"inc7-a/head", "a:colon/head", strings.Repeat("long", 30) + "/head"} {
			d := to(n, key, key)
			d.Message.Blocks = append(d.Message.Blocks, acts)
			put(t, db, o, d)
			time.Sleep(time.Minute)
			got, ok := n.Find(key)
			if !ok {
				t.Fatalf("%s is not posted", key)
			}
			b, posted, want := bot.NewBinder(db), got.Message.Blocks[len(got.Message.Blocks)-1].(bot.Actions), []string{"Stop", "", "Start", "Stop", "Secret"}
			if len(posted) != len(want) {
				t.Fatalf("%s: %d buttons", key, len(posted))
			}
			for i, a := range posted {
				if want[i] == "" {
					continue
				}
				call, _, err := b.Find(t.Context(), a.ID, nil)
				if err != nil || string(call.Args) != `{"job":"`+want[i]+`"}` || len(a.ID) > 72 || a.Call.Path != "" {
					t.Errorf("%s: button %s is %+v, %v", key, a.ID, call, err)
				}
				if call, err := b.Pick(t.Context(), []string{"x", a.ID}, "flink stop"); err != nil || call.Path != "flink stop" {
					t.Errorf("%s: pick %s: %v, %v", key, a.ID, call, err)
				}
			}
			if strings.HasPrefix(posted[0].ID, "inc7-a_") != strings.HasPrefix(key, "inc7") {
				t.Errorf("%s: id %s", key, posted[0].ID)
			}
			for _, odd := range []string{posted[0].ID + "9", posted[0].ID[:len(posted[0].ID)-1] + "-1", "inc7-a_" + strings.Repeat("a", 20) + "_0", "inc7-a__0", "_", ""} {
				if _, _, err := b.Find(t.Context(), odd, nil); !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("%q is found: %v", odd, err)
				}
			}
		}
	})
}
