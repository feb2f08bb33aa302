package discordbot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bwmarrin/discordgo"
)

// guildIn is a server as far as rights depend on it.
type guildIn struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	OwnerID string `json:"owner_id"`
	Roles   []struct {
		ID          string `json:"id"`
		Name        string `json:"name"`
		Permissions string `json:"permissions"`
	} `json:"roles"`

	mine []string // ids of the bot's roles
}

type channelIn struct {
	ID         string                `json:"id"`
	Type       discordgo.ChannelType `json:"type"`
	Name       string                `json:"name"`
	GuildID    string                `json:"guild_id"`
	ParentID   string                `json:"parent_id"`
	Overwrites []overwriteIn         `json:"permission_overwrites"`
}

type overwriteIn struct {
	ID    string `json:"id"`
	Type  int    `json:"type"` // 0: a role, 1: a person
	Allow string `json:"allow"`
	Deny  string `json:"deny"`
}

// look reads a server and which roles the bot has there.
func (c *checkup) look(ctx context.Context, id string) (guildIn, error) {
	var g guildIn
	if err := c.get(ctx, "guilds/"+id, &g); err != nil {
		return g, err
	}
	var member struct {
		Roles []string `json:"roles"`
	}
	if err := c.get(ctx, "guilds/"+id+"/members/"+c.me, &member); err != nil {
		return g, err
	}
	g.mine = member.Roles
	return g, nil
}

// channel looks whether drey can do in a channel what it has to.
func (c *checkup) channel(ctx context.Context, id string) {
	what := "Discord: channel " + id
	if !isSnowflake(id) {
		c.bad(what, "Write discord:ID with the channel's id: Discord shows it by Copy Channel ID once Developer Mode is on.", "this is no id of a channel")
		return
	}
	ch, err := c.read(ctx, id)
	if e := new(apiError); errors.As(err, &e) && (e.status == http.StatusNotFound || e.status == http.StatusForbidden) {
		c.bad(what, "Give drey View Channel there, or take the channel out of the configuration.", "it does not exist, or drey may not see it")
		return
	}
	if err != nil {
		c.unanswered(what, err)
		return
	}
	what = fmt.Sprintf("Discord: channel #%s (%s)", ch.Name, id)
	g, ok := c.in[ch.GuildID]
	if !ok {
		c.bad(what, "Add the server to discord.guilds, or take the channel out of the configuration.", "it is in a server that drey does not serve")
		return
	}
	switch ch.Type {
	case discordgo.ChannelTypeGuildText, discordgo.ChannelTypeGuildNews, discordgo.ChannelTypeGuildForum, discordgo.ChannelTypeGuildVoice:
	default:
		c.bad(what, "Name a text channel or a forum.", "nothing can be posted in a channel of this kind")
		return
	}
	missing := missingIn(g, ch, c.me)
	for _, p := range missing {
		c.bad(what, fmt.Sprintf("Give drey's role %s in the settings of the channel, page Permissions.", p.name), "drey may not %s", p.why)
	}
	if len(missing) == 0 {
		c.good(what, "drey may do all it has to")
	}
}

// read reads a channel; a thread has the rights of the channel it is in.
func (c *checkup) read(ctx context.Context, id string) (channelIn, error) {
	var ch channelIn
	if err := c.get(ctx, "channels/"+id, &ch); err != nil {
		return ch, err
	}
	switch ch.Type {
	case discordgo.ChannelTypeGuildNewsThread, discordgo.ChannelTypeGuildPublicThread, discordgo.ChannelTypeGuildPrivateThread:
		var parent channelIn
		if err := c.get(ctx, "channels/"+ch.ParentID, &parent); err != nil {
			return ch, err
		}
		parent.Name = ch.Name
		return parent, nil
	}
	return ch, nil
}

// missingIn are the permissions that drey lacks in a channel.
func missingIn(g guildIn, ch channelIn, me string) []permission {
	have := rightsIn(g, ch, me)
	forum := ch.Type == discordgo.ChannelTypeGuildForum
	var out []permission
	for _, p := range permissions() {
		if have&p.bit == 0 && (forum || p.bit != discordgo.PermissionManageThreads) {
			out = append(out, p)
		}
	}
	return out
}

// rightsIn computes permissions as Discord's documentation has it: those of all roles, then what the channel denies and
// allows to everyone, to the roles together, and to the member.
func rightsIn(g guildIn, ch channelIn, me string) int64 {
	const all = int64(-1)
	if g.OwnerID == me {
		return all
	}
	var have int64
	for _, r := range g.Roles {
		if r.ID == g.ID || slices.Contains(g.mine, r.ID) {
			have |= bits(r.Permissions)
		}
	}
	if have&discordgo.PermissionAdministrator != 0 {
		return all
	}
	var deny, allow int64
	for _, o := range ch.Overwrites {
		if o.ID == g.ID {
			have = have&^bits(o.Deny) | bits(o.Allow)
		} else if o.Type == 0 && slices.Contains(g.mine, o.ID) {
			deny, allow = deny|bits(o.Deny), allow|bits(o.Allow)
		}
	}
	have = have&^deny | allow
	for _, o := range ch.Overwrites {
		if o.Type == 1 && o.ID == me {
			have = have&^bits(o.Deny) | bits(o.Allow)
		}
	}
	return have
}

func bits(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// roles looks whether the roles of the policy are there.
func (c *checkup) roles(ids []string) {
	known := map[string]string{}
	for _, g := range c.in {
		for _, r := range g.Roles {
			known[r.ID] = r.Name
		}
	}
	var names []string
	for _, id := range ids {
		if name, ok := known[id]; ok {
			names = append(names, name)
			continue
		}
		c.bad("Discord: role "+id, "Put the id of a role there: Discord shows it by Copy Role ID once Developer Mode is on.", "no server of drey's has such a role")
	}
	if len(names) > 0 {
		c.good("Discord: roles", "%s", strings.Join(names, ", "))
	}
}
