package slackbot

import "testing"

func TestNearest(t *testing.T) {
	all := map[string]string{"oncall": "C1", "oncall-eu": "C2", "general": "C3", "flink-alerts": "C4"}
	for _, c := range []struct{ name, want string }{
		{"onccall", "; did you mean #oncall?"},
		{"oncall-e", "; did you mean #oncall-eu or #oncall?"},
		{"alerts", "; did you mean #flink-alerts?"},
		{"zzzzzz", "; a private channel is only seen once drey was invited to it"},
	} {
		if got := nearest(c.name, all); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"ops", "ops", 0}, {"ops", "opps", 1}, {"kitten", "sitting", 3}, {"é", "e", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
