// Package flinkrest is a typed client of the JobManager's REST API, of the calls that drey needs. It holds no policy: no
// retries, no waiting, no kinds of error. It reads what 1.20 and 2.x answer, with fields of the other version missing.
//
// Errors are *flinkhttp.Error.
package flinkrest
