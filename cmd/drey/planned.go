package main

import (
	"context"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/commands"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
)

// planning adds to each transaction of an operation that the alerts look at it: while it is at work its job's alerts are silent.
func planning(next func(tx *storage.Tx, op ops.Operation) error) func(tx *storage.Tx, op ops.Operation) error {
	return func(tx *storage.Tx, op ops.Operation) error {
		alerts.PlanChange(tx, op.ID, string(op.Kind))
		return next(tx, op)
	}
}

// operation tells the alerts of one of drey's operations.
func (a *app) operation(ctx context.Context, id string) (alerts.Operation, error) {
	op, err := a.ops.Get(ctx, id)
	if err != nil {
		return alerts.Operation{}, err
	}
	out := alerts.Operation{
		ID: op.ID, Short: op.Short, Title: op.Title, Kind: string(op.Kind), Cluster: op.Cluster, Job: op.Job, By: op.By, Started: op.Started, Ended: op.Ended,
		Failed: op.Status == saga.Failed || op.Status == saga.Canceled || op.Status == saga.Stuck,
	}
	for _, run := range []platform.JobID{op.JobID, op.Result.JobID} {
		if run != "" {
			out.Runs = append(out.Runs, run)
		}
	}
	if at, key, ok := commands.CardOf(op); ok {
		out.Card, out.CardKey = at, key
	}
	return out, nil
}
