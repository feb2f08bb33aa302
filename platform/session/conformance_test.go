package session

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
	"github.com/drey-ops/drey/platform/platformtest"
)

// TestConformance runs the suite on real clusters. DREY_TEST_FLINK="NAME=URL|GATEWAY,…" uses running ones instead.
func TestConformance(t *testing.T) {
	if given := os.Getenv("DREY_TEST_FLINK"); given != "" {
		for _, one := range strings.Split(given, ",") {
			name, urls, _ := strings.Cut(one, "=")
			jm, gw, _ := strings.Cut(urls, "|")
			t.Run(name, func(t *testing.T) { platformtest.Run(t, cluster{jm, gw}) })
		}
		return
	}
	for _, tc := range []struct{ name, version, scheduler string }{
		{"2.3", local.DefaultVersion, "adaptive"},
		{"2.3-default-scheduler", local.DefaultVersion, "default"},
		{"1.20", local.OldVersion, "adaptive"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := startFlink(t, tc.version, local.Options{Scheduler: tc.scheduler})
			platformtest.Run(t, cluster{c.URL(), c.GatewayURL()})
		})
	}
}

// startFlink starts a cluster that ends with t. Where a tool is missing the test fails, unless short runs are asked for.
func startFlink(t *testing.T, version string, o local.Options) *local.Cluster {
	t.Helper()
	home, err := local.Fetch(t.Context(), version, "", nil)
	if err != nil && os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT is set and there is no Flink: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	o.Home = home
	o.Config = map[string]string{
		"jobmanager.adaptive-scheduler.scaling-interval.min":                     "1s", // 1.20's name of the next
		"jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling":       "1s",
		"jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout": "1s",
		"jobmanager.adaptive-scheduler.resource-stabilization-timeout":           "500ms",
		"jobmanager.adaptive-scheduler.rescale-trigger.max-delay":                "2s",
		"execution.checkpointing.externalized-checkpoint-retention":              "RETAIN_ON_CANCELLATION",
		"restart-strategy.type":                 "fixed-delay",
		"restart-strategy.fixed-delay.attempts": "2147483647",
		"restart-strategy.fixed-delay.delay":    "1s",
	}
	c, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

// cluster is a real session cluster for the suite. It counts with requests of its own.
type cluster struct{ jm, gw string }

func (c cluster) Open(t testing.TB) platform.Driver { return c.driver(t) }

func (c cluster) driver(t testing.TB) *Driver {
	t.Helper()
	d, err := New(Options{URL: c.jm, SQLGateway: c.gw})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (c cluster) Unreachable(t testing.TB) platform.Driver {
	return cluster{"http://127.0.0.1:1", "http://127.0.0.1:1"}.driver(t)
}

const (
	ordersTable = `CREATE TABLE orders (id BIGINT, price DOUBLE) WITH ('connector' = 'datagen', 'rows-per-second' = '20', 'fields.id.min' = '0', 'fields.id.max' = '9')`
	sinkTable   = `CREATE TABLE totals (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')`
)

func (c cluster) Job(name string) platform.SubmitSQL {
	return platform.SubmitSQL{
		Name:      name,
		Prelude:   []string{"SET 'execution.checkpointing.interval' = '1s'", ordersTable, sinkTable},
		Statement: "INSERT INTO totals SELECT id, COUNT(*) FROM orders GROUP BY id",
		Config:    map[string]string{"execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION"},
	}
}

func (c cluster) Failing(name string) platform.SubmitSQL {
	s := c.Job(name)
	s.Statement = "INSERT INTO totals SELECT id, CAST(CASE WHEN id < 9 THEN 'boom' ELSE '1' END AS BIGINT) FROM orders"
	s.Config = map[string]string{"restart-strategy.type": "none"}
	return s
}

func (c cluster) Runs(ctx context.Context, name string) (int, error) {
	var list struct{ Jobs []struct{ Name string } }
	err := c.get(ctx, "/jobs/overview", &list)
	n := 0
	for _, j := range list.Jobs {
		if j.Name == name {
			n++
		}
	}
	return n, err
}

func (c cluster) Savepoints(ctx context.Context, job platform.JobID) (int, error) {
	// Long enough that the JobManager's cached view of the job is a new one.
	time.Sleep(3500 * time.Millisecond)
	var cp struct {
		History []struct {
			IsSavepoint bool `json:"is_savepoint"`
			Status      string
		}
	}
	err := c.get(ctx, "/jobs/"+string(job)+"/checkpoints", &cp)
	n := 0
	for _, h := range cp.History {
		if h.IsSavepoint && h.Status == "COMPLETED" {
			n++
		}
	}
	return n, err
}

func (c cluster) get(ctx context.Context, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.jm+path, nil)
	if err != nil {
		return err
	}
	req.Close = true // leave no idle connection to the leak check
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
