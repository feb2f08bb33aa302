package discordtest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"

	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

// towards sends every request of discordgo, whose addresses are fixed, to the fake.
type towards struct{ base *url.URL }

func (t towards) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = t.base.Scheme, t.base.Host, t.base.Host
	return http.DefaultTransport.RoundTrip(r)
}

// client is the real discordgo, connected to d. handle answers interactions.
func client(t *testing.T, d *discordtest.Discord, handle func(s *discordgo.Session, i *discordgo.InteractionCreate)) *discordgo.Session {
	t.Helper()
	base, err := url.Parse(d.APIURL())
	if err != nil {
		t.Fatal(err)
	}
	s, err := discordgo.New("Bot " + d.BotToken())
	if err != nil {
		t.Fatal(err)
	}
	s.Client = &http.Client{Transport: towards{base}}
	s.Identify.Intents = discordgo.IntentsGuilds
	s.StateEnabled = false
	var wg sync.WaitGroup
	s.AddHandler(func(s *discordgo.Session, i *discordgo.InteractionCreate) { wg.Go(func() { handle(s, i) }) })
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.ShouldReconnectOnError = false
		s.Close()
		wg.Wait()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	wait(t, "a session", func() bool { return d.Sessions() == 1 })
	return s
}

func wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
	}
}

func quiet() *discordgo.MessageAllowedMentions {
	return &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}}
}

func TestDiscordgo(t *testing.T) {
	d := discordtest.New(t, discordtest.Options{})
	ops := d.Channel("ops")
	var mu sync.Mutex
	var got []*discordgo.InteractionCreate
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	s := client(t, d, func(s *discordgo.Session, i *discordgo.InteractionCreate) {
		mu.Lock()
		got = append(got, i)
		mu.Unlock()
		switch i.Type {
		case discordgo.InteractionApplicationCommand:
			check(s.InteractionRespond(i.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseDeferredChannelMessageWithSource}))
			content := "done `x`"
			_, err := s.InteractionResponseEdit(i.Interaction, &discordgo.WebhookEdit{Content: &content, AllowedMentions: quiet(), Components: &[]discordgo.MessageComponent{
				discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.Button{Label: "Go", CustomID: "go1"}}},
			}})
			check(err)
			_, err = s.FollowupMessageCreate(i.Interaction, true, &discordgo.WebhookParams{Content: "for you", Flags: discordgo.MessageFlagsEphemeral, AllowedMentions: quiet()})
			check(err)
		case discordgo.InteractionMessageComponent:
			check(s.InteractionRespond(i.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseModal, Data: &discordgo.InteractionResponseData{
				Title: "Sure?", CustomID: "m1", Components: []discordgo.MessageComponent{
					discordgo.Label{Label: "Name", Component: discordgo.TextInput{CustomID: "confirm", Style: discordgo.TextInputShort}},
				},
			}}))
		case discordgo.InteractionApplicationCommandAutocomplete:
			check(s.InteractionRespond(i.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionApplicationCommandAutocompleteResult, Data: &discordgo.InteractionResponseData{
				Choices: []*discordgo.ApplicationCommandOptionChoice{{Name: "orders (prod)", Value: "prod/orders"}},
			}}))
		case discordgo.InteractionModalSubmit:
			check(s.InteractionRespond(i.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseUpdateMessage, Data: &discordgo.InteractionResponseData{
				Content: "submitted", AllowedMentions: quiet(),
			}}))
		}
	})
	_, err := s.ApplicationCommandBulkOverwrite(d.ApplicationID(), d.Guild(), []*discordgo.ApplicationCommand{{Name: "flink", Description: "Flink", Options: []*discordgo.ApplicationCommandOption{{
		Type: discordgo.ApplicationCommandOptionSubCommand, Name: "savepoint", Description: "Take one", Options: []*discordgo.ApplicationCommandOption{
			{Type: discordgo.ApplicationCommandOptionString, Name: "job", Description: "which", Required: true, Autocomplete: true},
		},
	}}}})
	check(err)
	choices, err := d.Complete("ann", ops, "flink savepoint", "job", "ord", nil)
	if err != nil || len(choices) != 1 || choices[0].Value != "prod/orders" {
		t.Fatalf("choices %v, %v", choices, err)
	}
	check(d.Slash("ann", ops, "flink savepoint", map[string]any{"job": "orders"}))
	wait(t, "follow-up", func() bool { return len(d.See("ann", ops, "")) == 2 })
	if bob := d.See("bob", ops, ""); len(bob) != 1 || bob[0].Text != "done x" || strings.Join(bob[0].Buttons, ",") != "Go" {
		t.Fatalf("bob sees %+v", bob)
	}
	check(d.Click("bob", ops, "Go"))
	if m, ok := d.Modal("bob"); !ok || m.Text != "Sure?\nName" {
		t.Fatalf("modal %+v", m)
	}
	check(d.Submit("bob", map[string]string{"Name": "orders"}))
	if bob := d.See("bob", ops, ""); len(bob) != 1 || bob[0].Text != "submitted" || len(bob[0].Buttons) > 0 {
		t.Fatalf("bob sees %+v", bob)
	}
	if err := d.Submit("bob", nil); err == nil {
		t.Fatal("a modal was submitted twice")
	}
	threadsWithDiscordgo(t, d, s, ops)
}

