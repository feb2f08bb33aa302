package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/alerts/alertmanager"
)

// soakPeople press buttons and make silences. What a press came to is seen in the store; where that cannot be seen nothing is
// expected of it.
type soakPeople struct {
	r    *soakRig
	w    *soakWorld
	wg   sync.WaitGroup
	mu   sync.Mutex
	asks map[string]bool      // incidents with a press under way
	ack  map[string]time.Time // by incident: when it was seen to be acknowledged
}

// act lets somebody do something.
func (s *soakPeople) act(ctx context.Context, p *soakPlay) {
	all, err := soakIncidents(ctx, s.r.db, "incidents")
	var open []alerts.Incident
	for _, i := range all {
		if i.Open() {
			open = append(open, i)
		}
	}
	if err != nil || len(open) == 0 {
		return
	}
	i := open[p.rng.IntN(len(open))]
	switch n := p.rng.IntN(10); {
	case n < 4:
		s.press(ctx, p, i, "ack")
	case n < 6:
		s.press(ctx, p, i, "unack")
	case n < 7:
		s.slash(p, i, "/alerts silence "+i.ID+" 10m")
		s.w.hush(s.aboutOf(i), true)
	case n < 8:
		s.slash(p, i, "/alerts unsilence "+i.ID)
	case n < 9:
		s.silence(p, i)
	default:
		s.expire(p)
	}
}

func (s *soakPeople) aboutOf(i alerts.Incident) string {
	for _, a := range i.Alerts {
		if name := a.Labels["job_name"]; name != "" {
			return name
		}
		return a.Labels["alertname"]
	}
	return ""
}

// slash types a command, and does not mind what becomes of it.
func (s *soakPeople) slash(p *soakPlay, i alerts.Incident, line string) {
	p.note("%s", line)
	s.wg.Go(func() {
		_, _ = s.r.slack.Slash("U0OLGA", i.Targets[0].Place.Channel, line)
	})
}

// press acknowledges an incident or takes that back, and looks what came of it.
func (s *soakPeople) press(ctx context.Context, p *soakPlay, i alerts.Incident, verb string) {
	s.mu.Lock()
	busy := s.asks[i.ID]
	s.asks[i.ID] = true
	delete(s.ack, i.ID)
	s.mu.Unlock()
	if busy || len(i.Targets) == 0 {
		return
	}
	line := "/alerts " + verb + " " + i.ID
	p.note("%s", line)
	s.wg.Go(func() {
		_, _ = s.r.slack.Slash("U0OLGA", i.Targets[0].Place.Channel, line)
		time.Sleep(8 * time.Second) // longer than a drey may take until it gives up
		now, err := soakIncidents(ctx, s.r.db, "incidents")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asks[i.ID] = false
		for _, x := range now {
			if err == nil && x.ID == i.ID && x.Acked != nil {
				s.ack[i.ID] = time.Now()
			}
		}
	})
}

// silence makes a silence at one of the Alertmanagers.
func (s *soakPeople) silence(p *soakPlay, i alerts.Incident) {
	about, am := s.aboutOf(i), s.r.ams[p.rng.IntN(2)]
	name := "alertname"
	if i.About == "job" {
		name = "job_name"
	}
	raw, _ := json.Marshal(map[string]any{
		"matchers": []map[string]any{{"name": name, "value": about, "isRegex": false, "isEqual": true}}, "createdBy": "otto", "comment": "soak",
		"startsAt": time.Now().UTC(), "endsAt": time.Now().Add(10 * time.Minute).UTC(),
	})
	client := &http.Client{Timeout: time.Second}
	resp, err := client.Post(am.url+"/api/v2/silences", "application/json", bytes.NewReader(raw))
	p.note("silence %s at %s: %v", about, am.name, err)
	s.w.hush(about, true)
	if err == nil {
		_ = resp.Body.Close()
	}
}

// expire ends a silence at Alertmanager, whoever made it.
func (s *soakPeople) expire(p *soakPlay) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	am := s.r.ams[p.rng.IntN(2)]
	c, err := alertmanager.New(am.url, nil)
	if err != nil {
		return
	}
	list, err := c.Silences(ctx)
	for _, x := range list {
		if err == nil && x.Live() {
			p.note("expire %s of %s at %s: %v", x.ID, x.CreatedBy, am.name, c.Expire(ctx, x.ID))
			return
		}
	}
}

// quiet ends every silence, and says which are left.
func (s *soakPeople) quiet(ctx context.Context) error {
	for _, am := range s.r.ams {
		c, err := alertmanager.New(am.url, nil)
		if err != nil {
			return err
		}
		list, err := c.Silences(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", am.name, err)
		}
		for _, x := range list {
			if x.Live() {
				_ = c.Expire(ctx, x.ID)
				err = fmt.Errorf("%s had the silence %s of %s", am.name, x.ID, x.CreatedBy)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// acked are the incidents that were seen to be acknowledged.
func (s *soakPeople) acked() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ack
}
