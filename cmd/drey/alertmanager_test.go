package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform/local"
)

// alertmanagerVerb starts a real Alertmanager at ALERTMANAGER, which sends to drey's source main. It is to run before drey.
func alertmanagerVerb(ts *testscript.TestScript, _ bool, _ []string) {
	s := of(ts)
	am, err := local.Alertmanager(context.Background(), local.AlertmanagerOptions{
		WebhookURL: s.base() + "/webhooks/alertmanager/main", Token: ts.Getenv("TOKEN_WEBHOOK"),
		GroupBy: []string{"alertname", "cluster"}, GroupWait: 100 * time.Millisecond, GroupInterval: time.Second,
	})
	ts.Check(err)
	ts.Defer(am.Stop)
	ts.Setenv("ALERTMANAGER", am.URL())
	s.env = append(s.env, "ALERTMANAGER="+am.URL())
}

// fire NAME=VALUE…: Alertmanager has an alert with these labels.
func fire(ts *testscript.TestScript, _ bool, args []string) {
	labels := map[string]string{}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		labels[k] = v
	}
	raw, err := json.Marshal([]map[string]any{{
		"labels": labels, "annotations": map[string]string{"summary": labels["alertname"] + " happened"},
		"startsAt": time.Now().Add(-time.Second), "endsAt": time.Now().Add(10 * time.Minute),
	}})
	ts.Check(err)
	resp, err := http.Post(ts.Getenv("ALERTMANAGER")+"/api/v2/alerts", "application/json", bytes.NewReader(raw))
	ts.Check(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("Alertmanager answers %s", resp.Status)
	}
}

// silences LINE…: Alertmanager itself has exactly these silences in force, as "MATCHERS by PERSON", in any order.
func silences(ts *testscript.TestScript, _ bool, args []string) {
	c, err := alertmanager.New(ts.Getenv("ALERTMANAGER"), nil)
	ts.Check(err)
	slices.Sort(args)
	wait(ts, "silences", func(ctx context.Context) error {
		all, err := c.Silences(ctx)
		if err != nil {
			return err
		}
		var have []string
		for _, x := range all {
			if x.Live() {
				have = append(have, alertmanager.Matchers(x.Matchers).String()+" by "+x.CreatedBy)
			}
		}
		if slices.Sort(have); !slices.Equal(have, args) {
			return fmt.Errorf("Alertmanager has %q, want %q", have, args)
		}
		return nil
	})
}
