package bottest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

// Harness drives one network as people and its service would. The functions fail the test when they cannot. The people
// are "ann" and "bob"; both read Place.
type Harness struct {
	Network bot.Network
	Place   bot.Place
	// Type makes who type a line in Place. It waits until the network receives.
	Type func(t testing.TB, who, line string)
	// Press makes who press the button with this label on the newest message they see that has it.
	Press func(t testing.TB, who, label string)
	// Submit makes who fill and send the form they have open; fields not named keep the form's values.
	Submit func(t testing.TB, who string, values map[string]string)
	// Read is what who sees, oldest first: the channel, or a thread of it.
	Read func(t testing.TB, who, thread string) []Seen

	// Repeat makes the service send the newest gesture once more, as after a lost acknowledgement. Nil: it never does.
	Repeat func(t testing.TB)
	// Remove deletes a posted message, as a person may. Nil: nobody can.
	Remove func(t testing.TB, ref bot.MessageRef)
	// Nowhere is a place that is not there, or is closed to the network; zero: every place is there.
	Nowhere bot.Place
	// Lingers says that a private word can be neither changed nor taken back: a later answer comes below it.
	Lingers bool
	// ForgetsKeys says that the service cannot know that a Post is a repeat.
	ForgetsKeys bool
}

// Seen is one message as a person sees it.
type Seen struct {
	ID      string   // as in its MessageRef; of a reply, anything
	Text    string   // all that can be read, markup and escapes resolved
	Buttons []string // their labels
	Live    []string // mentions, links and markup in it that the service acts on
}

// Run is what every network must pass. open makes a network that nobody has called Receive on, with an empty Place; the
// suite calls it for every case.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		run  func(s *scene)
	}{
		{"typed line", typedLine}, {"reply private", replyPrivate}, {"reply public", replyPublic}, {"reply replaces", replyReplaces},
		{"pending then public", pendingPublic}, {"publish", publish}, {"post once per key", postOnce}, {"edit in place", editInPlace}, {"edit removed", editRemoved},
		{"post nowhere", postNowhere}, {"threads", threads}, {"every block", everyBlock}, {"hostile text", hostileText},
		{"press", press}, {"press twice", pressTwice}, {"retry", retry}, {"form", form}, {"form again", formAgain},
		{"limits", limits}, {"limits of wide characters", limitsWide}, {"many at once", manyAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scene{T: t, h: open(t), events: make(chan bot.Event, 100)}
			s.receive()
			c.run(s)
		})
	}
}

// scene is one case: a network that receives, with the suite as its sink.
type scene struct {
	*testing.T
	h      Harness
	events chan bot.Event
}

func (s *scene) receive() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.h.Network.Receive(ctx, sink{s}); err != nil && ctx.Err() == nil {
			s.Errorf("Receive: %v", err)
		}
	})
	s.Cleanup(func() {
		cancel()
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(patience):
			s.Error("Receive goes on after its context ended")
		}
	})
}

type sink struct{ s *scene }

func (k sink) Deliver(_ context.Context, ev bot.Event) { k.s.events <- ev }

func (k sink) Suggest(_ context.Context, a bot.Ask) bot.Suggestions {
	return bot.Suggestions{From: a.At, To: a.At}
}

// next waits for a gesture and checks what holds for all of them.
func (s *scene) next() bot.Event {
	s.Helper()
	select {
	case ev := <-s.events:
		id := s.h.Network.ID()
		switch {
		case ev.ID == "":
			s.Fatal("event without an ID")
		case ev.Actor.Network != id || ev.Actor.ID == "" || ev.Place.Network != id || ev.Place.Channel != s.h.Place.Channel:
			s.Fatalf("event from %+v in %+v, want network %s and channel %s", ev.Actor, ev.Place, id, s.h.Place.Channel)
		case time.Since(ev.At).Abs() > time.Hour:
			s.Fatalf("event happened at %s", ev.At)
		}
		return ev
	case <-time.After(patience):
		s.Fatal("no event")
	}
	return bot.Event{}
}

// quiet checks that no further gesture comes.
func (s *scene) quiet() {
	s.Helper()
	select {
	case ev := <-s.events:
		s.Fatalf("unexpected event %+v", ev)
	case <-time.After(100 * time.Millisecond):
	}
}

func (s *scene) ask(line string) bot.Event {
	s.Helper()
	s.h.Type(s, "ann", line)
	return s.next()
}

func (s *scene) reply(ev bot.Event, m bot.Message) {
	s.Helper()
	if err := s.h.Network.Reply(s.Context(), ev, s.fit(m)); err != nil {
		s.Fatalf("Reply: %v", err)
	}
}

func (s *scene) post(key string, at bot.Place, m bot.Message) bot.MessageRef {
	s.Helper()
	ref, err := s.h.Network.Post(s.Context(), at, key, s.fit(m))
	if err != nil {
		s.Fatalf("Post: %v", err)
	}
	if ref.ID == "" || ref.Place.Network != s.h.Network.ID() {
		s.Fatalf("Post returned %+v", ref)
	}
	return ref
}

// fit is what stands between everybody and a network.
func (s *scene) fit(m bot.Message) bot.Message {
	s.Helper()
	parts := bot.Fit(m, s.h.Network.Caps())
	if len(parts) != 1 {
		s.Fatalf("the suite's message does not fit: %s", m.Plain())
	}
	return parts[0]
}

// sees waits until who sees text exactly n times in all that they read.
func (s *scene) sees(who, thread, text string, n int) {
	s.Helper()
	var all []Seen
	s.until(func() bool {
		all = s.h.Read(s, who, thread)
		got := 0
		for _, m := range all {
			got += strings.Count(m.Text, text)
		}
		return got == n
	}, func() string { return fmt.Sprintf("%s does not see %q %d times in %q", who, text, n, all) })
}

func (s *scene) until(cond func() bool, why func() string) {
	s.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatal(why())
		}
	}
}

// find waits for the one message that who sees with text in it.
func (s *scene) find(who, text string) Seen {
	s.Helper()
	var got Seen
	s.until(func() bool {
		for _, m := range s.h.Read(s, who, "") {
			if strings.Contains(m.Text, text) {
				got = m
				return true
			}
		}
		return false
	}, func() string { return fmt.Sprintf("%s does not see %q", who, text) })
	return got
}

func say(text string, more ...bot.Block) bot.Message {
	return bot.Message{Blocks: append([]bot.Block{bot.Textf("%s", text)}, more...)}
}

func (s *scene) wantGone(err error) {
	s.Helper()
	if se := new(bot.SendError); !errors.As(err, &se) || !se.Gone {
		s.Fatalf("got error %v, want a SendError that is Gone", err)
	}
}
