package slackbot

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// linksMax is how many links of one message get a card.
const linksMax = 5

// envelopeEvent is what the Events API wraps around an event.
type envelopeEvent struct {
	Type  string          `json:"type"`
	ID    string          `json:"event_id"`
	Time  int64           `json:"event_time"`
	Event json.RawMessage `json:"event"`
	Auths []struct {
		User string `json:"user_id"`
		Bot  bool   `json:"is_bot"`
	} `json:"authorizations"`
}

// typeOf is the type of the event within.
func (e envelopeEvent) typeOf() string {
	var v struct {
		Type string `json:"type"`
	}
	if err := lenient(e.Event, &v); err != nil {
		return ""
	}
	return v.Type
}

// notice takes events that nobody made to be answered: about people, and about drey's own standing.
func (b *Bot) notice(e envelopeEvent) bool {
	switch e.Type {
	case "app_rate_limited":
		b.log.Warn("Slack holds events back: there are too many", "network", Network)
		return true
	case "event_callback":
	default:
		return false
	}
	switch kind := e.typeOf(); kind {
	case "user_change", "team_join":
		var v struct {
			User idOnly `json:"user"`
		}
		if err := lenient(e.Event, &v); err == nil {
			b.people.changed(v.User.ID)
		}
	case "subteam_created", "subteam_updated", "subteam_members_changed":
		b.people.regrouped()
	case "tokens_revoked", "app_uninstalled":
		b.log.Error("Slack took drey's rights away", "network", Network, "event", kind)
	default:
		return false
	}
	return true
}

// fromEvent decodes an event that somebody made.
func (d decoder) fromEvent(e envelopeEvent) ([]taken, reason) {
	if e.Type != "event_callback" || e.ID == "" {
		return nil, refusedUnknown
	}
	for _, a := range e.Auths {
		if a.Bot && d.self == "" {
			d.self = a.User
		}
	}
	switch e.typeOf() {
	case "app_mention":
		return d.spoken(e, true)
	case "message":
		return d.spoken(e, false)
	case "app_home_opened":
		return d.home(e)
	case "link_shared":
		return d.links(e)
	}
	return nil, refusedUnknown
}

// spokenMessage is a message that was said to drey.
type spokenMessage struct {
	message
	Subtype     string         `json:"subtype"`
	User        string         `json:"user"`
	BotID       string         `json:"bot_id"`
	Channel     string         `json:"channel"`
	ChannelType string         `json:"channel_type"`
	Edited      *struct{}      `json:"edited"`
	Files       []uploadedFile `json:"files"`
}

// spoken decodes what was said to drey: with its name, or alone with it. In a channel the answer goes into a thread, so
// that it disturbs nobody else.
func (d decoder) spoken(e envelopeEvent, named bool) ([]taken, reason) {
	var m spokenMessage
	if err := lenient(e.Event, &m); err != nil {
		return nil, refusedMalformed
	}
	direct := m.ChannelType == "im" || m.ChannelType == "" && strings.HasPrefix(m.Channel, "D")
	switch {
	case m.User == "" || m.BotID != "" || m.User == d.self || m.Edited != nil: // drey's own words, other bots'
		return nil, ""
	case m.Subtype != "" && m.Subtype != "file_share" && m.Subtype != "thread_broadcast":
		return nil, ""
	case m.Channel == "" || m.TS == "":
		return nil, refusedMalformed
	case !named && !direct:
		return nil, ""
	}
	thread := m.ThreadTS
	if thread == "" && !direct {
		thread = m.TS
	}
	g := d.gesture(mention, m.User, m.Channel, thread)
	ev := d.event("said/"+m.Channel+"/"+m.TS, timeOf(m.TS), g)
	ev.Files = d.uploads(m.Files)
	ev.Call.Line = impliedLine(m.line(d.self, named), ev.Files)
	return []taken{{g, ev}}, ""
}

// impliedLine is what somebody means who drops a file and says nothing.
func impliedLine(line string, files []bot.Upload) string {
	if line != "" || len(files) != 1 {
		return line
	}
	switch name := strings.ToLower(files[0].Name); {
	case strings.HasSuffix(name, ".jar"):
		return "run"
	case strings.HasSuffix(name, ".sql"):
		return "sql"
	}
	return line
}

// home decodes the opening of the home tab.
func (d decoder) home(e envelopeEvent) ([]taken, reason) {
	var v struct {
		User string    `json:"user"`
		Tab  string    `json:"tab"`
		View shownView `json:"view"`
	}
	if err := lenient(e.Event, &v); err != nil || v.User == "" {
		return nil, refusedMalformed
	}
	if v.Tab != "home" && v.Tab != "" {
		return nil, ""
	}
	g := d.gesture(home, v.User, homeChannel, "")
	g.view = openView{id: v.View.ID, hash: v.View.Hash}
	ev := d.event("event/"+e.ID, timeOf(strconv.FormatInt(e.Time, 10)), g)
	ev.Call.Path = "drey home"
	return []taken{{g, ev}}, ""
}

// links decodes links in somebody's message: each is asked for by itself.
func (d decoder) links(e envelopeEvent) ([]taken, reason) {
	var v struct {
		User     string `json:"user"`
		Channel  string `json:"channel"`
		TS       string `json:"message_ts"`
		ThreadTS string `json:"thread_ts"`
		UnfurlID string `json:"unfurl_id"`
		Source   string `json:"source"`
		Links    []struct {
			URL    string `json:"url"`
			Domain string `json:"domain"`
		} `json:"links"`
	}
	if err := lenient(e.Event, &v); err != nil || v.User == "" || v.Channel == "" {
		return nil, refusedMalformed
	}
	if v.User == d.self {
		return nil, ""
	}
	var all []taken
	for i, l := range v.Links[:min(len(v.Links), linksMax)] {
		args, err := json.Marshal(map[string]string{"url": unescape(l.URL)}) // the unfurl wants it as it came
		if err != nil || l.URL == "" {
			continue
		}
		g := d.gesture(link, v.User, v.Channel, v.ThreadTS)
		g.links = []sharedLink{{url: l.URL, domain: l.Domain}}
		g.unfurl = unfurlTarget{channel: v.Channel, ts: v.TS, id: v.UnfurlID, source: v.Source}
		ev := d.event("event/"+e.ID+"/"+strconv.Itoa(i), timeOf(strconv.FormatInt(e.Time, 10)), g)
		ev.Call = bot.Call{Path: "drey link", Args: args}
		all = append(all, taken{g, ev})
	}
	return all, ""
}
