package rules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/alerts/rules"
	"github.com/drey-ops/drey/platform"
)

// expected is an alert that has to fire, about a job of that name: "" is no job, "*" any of the test's.
type expected struct{ alert, job string }

// stage is one step of TestFires: something is done, and then these alerts come.
type stage struct {
	name string
	want []expected
}

// stages hold every rule. All of it is brought about on a live cluster but for two: a source that knows how far it is behind
// needs a Kafka, so that FlinkSourceEventTimeLag and FlinkSourceBacklog fire on a scrape that was recorded from one.
// FlinkTaskManagerHeapHigh, FlinkJobManagerHeapHigh and FlinkGcPressure look at the live values, with lowered limits: a JVM
// that is out of memory takes the machine's other tests with it.
func stages() []stage {
	return []stage{
		{"jobs in trouble", []expected{
			{"FlinkJobCrashLoop", "loop"},
			{"FlinkJobGone", "gives-up"},
			{"FlinkCheckpointsFailing", "stuck"},
			{"FlinkNoCompletedCheckpoint", "stuck"},
			{"FlinkCheckpointStale", "stuck"},
			{"FlinkCheckpointSlow", "slow"},
			{"FlinkCheckpointGrowing", "slow"},
			{"FlinkBackpressure", "pressed"},
			{"FlinkBottleneckTask", "pressed"},
			{"FlinkSourceSilent", "silent"},
			{"FlinkLateRecordsDropped", "late"},
			{"FlinkWatermarkStuck", "late"},
			{"FlinkSourceEventTimeLag", "demo_lagging_consumer"},
			{"FlinkSourceBacklog", "demo_lagging_consumer"},
			{"FlinkTaskManagerHeapHigh", ""},
			{"FlinkJobManagerHeapHigh", ""},
			{"FlinkGcPressure", ""},
		}},
		{"a TaskManager has gone, and service discovery forgets it", []expected{
			{"FlinkTaskManagerLost", ""},
			{"FlinkNoFreeSlots", ""},
			{"FlinkJobNotRunning", "*"},
		}},
		{"the last TaskManager has gone", []expected{
			{"FlinkTaskManagerDown", ""},
			{"FlinkNoTaskManagers", ""},
		}},
		{"the JobManager has gone", []expected{
			{"FlinkJobManagerDown", ""},
			{"FlinkNoData", ""},
		}},
	}
}

// quick makes every rule fire within seconds. The limits are still such that a job that is well stays below.
func quick(set rules.Set) rules.Short {
	short := rules.Short{
		Times: map[string]string{"1m": "4s", "5m": "6s", "10m": "20s", "15m": "20s", "30m": "20s", "1h": "20s"},
		Limits: map[string][]string{
			"FlinkJobGone":             {"> 300000", "> 5000"},
			"FlinkCheckpointStale":     {"> 900", "> 15"},
			"FlinkCheckpointSlow":      {"> 60", "> 3"},
			"FlinkCheckpointGrowing":   {"> 600", "> 12", "> 30", "> 2", "4 * 3600", "60"},
			"FlinkSourceEventTimeLag":  {"/ 1000 > 60", "/ 1000 > 30"},
			"FlinkSourceBacklog":       {"> 600", "> 10"},
			"FlinkTaskManagerHeapHigh": {"> 0.95", "> 0.01"},
			"FlinkJobManagerHeapHigh":  {"> 0.95", "> 0.01"},
			"FlinkGcPressure":          {"> 200", "> 0"},
		},
	}
	if set == rules.Flink1 { // which knows the age only by the window
		delete(short.Limits, "FlinkCheckpointStale")
	}
	return short
}

// sequence is a table whose id counts from 1, with a column for the event time. All that is left of a sequence is in each
// checkpoint of its source, so it is no longer than the test needs.
func sequence(perSecond int, at string) string {
	columns := "id BIGINT"
	if at != "" {
		columns += fmt.Sprintf(", ts AS TO_TIMESTAMP_LTZ(%d + %s, 3), WATERMARK FOR ts AS ts", time.Now().UnixMilli(), at)
	}
	return fmt.Sprintf("CREATE TABLE numbers (%s) WITH ('connector' = 'datagen', 'rows-per-second' = '%d', "+
		"'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '10000')", columns, perSecond)
}

// file is a table whose id counts from 1 to n, and which then waits for more.
func file(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	if err := os.WriteFile(filepath.Join(dir, "numbers.csv"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'filesystem', 'path' = 'file://%s', 'format' = 'csv', 'source.monitor-interval' = '1s')", dir)
}

const (
	random  = "CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20000')"
	sink    = "CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole')"
	windows = "INSERT INTO nowhere SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE numbers, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end"
)

// healthy is the job about which no alert may come: it has state, an event time that goes on, and checkpoints.
func healthy() platform.SubmitSQL {
	return platform.SubmitSQL{Name: "healthy", Prelude: []string{sequence(20, "id * 50"), sink}, Statement: windows}
}

// troubled are the jobs that bring the situations about, each named for its own.
func troubled(t *testing.T) []platform.SubmitSQL {
	t.Helper()
	jar := slowJar(t)
	slow := []string{"ADD JAR '" + jar + "'", "CREATE TEMPORARY FUNCTION slow AS 'drey.Slow'", sink}
	boom := func(at int) string {
		return fmt.Sprintf("INSERT INTO nowhere SELECT CAST(CASE WHEN id > %d THEN 'boom' ELSE '1' END AS BIGINT) FROM numbers", at)
	}
	return []platform.SubmitSQL{
		{Name: "gives-up", Prelude: []string{sequence(5, ""), sink}, Statement: boom(20),
			Config: map[string]string{"restart-strategy.fixed-delay.attempts": "4", "restart-strategy.fixed-delay.delay": "2s"}},
		{Name: "loop", Prelude: []string{sequence(5, ""), sink}, Statement: boom(5)},
		// Its checkpoints complete at first; then one record takes longer than they may.
		{Name: "stuck", Prelude: append(slow, sequence(10, "")), Statement: "INSERT INTO nowhere SELECT slow(id, CASE WHEN id < 100 THEN 1 ELSE 5000 END) FROM numbers",
			Config: map[string]string{"pipeline.operator-chaining.enabled": "false", "execution.checkpointing.timeout": "3s"}},
		// Each record takes a fifth longer than the one before, and a checkpoint waits for the record under way.
		{Name: "slow", Prelude: append(slow, file(t, 100)), Statement: "INSERT INTO nowhere SELECT slow(id, CAST(50 * POWER(1.2, id) AS BIGINT)) FROM numbers"},
		{Name: "pressed", Prelude: append(slow, random), Statement: "INSERT INTO nowhere SELECT slow(id, CAST(20 AS BIGINT)) FROM numbers",
			Config: map[string]string{"pipeline.operator-chaining.enabled": "false"}},
		// One file, and then nothing.
		{Name: "silent", Prelude: []string{file(t, 3), sink}, Statement: "INSERT INTO nowhere SELECT id FROM numbers"},
		// A fifth of its records is late, and soon its time goes no further.
		{Name: "late", Prelude: []string{sequence(20, "CASE WHEN MOD(id, 5) = 0 THEN 0 WHEN id > 100 THEN 10000 ELSE id * 100 END"), sink}, Statement: windows,
			Config: map[string]string{"table.optimizer.agg-phase-strategy": "ONE_PHASE"}},
	}
}
