// Package bottest tests chat networks and what speaks through them: Run is the conformance suite that every bot.Network
// passes, Memory a network without a service behind it for the tests of other packages.
package bottest
