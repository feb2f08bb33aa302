package discordbot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// TestDoctorFindsAllWell looks at a Discord where everything is as it should be.
func TestDoctorFindsAllWell(t *testing.T) {
	d := discordtest.New(t, discordtest.Options{RequestURL: "http://127.0.0.1:9"})
	b := newIn(t, d, ModeHTTP, func(o *Options) { o.Guilds = []string{d.Guild()} })
	if _, err := b.Register(t.Context(), treeSpecs(t), false); err != nil {
		t.Fatal(err)
	}
	places := []string{"discord:" + d.Channel("ops")}
	for _, f := range b.Doctor(t.Context(), places, []string{d.Role("ops")}) {
		if !f.OK || f.Note == "" || f.Mend != "" {
			t.Errorf("%+v", f)
		}
	}
	d.ChangeChannel(d.Channel("ops"), func(s *discordtest.ChannelState) { s.Missing = append(s.Missing, "ATTACH_FILES") })
	f := b.Doctor(t.Context(), append(places, d.ForumChannel("incidents")), nil)
	if n := len(f); !strings.Contains(f[n-2].Mend, "Attach Files") || !strings.Contains(f[n-1].Mend, "Manage Threads") {
		t.Errorf("%+v", f[n-2:])
	}
}

func TestDoctorFindsWhatIsWrong(t *testing.T) {
	d := discordtest.New(t, discordtest.Options{})
	b := newIn(t, d, ModeHTTP, func(o *Options) {
		o.Guilds = []string{"123"}
		o.PublicKey = strings.Repeat("ab", 32)
		o.Now = func() time.Time { return time.Now().Add(time.Hour) }
	})
	found := findings(t, b.Doctor(t.Context(), []string{"discord:ops", "discord:42"}, []string{"999"}))
	for _, what := range []string{
		"Discord: public key", "Discord: interactions endpoint", "Discord: clock", "Discord: server 123", "Discord: commands",
		"Discord: channel ops", "Discord: channel 42", "Discord: role 999",
	} {
		if f, ok := found[what]; (!ok || f.OK || f.Mend == "") && what != "Discord: commands" {
			t.Errorf("%s: %+v", what, f)
		}
	}
	d.Rotate()
	if got := b.Doctor(t.Context(), nil, nil); len(got) != 1 || got[0].OK || !strings.Contains(got[0].Mend, "bot_token") {
		t.Errorf("%+v", got)
	}
}

func findings(t *testing.T, all []bot.Finding) map[string]bot.Finding {
	t.Helper()
	out := map[string]bot.Finding{}
	for _, f := range all {
		t.Logf("%v %s: %s / %s", f.OK, f.What, f.Note, f.Mend)
		out[f.What] = f
	}
	return out
}

