package bot_test

import (
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

func TestKept(t *testing.T) {
	now := time.Now()
	k := bot.NewKept[string](time.Minute, 3)
	first := k.Keep("first", now)
	if k.Find(first, now.Add(time.Minute)) != "first" || k.Find(first, now.Add(time.Minute+1)) != "" || k.Find("other", now) != "" {
		t.Error("it is found for a minute, and nothing else is")
	}
	second := k.Keep("second", now.Add(30*time.Second))
	for range 2 {
		k.Keep("more", now.Add(40*time.Second))
	}
	if k.Len() != 3 || k.Find(first, now) != "" || k.Find(second, now) != "second" {
		t.Errorf("%d are held, want the newest 3", k.Len())
	}
	k.Keep("late", now.Add(time.Hour))
	if k.Len() != 1 {
		t.Errorf("%d are held, want those that are not too old", k.Len())
	}
}
