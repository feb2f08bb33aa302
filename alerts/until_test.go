package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
)

func TestParseUntil(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 17, 30, 0, 0, time.UTC) // a Friday, 18:30 in Berlin
	for _, tt := range []struct{ says, want string }{
		{"2h", "2026-11-20T19:30:00Z"},
		{" for 90 min ", "2026-11-20T19:00:00Z"},
		{"1d 12h", "2026-11-22T05:30:00Z"},
		{"1w", "2026-11-27T17:30:00Z"},
		{"resolved", "resolved"},
		{"until it resolves", "resolved"},
		{"19:00", "2026-11-20T18:00:00Z"},
		{"7pm", "2026-11-20T18:00:00Z"},
		{"until 7:30 pm", "2026-11-20T18:30:00Z"},
		{"19:00 UTC", "2026-11-20T19:00:00Z"},
		{"tomorrow 09:00", "2026-11-21T08:00:00Z"},
		{"Tomorrow 09:00 America/New_York", "2026-11-21T14:00:00Z"},
		{"monday 9:00", "2026-11-23T08:00:00Z"},
		{"fri 18:00", "2026-11-27T17:00:00Z"},
		{"fri 19:00", "2026-11-20T18:00:00Z"},
		{"2026-11-22 09:00 Europe/Berlin", "2026-11-22T08:00:00Z"},
		{"2026-11-22T09:00", "2026-11-22T08:00:00Z"},
		{"2026-11-22T09:00:00Z", "2026-11-22T09:00:00Z"},
		{"", "error: say how long"},
		{"18:00", "error: 18:00 is past: it is 2026-11-20 18:30 in Europe/Berlin now; did you mean tomorrow 18:00?"},
		{"2026-11-19 09:00", "error: 2026-11-19 09:00 is past"},
		{"2026-02-30 09:00", "error: is no day of the calendar"},
		{"2027-03-28 02:30", "error: 02:30 does not exist on that day in Europe/Berlin"},
		{"tomorrow", `error: say one too, such as "tomorrow 09:00"`},
		{"25:00", `error: "25:00" is no time of day`},
		{"tomorrow 13pm", "error: is no time of day"},
		{"19:00 Mars/Base", `error: "Mars/Base" is no time zone`},
		{"soon", "error: is neither a duration nor a time"},
		{"12", "error: is neither a duration nor a time"},
		{"0m", "error: neither a duration nor a time"},
		{"-2h", "error: neither a duration nor a time"},
		{"yesterday 09:00", "error: neither a duration nor a time"},
	} {
		got, err := parseUntil(tt.says, now, berlin)
		said := got.at.UTC().Format(time.RFC3339)
		if got.keep {
			said = "resolved"
		}
		if err != nil {
			said = "error: " + err.Error()
		}
		want, bad := strings.CutPrefix(tt.want, "error: ")
		if bad != (err != nil) || bad && !strings.Contains(said, want) || !bad && said != want {
			t.Errorf("%q: %s, want %s", tt.says, said, tt.want)
		}
	}
}

func TestTooBroad(t *testing.T) {
	o := SilenceOptions{}.withDefaults()
	for text, broad := range map[string]string{
		`alertname="Down"`:                   "",
		`alertname=~"Down|Up"`:               "",
		`alertname=~"FlinkA|FlinkB|Flink"`:   "",
		`severity="critical", team="a"`:      "",
		`instance="a", severity=~".*"`:       "",
		``:                                   "hide every alert",
		`alertname=~".*"`:                    "names nothing exactly",
		`alertname=~".+"`:                    "names nothing exactly",
		`alertname=~"Flink.*"`:               "names nothing exactly",
		`alertname=~"A|.*"`:                  "names nothing exactly",
		`alertname=~"A|"`:                    "names nothing exactly",
		`alertname=~"(A|B)*"`:                "names nothing exactly",
		`alertname!="Down"`:                  "names nothing exactly",
		`alertname=""`:                       "names nothing exactly",
		`severity="critical"`:                "severity alone is too broad; name one of alertname, job_name",
		`cluster="prod", alertname=~"F.*"`:   "cluster alone is too broad",
		`cluster=~"prod", cluster=~"prod|x"`: "cluster alone is too broad",
	} {
		ms, err := alertmanager.ParseMatchers(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.tooBroad(ms); (got == "") != (broad == "") || !strings.Contains(got, broad) {
			t.Errorf("%s: %q, want %q", text, got, broad)
		}
	}
}