// TestDoctorPermissions computes what roles and overwrites come to.
func TestDoctorPermissions(t *testing.T) {
	const me, everyone, role = "100", "500", "701"
	g := func(base, mine string) guildIn {
		var g guildIn
		raw := fmt.Sprintf(`{"id":%q,"owner_id":"1","roles":[{"id":%q,"permissions":%q},{"id":%q,"permissions":%q}]}`, everyone, everyone, base, role, mine)
		if err := json.Unmarshal([]byte(raw), &g); err != nil {
			t.Fatal(err)
		}
		g.mine = []string{role}
		return g
	}
	var all int64
	for _, p := range permissions() {
		all |= p.bit
	}
	full := fmt.Sprint(all)
	view, threads := fmt.Sprint(1<<10), fmt.Sprint(1<<38)
	for name, c := range map[string]struct {
		guild   guildIn
		channel channelIn
		missing string
	}{
		"all":                       {g(full, "0"), channelIn{}, ""},
		"by the role":               {g("0", full), channelIn{}, ""},
		"administrator":             {g("0", "8"), channelIn{Overwrites: []overwriteIn{{ID: everyone, Deny: full}}}, ""},
		"denied to everyone":        {g(full, "0"), channelIn{Overwrites: []overwriteIn{{ID: everyone, Deny: view}}}, "View Channel"},
		"given back to the role":    {g(full, "0"), channelIn{Overwrites: []overwriteIn{{ID: role, Allow: view}, {ID: everyone, Deny: view}}}, ""},
		"denied to the role":        {g(full, "0"), channelIn{Overwrites: []overwriteIn{{ID: role, Deny: threads}}}, "Send Messages in Threads"},
		"given back to the member":  {g(full, "0"), channelIn{Overwrites: []overwriteIn{{ID: me, Type: 1, Allow: threads}, {ID: role, Deny: threads}}}, ""},
		"of another role":           {g(full, "0"), channelIn{Overwrites: []overwriteIn{{ID: "702", Deny: full}}}, ""},
		"no tags in a text channel": {g(fmt.Sprint(all&^(1<<34)), "0"), channelIn{}, ""},
		"no tags in a forum":        {g(fmt.Sprint(all&^(1<<34)), "0"), channelIn{Type: 15}, "Manage Threads"},
	} {
		var names []string
		for _, p := range missingIn(c.guild, c.channel, me) {
			names = append(names, p.name)
		}
		if got := strings.Join(names, ", "); got != c.missing {
			t.Errorf("%s: missing %q, want %q", name, got, c.missing)
		}
	}
}

// TestDoctorOnChannels looks at channels of a Discord that only answers.
func TestDoctorOnChannels(t *testing.T) {
	answers := map[string]string{
		"users/@me": `{"id":"100","username":"drey"}`, "applications/@me": `{"id":"100","name":"drey","verify_key":""}`,
		"gateway/bot": `{"url":"wss://x","session_start_limit":{"total":1000,"remaining":3}}`, "gateway": `{}`,
		"users/@me/guilds": `[{"id":"500","name":"ours"}]`, "guilds/500/members/100": `{"roles":["701"]}`,
		"guilds/500":   `{"id":"500","owner_id":"1","roles":[{"id":"500","permissions":"0"},{"id":"701","name":"drey","permissions":"377957240832"}]}`,
		"channels/600": `{"id":"600","type":0,"name":"ops","guild_id":"500","permission_overwrites":[{"id":"500","type":0,"deny":"32768","allow":"0"}]}`,
		"channels/601": `{"id":"601","type":4,"name":"group","guild_id":"500"}`,
		"channels/602": `{"id":"602","type":0,"name":"far","guild_id":"501"}`,
		"channels/603": `{"id":"603","type":11,"name":"talk","guild_id":"500","parent_id":"600"}`,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			a = `{"code":10003,"message":"Unknown Channel"}`
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(a))
	}))
	defer srv.Close()
	b, _ := newHTTPWith(t, func(o *Options) { o.Mode, o.APIURL, o.PublicKey = ModeGateway, srv.URL, "" })
	defer b.sender.client.CloseIdleConnections()
	found := findings(t, b.Doctor(t.Context(), []string{"discord:600", "601", "602", "603", "604"}, []string{"701"}))
	for what, part := range map[string]string{
		"Discord: channel #ops (600)": "files", "Discord: channel #group (601)": "kind", "Discord: channel #far (602)": "does not serve",
		"Discord: channel #talk (603)": "files", "Discord: channel 604": "does not exist", "Discord: gateway": "3 of 1000",
	} {
		if f := found[what]; f.OK || !strings.Contains(f.Note, part) || f.Mend == "" {
			t.Errorf("%s: %+v", what, f)
		}
	}
	if !found["Discord: roles"].OK {
		t.Error("the role is there")
	}
}

func TestInvite(t *testing.T) {
	got := Invite(Options{ApplicationID: "100", Guilds: []string{"500"}})
	want := "https://discord.com/oauth2/authorize?client_id=100&guild_id=500&permissions=309237763072&scope=bot+applications.commands"
	if got != want {
		t.Errorf("%s", got)
	}
}
