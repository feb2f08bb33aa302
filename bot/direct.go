package bot

import "strings"

const directPrefix = "user:"

// Direct is the place of direct messages with a person, by their id: "slack:user:U0OLGA". A network that has direct messages
// takes it in Post, and answers with the place where the message really stands; the console has none.
func Direct(n NetworkID, id string) Place { return Place{Network: n, Channel: directPrefix + id} }

// Person is whose direct messages p is, where Direct made it.
func (p Place) Person() (id string, ok bool) { return strings.CutPrefix(p.Channel, directPrefix) }
