package slackbot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// skewMax is how far the clocks may be apart: Slack's signatures are good for five minutes.
const skewMax = time.Minute

// Doctor looks at Slack as drey sees it, and says what has to be mended: the tokens, their scopes, the clock, the
// channels that are spoken to, by name or id, and the user groups that roles are bound to. It changes nothing.
func (b *Bot) Doctor(ctx context.Context, places, groups []string) []bot.Finding {
	x := &examination{b: b, ctx: ctx}
	if !x.tokens() {
		return x.found
	}
	header, ok := x.auth()
	if !ok {
		return x.found
	}
	x.clock(header)
	x.scopes(header)
	if b.o.Mode == ModeSocket {
		x.socket()
	}
	for _, p := range places {
		if p != homeChannel { // everybody has one
			x.channel(p)
		}
	}
	if len(groups) > 0 {
		x.groups(groups)
	}
	return x.found
}

// examination is one run of Doctor.
type examination struct {
	b     *Bot
	ctx   context.Context
	found []bot.Finding
}

func (x *examination) well(what, format string, args ...any) {
	x.found = append(x.found, bot.Finding{What: "Slack: " + what, OK: true, Note: fmt.Sprintf(format, args...)})
}

func (x *examination) ill(what, note, mend string) {
	x.found = append(x.found, bot.Finding{What: "Slack: " + what, Note: note, Mend: mend})
}

// tokens looks at what kinds of tokens there are, without asking anybody.
func (x *examination) tokens() bool {
	o := x.b.creds.Load()
	before := len(x.found)
	switch kind := tokenKind(string(o.BotToken)); kind {
	case "xoxb":
	case "":
		x.ill("bot token", "there is none", "put the Bot User OAuth Token into slack.bot_token (OAuth & Permissions)")
	case "xapp":
		x.ill("bot token", "it is an app-level token, which begins with xapp-", "swap slack.bot_token and slack.app_token")
	case "xoxp":
		x.ill("bot token", "it is a user's token, which begins with xoxp-", "use the Bot User OAuth Token, which begins with xoxb-")
	default:
		x.ill("bot token", "it begins with "+kind+"-", "use the Bot User OAuth Token, which begins with xoxb-")
	}
	if x.b.o.Mode == ModeSocket {
		switch kind := tokenKind(string(o.AppToken)); kind {
		case "xapp":
		case "":
			x.ill("app token", "there is none", "make an app-level token with connections:write (Basic Information) and put it into slack.app_token")
		case "xoxb":
			x.ill("app token", "it is a bot token, which begins with xoxb-", "swap slack.bot_token and slack.app_token")
		default:
			x.ill("app token", "it begins with "+kind+"-", "use an app-level token, which begins with xapp-")
		}
	}
	return len(x.found) == before
}

// tokenKind is what a token begins with; nothing else of it may be told.
func tokenKind(token string) string {
	kind, _, ok := strings.Cut(token, "-")
	switch {
	case token == "":
		return ""
	case !ok || len(kind) > 5:
		return "something else than xoxb"
	}
	return kind
}

func (x *examination) auth() (http.Header, bool) {
	var me *slack.AuthTestResponse
	err := x.b.client.call(x.ctx, request{method: "auth.test"}, func(ctx context.Context, api *slack.Client) (err error) {
		me, err = api.AuthTestContext(ctx)
		return err
	})
	switch code := codeOf(err); {
	case err == nil:
		x.well("bot token", "drey is %s in %s", me.User, me.Team)
		return me.Header, true
	case code == codeNetwork || code == codeTimeout:
		x.ill("Web API", err.Error(), "let drey reach Slack over HTTPS, directly or through HTTPS_PROXY; look at slack.api_url")
	case code == "invalid_auth" || code == "not_authed":
		x.ill("bot token", "Slack does not know it", "copy the Bot User OAuth Token again (OAuth & Permissions)")
	case code == "token_revoked" || code == "token_expired" || code == "account_inactive":
		x.ill("bot token", "it is no longer good: "+code, "install the app into the workspace again, and copy its new Bot User OAuth Token")
	default:
		x.ill("bot token", err.Error(), "see what Slack says of auth.test and this error")
	}
	return nil, false
}

