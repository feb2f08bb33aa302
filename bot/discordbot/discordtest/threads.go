package discordtest

import (
	"net/http"
	"slices"
	"strconv"
)

// Thread is a thread as people see it in the list of a channel.
type Thread struct {
	ID, Name, Parent string   // Parent is the message it hangs on; of a forum post, its first message
	Tags             []string // names, in the order they were applied
	Archived, Locked bool
}

// Threads are the threads of a channel or the posts of a forum, oldest first.
func (d *Discord) Threads(channel string) []Thread {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Thread
	for _, c := range d.sortedChannels() {
		if c.parent != channel || c.Deleted {
			continue
		}
		t := Thread{ID: c.id, Name: c.Name, Archived: c.Archived, Locked: c.Locked}
		if d.messages[c.id] != nil {
			t.Parent = c.id
		}
		for _, id := range c.applied {
			for _, g := range d.channels[channel].tags {
				if g.id == id {
					t.Tags = append(t.Tags, g.name)
				}
			}
		}
		out = append(out, t)
	}
	return out
}

// postThreadOn makes a thread on a message.
func (d *Discord) postThreadOn(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, c, err := d.openMessage(q)
	if err != nil {
		return 0, nil, err
	}
	if err := q.judged("CreateTextThreadWithMessageRequest"); err != nil {
		return 0, nil, err
	}
	if err := badForm(threadRules(q.body)); err != nil {
		return 0, nil, err
	}
	switch {
	case c.parent != "" || c.kind != textChannel:
		return 0, nil, &refusal{status: http.StatusBadRequest, code: 50024, message: "Cannot execute action on this channel type", offence: true}
	case !d.may(c, "CREATE_PUBLIC_THREADS"):
		return 0, nil, known(errPermission)
	case d.channels[m.id] != nil:
		return 0, nil, known(errHasThread)
	}
	m.flags |= flagThread
	t := d.newThread(m.id, c, q.body)
	return http.StatusCreated, d.channelJSON(t), nil
}

func threadRules(body object) []problem {
	var ps []problem
	if n := units(text(body, "name")); n < 1 || n > 100 {
		ps = append(ps, wrong([]string{"name"}, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."))
	}
	if n := number(body, "auto_archive_duration"); has(body, "auto_archive_duration") && !slices.Contains([]int{60, 1440, 4320, 10080}, n) {
		ps = append(ps, wrong([]string{"auto_archive_duration"}, "BASE_TYPE_CHOICES", "Value must be one of {60, 1440, 4320, 10080}."))
	}
	return ps
}

func (d *Discord) newThread(id string, parent *channel, body object) *channel {
	t := &channel{id: id, parent: parent.id, kind: publicThread, owner: d.bot, archive: 1440, ChannelState: ChannelState{Name: text(body, "name"), Missing: slices.Clone(parent.Missing)}}
	if has(body, "auto_archive_duration") {
		t.archive = number(body, "auto_archive_duration")
	}
	d.channels[id] = t
	d.notify()
	return t
}

// postThread makes a post in a forum, or a thread without a message.
func (d *Discord) postThread(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.open(q.PathValue("channel"))
	if err != nil {
		return 0, nil, err
	}
	schema := "CreateTextThreadWithoutMessageRequest"
	if c.kind == forumChannel {
		schema = "CreateForumThreadRequest"
	}
	if err := q.judged(schema); err != nil {
		return 0, nil, err
	}
	if err := badForm(threadRules(q.body)); err != nil {
		return 0, nil, err
	}
	if c.kind != forumChannel {
		return d.bareThread(c, q)
	}
	tags, err := d.tagsFor(c, q.body)
	if err != nil {
		return 0, nil, err
	}
	body := child(q.body, "message")
	switch {
	case body == nil:
		return 0, nil, badForm([]problem{wrong([]string{"message"}, "BASE_TYPE_REQUIRED", "This field is required")})
	case !d.may(c, "SEND_MESSAGES"), len(q.uploads) > 0 && !d.may(c, "ATTACH_FILES"):
		return 0, nil, known(errPermission)
	}
	id := d.newID()
	t := d.newThread(id, c, q.body)
	m, err := d.create(t, q, body)
	if err != nil {
		delete(d.channels, id)
		return 0, nil, err
	}
	delete(d.messages, m.id) // the first message has the id of its thread
	m.id, t.newest, c.newest, t.applied = id, id, id, tags
	d.keep(m)
	return http.StatusCreated, with(d.channelJSON(t), object{"message": d.messageJSON(m)}), nil
}

func (d *Discord) bareThread(c *channel, q *request) (int, any, error) {
	if !d.may(c, "CREATE_PUBLIC_THREADS") {
		return 0, nil, known(errPermission)
	}
	if n := number(q.body, "type"); n != publicThread {
		q.care = append(q.care, "the type "+strconv.Itoa(n)+" makes a thread that its members alone see")
	}
	return http.StatusCreated, d.channelJSON(d.newThread(d.newID(), c, q.body)), nil
}

// tagsFor checks the tags that a post is to have.
func (d *Discord) tagsFor(forum *channel, body object) ([]string, error) {
	tags := texts(body["applied_tags"])
	if len(tags) > 5 {
		return nil, badForm([]problem{wrong([]string{"applied_tags"}, "BASE_TYPE_MAX_LENGTH", "Must be 5 or fewer in length.")})
	}
	for i, id := range tags {
		if !slices.ContainsFunc(forum.tags, func(t tag) bool { return t.id == id }) {
			return nil, &refusal{status: http.StatusNotFound, code: 10087, message: "Unknown tag " + strconv.Itoa(i)}
		}
	}
	if forum.RequireTag && len(tags) == 0 {
		return nil, &refusal{status: http.StatusBadRequest, code: 40067, message: "A tag is required to create a forum post in this channel"}
	}
	return tags, nil
}

// patchChannel changes a thread; channels themselves are not for bots like this.
func (d *Discord) patchChannel(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.open(q.PathValue("channel"))
	if err != nil {
		return 0, nil, err
	}
	if c.parent == "" {
		return 0, nil, known(errPermission)
	}
	if err := q.judged("UpdateThreadRequestPartial"); err != nil {
		return 0, nil, err
	}
	if has(q.body, "name") {
		if err := badForm(threadRules(q.body)); err != nil {
			return 0, nil, err
		}
	}
	wakes := has(q.body, "archived") && !truth(q.body, "archived")
	manages := d.may(c, "MANAGE_THREADS")
	switch {
	case has(q.body, "locked") && truth(q.body, "locked") != c.Locked && !manages, wakes && c.Locked && !manages, c.owner != d.bot && !manages:
		return 0, nil, known(errPermission)
	case c.Archived && !wakes && len(q.body) > 0:
		return 0, nil, known(errArchived)
	}
	if _, ok := q.body["applied_tags"]; ok {
		if c.applied, err = d.tagsFor(d.channels[c.parent], q.body); err != nil {
			return 0, nil, err
		}
	}
	if has(q.body, "name") {
		c.Name = text(q.body, "name")
	}
	if has(q.body, "archived") {
		c.Archived = truth(q.body, "archived")
	}
	if has(q.body, "locked") {
		c.Locked = truth(q.body, "locked")
	}
	d.notify()
	return http.StatusOK, d.channelJSON(c), nil
}
