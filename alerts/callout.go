package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const calloutQueue storage.Queue = "alerts-callout"

const (
	calloutBatch = 8
	// calloutWithin is how long a webhook's server may take.
	calloutWithin = 10 * time.Second
	// calloutTries is how often it is called; the pauses double from calloutPause up to calloutMost, a quarter of an hour in all.
	calloutTries = 9
	calloutPause = 5 * time.Second
	calloutMost  = 5 * time.Minute
)

// Callout is what the webhook of an escalation's step is sent. Fields may be added.
type Callout struct {
	Version  string            `json:"version"` // "1"
	ID       string            `json:"id"`      // of this step, the same in every try; also the header Idempotency-Key
	Incident string            `json:"incident"`
	Title    string            `json:"title"`
	Text     string            `json:"text"` // the incident in one sentence
	Severity string            `json:"severity,omitempty"`
	State    string            `json:"state"`
	Labels   map[string]string `json:"labels,omitempty"` // common to all that fires
	Since    time.Time         `json:"since"`
	Chain    string            `json:"escalation"`
	Step     int               `json:"step"` // from 1
	Steps    int               `json:"steps"`
	At       time.Time         `json:"at"`
	// Incidents is how many a storm has; 0: Incident is one, and not a storm.
	Incidents int `json:"incidents,omitempty"`
}

// calling is a Callout on its way.
type calling struct {
	Body  Callout `json:"body"`
	Tries int     `json:"tries"`
}

func (s *Service) callings() storage.Table[calling] {
	return storage.Table[calling]{DB: s.db, Name: "alerts-callouts", TTL: 24 * time.Hour}
}

// callOut puts the webhook of the step that c has just done on its way, with the transaction that does the step.
func (s *Service) callOut(tx *storage.Tx, i *Incident, c *Climb) {
	id := fmt.Sprintf("%s/%d/%s/%d/%d", i.root(), i.Seq, c.Chain, c.Since.UnixMilli(), c.Next)
	s.callings().Put(tx, id, calling{Body: Callout{
		Version: "1", ID: id, Incident: i.ID, Title: i.Title, Text: headline(i), Severity: i.Severity, State: i.State(), Labels: i.Labels,
		Since: i.Since, Chain: c.Chain, Step: c.Next, Steps: c.Steps, At: s.hooks.Now(),
	}}, storage.Any)
	tx.Enqueue(calloutQueue, id, time.Time{})
}

func (s *Service) callouts(ctx context.Context, items []storage.Item) {
	var wg sync.WaitGroup
	for _, it := range items {
		wg.Go(func() { s.warn(ctx, it, s.calloutOne(ctx, it)) })
	}
	wg.Wait()
}

// calloutOne calls a webhook once. Killed in the middle it is called again, with the same id.
func (s *Service) calloutOne(ctx context.Context, it storage.Item) error {
	c, was, err := s.callings().Get(ctx, it.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return s.finish(ctx, it)
	}
	if err != nil {
		return err // the lease runs out, and somebody tries again
	}
	again, err := s.callWebhook(ctx, c.Body)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // drey stops: the lease runs out, and somebody tries again
	}
	c.Tries++
	switch {
	case err == nil:
		tx := s.db.Begin(storage.Root(it.ID))
		tx.Finish(it)
		s.callings().Delete(tx, it.ID, was)
		return s.db.Commit(ctx, tx)
	case again && c.Tries < calloutTries:
		tx := s.db.Begin(storage.Root(it.ID))
		s.callings().Put(tx, it.ID, c, was)
		tx.ReleaseAfter(it, min(calloutPause<<(c.Tries-1), calloutMost))
		return s.db.Commit(ctx, tx)
	}
	s.log.Error("an escalation's webhook is given up", "incident", c.Body.Incident, "step", c.Body.Step, "err", err)
	why := bot.Textf("**Webhook not delivered** (step %d of %d of the escalation `%s`): %s. Tried %d times.", c.Body.Step, c.Body.Steps, c.Body.Chain, err.Error(), c.Tries)
	told := story{kind: storyEscalated, tone: bot.Bad, text: why}
	done := func(tx *storage.Tx) {
		tx.Finish(it)
		s.callings().Delete(tx, it.ID, was)
	}
	if key, ok := stormKey(c.Body.Incident); ok {
		err = s.tellStorm(ctx, key, told, done)
	} else {
		_, err = s.change(ctx, storage.Root(it.ID), func(i *Incident, tx *storage.Tx) ([]story, error) {
			done(tx)
			if i.ID != c.Body.Incident {
				return nil, nil
			}
			return []story{told}, nil
		})
	}
	if errors.Is(err, storage.ErrNotFound) {
		return s.finish(ctx, it)
	}
	return err
}

// callWebhook sends c to the webhook of its step. Its error does not say where that is; again means that another try may help.
func (s *Service) callWebhook(ctx context.Context, c Callout) (again bool, err error) {
	steps := s.pipeline.routes.chains[c.Chain].steps
	if c.Step > len(steps) || steps[c.Step-1].webhook == "" {
		return false, errors.New("the configuration no longer has it")
	}
	body, err := json.Marshal(c)
	if err != nil {
		return false, fmt.Errorf("write the incident as JSON: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, calloutWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(steps[c.Step-1].webhook), bytes.NewReader(body))
	if err != nil {
		return false, errors.New("its address is not understood")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", c.ID)
	req.Header.Set("User-Agent", "drey")
	resp, err := s.caller.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return true, fmt.Errorf("its server did not answer within %s", calloutWithin)
		}
		return true, errors.New("its server does not answer") // the error itself bears the address
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return false, nil
	default:
		return code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code == http.StatusConflict, fmt.Errorf("its server answered %d", code)
	}
}

// newCaller makes the client for webhooks: it follows no redirect, which would turn a POST into a GET, or lead elsewhere.
func newCaller(base *http.Client) *http.Client {
	c := &http.Client{Timeout: calloutWithin, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if base != nil {
		c.Transport = base.Transport
	}
	return c
}
