package discordtest

import (
	"net/http"
	"slices"
	"time"
)

// nonceAge is how long a nonce is known: the documentation says a few minutes.
const nonceAge = 3 * time.Minute

func (d *Discord) postMessage(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.open(q.PathValue("channel"))
	if err != nil {
		return 0, nil, err
	}
	if err := q.judged("MessageCreateRequest"); err != nil {
		return 0, nil, err
	}
	if err := d.writable(c, len(q.uploads) > 0, len(list(q.body, "embeds")) > 0); err != nil {
		return 0, nil, err
	}
	if m := d.repeated(c, q.body); m != nil {
		return http.StatusOK, d.messageJSON(m), nil
	}
	m, err := d.create(c, q, q.body)
	if err != nil {
		return 0, nil, err
	}
	m.nonce, m.once = q.body["nonce"], truth(q.body, "enforce_nonce")
	return http.StatusOK, d.messageJSON(m), nil
}

// repeated is the message that was posted with the same nonce a short while ago.
func (d *Discord) repeated(c *channel, body object) *message {
	if !truth(body, "enforce_nonce") || body["nonce"] == nil {
		return nil
	}
	for _, m := range d.inChannel(c.id) {
		if m.once && m.nonce == body["nonce"] && d.o.Now().Sub(m.at) < nonceAge {
			return m
		}
	}
	return nil
}

// create makes an ordinary message of the bot's. It needs the lock.
func (d *Discord) create(c *channel, q *request, body object) (*message, error) {
	if n := body["nonce"]; truth(body, "enforce_nonce") && n == nil {
		q.care = append(q.care, "enforce_nonce without a nonce does nothing")
	}
	if ref := text(child(body, "message_reference"), "message_id"); ref != "" && (d.messages[ref] == nil || d.messages[ref].deleted) {
		return nil, badForm([]problem{wrong([]string{"message_reference"}, "REPLIES_UNKNOWN_MESSAGE", "Unknown message")})
	}
	if err := badForm(mentionRules(body)); err != nil {
		return nil, err
	}
	blank := &message{id: d.newID(), channel: c.id, author: d.bot, at: d.o.Now()}
	m, err := d.change(blank, q, body)
	if err != nil {
		return nil, err
	}
	q.care = append(q.care, m.care(body, false)...)
	m.flags &^= flagPrivate
	d.keep(m)
	return m, nil
}

// keep puts a message into its channel, which it wakes if it is an archived thread. It needs the lock.
func (d *Discord) keep(m *message) {
	d.messages[m.id] = m
	c := d.channels[m.channel]
	if m.viewer == "" {
		c.newest = m.id
		c.Archived = false
	}
	d.notify()
}

// openMessage finds the message that a call is about, and its channel. It needs the lock.
func (d *Discord) openMessage(q *request) (*message, *channel, error) {
	c, err := d.open(q.PathValue("channel"))
	if err != nil {
		return nil, nil, err
	}
	m := d.messages[q.PathValue("message")]
	if m == nil || m.deleted || m.channel != c.id || m.viewer != "" {
		return nil, nil, known(errUnknownMessage)
	}
	return m, c, nil
}

func (d *Discord) patchMessage(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, c, err := d.openMessage(q)
	if err != nil {
		return 0, nil, err
	}
	if err := q.judged("MessageEditRequestPartial"); err != nil {
		return 0, nil, err
	}
	switch {
	case m.author != d.bot:
		return 0, nil, known(errNotOurs)
	case c.Archived:
		return 0, nil, known(errArchived)
	}
	if now := d.o.Now(); now.Sub(m.at) > time.Hour {
		c.oldEdits = slices.DeleteFunc(c.oldEdits, func(t time.Time) bool { return now.Sub(t) > time.Hour })
		if len(c.oldEdits) >= d.o.OldEdits {
			return 0, nil, known(errOldEdits)
		}
		c.oldEdits = append(c.oldEdits, now)
	}
	if err := d.edit(m, q, q.body, false); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, d.messageJSON(m), nil
}

// edit changes a message in place. It needs the lock.
func (d *Discord) edit(m *message, q *request, body object, interaction bool) error {
	if err := badForm(mentionRules(body)); err != nil {
		return err
	}
	private := m.flags & flagPrivate
	now, err := d.change(m, q, body)
	if err != nil {
		return err
	}
	q.care = append(q.care, now.care(body, interaction)...)
	if interaction && has(body, "flags") && number(body, "flags")&flagPrivate != private && number(body, "flags")&flagPrivate != 0 {
		q.care = append(q.care, "who sees a message cannot be changed any more")
	}
	now.flags = now.flags&^(flagPrivate|flagLoading) | private
	now.edited = d.o.Now()
	*m = *now
	d.notify()
	return nil
}

func (d *Discord) deleteMessage(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, c, err := d.openMessage(q)
	if err != nil {
		return 0, nil, err
	}
	if m.author != d.bot && !d.may(c, "MANAGE_MESSAGES") {
		return 0, nil, known(errPermission)
	}
	m.deleted = true
	d.notify()
	return http.StatusNoContent, nil, nil
}

// Delete removes a message, as a person may.
func (d *Discord) Delete(_, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.messages[id]; m != nil {
		m.deleted = true
		d.notify()
	}
}

// Say is a person writing a message; it returns its id.
func (d *Discord) Say(name, channel, content string, files map[string]FileUpload) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := &message{id: d.newID(), channel: channel, author: d.member(name).id, said: object{"content": content}, at: d.o.Now()}
	for n, f := range files {
		if f.Name == "" {
			f.Name = n
		}
		m.files = append(m.files, d.store(channel, upload{f.Name, f.MIME, f.Data}, ""))
	}
	d.keep(m)
	return m.id
}

// FileUpload is a file that a person gives.
type FileUpload struct {
	Name, MIME string
	Data       []byte
}
