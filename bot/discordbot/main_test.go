package discordbot

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Servers linger for half a second over a connection that they closed on a reader.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}
