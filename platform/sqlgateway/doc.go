// Package sqlgateway is a typed client of the SQL Gateway's REST API, version v3, which 1.20 and 2.x both speak. It holds
// no policy: no retries, no waiting, no pooling.
//
// Errors are *flinkhttp.Error; a statement's own error comes from Fetch, not from Execute. Never send an executionTimeout:
// the gateway refuses it.
package sqlgateway
