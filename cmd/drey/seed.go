package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform/ops"
)

// The demo's jobs: one that runs well, and one whose records soon hold what it cannot read, so that it fails and restarts
// for ever.
func demoJobs() []ops.SubmitSQL {
	return []ops.SubmitSQL{
		{
			Cluster: "demo", Name: "orders", Parallelism: 2,
			Prelude: []string{
				"CREATE TABLE orders (id BIGINT, customer INT, amount DOUBLE) WITH ('connector' = 'datagen', 'rows-per-second' = '50', 'fields.customer.min' = '1', 'fields.customer.max' = '100')",
				"CREATE TABLE revenue (customer INT, orders BIGINT, total DOUBLE) WITH ('connector' = 'blackhole')",
			},
			Statement: "INSERT INTO revenue SELECT customer, COUNT(*), SUM(amount) FROM orders GROUP BY customer",
		},
		{
			Cluster: "demo", Name: "payments", Parallelism: 1,
			Prelude: []string{
				"CREATE TABLE payments_in (id INT) WITH ('connector' = 'datagen', 'rows-per-second' = '2', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1000000')",
				"CREATE TABLE payments (id INT) WITH ('connector' = 'blackhole')",
			},
			Statement: "INSERT INTO payments SELECT CAST(CASE WHEN MOD(id, 20) > 0 THEN CAST(id AS STRING) ELSE 'not a number' END AS INT) FROM payments_in",
		},
	}
}

// seed submits the demo's jobs through the same operations as everybody's.
func (st *stage) seed(ctx context.Context, a *app) {
	meta, err := json.Marshal(map[string]any{"actor": bot.Actor{Network: "web", ID: "olga"}, "path": "flink sql"})
	if err != nil {
		return // of constants: cannot happen
	}
	for _, job := range demoJobs() {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		_, err := a.ops.Start(ctx, ops.Origin{Key: "demo/" + job.Name, By: "olga", Meta: meta}, job)
		cancel()
		if err != nil {
			st.say("the demo job %s was not submitted: %v", job.Name, err)
			continue
		}
		st.say("submitted the demo job %s", job.Name)
	}
}
