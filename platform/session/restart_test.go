package session

import (
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
)

// TestRestarts looks at what a driver says after its servers have lost their memory.
func TestRestarts(t *testing.T) {
	c := startFlink(t, local.DefaultVersion, local.Options{Slots: 3})
	d := cluster{c.URL(), c.GatewayURL()}.driver(t)
	defer d.Close()
	submitJar(t, c, d)
	submit := cluster{}.Job("restarts")
	look := func() {
		t.Helper()
		var last platform.Page
		err := d.Query(t.Context(), platform.SQLStatement{Prelude: submit.Prelude, Text: "SHOW TABLES"}, platform.QueryLimits{}, func(p platform.Page) { last = p })
		if err != nil || len(last.Rows) != 2 {
			t.Errorf("tables %v, %v", last.Rows, err)
		}
	}
	look()
	if err := c.RestartGateway(t.Context()); err != nil {
		t.Fatal(err)
	}
	look()

	ticket, err := d.Begin(t.Context(), ourX, submit)
	if err != nil {
		t.Fatal(err)
	}
	for d0 := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if j, err := d.Job(t.Context(), ticket.Job); err == nil && j.Healthy() {
			break
		} else if time.Since(d0) > time.Minute {
			t.Fatalf("%+v, %v", j, err)
		}
	}
	savepoint, err := d.Begin(t.Context(), ourX, platform.Savepoint{Job: ticket.Job})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.RestartJobManager(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		ticket platform.Ticket
		want   platform.Kind
	}{
		{savepoint, platform.Ambiguous},
		{platform.Ticket{Op: platform.OpStop, Job: ticket.Job, ID: ourX}, platform.Ambiguous},
		{platform.Ticket{Op: platform.OpCancel, Job: ticket.Job, ID: ourX}, platform.Ambiguous},
		{ticket, platform.NotFound},
	} {
		if _, err := d.Poll(t.Context(), tc.ticket); platform.KindOf(err) != tc.want {
			t.Errorf("%s: %v", tc.ticket.Op, err)
		}
	}
	c.StopJobManager()
	start := time.Now()
	if _, err := d.Jobs(t.Context()); platform.KindOf(err) != platform.Unavailable || time.Since(start) > time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
}
