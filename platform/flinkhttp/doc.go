// Package flinkhttp speaks JSON over HTTP with a Flink endpoint, the JobManager or the SQL Gateway: base path, headers,
// TLS, bounded answers, and the error shapes of both. It knows no call by name and decides nothing: flinkrest and
// sqlgateway name the calls, the drivers give errors their kind.
//
// # Design
//
// The two clients share it, so that there is one parser of Java stack traces and one place where an address could leak
// into an error. It imports nothing of drey: rank 0.
package flinkhttp
