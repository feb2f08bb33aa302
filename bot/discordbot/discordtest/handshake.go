package discordtest

import (
	"crypto/rand"
	"encoding/json"
	"slices"
)

// The intents that there are, and those that an application has to be granted.
const (
	knownIntents      = 1<<17 - 1 | 1<<20 | 1<<21 | 1<<24 | 1<<25
	privilegedIntents = 1<<1 | 1<<8 | 1<<15
	guildsIntent      = 1 << 0
)

// identify opens a session.
func (l *line) identify(raw json.RawMessage) bool {
	var id struct {
		Token      string
		Intents    *int
		Properties map[string]any
		Compress   bool
		Shard      []int
	}
	err := json.Unmarshal(raw, &id)
	switch {
	case l.identified():
		l.d.offend("gateway: identified twice")
		return l.close(4005, "Already authenticated")
	case err != nil || id.Intents == nil || id.Properties == nil:
		l.d.offend("gateway: identify without intents or properties: %v", err)
		return l.close(4002, "Decode error")
	case bare(id.Token) != l.d.BotToken():
		return l.close(4004, "Authentication failed")
	case *id.Intents&^knownIntents != 0:
		l.d.offend("gateway: unknown intents %b", *id.Intents&^knownIntents)
		return l.close(4013, "Invalid intents")
	case *id.Intents&privilegedIntents != 0:
		l.d.offend("gateway: privileged intents %b, which nobody has granted", *id.Intents&privilegedIntents)
		return l.close(4014, "Disallowed intents")
	case id.Shard != nil && (len(id.Shard) != 2 || id.Shard[0] != 0 || id.Shard[1] != 1):
		return l.close(4010, "Invalid shard")
	}
	l.single.Store(id.Compress && l.stream == nil)
	s := &session{id: rand.Text(), intents: *id.Intents, line: l}
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	l.write(s.note("READY", mustJSON(l.d.readyJSON(s, l.d.wsURL()+"/resume"))))
	if s.intents&guildsIntent != 0 {
		l.write(s.note("GUILD_CREATE", mustJSON(l.d.joinedJSON())))
	}
	l.session = s
	l.d.gateway.opened++
	l.d.gateway.sessions = append(l.d.gateway.sessions, s)
	l.d.notify()
	return true
}

func (d *Discord) readyJSON(s *session, resumeURL string) object {
	return object{
		"v": 10, "user": d.userJSON(d.users[d.bot]), "guilds": []any{object{"id": d.guild, "unavailable": true}}, "session_id": s.id, "resume_gateway_url": resumeURL,
		"application": object{"id": d.app, "flags": 0}, "session_type": "normal", "private_channels": []any{}, "relationships": []any{},
	}
}

// joinedJSON is the guild as an event shows it.
func (d *Discord) joinedJSON() object {
	return with(d.guildJSON(), object{
		"joined_at": stamp(d.o.Now()), "large": false, "unavailable": false, "member_count": len(d.users), "voice_states": []any{}, "presences": []any{}, "stickers": []any{},
		"members":  []any{d.memberJSON(d.users[d.bot])},
		"channels": d.someChannels(func(c *channel) bool { return c.parent == "" && c.kind != directChannel }),
		"threads":  d.someChannels(func(c *channel) bool { return c.parent != "" && !c.Archived }),
	})
}

// resume goes on with a session: what was missed is sent again.
func (l *line) resume(raw json.RawMessage) bool {
	var r struct {
		Token     string
		SessionID string `json:"session_id"`
		Seq       int
	}
	err := json.Unmarshal(raw, &r)
	switch {
	case l.identified():
		l.d.offend("gateway: resumed a session that is open")
		return l.close(4005, "Already authenticated")
	case err != nil:
		return l.close(4002, "Decode error")
	case bare(r.Token) != l.d.BotToken():
		return l.close(4004, "Authentication failed")
	}
	if l.path != "/ws/resume" && l.path != "/ws/resume/" {
		l.d.offend("gateway: a session was resumed at another address than READY named")
	}
	l.d.mu.Lock()
	i := slices.IndexFunc(l.d.gateway.sessions, func(s *session) bool { return s.id == r.SessionID })
	if i < 0 {
		l.d.mu.Unlock()
		l.send(opInvalidSession, false)
		return true
	}
	s := l.d.gateway.sessions[i]
	if r.Seq > s.seq {
		l.d.mu.Unlock()
		l.d.offend("gateway: resumed from event %d of %d", r.Seq, s.seq)
		return l.close(4007, "Invalid seq")
	}
	for _, e := range s.events {
		if e.seq > r.Seq {
			l.write(e.body)
		}
	}
	l.write(s.note("RESUMED", []byte(`{}`)))
	if s.line != nil {
		s.line.close(4000, "Session resumed elsewhere")
	}
	s.line, l.session = l, s
	l.d.gateway.opened++
	l.d.notify()
	l.d.mu.Unlock()
	return true
}

// Sessions is how many connections to the gateway are open and identified.
func (d *Discord) Sessions() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, s := range d.gateway.sessions {
		if s.line != nil && !s.line.frozen {
			n++
		}
	}
	return n
}

// Connections is how many connections to the gateway there were so far that identified or resumed.
func (d *Discord) Connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gateway.opened
}

// openLines are the connections now. It takes the lock.
func (d *Discord) openLines() []*line {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []*line
	for l := range d.gateway.lines {
		out = append(out, l)
	}
	return out
}

// CloseGateway closes every connection with a code. A session can be resumed after it where Discord says so of the code.
func (d *Discord) CloseGateway(code int) {
	for _, l := range d.openLines() {
		switch code {
		case 1000, 1001, 4003, 4004, 4007, 4009, 4010, 4011, 4012, 4013, 4014:
			d.forget(l)
		}
		l.close(code, "closed by the test")
	}
}

// FreezeGateway lets the connections of now go dead without closing them: no heartbeat is acknowledged, no event sent.
func (d *Discord) FreezeGateway() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for l := range d.gateway.lines {
		l.frozen = true
	}
	d.notify()
}

// InvalidSession ends every session; the clients are told that they cannot resume it.
func (d *Discord) InvalidSession() {
	for _, l := range d.openLines() {
		d.forget(l)
		d.mu.Lock()
		l.session = nil // it may identify again on the same connection
		d.mu.Unlock()
		l.send(opInvalidSession, false)
	}
}

// Reconnect asks every client to connect anew and resume.
func (d *Discord) Reconnect() {
	for _, l := range d.openLines() {
		l.send(opReconnect, nil)
	}
}

// MalformedFrame sends every client something that is no payload.
func (d *Discord) MalformedFrame() {
	for _, l := range d.openLines() {
		l.write([]byte(`{"op":0,"d":{"unfinished":`))
	}
}
