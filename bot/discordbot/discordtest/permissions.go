package discordtest

import (
	"slices"
	"strconv"
)

// permissions are the bits of Discord's permissions that a chat bot meets.
func permissions() map[string]int64 {
	return map[string]int64{
		"ADMINISTRATOR": 1 << 3, "ADD_REACTIONS": 1 << 6, "VIEW_CHANNEL": 1 << 10, "SEND_MESSAGES": 1 << 11, "MANAGE_MESSAGES": 1 << 13, "EMBED_LINKS": 1 << 14,
		"ATTACH_FILES": 1 << 15, "READ_MESSAGE_HISTORY": 1 << 16, "MENTION_EVERYONE": 1 << 17, "USE_APPLICATION_COMMANDS": 1 << 31, "MANAGE_THREADS": 1 << 34,
		"CREATE_PUBLIC_THREADS": 1 << 35, "SEND_MESSAGES_IN_THREADS": 1 << 38,
	}
}

// granted are the bits of all permissions but those missing.
func granted(missing []string) string {
	var sum int64
	for name, bit := range permissions() {
		if !slices.Contains(missing, name) {
			sum |= bit
		}
	}
	return strconv.FormatInt(sum, 10)
}

// may says whether the bot has a permission in a channel; a thread has its parent's as well. It needs the lock.
func (d *Discord) may(c *channel, permission string) bool {
	if !slices.Contains(c.Missing, "ADMINISTRATOR") {
		return true
	}
	if slices.Contains(c.Missing, permission) {
		return false
	}
	parent := d.channels[c.parent]
	return parent == nil || !slices.Contains(parent.Missing, permission)
}

// open finds a channel that the bot can see and write to. It needs the lock.
func (d *Discord) open(id string) (*channel, error) {
	c := d.channels[id]
	if c == nil || c.Deleted || c.parent != "" && d.channels[c.parent].Deleted {
		return nil, known(errUnknownChannel)
	}
	if !d.may(c, "VIEW_CHANNEL") {
		return nil, known(errAccess)
	}
	return c, nil
}

// writable says why a message cannot be posted. It needs the lock.
func (d *Discord) writable(c *channel, files, embeds bool) error {
	send := "SEND_MESSAGES"
	if c.parent != "" {
		send = "SEND_MESSAGES_IN_THREADS"
	}
	switch {
	case c.kind == forumChannel:
		return known(errNotText)
	case !d.may(c, send):
		return known(errPermission)
	case files && !d.may(c, "ATTACH_FILES"), embeds && !d.may(c, "EMBED_LINKS"):
		return known(errPermission)
	case c.Locked && !d.may(c, "MANAGE_THREADS"):
		return known(errLocked)
	}
	return nil
}