func (x *examination) clock(h http.Header) {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return // a proxy took it away
	}
	if skew := x.b.o.Now().Sub(theirs); skew.Abs() > skewMax {
		x.ill("clock", fmt.Sprintf("this machine's clock is %s off Slack's", skew.Abs().Round(time.Second)), "synchronise the clock (NTP): Slack's requests are refused when they seem old")
		return
	}
	x.well("clock", "within a minute of Slack's")
}

func (x *examination) scopes(h http.Header) {
	if h.Get("X-Oauth-Scopes") == "" {
		return // not told
	}
	var have []string
	for _, s := range strings.Split(h.Get("X-Oauth-Scopes"), ",") {
		have = append(have, strings.TrimSpace(s))
	}
	missing := 0
	for _, s := range scopes() {
		switch {
		case slices.Contains(have, s.name):
		case s.optional:
			x.well("scope "+s.name, "not granted; it is optional, %s", s.why)
		default:
			missing++
			x.ill("scope "+s.name, "missing; it is needed "+s.why, "add it under OAuth & Permissions, or paste the manifest of `drey slack manifest` again, then reinstall the app")
		}
	}
	if missing == 0 {
		x.well("scopes", "all that drey needs are granted")
	}
}

func (x *examination) socket() {
	err := x.b.client.call(x.ctx, request{method: "apps.connections.open"}, func(ctx context.Context, api *slack.Client) error {
		_, _, err := api.StartSocketModeContext(ctx)
		return err
	})
	switch codeOf(err) {
	case "":
		if err == nil {
			x.well("app token", "Socket Mode may be used")
			return
		}
	case "missing_scope", "not_allowed_token_type":
		x.ill("app token", "it may not open connections", "make an app-level token with the scope connections:write (Basic Information)")
		return
	case "invalid_auth", "not_authed", "token_revoked", "account_inactive":
		x.ill("app token", "Slack does not know it", "make a new app-level token with connections:write (Basic Information)")
		return
	case "socket_mode_not_enabled", "forbidden_team":
		x.ill("app token", "Socket Mode is switched off", "switch it on in the app's settings (Socket Mode)")
		return
	}
	x.ill("app token", err.Error(), "try again; if it stays so, look whether Socket Mode is switched on for the app")
}

// channel looks whether drey can speak in a place.
func (x *examination) channel(place string) {
	what := "channel " + place
	ids, err := x.b.Resolve(x.ctx, []string{place})
	if err != nil {
		x.ill(what, err.Error(), "write the channel's name or id as Slack shows it; type /invite @drey in a private one")
		return
	}
	var c *slack.Channel
	err = x.b.client.call(x.ctx, request{method: "conversations.info"}, func(ctx context.Context, api *slack.Client) (err error) {
		c, err = api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: ids[place]})
		return err
	})
	gone := new(bot.SendError)
	switch {
	case errors.As(err, &gone) && gone.Gone:
		x.ill(what, "it is not there, or it is private and drey is not in it", "look at the id; type /invite @drey in the channel")
	case err != nil:
		x.ill(what, err.Error(), "see the scopes above")
	case c.IsArchived:
		x.ill(what, "it is archived", "unarchive it, or choose another")
	case c.IsMember || c.IsIM:
		x.well(what, "drey is in #%s", c.Name)
	case !c.IsPrivate && x.may("chat:write.public"):
		x.well(what, "drey may post in #%s, and is not in it; type /invite @drey there so that people can speak to it", c.Name)
	default:
		x.ill(what, "drey is not in #"+c.Name, "type /invite @drey in #"+c.Name)
	}
}

// may says whether a scope was not found to be missing.
func (x *examination) may(scope string) bool {
	return !slices.ContainsFunc(x.found, func(f bot.Finding) bool {
		return f.What == "Slack: scope "+scope
	})
}

func (x *examination) groups(want []string) {
	all, err := x.b.client.userGroups(x.ctx)
	if err != nil {
		x.ill("user groups", err.Error(), "see the scopes above; user groups need a paid plan of Slack")
		return
	}
	for _, id := range want {
		i := slices.IndexFunc(all, func(g slack.UserGroup) bool { return g.ID == id })
		if i < 0 {
			x.ill("user group "+id, "there is none in use with this id", "take the id from the group's page in Slack (it begins with S); people of this role have no rights until then")
			continue
		}
		x.well("user group "+id, "@%s with %d members", all[i].Handle, len(all[i].Users))
	}
}
