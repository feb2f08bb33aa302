package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drey-ops/drey/alerts/alertmanager"
	"github.com/drey-ops/drey/platform/local"
)

// alertmanagerVerb starts a real Alertmanager at ALERTMANAGER, which sends to drey's source main. It is to run before drey.
// `alertmanager crash` kills it as kill -9 does and starts it again: it has lost what it was told since it began.
func alertmanagerVerb(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	if len(args) == 1 && args[0] == "crash" {
		s.am.Kill()
		ts.Check(s.am.Restart(context.Background()))
		return
	}
	am, err := local.Alertmanager(context.Background(), local.AlertmanagerOptions{
		WebhookURL: s.base() + "/webhooks/alertmanager/main", Token: ts.Getenv("TOKEN_WEBHOOK"),
		GroupBy: []string{"alertname", "cluster"}, GroupWait: 100 * time.Millisecond, GroupInterval: time.Second,
	})
	ts.Check(err)
	ts.Defer(am.Stop)
	s.am = am
	ts.Setenv("ALERTMANAGER", am.URL())
	s.env = append(s.env, "ALERTMANAGER="+am.URL())
}

// fire NAME=VALUE…: Alertmanager has an alert with these labels. A value such as Disk{1-12} makes one for each number. `! fire`: it
// has ended.
func fire(ts *testscript.TestScript, neg bool, args []string) {
	starts, ends := time.Now(), time.Now().Add(10*time.Minute) // Alertmanager takes what overlaps for one firing
	if neg {
		starts, ends = starts.Add(-time.Second), starts.Add(-time.Millisecond)
	}
	from, to, name := 0, 0, ""
	labels := map[string]string{}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		labels[k] = v
		if open := strings.IndexByte(v, '{'); open >= 0 {
			if _, err := fmt.Sscanf(v[open:], "{%d-%d}", &from, &to); err != nil {
				ts.Fatalf("%s: want a range such as Disk{1-12}", a)
			}
			name, labels[k] = k, v[:open]
		}
	}
	var all []map[string]any
	for n := from; n <= to; n++ {
		one := maps.Clone(labels)
		if name != "" {
			one[name] += strconv.Itoa(n)
		}
		all = append(all, map[string]any{
			"labels": one, "annotations": map[string]string{"summary": one["alertname"] + " happened"}, "startsAt": starts, "endsAt": ends,
		})
	}
	raw, err := json.Marshal(all)
	ts.Check(err)
	resp, err := http.Post(ts.Getenv("ALERTMANAGER")+"/api/v2/alerts", "application/json", bytes.NewReader(raw))
	ts.Check(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("Alertmanager answers %s", resp.Status)
	}
}

// silences [past] LINE…: Alertmanager itself has exactly these silences in force (past: that ended), as "MATCHERS by PERSON", in any
// order.
func silences(ts *testscript.TestScript, _ bool, args []string) {
	past := len(args) > 0 && args[0] == "past"
	if past {
		args = args[1:]
	}
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
			if x.Live() != past {
				have = append(have, alertmanager.Matchers(x.Matchers).String()+" by "+x.CreatedBy)
			}
		}
		if slices.Sort(have); !slices.Equal(have, args) {
			return fmt.Errorf("Alertmanager has %q, want %q", have, args)
		}
		return nil
	})
}

// outlive: a silence that Alertmanager has in force now is still in force, or another in its place, after it would have ended.
func outlive(ts *testscript.TestScript, _ bool, _ []string) {
	c, err := alertmanager.New(ts.Getenv("ALERTMANAGER"), nil)
	ts.Check(err)
	var until time.Time
	wait(ts, "outlive", func(ctx context.Context) error {
		all, err := c.Silences(ctx)
		if err != nil {
			return err
		}
		live := slices.DeleteFunc(all, func(x alertmanager.Silence) bool { return !x.Live() })
		switch {
		case len(live) == 0:
			return fmt.Errorf("no silence is in force, of %d", len(all))
		case until.IsZero():
			until = live[0].EndsAt
		case len(live) > 1:
			ts.Fatalf("%d silences are in force", len(live))
		}
		if time.Now().Before(until) {
			return fmt.Errorf("it lasts until %s", until)
		}
		return nil
	})
}
