package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
)

func TestInitialLoads(t *testing.T) {
	t.Setenv("DREY_TOKEN_OLGA", "0123456789abcdef0123")
	t.Setenv("DREY_WEBHOOK_TOKEN", "w")
	c, err := Parse("drey.yaml", []byte(Initial()))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.Web.Users[0].Token); got != "0123456789abcdef0123" {
		t.Errorf("the token was not expanded")
	}
	if c.Clusters["prod"].URL != "http://127.0.0.1:8081" {
		t.Errorf("clusters: %+v", c.Clusters)
	}
}

func TestProblems(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cr3t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, in, want string }{
		{"empty is all defaults", "", ""},
		{"not YAML", "server: [", "f.yaml:1: not YAML: did not find expected ',' or ']'"},
		{"unknown key with a near one", "server:\n  lisen: x\n", "f.yaml:2: server.lisen: unknown key; did you mean listen? Allowed: drain, external_url, listen, log, log_level"},
		{"twice", "server:\n  log: text\n  log: json\n", "f.yaml:3: server.log: stands here twice; keep one"},
		{"wrong type", "server:\n  drain: soon\n", "f.yaml:2: server.drain: want a duration such as 30s, 15m or 2h, have `soon`"},
		{"list wanted", "policy:\n  - { allow: x, roles: [a] }\n", "f.yaml:2: policy[0].allow: want a list, have `x`"},
		{"value not allowed", "server:\n  log: xml\n", "f.yaml:2: server.log: want text or json, have \"xml\""},
		{"variable not set", "storage:\n  redis: ${env:DREY_TEST_NONE}\n", "f.yaml:2: storage.redis: the environment variable DREY_TEST_NONE is not set"},
		{"file not there", "storage:\n  redis: ${file:/nowhere/x}\n", "f.yaml:2: storage.redis: the file /nowhere/x can't be read: no such file or directory"},
		{"unknown reference", "storage:\n  redis: ${vault:x}\n", "f.yaml:2: storage.redis: unknown reference ${vault:…}; allowed: ${env:NAME}, ${file:/path}"},
		{"driver", "clusters:\n  prod:\n    driver: session2\n    url: http://x\n", "f.yaml:3: clusters.prod.driver: unknown driver \"session2\"; allowed: session"},
		{"unknown key of a mute time", "alerts:\n  mute_times:\n    nights:\n      - { times: [{ start_time: \"22:00\", end: \"24:00\" }] }\n", "f.yaml:4: alerts.mute_times.nights[0].times[0].end: unknown key; did you mean end_time? Allowed: end_time, start_time"},
		{"mention", routeYAML("mention: [\"slack:user:S0ONCALL\"]"), "f.yaml:5: alerts.routes[0].mention[0]: want a member's id (slack:user:U0OLGA) or a user group's (slack:group:S0ONCALL), have \"slack:user:S0ONCALL\""},
		{"mention in Discord", routeYAML("mention: [\"discord:group:ops\"]"), "f.yaml:5: alerts.routes[0].mention[0]: want a member's or a role's id, a number (discord:group:1200000000000000001), have \"discord:group:ops\""},
		{"mention elsewhere", routeYAML("mention: [\"teams:user:U0OLGA\"]"), "f.yaml:5: alerts.routes[0].mention[0]: unknown chat service \"teams\"; allowed: web, slack, discord"},
		{"mute", routeYAML("mute: [nights]"), "f.yaml:5: alerts.routes[0].mute[0]: there is no alerts.mute_times.nights"},
		{"default", "alerts:\n  default_to: [\"slack:C0REST\"]\n", "f.yaml:2: alerts.default_to[0]: drey is not in Slack (slack.mode), so slack:C0REST reaches nobody"},
		{"alias", "server: &a\n  log: text\nweb: *a\n", "f.yaml:3: web: YAML aliases are not allowed here; write the value out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := "web: { enabled: false }\n"
			if strings.Contains(tt.in, "web:") || tt.in == "" {
				in = ""
			}
			_, err := Parse("f.yaml", []byte(tt.in+in))
			got := ""
			var ps Problems
			if errors.As(err, &ps) {
				got = ps[0].String()
			} else if err != nil {
				got = err.Error()
			}
			if tt.name == "empty is all defaults" {
				got = strings.TrimPrefix(got, "f.yaml: web.users: nobody could sign in")
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// routeYAML is a configuration with one route, whose last key is on line 5.
func routeYAML(key string) string {
	return "web: { users: [{ id: olga, token: 0123456789abcdef0123456789abcdef }] }\nalerts:\n  routes:\n    - { name: r, match: \"true\", to: [\"web:ops\"],\n        " + key + " }\n"
}

func TestRoutesDecode(t *testing.T) {
	c, err := Parse("f.yaml", []byte(`
web: { users: [{ id: olga, token: 0123456789abcdef0123456789abcdef }] }
alerts:
  default_to: ["web:ops"]
  time_zone: Europe/Berlin
  mute_times:
    nights:
      - { times: [{ start_time: 22:00, end_time: "24:00" }, { start_time: "00:00", end_time: 06:00 }], location: Europe/Berlin }
    holidays:
      - { days_of_month: [1, "24:26"], months: [december, "1"], years: [2026, "2027:2028"] }
  routes:
    - { name: all, match: 'during("nights")', to: ["web:ops"], channel_from: labels.channel, mention: ["web:user:olga"], buttons: [], mute: [nights, holidays] }
    - { name: rest, match: "true", to: ["web:oncall"] }
`))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := c.Alerts.Routes[0].Buttons, c.Alerts.Routes[1].Buttons; a == nil || len(a) > 0 || b != nil {
		t.Errorf("no buttons %v, all buttons %v", a, b)
	}
	if got := c.Channels("web"); !slices.Equal(got, []string{"ops", "oncall"}) {
		t.Errorf("channels %v", got)
	}
	c = c.WithChannels("web", map[string]string{"ops": "renamed"})
	if got := c.Alerts.DefaultTo[0]; got != "web:renamed" {
		t.Errorf("default to %s", got)
	}
}

func TestCanPost(t *testing.T) {
	c := Default()
	c.Slack.Mode = "socket"
	for place, want := range map[string]string{
		"web:ops": "", "web:kitchen": "no channel", "web:*": "want a channel's id", "slack:C0ONCALL": "", "slack:#oncall": "want a channel's id", "slack:home": "want a channel's id",
		"slack:oncall": "want a channel's id", "discord:12": "not in Discord", "teams:x": "unknown chat service",
	} {
		p, err := bot.ParsePlace(place)
		if err != nil {
			t.Fatal(err)
		}
		if err = c.CanPost(p); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", place, err, want)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	for _, in := range []string{
		"clusters:\n  p: { driver: session, url: 'http://h', bearer: verysecret }\nweb: { enabled: false }\n",
	} {
		c, err := Parse("f.yaml", []byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if s := strings.ToLower(sprint(c)); strings.Contains(s, "verysecret") {
			t.Errorf("printed: %s", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Initial())
	f.Add("a: &a [*a]")
	f.Add("server: {listen: [}")
	f.Add("- 1")
	f.Add("roles: {x: {web_users: 3}}")
	f.Fuzz(func(t *testing.T, in string) {
		if strings.Contains(in, "${file:") {
			t.Skip("reads files")
		}
		_, err := Parse("f", []byte(in))
		if err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Errorf("an error without words")
		}
	})
}

func sprint(v any) string { return fmt.Sprintf("%v %+v %#v", v, v, v) }
