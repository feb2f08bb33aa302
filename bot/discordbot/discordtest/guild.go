package discordtest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of channels that are known here.
const (
	textChannel  = 0
	publicThread = 11
	forumChannel = 15
)

// channel is a channel or a thread.
type channel struct {
	id, parent string
	kind       int
	ChannelState
	tags     []tag
	applied  []string
	archive  int
	owner    string
	newest   string
	oldEdits []time.Time
}

type tag struct{ id, name string }

// ChannelState is what a test may change about a channel or thread.
type ChannelState struct {
	Name string
	// Missing are the permissions that the bot lacks there, such as SEND_MESSAGES. At first it lacks what a careful invitation
	// does not ask for: MANAGE_THREADS, MANAGE_MESSAGES and ADMINISTRATOR.
	Missing    []string
	Archived   bool // threads
	Locked     bool // threads
	Deleted    bool
	RequireTag bool // forums
}

type user struct {
	id, name string
	bot      bool
	admin    bool
	outside  bool
	roles    []string
}

type role struct{ id, name string }

const epoch = 1420070400000 // of Discord's ids, in milliseconds

// newID makes a snowflake. It needs the lock, but in Start.
func (d *Discord) newID() string {
	d.lastID = max(d.lastID+1, (d.o.Now().UnixMilli()-epoch)<<22)
	return strconv.FormatInt(d.lastID, 10)
}

// Channel is the id of the text channel with this name; it is made when it is first asked for.
func (d *Discord) Channel(name string) string { return d.channelNamed(name, textChannel, nil) }

// ForumChannel is Channel for a forum with these tags.
func (d *Discord) ForumChannel(name string, tags ...string) string {
	return d.channelNamed(name, forumChannel, tags)
}

// DirectMessage is the id of the channel in which this person and drey are alone.
func (d *Discord) DirectMessage(name string) string {
	return d.channelNamed(d.User(name), directChannel, nil)
}

func (d *Discord) channelNamed(name string, kind int, tags []string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.channels {
		if c.Name == name && c.kind == kind && c.parent == "" {
			return c.id
		}
	}
	c := &channel{id: d.newID(), kind: kind, ChannelState: ChannelState{Name: name, Missing: []string{"MANAGE_THREADS", "MANAGE_MESSAGES", "ADMINISTRATOR"}}}
	for _, t := range tags {
		c.tags = append(c.tags, tag{d.newID(), t})
	}
	d.channels[c.id] = c
	return c.id
}

// ChangeChannel lets fn change a channel or a thread. It does nothing where there is none with this id.
func (d *Discord) ChangeChannel(id string, fn func(*ChannelState)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.channels[id]; c != nil {
		fn(&c.ChannelState)
		d.notify()
	}
}

// User is the id of the member with this name, who is made when first asked for; roles are names, and are added.
func (d *Discord) User(name string, roles ...string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.member(name)
	for _, r := range roles {
		if id := d.role(r); !slices.Contains(u.roles, id) {
			u.roles = append(u.roles, id)
		}
	}
	return u.id
}

// member finds a member by name or id, or makes one. It needs the lock.
func (d *Discord) member(name string) *user {
	if u := d.users[name]; u != nil {
		return u
	}
	for _, u := range d.users {
		if u.name == name && !u.bot {
			return u
		}
	}
	u := &user{id: d.newID(), name: name}
	d.users[u.id] = u
	return u
}

// named is the id of a member or bot by name or id; what names nobody is returned as it is. It needs the lock.
func (d *Discord) named(name string) string {
	for _, u := range d.users {
		if strings.EqualFold(u.name, name) && !u.outside {
			return u.id
		}
	}
	return name
}

// Leave takes a member out of the guild; what they once wrote stays.
func (d *Discord) Leave(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.member(name).outside = true
}

// App is the id of another application's bot of this name in the guild; it is made when first asked for.
func (d *Discord) App(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, u := range d.users {
		if u.name == name && u.bot && u.id != d.bot {
			return u.id
		}
	}
	u := &user{id: d.newID(), name: name, bot: true}
	d.users[u.id] = u
	return u.id
}

