package discordbot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
)

// Receive implements bot.Network. Over HTTP it lets Handler take requests until ctx ends; over the gateway it keeps a
// connection, and returns an error when Discord refuses the token or what was asked for.
func (b *Bot) Receive(ctx context.Context, s bot.Sink) error {
	detach, err := b.attach(ctx, s)
	if err != nil {
		return err
	}
	defer detach()
	if b.o.Mode == ModeGateway {
		return b.listen(ctx, s)
	}
	<-ctx.Done()
	return nil
}

// Why an interaction was not taken; the texts are metric labels.
var (
	errUnreadable = errors.New("undecodable")
	errRepeated   = errors.New("repeated")
)

// The types of a first response.
const (
	respondPong     = int(discordgo.InteractionResponsePong)
	respondMessage  = int(discordgo.InteractionResponseChannelMessageWithSource)
	respondDeferred = int(discordgo.InteractionResponseDeferredChannelMessageWithSource)
	respondUpdate   = int(discordgo.InteractionResponseUpdateMessage)
	respondModal    = int(discordgo.InteractionResponseModal)
	respondChoices  = int(discordgo.InteractionApplicationCommandAutocompleteResult)
)

// firstResponse is the first response to an interaction.
type firstResponse struct {
	Type int `json:"type"`
	Data any `json:"data,omitempty"`
}

// whisper is a sentence for the person alone.
func whisper(text string) firstResponse {
	return firstResponse{Type: respondMessage, Data: map[string]any{
		"content": text, "flags": flagEphemeral, "allowed_mentions": map[string]any{"parse": []string{}},
	}}
}

// promised is the first response that says that an answer will come, for the person alone.
func promised() firstResponse {
	return firstResponse{Type: respondDeferred, Data: map[string]any{"flags": flagEphemeral}}
}

// read decodes an interaction. One whose details cannot be read still gets an answer, where it says how to give it: then
// in is there and err is too.
func read(raw []byte) (*interaction, error) {
	in := new(interaction)
	err := json.Unmarshal(raw, in)
	if err == nil {
		err = in.usable()
	}
	if err == nil {
		return in, nil
	}
	var envelope struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	if json.Unmarshal(raw, &envelope) != nil || !isSnowflake(envelope.ID) || envelope.Token == "" {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return &interaction{ID: envelope.ID, Token: envelope.Token}, fmt.Errorf("%w: %w", errUnreadable, err)
}

// intake is what the receiving half keeps.
type intake struct {
	pauses pauses
	keys   atomic.Pointer[keys]
	routes atomic.Pointer[routes]
	seen   seen
}

func newIntake(key string) *intake {
	in := &intake{pauses: defaultPauses()}
	k := keysOf(key)
	in.keys.Store(&k)
	in.routes.Store(routesOf(nil))
	return in
}

// proofs puts another public key into force.
func (in *intake) proofs(key string, now time.Time) {
	k := in.keys.Load().followed(key, now)
	in.keys.Store(&k)
}

// accept takes one interaction. It returns the gesture whose first response will come from a Reply, or else what answers
// at once. first is where that Reply goes, nil for REST. An error says that nobody answers.
func (b *Bot) accept(ctx context.Context, s bot.Sink, raw []byte, first chan any) (in *interaction, g *gesture, now any, err error) {
	in, err = read(raw)
	switch {
	case err != nil:
		b.o.OnRefused(errUnreadable.Error())
		b.log.Warn("interaction not understood", "network", Network, "error", err)
		if in == nil {
			return nil, nil, nil, err
		}
		return in, nil, whisper("drey could not read this. Nothing was done."), nil
	case in.Type == discordgo.InteractionPing:
		return in, nil, firstResponse{Type: respondPong}, nil
	case b.seen.mark(in.ID):
		b.o.OnRefused(errRepeated.Error())
		return in, nil, nil, errRepeated
	}
	completes := in.Type == discordgo.InteractionApplicationCommandAutocomplete
	foreign := len(b.o.Guilds) > 0 && in.GuildID != "" && !slices.Contains(b.o.Guilds, in.GuildID)
	switch {
	case foreign:
		b.o.OnRefused("guild")
		if completes {
			return in, nil, suggested(nil), nil
		}
		return in, nil, whisper("drey does not serve this server. Nothing was done."), nil
	case completes:
		return in, nil, b.suggest(ctx, s, in), nil
	}
	d := b.decode(ctx, in)
	if d.now != nil {
		return in, nil, d.now, nil
	}
	d.gesture.first = first
	d.event.Token = b.gestures.Keep(d.gesture, d.gesture.born)
	if d.opening != nil {
		b.open(ctx, d.gesture, *d.opening)
	}
	s.Deliver(ctx, d.event)
	return in, d.gesture, nil, nil
}

// open gives a first response that is no answer yet. Where that fails the answer is going to be the first response.
func (b *Bot) open(ctx context.Context, g *gesture, r firstResponse) {
	given, err := b.respond(ctx, g, r)
	if err != nil {
		b.log.Warn("question not put away", "network", Network, "event", g.id, "error", err)
	}
	if given {
		g.mu.Lock()
		g.aside = true
		g.mu.Unlock()
	}
}

// callback gives a first response by REST.
func (b *Bot) callback(ctx context.Context, id, token string, body any) error {
	return b.sender.do(ctx, "first response", http.MethodPost, "interactions/"+id+"/"+token+"/callback", body, nil)
}

// unknown answers what a person did in a way that drey does not know.
func (b *Bot) unknown(what string) firstResponse {
	b.o.OnRefused(what)
	return whisper("drey does not know what to do with this. Nothing was done.")
}

// seenMax is how many interactions are remembered at least, against those that come twice.
const seenMax = 10_000

// seen remembers the ids of the newest interactions: at least seenMax, at most twice that.
type seen struct {
	mu         sync.Mutex
	young, old map[string]struct{}
}

// mark notes id, and says whether it was known.
func (s *seen) mark(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.young[id]; ok {
		return true
	}
	if _, ok := s.old[id]; ok {
		return true
	}
	if s.young == nil || len(s.young) >= seenMax {
		s.old, s.young = s.young, make(map[string]struct{}, seenMax)
	}
	s.young[id] = struct{}{}
	return false
}