func threadsWithDiscordgo(t *testing.T, d *discordtest.Discord, s *discordgo.Session, ops string) {
	t.Helper()
	m, err := s.ChannelMessageSendComplex(ops, &discordgo.MessageSend{
		Embeds: []*discordgo.MessageEmbed{{Title: "firing", Color: 0xff0000, Fields: []*discordgo.MessageEmbedField{{Name: "job", Value: "**orders**"}}}},
		Files:  []*discordgo.File{{Name: "a.txt", ContentType: "text/plain", Reader: strings.NewReader("hello")}}, AllowedMentions: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	th, err := s.MessageThreadStart(ops, m.ID, "incident", 1440)
	if err != nil || th.ID != m.ID {
		t.Fatal(th, err)
	}
	if _, err := s.MessageThreadStart(ops, m.ID, "incident", 1440); err == nil || !strings.Contains(err.Error(), "160004") {
		t.Fatal(err)
	}
	if _, err := s.ChannelMessageSendComplex(th.ID, &discordgo.MessageSend{Content: "in it", AllowedMentions: quiet()}); err != nil {
		t.Fatal(err)
	}
	no := true
	if _, err := s.ChannelEdit(th.ID, &discordgo.ChannelEdit{Name: "resolved", Archived: &no}); err != nil {
		t.Fatal(err)
	}
	all := d.Threads(ops)
	if len(all) != 1 || all[0].Name != "resolved" || !all[0].Archived || all[0].Parent != m.ID {
		t.Fatalf("threads %+v", all)
	}
	seen := d.See("ann", ops, "")
	last := seen[len(seen)-1]
	if last.Text != "firing\njob\norders\na.txt" || last.Color != 0xff0000 || last.Thread != m.ID {
		t.Fatalf("ann sees %+v", last)
	}
	if in := d.See("ann", ops, th.ID); len(in) != 1 || in[0].Text != "in it" {
		t.Fatalf("in the thread: %+v", in)
	}
}

// The real discordgo comes back after a lost connection. It does not after missed heartbeats: it closes with the code 1000,
// which ends the session, resumes it all the same, and waits for itself when it is told that the session is no more.
func TestGatewayTroubles(t *testing.T) {
	d := discordtest.New(t, discordtest.Options{})
	ops := d.Channel("ops")
	s := client(t, d, func(s *discordgo.Session, i *discordgo.InteractionCreate) {
		err := s.InteractionRespond(i.Interaction, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseChannelMessageWithSource, Data: &discordgo.InteractionResponseData{
			Content: "pong", AllowedMentions: quiet(),
		}})
		if err != nil {
			t.Error(err)
		}
	})
	if _, err := s.ApplicationCommandBulkOverwrite(d.ApplicationID(), "", []*discordgo.ApplicationCommand{{Name: "ping", Description: "Ping"}}); err != nil {
		t.Fatal(err)
	}
	for name, trouble := range map[string]func(){
		"close": func() { d.CloseGateway(4000) }, "reconnect": d.Reconnect,
	} {
		before := d.Connections()
		trouble()
		wait(t, "connection after "+name, func() bool { return d.Connections() > before && d.Sessions() == 1 })
		if err := d.Slash("ann", ops, "ping", nil); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
	if n := len(d.See("ann", ops, "")); n != 2 {
		t.Errorf("%d answers", n)
	}
}

func TestGatewayRefusals(t *testing.T) {
	var mu sync.Mutex
	var got []string
	d := discordtest.New(t, discordtest.Options{Violation: func(s string) { mu.Lock(); defer mu.Unlock(); got = append(got, s) }})
	for _, c := range []struct {
		name string
		hail string
		code int
	}{
		{"no intents", `{"op":2,"d":{"token":"TOKEN","properties":{}}}`, 4002},
		{"wrong token", `{"op":2,"d":{"token":"x","properties":{},"intents":1}}`, 4004},
		{"privileged", `{"op":2,"d":{"token":"TOKEN","properties":{},"intents":32768}}`, 4014},
		{"unknown intents", `{"op":2,"d":{"token":"TOKEN","properties":{},"intents":1073741824}}`, 4013},
		{"before identify", `{"op":3,"d":{}}`, 4003},
		{"unknown operation", `{"op":99,"d":{}}`, 4001},
		{"no JSON", `{`, 4002},
		{"too large", `{"op":1,"d":"` + strings.Repeat("x", 5000) + `"}`, 4002},
	} {
		ws := dial(t, d, "/ws", strings.ReplaceAll(c.hail, "TOKEN", d.BotToken()))
		var err error
		for err == nil {
			_, _, err = ws.ReadMessage()
		}
		if !websocket.IsCloseError(err, c.code) {
			t.Errorf("%s: %v, want %d", c.name, err, c.code)
		}
		ws.Close()
	}
}

// dial opens a connection to the gateway and says hail.
func dial(t *testing.T, d *discordtest.Discord, path, hail string) *websocket.Conn {
	t.Helper()
	at := "ws" + strings.TrimPrefix(strings.TrimSuffix(d.APIURL(), "/api/v10/"), "http") + path + "?v=10&encoding=json"
	ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	t.Cleanup(func() { ws.Close() })
	ws.SetReadDeadline(time.Now().Add(5 * time.Second))
	if err := ws.WriteMessage(websocket.TextMessage, []byte(hail)); err != nil {
		t.Fatal(err)
	}
	return ws
}

// next reads payloads until one of this operation or event comes.
func next(t *testing.T, ws *websocket.Conn, what string) object {
	t.Helper()
	for {
		var f object
		if err := ws.ReadJSON(&f); err != nil {
			t.Fatalf("no %s: %v", what, err)
		}
		if f["t"] == what || fmt.Sprint("op ", f["op"]) == what {
			return f
		}
	}
}

func TestGatewayByHand(t *testing.T) {
	d := discordtest.New(t, discordtest.Options{})
	hail := `{"op":2,"d":{"token":"` + d.BotToken() + `","properties":{},"intents":1}}`
	ws := dial(t, d, "/ws", hail)
	ready := next(t, ws, "READY")["d"].(object)
	next(t, ws, "GUILD_CREATE")
	beat := []byte(`{"op":1,"d":2}`)
	ws.WriteMessage(websocket.TextMessage, beat)
	next(t, ws, "op 11")
	d.FreezeGateway()
	if n := d.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	resume := fmt.Sprintf(`{"op":6,"d":{"token":%q,"session_id":%q,"seq":1}}`, d.BotToken(), ready["session_id"])
	again := dial(t, d, "/ws/resume", resume)
	next(t, again, "GUILD_CREATE") // it was missed, by that number
	next(t, again, "RESUMED")
	d.InvalidSession()
	if f := next(t, again, "op 9"); f["d"] != false {
		t.Errorf("got %v", f)
	}
	again.WriteMessage(websocket.TextMessage, []byte(hail))
	next(t, again, "READY")
	late := dial(t, d, "/ws/resume", resume)
	next(t, late, "op 9")
}
