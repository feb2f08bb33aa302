package discordtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The kinds of interactions.
const (
	slashCommand   = 2
	componentPress = 3
	completion     = 4
	modalSubmit    = 5
)

const (
	answerWithin     = 3 * time.Second
	tokenAge         = 15 * time.Minute
	interactionsPath = "/discord/interactions"
)

// interaction is one gesture of a person, and what became of it.
type interaction struct {
	id, token     string
	kind          int
	user, channel string
	born          time.Time
	source        *message // whose component was pressed
	body          []byte

	answered bool
	dead     bool // nobody answered in time
	repeated bool // it was sent more than once
	answer   int  // the type of the first response
	original *message
	pending  bool // the first response was a promise to say something
	choices  []Choice
	modal    object
	refused  error
}

// ErrNoAnswer says that drey gave no first response in time: the client shows "The application did not respond".
var ErrNoAnswer = errors.New("the application did not respond")

// begin makes an interaction and notes it. It needs the lock.
func (d *Discord) begin(kind int, u *user, channelID string, data object, source *message) (*interaction, error) {
	c := d.channels[channelID]
	if c == nil || c.Deleted {
		return nil, fmt.Errorf("%s sees no channel %s", u.name, channelID)
	}
	it := &interaction{id: d.newID(), token: newToken("aW50ZXJhY3Rpb24") + newToken("x"), kind: kind, user: u.id, channel: channelID, born: d.o.Now(), source: source}
	permissions := granted([]string{"ADMINISTRATOR", "MANAGE_MESSAGES", "MANAGE_THREADS", "MENTION_EVERYONE"})
	if u.admin {
		permissions = granted(nil)
	}
	o := object{
		"id": it.id, "application_id": d.app, "type": kind, "token": it.token, "version": 1, "data": data,
		"channel_id": channelID, "channel": with(d.channelJSON(c), object{"permissions": permissions}), "locale": "en-US",
		"app_permissions": granted(c.Missing), "entitlements": []any{}, "attachment_size_limit": fileMax,
	}
	if c.kind == directChannel {
		o["user"], o["context"], o["authorizing_integration_owners"] = d.userJSON(u), 1, object{"0": "0"}
	} else {
		o["guild_id"], o["guild_locale"], o["context"] = d.guild, "en-US", 0
		o["guild"] = object{"id": d.guild, "locale": "en-US", "features": []any{}}
		o["member"] = with(d.memberJSON(u), object{"permissions": permissions})
		o["authorizing_integration_owners"] = object{"0": d.guild}
	}
	if source != nil {
		o["message"] = d.messageJSON(source)
	}
	if d.alter != nil {
		d.alter(o)
	}
	it.body = mustJSON(o)
	d.interactions[it.token] = it
	if kind != completion {
		d.newest = it
	}
	return it, nil
}

// Alter lets fn change every interaction before it is sent; nil ends it. It is for what this guild has not: another
// guild, a component of the future.
func (d *Discord) Alter(fn func(interaction map[string]any)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alter = fn
}

// deliver sends an interaction and waits for its first response.
func (d *Discord) deliver(it *interaction) error {
	ctx, cancel := context.WithTimeout(d.done, answerWithin)
	defer cancel()
	d.mu.Lock()
	to := d.requestURL
	d.mu.Unlock()
	if to == "" {
		if !d.dispatch("INTERACTION_CREATE", it.body) {
			return errors.New("no session is open at the gateway")
		}
	} else if err := d.request(ctx, to, it); err != nil {
		return d.expire(it, err)
	}
	if !d.until(ctx, func() bool { return it.answered || it.refused != nil }) {
		return d.expire(it, nil)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return it.refused
}

// expire ends an interaction that got no first response; one that got it by another way is well.
func (d *Discord) expire(it *interaction, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if it.answered {
		return nil
	}
	it.dead = true
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		return ErrNoAnswer
	}
	return err
}

// request posts an interaction to drey; what comes back is the first response, unless it is empty.
func (d *Discord) request(ctx context.Context, to string, it *interaction) error {
	stamp := strconv.FormatInt(d.o.Now().Unix(), 10)
	resp, err := d.send(ctx, to, it.body, stamp, d.Sign(stamp, it.body))
	if err != nil {
		return err
	}
	q := &request{Request: &http.Request{Method: "ANSWER", Header: resp.Header, Body: resp.Body}, d: d, route: "answer to an interaction"}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusNoContent {
		resp.Body.Close()
		return fmt.Errorf("drey answered an interaction with the status %d", resp.StatusCode)
	}
	if err := q.read(); err != nil {
		return fmt.Errorf("read the answer to an interaction: %w", err)
	}
	if q.raw == nil {
		return nil
	}
	d.mu.Lock()
	if it.answered && it.repeated { // the answer of the first time counts
		d.mu.Unlock()
		return nil
	}
	err = d.respond(q, it)
	d.mu.Unlock()
	d.warn(q)
	if err != nil {
		if asRefusal(err).offence {
			d.offend("the answer to an interaction: %v: %s", err, cut(string(q.raw), 2000))
		}
		return err
	}
	return nil
}

func (d *Discord) send(ctx context.Context, to string, body []byte, stamp, signature string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to+interactionsPath, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Discord-Interactions/1.0")
	r.Header.Set("X-Signature-Timestamp", stamp)
	r.Header.Set("X-Signature-Ed25519", signature)
	resp, err := d.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("post an interaction: %w", err)
	}
	return resp, nil
}

// Sign is the signature of a body at a time in Unix seconds, in hex.
func (d *Discord) Sign(stamp string, body []byte) string {
	return hex.EncodeToString(ed25519.Sign(d.key, append([]byte(stamp), body...)))
}

// Choice is one suggestion of an autocompletion.
type Choice struct {
	Name  string
	Value any
}

// Repeat sends the newest interaction once more, as after a lost answer or a resumed session. It waits for the first
// response, if there was none yet.
func (d *Discord) Repeat() error {
	d.mu.Lock()
	it := d.newest
	if it != nil {
		it.repeated = true
	}
	d.mu.Unlock()
	if it == nil {
		return errors.New("there was no interaction yet")
	}
	return d.deliver(it)
}

// Newest is the newest interaction as it was sent.
func (d *Discord) Newest() json.RawMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.newest == nil {
		return nil
	}
	return d.newest.body
}
