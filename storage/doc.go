// Package storage keeps all state of drey in Redis: records, queues with leases, and logs, changed together in one
// script per transaction.
package storage
