package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/drey-ops/drey/config"
)

// sampleAlert is what drey send alert posts when it is given no payload.
const sampleAlert = `{"version":"4","receiver":"drey","status":"firing","groupKey":"{}:{alertname=\"DreyTest\"}","truncatedAlerts":0,
"groupLabels":{"alertname":"DreyTest"},"commonLabels":{"alertname":"DreyTest","severity":"info"},
"commonAnnotations":{"summary":"A test alert from drey send"},"externalURL":"",
"alerts":[{"status":"firing","labels":{"alertname":"DreyTest","severity":"info"},"annotations":{"summary":"A test alert from drey send"},
"startsAt":"%s","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"d4e7d4e7d4e7d4e7"}]}`

// send is drey send: a request to a running drey, as an outside system makes it.
func send(ctx context.Context, args []string, s streams) error {
	what := ""
	if len(args) > 0 {
		what = args[0]
	}
	switch what {
	case "alert":
		return sendAlert(ctx, args, s)
	case "slack":
		return sendSlack(ctx, args, s)
	case "discord":
		return sendDiscord(ctx, args, s)
	}
	return &usageError{"say what to send: alert, slack or discord"}
}

// sendAlert posts a payload as Alertmanager does, with the token of the configuration.
func sendAlert(ctx context.Context, args []string, s streams) error {
	fs := flag.NewFlagSet("send alert", flag.ContinueOnError)
	file := configFlag(fs)
	source := fs.String("source", "", "the `name` of the source in alerts.sources; the default is the only one")
	to := fs.String("to", "", "the `address` of the running drey; the default is server.listen")
	if err := flags(fs, args[1:], s, 0, 1); err != nil {
		return err
	}
	cfg, err := config.Load(*file)
	if err != nil {
		return err
	}
	name, err := pickSource(cfg, *source)
	if err != nil {
		return err
	}
	payload := []byte(fmt.Sprintf(sampleAlert, time.Now().UTC().Format(time.RFC3339)))
	if fs.NArg() == 1 {
		if payload, err = readPayload(fs.Arg(0), s.in); err != nil {
			return err
		}
	}
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + string(cfg.Alerts.Sources[name].Token)}}
	return postTo(ctx, s, cmp.Or(*to, cfg.Server.Listen), "/webhooks/alertmanager/"+name, header, payload)
}

// postTo posts to a running drey, and prints what it answers.
func postTo(ctx context.Context, s streams, addr, path string, header http.Header, body []byte) error {
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(addr, "/")+path, bytes.NewReader(body))
	if err != nil {
		return &usageError{"the address given with -to is not one"}
	}
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no drey answers at %s; is drey serve running?", addr)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	fmt.Fprintf(s.out, "%s %s\n", resp.Status, strings.TrimSpace(string(answer)))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it was not taken")
	}
	return nil
}
