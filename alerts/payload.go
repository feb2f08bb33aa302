package alerts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Payload is Alertmanager's webhook, version 4. Unknown fields are passed over.
type Payload struct {
	Version           string            `json:"version"`
	Receiver          string            `json:"receiver"`
	Status            string            `json:"status"`
	Alerts            []PayloadAlert    `json:"alerts"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	TruncatedAlerts   int               `json:"truncatedAlerts"`
	Reason            string            `json:"notification_reason"`

	odd int // alerts that cannot be read, counted among those left out
}

// PayloadAlert is one alert of a Payload.
type PayloadAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// errForeign is for JSON that is not Alertmanager's.
var errForeign = errors.New("not a webhook of Alertmanager")

// decodePayload reads one webhook. What it understands of other versions it takes, and of several alerts those that it can read: a
// webhook that is refused is lost with all of them.
func decodePayload(body []byte) (Payload, error) {
	var p Payload
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&p); err != nil {
		if p, err = decodeEach(body, err); err != nil {
			return p, err
		}
	} else if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return p, fmt.Errorf("%w: something follows the JSON object", errForeign)
	}
	if len(p.Alerts) == 0 {
		return p, fmt.Errorf("%w: it has no alerts", errForeign)
	}
	var bad error
	good := p.Alerts[:0]
	for i, a := range p.Alerts {
		switch {
		case len(a.Labels) == 0:
			bad = cmp.Or(bad, fmt.Errorf("%w: alerts[%d] has no labels", errForeign, i))
			continue
		case a.Status != Firing && a.Status != Resolved:
			bad = cmp.Or(bad, fmt.Errorf("%w: alerts[%d] has the status %.40q, want firing or resolved", errForeign, i, a.Status))
			continue
		case a.Fingerprint == "" || len(a.Fingerprint) > 64:
			a.Fingerprint = hashOf(sortedPairs(a.Labels)...)[:16]
		}
		good = append(good, a)
	}
	if len(good) == 0 {
		return p, bad
	}
	p.odd += len(p.Alerts) - len(good)
	p.Alerts, p.TruncatedAlerts = good, max(p.TruncatedAlerts, 0)+p.odd
	return p, nil
}

// decodeEach reads a webhook that cannot be read whole alert by alert. why is what was wrong, where that does not help.
func decodeEach(body []byte, why error) (Payload, error) {
	var each struct {
		Payload
		Alerts []json.RawMessage `json:"alerts"`
	}
	if json.Unmarshal(body, &each) != nil {
		return Payload{}, explainJSON(why)
	}
	p := each.Payload
	for _, raw := range each.Alerts {
		var a PayloadAlert
		if json.Unmarshal(raw, &a) == nil {
			p.Alerts = append(p.Alerts, a)
		}
	}
	if len(p.Alerts) == 0 {
		return p, explainJSON(why)
	}
	p.odd = len(each.Alerts) - len(p.Alerts)
	return p, nil
}

// explainJSON words an error of the decoder without the content of the body.
func explainJSON(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: malformed JSON at byte %d", errForeign, syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("%w: %.80s is a JSON %s", errForeign, kind.Field, kind.Value)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the JSON ends too early", errForeign)
	}
	return fmt.Errorf("%w: a value cannot be read", errForeign) // a time, most likely
}

// sortedPairs are k, v, k, v … by k.
func sortedPairs(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, strings.Compare)
	out := make([]string, 0, 2*len(m))
	for _, k := range keys {
		out = append(out, k, m[k])
	}
	return out
}
