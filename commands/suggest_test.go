package commands

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

func withJobs(b *bench, delay time.Duration) *int {
	calls := new(int)
	b.completers["job"] = func(ctx context.Context, _ *Env, _ string) []bot.Choice {
		b.mu.Lock()
		*calls++
		b.mu.Unlock()
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
		return []bot.Choice{{Value: "prod/orders"}, {Value: "prod/my clicks"}, {Value: "dev/orders"}}
	}
	b.completers["cluster"] = func(context.Context, *Env, string) []bot.Choice { return []bot.Choice{{Value: "dev"}, {Value: "prod"}} }
	return calls
}

func TestSuggest(t *testing.T) {
	b := newBench(t, testOptions())
	withJobs(b, 0)
	for _, tc := range []struct{ who, line, want string }{
		{"olga", "/fl", "0-3 /flink cancel |/flink jobs|/flink savepoint |/flink savepoint list |/flink scale |/flink sql |/flink stop |/flink tag "},
		{"vera", "/fl", "0-3 /flink jobs|/flink savepoint list |/flink sql |/flink tag "},
		{"olga", "/flink st", "0-9 /flink stop "},
		{"olga", "/sto", "0-4 /flink stop "},
		{"olga", "@drey sto", "6-9 /flink stop "},
		{"olga", "/flink stop ", "12-12 prod/orders|\"prod/my clicks\""},
		{"olga", "/flink stop or", "12-14 prod/orders"},
		{"olga", "/flink stop prod/o", "12-18 prod/orders"},
		{"olga", "/flink stop clicks", "12-18 \"prod/my clicks\""},
		{"olga", "/flink stop orders ", "19-19 drain "},
		{"olga", "/flink stop orders --d", "19-22 drain "},
		{"olga", "/flink scale orders 4 ", "22-22 auto|inplace|restart|mode=|wait="},
		{"olga", "/flink scale orders 4 m", "22-23 mode="},
		{"olga", "/flink scale orders 4 mode=in", "27-29 inplace"},
		{"olga", "/flink scale orders 4 --mode re", "29-31 restart"},
		{"olga", "/flink scale orders 4 mode=auto wai", "32-35 wait="},
		{"olga", "/flink sql clus", "11-15 cluster="},
		{"olga", "/flink sql cluster=", "19-19 dev|prod"},
		{"olga", "/flink sql SELECT ", "11-18 "},
		{"olga", "/drey help flink stop", "11-21 flink stop"},
		{"vera", "/flink stop or", "14-14 "},
	} {
		s := b.Suggest(t.Context(), bot.Ask{Actor: web(tc.who), Place: webOps(), Line: tc.line, At: len(tc.line)})
		if got := told(s); got != tc.want {
			t.Errorf("%s types %q:\n got %s\nwant %s", tc.who, tc.line, got, tc.want)
		}
	}
	s := b.Suggest(t.Context(), bot.Ask{Actor: web("olga"), Place: webOps(), Line: "/flink stop orders", At: 14})
	if s.Hint != "/flink stop JOB [drain]" || s.To != 14 {
		t.Errorf("in the middle: %+v", s)
	}
	s = b.Suggest(t.Context(), bot.Ask{Actor: web("olga"), Place: webOps(), Path: "flink stop", Param: "job", Prefix: "my"})
	if len(s.Choices) != 1 || s.Choices[0].Value != "prod/my clicks" {
		t.Errorf("by parameter: %+v", s)
	}
	for _, a := range []bot.Ask{{Line: "/flink", At: -1}, {Line: "x", At: 99}, {Path: "gone", Param: "x"}, {Path: "flink stop", Param: "x"}, {Line: "\xff", At: 1}, {Line: "/flink é", At: 8}} {
		a.Actor, a.Place = web("olga"), webOps()
		b.Suggest(t.Context(), a)
	}
}

func told(s bot.Suggestions) string {
	var vs []string
	for _, c := range s.Choices {
		vs = append(vs, c.Value)
	}
	return fmt.Sprintf("%d-%d %s", s.From, s.To, strings.Join(vs, "|"))
}

func TestSlowCompleter(t *testing.T) {
	b := newBench(t, testOptions())
	calls := withJobs(b, 300*time.Millisecond)
	ask := bot.Ask{Actor: web("olga"), Place: webOps(), Line: "/flink stop ", At: 12}
	begin := time.Now()
	if s := b.Suggest(t.Context(), ask); s.Hint == "" {
		t.Error("no usage while the completer thinks")
	}
	if d := time.Since(begin); d > 250*time.Millisecond {
		t.Errorf("took %s", d)
	}
	eventually(t, "the late answer serves the next question", func() bool { return len(b.Suggest(t.Context(), ask).Choices) == 2 })
	b.mu.Lock()
	defer b.mu.Unlock()
	if *calls != 1 {
		t.Errorf("asked %d times", *calls)
	}
}

func FuzzSuggest(f *testing.F) {
	f.Add("/flink scale orders --mode ", 20)
	f.Add("/flink sql ```x", 12)
	b := &Router{tree: testTree(), now: time.Now, cache: newChoiceCache()}
	p, err := NewPolicy(testOptions())
	if err != nil {
		f.Fatal(err)
	}
	b.policy.Store(p)
	f.Fuzz(func(t *testing.T, line string, at int) {
		s := b.Suggest(t.Context(), bot.Ask{Actor: web("olga"), Place: webOps(), Line: line, At: at})
		if s.From < 0 || s.From > s.To || s.To > len(line) {
			t.Fatalf("%q at %d: %d-%d", line, at, s.From, s.To)
		}
	})
}
