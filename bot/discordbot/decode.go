package discordbot

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
)

// interaction is what Discord sends when a person does something. Only what drey reads is named; components are kept as
// they came, because kinds that are not known yet must not spoil the rest.
type interaction struct {
	ID        string                    `json:"id"`
	App       string                    `json:"application_id"`
	Type      discordgo.InteractionType `json:"type"`
	Token     string                    `json:"token"`
	GuildID   string                    `json:"guild_id"`
	ChannelID string                    `json:"channel_id"`
	Channel   *struct {
		ID       string                `json:"id"`
		Type     discordgo.ChannelType `json:"type"`
		ParentID string                `json:"parent_id"`
	} `json:"channel"`
	Member  *memberIn       `json:"member"`
	User    *userIn         `json:"user"`
	Message *messageIn      `json:"message"`
	Owners  json.RawMessage `json:"authorizing_integration_owners"`
	Data    dataIn          `json:"data"`
}

// memberIn is somebody in a server; with what a menu resolves, User is elsewhere.
type memberIn struct {
	User  *userIn  `json:"user"`
	Nick  string   `json:"nick"`
	Roles []string `json:"roles"`
}

type userIn struct {
	ID         string `json:"id"`
	Username   string `json:"username"`
	GlobalName string `json:"global_name"`
	Bot        bool   `json:"bot"`
}

type messageIn struct {
	ID          string          `json:"id"`
	ChannelID   string          `json:"channel_id"`
	App         string          `json:"application_id"`
	Content     string          `json:"content"`
	Flags       int             `json:"flags"`
	Components  json.RawMessage `json:"components"`
	Attachments []attachmentIn  `json:"attachments"`
}

type attachmentIn struct {
	ID       string `json:"id"`
	Filename string `json:"filename"`
	Size     int64  `json:"size"`
	URL      string `json:"url"`
}

// dataIn holds the fields of every kind of interaction; each uses some.
type dataIn struct {
	Name     string                           `json:"name"`
	Type     discordgo.ApplicationCommandType `json:"type"`
	TargetID string                           `json:"target_id"`
	Options  []optionIn                       `json:"options"`
	Resolved struct {
		Messages    map[string]messageIn    `json:"messages"`
		Attachments map[string]attachmentIn `json:"attachments"`
		Users       map[string]userIn       `json:"users"`
		Members     map[string]memberIn     `json:"members"`
	} `json:"resolved"`
	CustomID      string                  `json:"custom_id"`
	ComponentType discordgo.ComponentType `json:"component_type"`
	Values        []string                `json:"values"`
	Components    json.RawMessage         `json:"components"`
}

type optionIn struct {
	Name    string                                 `json:"name"`
	Type    discordgo.ApplicationCommandOptionType `json:"type"`
	Value   json.RawMessage                        `json:"value"`
	Focused bool                                   `json:"focused"`
	Options []optionIn                             `json:"options"`
}

// flagEphemeral marks a message that one person alone sees.
const flagEphemeral = int(discordgo.MessageFlagsEphemeral)

// discordEpoch is where the times in ids begin, in milliseconds.
const discordEpoch = 1420070400000

// bornAt returns the time in an id of Discord's.
func bornAt(id string) (time.Time, error) {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("id %.24q is no number", id)
	}
	return time.UnixMilli(int64(n>>22) + discordEpoch), nil
}

// person returns who did it. In a direct message nobody vouches for them, nor where the application was added by a person
// rather than by the server.
func (b *Bot) person(in *interaction) bot.Actor {
	u, m := in.User, in.Member
	if m != nil && m.User != nil {
		u = m.User
	}
	if u == nil {
		return bot.Actor{Network: Network}
	}
	a := actorOf(u, m)
	a.Outside = in.GuildID == "" && !b.o.DirectMessages || in.GuildID != "" && in.addedByPerson()
	return a
}

// actorOf is a user as a member of a server; m may be nil.
func actorOf(u *userIn, m *memberIn) bot.Actor {
	a := bot.Actor{Network: Network, ID: u.ID, Name: cmp.Or(u.GlobalName, u.Username)}
	if m != nil {
		a.Name, a.Groups = cmp.Or(m.Nick, a.Name), m.Roles
	}
	return a
}

// addedByPerson says whether the application came into the server with a person, not by its administrators.
func (in *interaction) addedByPerson() bool {
	var owners map[string]json.RawMessage
	if len(in.Owners) == 0 || json.Unmarshal(in.Owners, &owners) != nil {
		return false
	}
	_, server := owners["0"]
	_, person := owners["1"]
	return person && !server
}

// place returns where it was done. Space stays empty: ids of channels are unique by themselves.
func (in *interaction) place() bot.Place {
	p := bot.Place{Network: Network, Channel: in.ChannelID}
	c := in.Channel
	if c == nil {
		return p
	}
	if p.Channel == "" {
		p.Channel = c.ID
	}
	switch c.Type {
	case discordgo.ChannelTypeGuildNewsThread, discordgo.ChannelTypeGuildPublicThread, discordgo.ChannelTypeGuildPrivateThread:
		if c.ParentID != "" {
			p.Thread, p.Channel = p.Channel, c.ParentID
		}
	}
	return p
}

// usable says what is missing of an interaction that drey could act on.
func (in *interaction) usable() error {
	switch {
	case !isSnowflake(in.ID) || in.Token == "":
		return fmt.Errorf("interaction without an id or a token")
	case in.Type == discordgo.InteractionPing:
		return nil
	case in.place().Channel == "":
		return fmt.Errorf("interaction without a channel")
	}
	return nil
}

// argsOf turns options into the arguments of a call, and returns the ids of the files among them. Values keep their type.
func argsOf(options []optionIn) (args map[string]json.RawMessage, files []string, err error) {
	args = make(map[string]json.RawMessage, len(options))
	for _, o := range options {
		switch o.Type {
		case discordgo.ApplicationCommandOptionSubCommand, discordgo.ApplicationCommandOptionSubCommandGroup:
			return nil, nil, fmt.Errorf("subcommand %.40q stands where a value should", o.Name)
		case discordgo.ApplicationCommandOptionAttachment:
			files = append(files, textOf(o.Value))
		default:
			if v := strings.TrimSpace(string(o.Value)); v == "" || v == "null" || v[0] == '{' || v[0] == '[' {
				return nil, nil, fmt.Errorf("option %.40q is neither text, number nor true or false", o.Name)
			}
			args[o.Name] = o.Value
		}
	}
	return args, files, nil
}

// descend follows subcommands: the path as Discord knows it, and the options of the last one.
func (d *dataIn) descend() (path string, options []optionIn) {
	path, options = d.Name, d.Options
	for depth := 0; depth < 2 && len(options) == 1; depth++ {
		o := options[0]
		if o.Type != discordgo.ApplicationCommandOptionSubCommand && o.Type != discordgo.ApplicationCommandOptionSubCommandGroup {
			break
		}
		path, options = path+" "+o.Name, o.Options
	}
	return path, options
}

// textOf reads a JSON string, or any other scalar as it is written.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return strings.TrimSpace(string(raw))
}
