package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// soakDrey is a drey that keeps no pace of its own.
func soakDrey(t testing.TB, conf string) func() *exec.Cmd {
	return func() *exec.Cmd { return ownDrey(t, conf, true) }
}

// soakAlertmanager is one of a pair; peer names the other's gossip address.
func soakAlertmanager(binary, addr string, am *soakAM, peer func() string) func() *exec.Cmd {
	return func() *exec.Cmd {
		args := []string{"--config.file", am.conf, "--storage.path", am.data, "--web.listen-address", addr, "--web.external-url", "http://" + addr,
			"--cluster.listen-address", am.gossip, "--cluster.advertise-address", am.gossip, "--cluster.settle-timeout", "1s", "--cluster.peer-timeout", "2s",
			"--cluster.gossip-interval", "50ms", "--cluster.pushpull-interval", "1s", "--cluster.probe-interval", "300ms", "--cluster.probe-timeout", "200ms",
			"--cluster.reconnect-interval", "1s", "--cluster.tcp-timeout", "1s"}
		if !am.alone {
			args = append(args, "--cluster.peer", peer())
		}
		return exec.Command(binary, args...)
	}
}

// dump keeps the logs, the incidents and the calls of Slack.
func (p *soakPlay) dump(dir string) {
	for _, x := range []*program{p.r.dreys[0], p.r.dreys[1], p.r.ams[0].program, p.r.ams[1].program} {
		if raw, err := os.ReadFile(x.log); err == nil {
			_ = os.WriteFile(filepath.Join(dir, filepath.Base(x.log)), raw, 0o600)
		}
	}
	for _, table := range []string{"incidents", "incidents-past"} {
		list, _ := soakIncidents(context.Background(), p.r.db, table)
		raw, _ := json.MarshalIndent(list, "", " ")
		_ = os.WriteFile(filepath.Join(dir, table+".json"), raw, 0o600)
	}
	var calls strings.Builder
	for _, c := range p.r.slack.Calls("") {
		fmt.Fprintf(&calls, "%s %s %s %s ts=%v thread=%v mark=%s %.200v\n", clockOf(c.At), c.Method, c.Code, c.Params["channel"], c.Params["ts"], c.Params["thread_ts"], markIn(c.Params), c.Params["text"])
	}
	_ = os.WriteFile(filepath.Join(dir, "slack"), []byte(calls.String()), 0o600)
}
