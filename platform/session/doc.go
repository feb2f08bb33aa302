// Package session is the driver of Flink session clusters: JobManager REST and, for SQL, the SQL Gateway. It works with
// 1.20 and 2.x.
//
// # Idempotence
//
// SubmitSQL and SubmitJar carry the job id ($internal.pipeline.job-id for SQL, jobId for JARs): the JobManager refuses a
// second job of the same id, and that refusal is success here. Savepoint and Stop carry the caller's id as Flink's
// triggerId: a repeat triggers nothing. Cancel, Rescale and Dispose ask for a state and can be asked twice.
//
// Trigger ids live in the JobManager's memory, 5 minutes by default, and die with it. A stop whose trigger is forgotten is
// found again by its traces (the job FINISHED, its last savepoint a synchronous one); a savepoint is Ambiguous.
//
// # Design
//
// Queries share idle gateway sessions keyed by their prelude; each submission has a session of its own, so that nothing
// of one reaches another.
package session