// Admin makes a member an administrator of the guild: every command is shown to them.
func (d *Discord) Admin(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.member(name).admin = true
}

// Role is the id of the role with this name; it is made when it is first asked for.
func (d *Discord) Role(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.role(name)
}

func (d *Discord) role(name string) string {
	for _, r := range d.roles {
		if r.name == name || r.id == name {
			return r.id
		}
	}
	r := &role{d.newID(), name}
	d.roles = append(d.roles, r)
	return r.id
}

// SetRoles gives a member these roles and no others.
func (d *Discord) SetRoles(name string, roles ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.member(name)
	u.roles = nil
	for _, r := range roles {
		u.roles = append(u.roles, d.role(r))
	}
}

// channelJSON is the channel as Discord shows it. It needs the lock.
func (d *Discord) channelJSON(c *channel) object {
	o := object{"id": c.id, "type": c.kind, "name": c.Name, "guild_id": d.guild, "flags": 0, "last_message_id": nil, "rate_limit_per_user": 0}
	if c.newest != "" {
		o["last_message_id"] = c.newest
	}
	if c.kind == directChannel {
		delete(o, "guild_id")
		delete(o, "name")
		o["recipients"] = []any{d.userJSON(d.users[c.Name])}
		return o
	}
	if c.parent != "" {
		o["parent_id"], o["owner_id"] = c.parent, c.owner
		o["thread_metadata"] = object{"archived": c.Archived, "locked": c.Locked, "auto_archive_duration": c.archive, "archive_timestamp": stamp(d.o.Now())}
		o["message_count"], o["member_count"] = len(d.inChannel(c.id)), 1
		o["applied_tags"] = slices.Concat([]string{}, c.applied)
		return o
	}
	o["position"], o["permission_overwrites"], o["nsfw"], o["topic"], o["parent_id"] = 0, d.overwrites(c), false, nil, nil
	if c.kind == forumChannel {
		tags := []any{}
		for _, t := range c.tags {
			tags = append(tags, object{"id": t.id, "name": t.name, "moderated": false, "emoji_id": nil, "emoji_name": nil})
		}
		o["available_tags"], o["default_forum_layout"] = tags, 0
		if c.RequireTag {
			o["flags"] = 16
		}
	}
	return o
}

// overwrites is what the bot lacks in a channel, as a denial to it alone.
func (d *Discord) overwrites(c *channel) []any {
	if !slices.Contains(c.Missing, "ADMINISTRATOR") {
		return []any{}
	}
	var deny int64
	for name, bit := range permissions() {
		if slices.Contains(c.Missing, name) {
			deny |= bit
		}
	}
	return []any{object{"id": d.bot, "type": 1, "allow": "0", "deny": strconv.FormatInt(deny, 10)}}
}

func (d *Discord) userJSON(u *user) object {
	return object{"id": u.id, "username": u.name, "global_name": nil, "discriminator": "0", "avatar": nil, "bot": u.bot, "public_flags": 0}
}

func (d *Discord) memberJSON(u *user) object {
	return object{
		"user": d.userJSON(u), "nick": nil, "avatar": nil, "roles": slices.Concat([]string{}, u.roles), "joined_at": stamp(time.UnixMilli(epoch)),
		"deaf": false, "mute": false, "flags": 0, "pending": false, "communication_disabled_until": nil,
	}
}

func (d *Discord) guildJSON() object {
	roles := []any{}
	for i, r := range d.roles {
		permissions := "0"
		if r.id == d.guild {
			permissions = granted([]string{"ADMINISTRATOR"})
		}
		roles = append(roles, object{"id": r.id, "name": r.name, "position": i, "permissions": permissions, "color": 0, "hoist": false, "managed": false, "mentionable": false, "flags": 0})
	}
	return object{
		"id": d.guild, "name": "drey's guild", "owner_id": "100000000000000001", "roles": roles, "emojis": []any{}, "features": []any{}, "preferred_locale": "en-US",
		"verification_level": 0, "default_message_notifications": 0, "explicit_content_filter": 0, "mfa_level": 0, "nsfw_level": 0, "premium_tier": 0, "afk_timeout": 300,
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000-07:00") }
