package discordtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (d *Discord) wsURL() string { return "ws" + strings.TrimPrefix(d.srv.URL, "http") + "/ws" }

func (d *Discord) getGateway(*request) (int, any, error) {
	return http.StatusOK, object{"url": d.wsURL()}, nil
}

func (d *Discord) getGatewayBot(*request) (int, any, error) {
	return http.StatusOK, object{"url": d.wsURL(), "shards": 1, "session_start_limit": object{"total": 1000, "remaining": 999, "reset_after": 14400000, "max_concurrency": 1}}, nil
}

func (d *Discord) getMe(*request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return http.StatusOK, d.userJSON(d.users[d.bot]), nil
}

func (d *Discord) getApplication(*request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := object{
		"id": d.app, "name": "drey", "description": "", "icon": nil, "bot_public": false, "bot_require_code_grant": false, "verify_key": d.PublicKey(),
		"flags": 0, "bot": d.userJSON(d.users[d.bot]), "interactions_endpoint_url": nil, "summary": "", "team": nil,
		"approximate_guild_count": 1, "integration_types_config": object{"0": object{"oauth2_install_params": object{"scopes": []any{"applications.commands", "bot"}, "permissions": "0"}}},
	}
	if d.requestURL != "" {
		o["interactions_endpoint_url"] = d.requestURL + interactionsPath
	}
	return http.StatusOK, o, nil
}

func (d *Discord) getGuilds(*request) (int, any, error) {
	return http.StatusOK, []any{object{"id": d.guild, "name": "drey's guild", "owner": false, "permissions": granted([]string{"ADMINISTRATOR"}), "features": []any{}}}, nil
}

// postDirect names the channel of somebody's direct messages with drey.
func (d *Discord) postDirect(q *request) (int, any, error) {
	d.mu.Lock()
	u := d.users[text(q.body, "recipient_id")]
	d.mu.Unlock()
	if u == nil || u.bot {
		return 0, nil, badForm([]problem{wrong([]string{"recipient_id"}, "INVALID_RECIPIENT", "Invalid Recipient(s)")})
	}
	id := d.channelNamed(u.id, directChannel, nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	return http.StatusOK, d.channelJSON(d.channels[id]), nil
}

// inGuild says whether a call is about the guild that there is.
func (d *Discord) inGuild(q *request) error {
	if q.PathValue("guild") != d.guild {
		return known(errAccess)
	}
	return nil
}

func (d *Discord) getGuild(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return http.StatusOK, d.guildJSON(), d.inGuild(q)
}

func (d *Discord) getRoles(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return http.StatusOK, d.guildJSON()["roles"], d.inGuild(q)
}

func (d *Discord) getMember(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.users[q.PathValue("user")]
	if u == nil || u.outside {
		return 0, nil, &refusal{status: http.StatusNotFound, code: 10007, message: "Unknown Member"}
	}
	return http.StatusOK, d.memberJSON(u), d.inGuild(q)
}

func (d *Discord) getChannels(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return http.StatusOK, d.someChannels(func(c *channel) bool { return c.parent == "" && c.kind != directChannel }), d.inGuild(q)
}

func (d *Discord) getActive(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return http.StatusOK, object{"threads": d.someChannels(func(c *channel) bool { return c.parent != "" && !c.Archived }), "members": []any{}}, d.inGuild(q)
}

func (d *Discord) someChannels(want func(*channel) bool) []any {
	out := []any{}
	for _, c := range d.sortedChannels() {
		if want(c) && !c.Deleted && d.may(c, "VIEW_CHANNEL") {
			out = append(out, d.channelJSON(c))
		}
	}
	return out
}

func (d *Discord) sortedChannels() []*channel {
	var out []*channel
	for _, c := range d.channels {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *channel) int { return compareIDs(a.id, b.id) })
	return out
}

func (d *Discord) getChannel(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.open(q.PathValue("channel"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, d.channelJSON(c), nil
}

func (d *Discord) getMessages(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.open(q.PathValue("channel"))
	if err != nil {
		return 0, nil, err
	}
	if !d.may(c, "READ_MESSAGE_HISTORY") {
		return http.StatusOK, []any{}, nil
	}
	query := q.URL.Query()
	most := 50
	if s := query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 100 {
			return 0, nil, badForm([]problem{wrong([]string{"limit"}, "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")})
		}
		most = n
	}
	var all []*message
	for _, m := range d.inChannel(c.id) {
		before, after := query.Get("before"), query.Get("after")
		if m.viewer == "" && (before == "" || compareIDs(m.id, before) < 0) && (after == "" || compareIDs(m.id, after) > 0) {
			all = append(all, m)
		}
	}
	if query.Get("after") != "" {
		all = all[:min(most, len(all))]
	} else {
		all = all[max(0, len(all)-most):]
	}
	out := []any{}
	for _, m := range slices.Backward(all) { // newest first
		out = append(out, d.messageJSON(m))
	}
	return http.StatusOK, out, nil
}

func (d *Discord) getMessage(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, _, err := d.openMessage(q)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, d.messageJSON(m), nil
}
