// Package platformtest is the conformance suite for platform.Driver. A driver's test calls Run with a cluster; what
// Describe admits must work there, what it denies must be refused with that kind.
//
// # Design
//
// Effects are counted at the cluster, through the harness, not in tickets. Every ticket goes through JSON and is polled
// by another driver value than the one that made it, as after a restart.
package platformtest
