package slackbot

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drey-ops/drey/bot"
)

// A channel gets a message a second, whoever posts it.
func TestPacerChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(false)
		start := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := p.wait(t.Context(), request{method: methodPost, channel: "C1"}); err != nil {
					t.Error(err)
				}
			})
		}
		if err := p.wait(t.Context(), request{method: methodPost, channel: "C2"}); err != nil || time.Since(start) > 0 {
			t.Errorf("another channel waited %s: %v", time.Since(start), err)
		}
		wg.Wait()
		if got := time.Since(start); got != 3*channelPace {
			t.Errorf("4 messages took %s", got)
		}
	})
}

// No minute sees more calls than the tier allows.
func TestPacerTiers(t *testing.T) {
	for _, method := range []string{methodUpdate, methodViewOpen, "conversations.list", "auth.test"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPacer(false)
			start := time.Now()
			n := 0
			for {
				if err := p.wait(t.Context(), request{method: method, patience: time.Hour}); err != nil {
					t.Fatal(err)
				}
				if time.Since(start) >= time.Minute {
					break
				}
				n++
			}
			if most := tierOf(method); n > most || n < most*3/4 {
				t.Errorf("%s: %d calls in a minute, the tier is %d", method, n, most)
			}
		})
	}
}

// Who may not wait is told when to come back, and takes no turn.
func TestPacerPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(false)
		post := request{method: methodPost, channel: "C1", patience: impatient}
		if err := p.wait(t.Context(), post); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			se := new(bot.SendError)
			if err := p.wait(t.Context(), post); !errors.As(err, &se) || se.After <= 0 || se.After > channelPace || !errors.Is(err, errPace) {
				t.Fatalf("got %v, want a SendError of at most %s", err, channelPace)
			}
		}
		time.Sleep(channelPace)
		if err := p.wait(t.Context(), post); err != nil {
			t.Error("the turns refused before were counted:", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), channelPace/2)
		defer cancel()
		start := time.Now()
		if err := p.wait(ctx, request{method: methodPost, channel: "C1"}); err == nil || time.Since(start) > 0 {
			t.Errorf("waited %s beyond its deadline: %v", time.Since(start), err)
		}
	})
}

// What Slack asked for is heeded, by its method alone.
func TestPacerPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(false)
		p.pause(methodPost, 20*time.Second)
		p.pause(methodPost, time.Second) // a shorter one does not end it
		se := new(bot.SendError)
		if err := p.wait(t.Context(), request{method: methodPost, channel: "C1"}); !errors.As(err, &se) || se.After != 20*time.Second {
			t.Fatalf("got %v", err)
		}
		if err := p.wait(t.Context(), request{method: methodUpdate}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		if err := p.wait(t.Context(), request{method: methodPost, channel: "C1"}); err != nil {
			t.Fatal(err)
		}
	})
}
