package bottest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	bottest.Run(t, func(*testing.T) bottest.Harness { return bottest.NewMemory("mem", bottest.Roomy()).Harness("ops") })
}

// A poor network: the suite must not ask for what Caps deny.
func TestMemoryPoor(t *testing.T) {
	bottest.Run(t, func(*testing.T) bottest.Harness {
		return bottest.NewMemory("mem", bot.Caps{TitleMax: 50, TextMax: 2000, TotalMax: 4000, BlocksMax: 10, ButtonsMax: 3, LabelMax: 20, FieldsMax: 5, TableRows: 10, TableCols: 4}).Harness("ops")
	})
}
