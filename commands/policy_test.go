package commands

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
)

func mustPolicy(t testing.TB, o Options) *Policy {
	t.Helper()
	p, err := NewPolicy(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) } // a Monday

func TestDecide(t *testing.T) {
	o := testOptions()
	o.Policy = append(o.Policy,
		Rule{Name: "night", Allow: []string{"jar.run"}, Roles: []string{"operator"}, Where: `env.hour >= 22 || env.weekday == "Sunday"`},
		Rule{Name: "small", Allow: []string{"jar.upload"}, Roles: []string{"operator"}, Where: `int(args.n) < 10`},
		Rule{Name: "own", Allow: []string{"jar.delete"}, Roles: []string{"operator"}, Where: `cluster == "dev"`},
		Rule{Allow: []string{"var.write"}, Roles: []string{"operator"}, Jobs: []string{"orders-*", "pay?"}},
		Rule{Require: RequireConfirm, For: []string{"var.*"}},
		Rule{Name: "not pay", Allow: []string{"schedule.write"}, Roles: []string{"operator"}, Where: `job != "pay"`},
		Rule{Allow: []string{"source.write"}, Roles: []string{"operator"}},
		Rule{Require: RequireConfirm, For: []string{"source.write"}, Jobs: []string{"pay"}},
		Rule{Require: RequireApproval, For: []string{"source.write"}, By: []string{"reviewer"}, Where: `job == "payments"`},
		Rule{Require: RequireApproval, For: []string{"var.write"}, By: []string{"reviewer"}, Where: `int(args.n) > 5`},
	)
	p := mustPolicy(t, o)
	other := bot.Place{Network: "web", Channel: "other"}
	id := strings.Repeat("0a", 16)
	slack := bot.Place{Network: "slack", Channel: "C1"}
	thread := bot.Place{Network: "web", Channel: "ops", Thread: "1"}
	on := func(a bot.Actor, at bot.Place, perm, cluster, job string) Request {
		return Request{Actor: a, Place: at, Now: noon(), Permission: perm, Cluster: cluster, Job: job, Args: map[string]string{"n": "3"}}
	}
	anywhere := func(r Request) Request { r.Anywhere, r.Args = true, nil; return r }
	for name, tc := range map[string]struct {
		r       Request
		allowed bool
		rule    string
		require Requirement
	}{
		"operator":                     {on(web("olga"), webOps(), "job.stop", "prod", "a"), true, "policy[1]", ""},
		"operator in a thread":         {on(web("olga"), thread, "job.stop", "prod", "a"), true, "policy[1]", ""},
		"operator elsewhere":           {on(web("olga"), other, "job.stop", "prod", "a"), false, "", ""},
		"operator on another cluster":  {on(web("olga"), webOps(), "job.stop", "dev", "a"), false, "", ""},
		"operator without a cluster":   {on(web("olga"), webOps(), "job.stop", "", ""), false, "", ""},
		"operator on some cluster":     {anywhere(on(web("olga"), webOps(), "job.stop", "", "")), true, "policy[1]", ""},
		"approval":                     {on(web("olga"), webOps(), "job.scale", "prod", "a"), true, "policy[1]", RequireApproval},
		"approval when not known":      {anywhere(on(web("olga"), webOps(), "job.scale", "", "")), true, "policy[1]", RequireApproval},
		"viewer reads":                 {on(web("vera"), other, "job.read", "x", "a"), true, "policy[0]", ""},
		"viewer stops":                 {on(web("vera"), webOps(), "job.stop", "prod", "a"), false, "", ""},
		"viewer stops anywhere":        {anywhere(on(web("vera"), webOps(), "job.stop", "", "")), false, "", ""},
		"a right no rule names":        {on(web("olga"), webOps(), "admin.config", "prod", ""), false, "", ""},
		"an unknown right":             {on(web("olga"), webOps(), "job.fly", "prod", ""), false, "", ""},
		"no right at all":              {on(web("olga"), webOps(), "", "prod", ""), false, "", ""},
		"nobody reads":                 {on(web(""), webOps(), "job.read", "prod", "a"), false, "", ""},
		"equal id on slack":            {on(bot.Actor{Network: "slack", ID: "olga"}, slack, "job.stop", "prod", "a"), false, "", ""},
		"slack user":                   {on(bot.Actor{Network: "slack", ID: "U1"}, slack, "job.stop", "prod", "a"), true, "policy[1]", ""},
		"slack id on web":              {on(web("U1"), webOps(), "job.stop", "prod", "a"), false, "", ""},
		"slack group":                  {on(bot.Actor{Network: "slack", ID: "U9", Groups: []string{"S0OPS"}}, slack, "job.stop", "prod", "a"), true, "policy[1]", ""},
		"slack group on discord":       {on(bot.Actor{Network: "discord", ID: "U9", Groups: []string{"S0OPS"}}, slack, "job.stop", "prod", "a"), false, "", ""},
		"group id as user id":          {on(bot.Actor{Network: "slack", ID: "S0OPS"}, slack, "job.stop", "prod", "a"), false, "", ""},
		"user id as group id":          {on(bot.Actor{Network: "slack", ID: "U9", Groups: []string{"U1"}}, slack, "job.stop", "prod", "a"), false, "", ""},
		"web user, slack place":        {on(web("olga"), slack, "job.stop", "prod", "a"), false, "", ""},
		"channel of another network":   {on(web("olga"), bot.Place{Network: "web", Channel: "C1"}, "job.stop", "prod", "a"), false, "", ""},
		"no channel":                   {on(web("olga"), bot.Place{Network: "web"}, "job.stop", "prod", "a"), false, "", ""},
		"network name in the id":       {on(bot.Actor{Network: "web user\x00", ID: "olga"}, webOps(), "job.stop", "prod", "a"), false, "", ""},
		"case matters":                 {on(web("Olga"), webOps(), "job.stop", "prod", "a"), false, "", ""},
		"condition not met":            {on(web("olga"), webOps(), "jar.run", "prod", ""), false, "", ""},
		"condition met":                {Request{Actor: web("olga"), Place: webOps(), Now: noon().Add(11 * time.Hour), Permission: "jar.run"}, true, "night", ""},
		"condition not met, somewhere": {anywhere(on(web("olga"), webOps(), "jar.run", "", "")), false, "", ""},
		"condition on args":            {on(web("olga"), webOps(), "jar.upload", "prod", ""), true, "small", ""},
		"condition on bad args":        {Request{Actor: web("olga"), Place: webOps(), Now: noon(), Permission: "jar.upload", Args: map[string]string{"n": "x"}}, false, "", ""},
		"condition on args not known":  {anywhere(on(web("olga"), webOps(), "jar.upload", "", "")), true, "small", ""},
		"condition on a cluster":       {on(web("olga"), webOps(), "jar.delete", "prod", ""), false, "", ""},
		"the right cluster":            {on(web("olga"), webOps(), "jar.delete", "dev", ""), true, "own", ""},
		"some cluster":                 {anywhere(on(web("olga"), webOps(), "jar.delete", "", "")), true, "own", ""},
		"job pattern":                  {on(web("olga"), webOps(), "var.write", "prod", "orders-eu/1"), true, "policy[6]", RequireConfirm},
		"job pattern, one letter":      {on(web("olga"), webOps(), "var.write", "prod", "pay1"), true, "policy[6]", RequireConfirm},
		"job pattern missed":           {on(web("olga"), webOps(), "var.write", "prod", "orders"), false, "", ""},
		"job pattern, no job":          {on(web("olga"), webOps(), "var.write", "prod", ""), false, "", ""},
		"job id, allowed by name":      {on(web("olga"), webOps(), "var.write", "prod", id), false, "", ""},
		"job id, condition on name":    {on(web("olga"), webOps(), "schedule.write", "prod", id), false, "", ""},
		"job name, condition on name":  {on(web("olga"), webOps(), "schedule.write", "prod", "x"), true, "not pay", ""},
		"job id, required by name":     {on(web("olga"), webOps(), "source.write", "prod", id), true, "policy[9]", RequireApproval},
		"job name, required by name":   {on(web("olga"), webOps(), "source.write", "prod", "pay"), true, "policy[9]", RequireConfirm},
		"job name, not required":       {on(web("olga"), webOps(), "source.write", "prod", "x"), true, "policy[9]", ""},
		"approval outweighs confirm": {Request{Actor: web("olga"), Place: webOps(), Now: noon(), Permission: "var.write", Job: "pay1", Args: map[string]string{"n": "6"}},
			true, "policy[6]", RequireApproval},
		"requirement that fails is asked for": {Request{Actor: web("olga"), Place: webOps(), Now: noon(), Permission: "var.write", Job: "pay1", Args: map[string]string{"n": "x"}},
			true, "policy[6]", RequireApproval},
	} {
		d := p.Decide(tc.r)
		if d.Allowed != tc.allowed || d.Rule != tc.rule || d.Require != tc.require {
			t.Errorf("%s: allowed %v by %q, requires %q; want %v by %q, %q", name, d.Allowed, d.Rule, d.Require, tc.allowed, tc.rule, tc.require)
		}
	}
	d := p.Decide(on(web("olga"), other, "job.stop", "prod", "a"))
	if diff := cmp.Diff([]string{"slack:C1", "web:ops"}, d.Elsewhere); diff != "" {
		t.Error(diff)
	}
	if d = p.Decide(on(web("vera"), webOps(), "job.stop", "prod", "a")); strings.Join(d.Here, ",") != "operator,reviewer" {
		t.Errorf("may here: %v", d.Here)
	}
	if d = p.Decide(on(web("olga"), webOps(), "jar.run", "prod", "")); d.Unmet != "night" {
		t.Errorf("unmet: %q", d.Unmet)
	}
}

