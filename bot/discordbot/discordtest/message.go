package discordtest

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flags of messages.
const (
	flagEmbeds    = 1 << 2 // suppresses embeds
	flagThread    = 1 << 5
	flagPrivate   = 1 << 6
	flagLoading   = 1 << 7
	flagSilent    = 1 << 12
	flagVersion2  = 1 << 15
	flagsSettable = flagEmbeds | flagPrivate | flagSilent | flagVersion2
)

// message is a message of a channel. What it says is what was asked for last, in the words of a request.
type message struct {
	id, channel, author string
	said                object // content, embeds, components, allowed_mentions
	flags               int
	files               []file
	nonce               any
	once                bool // nonce names it for a while
	at                  time.Time
	edited              time.Time
	viewer              string       // the one who sees an ephemeral message
	from                *interaction // of which it is an answer
	deleted             bool
}

type file struct {
	id, name, description, mime, path string
	size                              int
}

// inChannel are the messages of a channel, oldest first, ephemeral ones included. It needs the lock.
func (d *Discord) inChannel(id string) []*message {
	var out []*message
	for _, m := range d.messages {
		if m.channel == id && !m.deleted {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *message) int { return compareIDs(a.id, b.id) })
	return out
}

func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// change is what a request makes of a message: m as it was, and as it would be.
func (d *Discord) change(m *message, q *request, body object) (*message, error) {
	now := *m
	now.said = maps.Clone(m.said)
	if now.said == nil {
		now.said = object{}
	}
	for _, key := range []string{"content", "embeds", "components", "allowed_mentions"} {
		if v, ok := body[key]; ok {
			now.said[key] = v
		}
	}
	if has(body, "flags") {
		now.flags = m.flags&^flagEmbeds | number(body, "flags")&flagsSettable | m.flags&flagVersion2
	}
	problems := now.attach(d, q, body)
	problems = append(problems, messageRules(&now, m.flags, body)...)
	if err := badForm(problems); err != nil {
		return nil, err
	}
	if now.empty() {
		return nil, known(errEmpty)
	}
	return &now, nil
}

// attach makes the files of a request part of the message.
func (m *message) attach(d *Discord, q *request, body object) []problem {
	var problems []problem
	used := map[string]bool{}
	files := slices.Clone(m.files)
	if _, ok := body["attachments"]; ok {
		files = nil
		for i, a := range list(body, "attachments") {
			id := fmt.Sprint(a["id"])
			if k := slices.IndexFunc(m.files, func(f file) bool { return f.id == id }); k >= 0 {
				files = append(files, m.files[k])
				continue
			}
			u, ok := q.uploads[id]
			if !ok {
				problems = append(problems, wrong([]string{"attachments", strconv.Itoa(i)}, "ATTACHMENT_NOT_FOUND", "There is no file %s.", id))
				continue
			}
			used[id] = true
			if name := text(a, "filename"); name != "" {
				u.name = name
			}
			files = append(files, d.store(m.channel, u, text(a, "description")))
		}
	}
	for _, n := range slices.Sorted(maps.Keys(q.uploads)) {
		if !used[n] {
			files = append(files, d.store(m.channel, q.uploads[n], ""))
		}
	}
	if len(files) > 10 {
		problems = append(problems, wrong([]string{"attachments"}, "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."))
	}
	m.files = files
	return problems
}

// store keeps a file, to be had at its address.
func (d *Discord) store(channel string, u upload, description string) file {
	f := file{id: d.newID(), name: u.name, description: description, mime: u.mime, size: len(u.data)}
	f.path = fmt.Sprintf("/attachments/%s/%s/%s", channel, f.id, filepath.Base(u.name))
	d.uploads[f.path] = u.data
	return f
}

func (d *Discord) serveFile(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	data, ok := d.uploads[r.URL.Path]
	d.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(data)
}

func (m *message) empty() bool {
	return strings.TrimSpace(text(m.said, "content")) == "" && len(list(m.said, "embeds")) == 0 && len(list(m.said, "components")) == 0 && len(m.files) == 0
}

// messageJSON is the message as Discord shows it. It needs the lock.
func (d *Discord) messageJSON(m *message) object {
	files := []any{}
	for _, f := range m.files {
		files = append(files, d.fileJSON(f))
	}
	o := object{
		"id": m.id, "channel_id": m.channel, "type": 0, "content": text(m.said, "content"), "author": d.userJSON(d.users[m.author]), "flags": m.flags,
		"timestamp": stamp(m.at), "edited_timestamp": nil, "tts": false, "mention_everyone": false, "mentions": []any{}, "mention_roles": []any{}, "pinned": false,
		"attachments": files, "embeds": []any{}, "components": d.withIDs(m.said["components"]),
	}
	if e, ok := m.said["embeds"].([]any); ok {
		o["embeds"] = e
	}
	if !m.edited.IsZero() {
		o["edited_timestamp"] = stamp(m.edited)
	}
	if m.nonce != nil {
		o["nonce"] = m.nonce
	}
	if t := d.channels[m.id]; t != nil && t.id == m.id {
		o["thread"] = d.channelJSON(t)
	}
	if m.from != nil {
		o["webhook_id"], o["application_id"] = d.app, d.app
		if m.from.kind == slashCommand {
			o["type"] = 20
		}
		o["interaction_metadata"] = object{"id": m.from.id, "type": m.from.kind, "user": d.userJSON(d.users[m.from.user]), "authorizing_integration_owners": object{"0": d.guild}}
	}
	return o
}

func (d *Discord) fileJSON(f file) object {
	u := d.srv.URL + f.path
	o := object{"id": f.id, "filename": f.name, "size": f.size, "url": u, "proxy_url": u, "content_type": f.mime}
	if f.description != "" {
		o["description"] = f.description
	}
	return o
}

// withIDs gives every component an id, as Discord does.
func (d *Discord) withIDs(components any) []any {
	all, ok := clone(components).([]any)
	if !ok {
		return []any{}
	}
	n := 0
	var give func(v any)
	give = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				give(x)
			}
		case object:
			if has(v, "type") {
				n++
				v["id"] = n
			}
			give(v["components"])
			give(v["accessory"])
		}
	}
	give(all)
	return all
}
