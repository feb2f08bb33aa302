package slackbot

import (
	"encoding/json"
	"time"
)

// submitWait is how long a sent modal may wait for its answer. Slack gives it 3 s, of which the way takes some.
const submitWait = 2400 * time.Millisecond

// ackMax is the longest body of an acknowledgement over a socket, in bytes: Slack drops longer ones without a word.
const ackMax = 19_000

// answered waits until g has the body of its acknowledgement, and makes one that says drey is at work when that takes too
// long: the answer comes into the same modal later.
func answered(g *gesture, shown shownView) any {
	timer := time.NewTimer(submitWait)
	defer timer.Stop()
	select {
	case body := <-g.ack:
		return fitting(body, shown)
	case <-timer.C:
	}
	if g.expire() {
		return waiting(shown)
	}
	return fitting(<-g.ack, shown) // it came at the last moment
}

// tooLong stands for a body that the transport cannot take.
type tooLong struct{}

func fitting(body any, shown shownView) any {
	if _, ok := body.(tooLong); ok {
		return waiting(shown)
	}
	return body
}

// waiting is the acknowledgement of a sent modal whose answer is still being made.
func waiting(shown shownView) any {
	meta, _ := readMeta(shown.Meta)
	return viewResponse{Action: "update", View: renderWaiting(shown.Title.Text, meta)}
}

// viewResponse answers a sent modal.
type viewResponse struct {
	Action string `json:"response_action"`
	View   any    `json:"view,omitempty"`
}

// encodeAck writes the body of an acknowledgement; nil is an empty one.
func encodeAck(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	return json.Marshal(body)
}

// encodesWithin says whether a body is at most so long.
func encodesWithin(body any, most int) bool {
	raw, err := encodeAck(body)
	return err == nil && len(raw) <= most
}
