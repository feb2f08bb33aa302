package slackbot

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "8") // most tests wait for the pace that Slack asks for
	goleak.VerifyTestMain(m)
}
