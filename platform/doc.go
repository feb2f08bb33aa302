// Package platform speaks about Flink clusters in one vocabulary: jobs, changes, drivers, errors. It knows no chat and
// no storage.
//
// # Design
//
// Every backend works by asking and then looking (trigger and status, submit and report), and that is what a durable
// procedure needs: Driver.Begin starts a change under an id of the caller's and returns a Ticket that is plain data;
// Driver.Poll looks at it, after a restart too. SubmitSQL carries the Flink job id, minted by the caller: the cluster
// refuses a second job of the same id, which makes a submission safe to repeat.
package platform
