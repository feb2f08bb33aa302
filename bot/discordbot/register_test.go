package discordbot

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/bwmarrin/discordgo"
	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
	"github.com/drey-ops/drey/config/secret"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// optionsFor are the Options of a Bot in a Discord of tests.
func optionsFor(d *discordtest.Discord, mode string) Options {
	return Options{Mode: mode, ApplicationID: d.ApplicationID(), PublicKey: d.PublicKey(), APIURL: d.APIURL()}
}

// newIn is a Bot in a Discord of tests.
func newIn(t testing.TB, d *discordtest.Discord, mode string, change func(*Options)) *Bot {
	t.Helper()
	o := optionsFor(d, mode)
	o.BotToken = secret.Text(d.BotToken())
	if change != nil {
		change(&o)
	}
	b := New(storagetest.With(t, storage.Options{Memory: true}), slog.New(slog.DiscardHandler), o)
	if err := b.Publish(t.Context(), treeSpecs(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.sender.client.CloseIdleConnections)
	return b
}

// TestRegister tells a strict Discord of drey's commands.
func TestRegister(t *testing.T) {
	for name, guilds := range map[string]bool{"one server": true, "everywhere": false} {
		t.Run(name, func(t *testing.T) {
			d := discordtest.New(t, discordtest.Options{})
			b := newIn(t, d, ModeHTTP, func(o *Options) {
				if guilds {
					o.Guilds = []string{d.Guild()}
				}
			})
			where := everywhere
			if guilds {
				where = d.Guild()
			}
			for i, step := range []struct {
				force bool
				want  []string
			}{{false, []string{where}}, {false, nil}, {true, b.scopes()}} {
				got, err := b.Register(t.Context(), treeSpecs(t), step.force)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(step.want, got); diff != "" {
					t.Errorf("time %d: %s", i, diff)
				}
			}
			specs := treeSpecs(t)
			specs[3].Help += " now"
			if got, err := b.Register(t.Context(), specs, false); err != nil || len(got) != 1 {
				t.Errorf("one word is another, and it registers %v, %v", got, err)
			}
			if v := d.Violations(); len(v) > 0 {
				t.Error(v)
			}
		})
	}
}

// TestMemberPermissions: who lacks them is not shown the commands.
func TestMemberPermissions(t *testing.T) {
	d := discordtest.New(t, discordtest.Options{})
	b := newIn(t, d, ModeGateway, func(o *Options) { o.Guilds, o.MemberPermissions = []string{d.Guild()}, "0" })
	if _, err := b.Register(t.Context(), treeSpecs(t), false); err != nil {
		t.Fatal(err)
	}
	if again, err := b.Register(t.Context(), treeSpecs(t), false); err != nil || len(again) > 0 {
		t.Errorf("registers %v again, %v", again, err)
	}
	d.Admin("ann")
	if err := d.Slash("bob", d.Channel("ops"), "drey whoami", nil); !errors.Is(err, discordtest.ErrNoSuchCommand) {
		t.Errorf("bob: %v", err)
	}
	if err := d.Slash("ann", d.Channel("ops"), "drey whoami", nil); errors.Is(err, discordtest.ErrNoSuchCommand) {
		t.Errorf("ann: %v", err)
	}
	o := optionsFor(d, ModeGateway)
	o.BotToken, o.MemberPermissions = "t", "administrators"
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "member_permissions") {
		t.Errorf("got %v", err)
	}
}

