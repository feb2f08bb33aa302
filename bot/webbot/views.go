package webbot

import (
	"html/template"
	"slices"

	"github.com/drey-ops/drey/bot"
)

// personView is somebody who may sign in.
type personView struct {
	ID, Name, Role string
	Me             bool
}

// channelView is a line of the sidebar.
type channelView struct {
	Name, Topic string
	Current     bool
	Unread      int
	Last        int64 // position of the newest message
}

// listView is the messages of a channel.
type listView struct {
	Channel  channelView
	Rows     []template.HTML
	First    int64 // position of the oldest one shown
	More     bool  // there are older ones
	Cursor   string
	Examples []example
	Read     int64
}

type example struct{ Line, Help string }

type threadView struct {
	Channel channelView
	ID      string
	Head    template.HTML
	Rows    []template.HTML
	Replies int
}

type pageView struct {
	Title    string
	Me       personView
	People   []personView
	Demo     bool
	Channels []channelView
	List     listView
	Thread   *threadView
	Asset    *assets
	Version  string
	FileMax  int64 // bytes that the files of one line may have together
	FilesMax int
}

// URL is for templates: the address of a script, style or picture.
func (a *assets) URL(name string) string { return a.url(name) }

func topic(channel string) string {
	switch channel {
	case "ops":
		return "Run, change and look after jobs"
	case "oncall":
		return "Alerts, one thread each, and what was done"
	case "analytics":
		return "SQL, results and drafts"
	}
	return ""
}

func (b *Bot) people(me string) []personView {
	var out []personView
	for _, u := range b.o.Users {
		out = append(out, personView{u.ID, u.Name, u.Role, u.ID == me})
	}
	return out
}

// trusted marks what renderMessage made with html/template.
func trusted(list []*entry) []template.HTML {
	out := make([]template.HTML, len(list))
	for i, e := range list {
		out[i] = template.HTML(e.html())
	}
	return out
}

func (b *Bot) list(f *feed, u User, before int64) listView {
	rows, more, at := f.page(u.ID, before, pageSize)
	v := listView{
		Channel: channelView{Name: f.channel, Topic: topic(f.channel)}, Rows: trusted(rows), More: more,
		Cursor: cursors{f.channel: at}.format([]string{f.channel}),
	}
	if len(rows) > 0 {
		v.First = rows[0].Pos
	} else if before == 0 {
		v.Examples = b.examples()
	}
	return v
}

// examples picks commands to begin with, no two of one kind.
func (b *Bot) examples() []example {
	specs, _ := b.published()
	var out []example
	for _, want := range []string{"flink jobs", "flink sql", "drey help", "drey whoami"} {
		i := slices.IndexFunc(specs, func(s bot.CommandSpec) bool { return s.Path == want && len(s.Examples) > 0 })
		if i >= 0 {
			out = append(out, example{specs[i].Examples[0], specs[i].Help})
		}
	}
	for _, s := range specs {
		if len(out) >= 4 {
			break
		}
		if len(s.Examples) > 0 && !slices.ContainsFunc(out, func(e example) bool { return e.Line == s.Examples[0] }) {
			out = append(out, example{s.Examples[0], s.Help})
		}
	}
	return out
}

func (b *Bot) threadView(f *feed, id string, u User) *threadView {
	head, replies, _ := f.thread(id, u.ID)
	if head == nil {
		return nil
	}
	return &threadView{
		Channel: channelView{Name: f.channel}, ID: id, Head: template.HTML(head.html()),
		Rows: trusted(replies), Replies: head.Replies,
	}
}

func (b *Bot) pageView(f *feed, thread string, u User, read map[string]int64) pageView {
	v := pageView{
		Title: f.channel, Demo: b.o.Login == LoginDemo, Asset: b.assets, Version: b.o.Version, FileMax: b.o.FileMax, FilesMax: filesMax,
		Me: personView{u.ID, u.Name, u.Role, true}, People: b.people(u.ID),
	}
	// The cursors are read before the rows: what comes between shows twice, which the page puts right, and never not.
	all := cursors{}
	for _, ch := range b.o.Channels {
		g := b.feeds[ch]
		all[ch] = g.cursor()
		last := g.last()
		v.Channels = append(v.Channels, channelView{
			Name: ch, Topic: topic(ch), Current: g == f, Unread: g.unread(u.ID, read[ch]), Last: last,
		})
	}
	v.List = b.list(f, u, 0)
	v.List.Cursor = all.format(b.o.Channels)
	v.List.Read = read[f.channel]
	if thread != "" {
		v.Thread = b.threadView(f, thread, u)
	}
	return v
}
