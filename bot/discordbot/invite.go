package discordbot

import (
	"net/url"
	"strconv"

	"github.com/bwmarrin/discordgo"
)

// permission is a right that drey needs in a channel.
type permission struct {
	bit  int64
	name string // as Discord's settings call it
	why  string
}

// permissions are those that drey needs where it speaks. The last is for forums alone.
func permissions() []permission {
	return []permission{
		{discordgo.PermissionViewChannel, "View Channel", "see the channel"},
		{discordgo.PermissionSendMessages, "Send Messages", "answer and post alerts"},
		{discordgo.PermissionEmbedLinks, "Embed Links", "show cards"},
		{discordgo.PermissionAttachFiles, "Attach Files", "send results as files and pictures"},
		{discordgo.PermissionReadMessageHistory, "Read Message History", "find its own messages again"},
		{discordgo.PermissionCreatePublicThreads, "Create Public Threads", "open a thread for each incident"},
		{discordgo.PermissionSendMessagesInThreads, "Send Messages in Threads", "tell the story of an incident in its thread"},
		{discordgo.PermissionManageThreads, "Manage Threads", "tag and close the posts of a forum"},
	}
}

// Invite is the address at which an administrator adds drey to a server, with no more rights than it needs. Manage Threads
// is not among them: it is needed in forums alone, and is given there.
func Invite(o Options) string {
	var bits int64
	for _, p := range permissions() {
		if p.bit != discordgo.PermissionManageThreads {
			bits |= p.bit
		}
	}
	q := url.Values{
		"client_id":   {o.ApplicationID},
		"permissions": {strconv.FormatInt(bits, 10)},
		"scope":       {"bot applications.commands"},
	}
	if len(o.Guilds) == 1 {
		q.Set("guild_id", o.Guilds[0])
	}
	return "https://discord.com/oauth2/authorize?" + q.Encode()
}
