package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// stormGroup is the webhook of one of many groups that fire at once.
func stormGroup(n int, status string) []byte {
	labels := map[string]string{"alertname": fmt.Sprintf("Storm%d", n), "severity": "warning", "cluster": "prod"}
	if n%10 == 0 {
		labels["severity"] = "critical"
	}
	ends := "0001-01-01T00:00:00Z"
	if status == "resolved" {
		ends = time.Now().UTC().Format(time.RFC3339)
	}
	var list []map[string]any
	for k := range 10 {
		l := map[string]string{"instance": fmt.Sprintf("tm-%d", k)}
		for key, v := range labels {
			l[key] = v
		}
		list = append(list, map[string]any{
			"status": status, "labels": l, "annotations": map[string]string{"summary": "TaskManager lost"}, "startsAt": time.Now().Add(-time.Minute).UTC(), "endsAt": ends, "fingerprint": fmt.Sprintf("%08x%08x", n, k),
		})
	}
	raw, _ := json.Marshal(map[string]any{
		"version": "4", "receiver": "drey", "status": status, "groupKey": "{}:{" + labels["alertname"] + "}", "groupLabels": map[string]string{"alertname": labels["alertname"]},
		"commonLabels": labels, "commonAnnotations": map[string]string{}, "externalURL": "http://alertmanager.example", "alerts": list,
	})
	return raw
}

// pourStorm posts the webhooks of some groups, sixteen at once, and returns how long that took.
func pourStorm(base string, from, to int, status string) (time.Duration, error) {
	begin := time.Now()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var g errgroup.Group
	g.SetLimit(16)
	for n := from; n < to; n++ {
		g.Go(func() error {
			req, err := http.NewRequest(http.MethodPost, base+"/webhooks/alertmanager/main", bytes.NewReader(stormGroup(n, status)))
			if err != nil {
				return err
			}
			req.Header.Set("Authorization", "Bearer webhook-0123456789")
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if said, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
				return fmt.Errorf("group %d: %s: %s", n, resp.Status, said)
			}
			return nil
		})
	}
	err := g.Wait()
	return time.Since(begin), err
}

// TestSlackStorm: two thousand alerts in two hundred groups for one channel of a Slack that keeps its limits. It says all of it in
// a few messages, and the buttons of the digest work.
func TestSlackStorm(t *testing.T) {
	const groups, from = 200, 3
	n := newSettler(t, "socket", `to: ["web:ops"]`, `to: ["slack:#ops"]`, `to: ["web:oncall"]`, `to: ["slack:#ops"]`, `allow: ["*.read"]`, `allow: ["*.read", "alert.*"]`,
		"  # time_zone:", fmt.Sprintf("  storm: { from: %d }\n  # time_zone:", from))
	n.tokens()
	n.serve()
	n.until("Slack can reach drey", func() bool { return n.slack.Sockets() == 2 })
	base := fmt.Sprintf("http://127.0.0.1:%d", n.port)
	_, err := pourStorm(base, 0, groups, "firing")
	n.check(err)
	n.reads(n.ops, fmt.Sprintf("Storm: %d firing of %d incidents", groups, groups))
	_, err = pourStorm(base, 0, groups/2, "resolved")
	n.check(err)
	n.reads(n.ops, fmt.Sprintf("Storm: %d firing, %d resolved of %d incidents", groups/2, groups/2, groups))

	press := func(label string) {
		t.Helper()
		for _, m := range n.slack.See(n.ann, n.ops, "") {
			if strings.Contains(m.Text, "Storm:") && slices.Contains(m.Buttons, label) {
				n.check(n.slack.ClickOn(n.ann, n.ops, m.ID, label))
				return
			}
		}
		t.Fatalf("no button %q", label)
	}
	press("Show firing")
	n.reads(n.ops, fmt.Sprintf("%d firing incidents", groups/2))
	press("Ack all")
	n.reads(n.ops, fmt.Sprintf("%d incidents acknowledged", groups/2))
	n.reads(n.ops, fmt.Sprintf("Storm: 0 firing, %d acknowledged, %d resolved of %d incidents", groups/2, groups/2, groups))
	roots := 0
	for _, m := range n.slack.See(n.ann, n.ops, "") {
		if m.Author == n.slack.BotUser() && !m.Private {
			roots++
		}
	}
	if roots != from+1 {
		t.Errorf("%d messages in the channel, want %d heads and the digest", roots, from)
	}
	t.Logf("%d alerts in %d groups: %d posts, %d edits", 10*groups, groups, len(n.slack.Calls("chat.postMessage")), len(n.slack.Calls("chat.update")))
}