func TestCommandsOfTheTree(t *testing.T) {
	cmds, err := Commands(treeSpecs(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range cmds {
		if cmds[i].Type == discordgo.ChatApplicationCommand {
			names = append(names, cmds[i].Name)
			t.Logf("/%s has %d characters", cmds[i].Name, cmds[i].size())
		}
	}
	if diff := cmp.Diff([]string{"alerts", "drey", "flink"}, names); diff != "" {
		t.Error(diff)
	}
	r := routesOf(treeSpecs(t))
	for _, s := range treeSpecs(t) {
		found := false
		for _, back := range r.byName {
			found = found || back.Path == s.Path
		}
		if !found {
			t.Errorf("no way leads to %q", s.Path)
		}
	}
}

func TestCommandRules(t *testing.T) {
	one, many := 1, 32768
	cmds, err := Commands([]bot.CommandSpec{
		{Path: "flink job", Help: "one"}, {Path: "flink job restart", Help: "two"}, {Path: "flink jar upload to here", Help: "deep"},
		{Path: "flink scale", Help: strings.Repeat("long ", 40), Files: []string{".jar"}, Params: []bot.ParamSpec{
			{Name: "why", Help: "why", Type: "text", Rest: true},
			{Name: "state", Help: "state", Type: "string", Choices: []string{"a", "b"}, Completes: true},
			{Name: "job", Help: "the job", Type: "job", Required: true, Completes: true},
			{Name: "to", Help: "to", Type: "int", Required: true, Min: &one, Max: &many},
			{Name: "now", Help: "now", Type: "bool"},
			{Name: "after", Help: "after", Type: "duration", Default: "30s"},
		}},
		{Path: "flink sql", Help: "sql", Shortcut: &bot.Shortcut{Label: "Run as SQL", Text: "text"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range cmds[0].Options {
		got = append(got, fmt.Sprint(o.Type, " ", o.Name))
		for _, in := range o.Options {
			got = append(got, fmt.Sprintf("  %v %s %v %v %d %s", in.Type, in.Name, in.Required, in.Autocomplete, len(in.Choices), in.Description))
		}
	}
	want := []string{
		"SubCommandGroup job", "  SubCommand show false false 0 one", "  SubCommand restart false false 0 two",
		"SubCommandGroup jar", "  SubCommand upload-to-here false false 0 deep",
		"SubCommand scale", "  String job true true 0 the job", "  Integer to true false 0 to", "  String why false false 0 why", "  String state false false 2 state",
		"  Boolean now false false 0 now", "  String after false false 0 after (default 30s)", "  Attachment file false false 0 A file in its stead: .jar",
		"SubCommand sql",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c := cmds[1]; c.Type != discordgo.MessageApplicationCommand || c.Name != "Run as SQL" || c.Description != "" {
		t.Errorf("%+v", c)
	}
	raw, _ := json.Marshal(cmds[0].Options[2].Options[1])
	if string(raw) != `{"type":4,"name":"to","description":"to","required":true,"min_value":1,"max_value":32768}` {
		t.Errorf("%s", raw)
	}
	if n := bot.Length(cmds[0].Options[2].Description); n > 100 {
		t.Errorf("a description of %d", n)
	}
}

func TestCommandsBeyondLimits(t *testing.T) {
	params := func(n int) []bot.ParamSpec {
		var out []bot.ParamSpec
		for i := range n {
			out = append(out, bot.ParamSpec{Name: fmt.Sprint("p", i), Help: "help", Type: "string"})
		}
		return out
	}
	var wide, long []bot.CommandSpec
	for i := range 26 {
		wide = append(wide, bot.CommandSpec{Path: fmt.Sprint("flink c", i), Help: "help"})
	}
	for i := range 25 {
		p := params(25)
		for k := range p {
			p[k].Help = strings.Repeat("x", 90)
		}
		long = append(long, bot.CommandSpec{Path: fmt.Sprint("flink c", i), Help: "help", Params: p})
	}
	for name, specs := range map[string][]bot.CommandSpec{
		"subcommands": wide, "characters": long, "parameters": {{Path: "flink x", Help: "x", Params: params(26)}},
		"name": {{Path: "Flink x", Help: "x"}}, "subcommand's name": {{Path: "flink " + strings.Repeat("x", 33), Help: "x"}},
		"parameter's name": {{Path: "flink x", Help: "x", Params: []bot.ParamSpec{{Name: "Job", Help: "x"}}}},
		"file":             {{Path: "flink x", Help: "x", Files: []string{".sql"}, Params: []bot.ParamSpec{{Name: "file", Help: "x"}}}},
		"twice":            {{Path: "flink x", Help: "x"}, {Path: "flink x y", Help: "x"}, {Path: "flink x show", Help: "x"}},
		"label":            {{Path: "flink x", Help: "x", Shortcut: &bot.Shortcut{Label: strings.Repeat("x", 33)}}},
	} {
		if _, err := Commands(specs); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// Descriptions give way before the command does.
	long = long[:5]
	cmds, err := Commands(long)
	if err != nil || cmds[0].size() > commandMax {
		t.Errorf("%d characters, %v", cmds[0].size(), err)
	}
}