func TestManyRoles(t *testing.T) {
	o := Options{Roles: map[string]Role{}}
	for i := range 200 {
		name := "r" + strings.Repeat("x", i)
		o.Roles[name] = Role{WebUsers: []string{name}}
		o.Policy = append(o.Policy, Rule{Allow: []string{"job.stop"}, Roles: []string{name}, Clusters: []string{name}})
	}
	p := mustPolicy(t, o)
	for name := range o.Roles {
		for _, cluster := range []string{"r", "rx", "r" + strings.Repeat("x", 199)} {
			d := p.Decide(Request{Actor: web(name), Place: webOps(), Permission: "job.stop", Cluster: cluster})
			if d.Allowed != (name == cluster) {
				t.Fatalf("%d on %d: %v", len(name), len(cluster), d.Allowed)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	o := Options{
		Roles: map[string]Role{"ops": {WebUsers: []string{"olga", ""}}, "two words": {}},
		Policy: []Rule{
			{Allow: []string{"job.stpo", "*.raed"}, Roles: []string{"opps"}, Channels: []string{"ops", "irc:x"}, Jobs: []string{"[", "a*"}, Where: "env.huor > 6"},
			{Allow: []string{"job.stop"}, Require: RequireConfirm},
			{Require: "aproval", For: []string{"job.stop"}},
			{Require: RequireApproval, Within: time.Second, Roles: []string{"ops"}},
			{Require: RequireConfirm, For: []string{"job.stop"}, By: []string{"ops"}},
			{},
			{Allow: []string{"job.stop"}, By: []string{"ops"}},
		},
	}
	var keys []string
	for _, p := range o.Validate() {
		keys = append(keys, p.Key)
		if p.Msg == "" {
			t.Errorf("%s: no message", p.Key)
		}
	}
	want := []string{
		"roles.ops.web_users[1]", "roles",
		"policy[0].allow[0]", "policy[0].allow[1]", "policy[0].roles[0]", "policy[0].channels[0]", "policy[0].channels[1]", "policy[0].jobs[0]", "policy[0].where",
		"policy[1]",
		"policy[2].require",
		"policy[3].for", "policy[3].roles", "policy[3].by", "policy[3].within",
		"policy[4]",
		"policy[5]",
		"policy[6].roles", "policy[6]",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	msg := o.Validate().Error()
	for _, part := range []string{`"job.stpo" is not known; did you mean job.stop?`, `role "opps" is not known; did you mean ops?`, "want approval or confirm"} {
		if !strings.Contains(msg, part) {
			t.Errorf("%q is not in\n%s", part, msg)
		}
	}
	if bad := testOptions().Validate(); bad != nil {
		t.Errorf("good options: %v", bad)
	}
}

func BenchmarkDecide(b *testing.B) {
	p := mustPolicy(b, testOptions())
	r := Request{Actor: web("olga"), Place: webOps(), Now: noon(), Permission: "job.scale", Cluster: "prod", Job: "orders", Args: map[string]string{}}
	b.ReportAllocs()
	for b.Loop() {
		if !p.Decide(r).Allowed {
			b.Fatal("refused")
		}
	}
}
