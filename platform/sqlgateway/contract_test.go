package sqlgateway

import (
	"testing"

	"github.com/drey-ops/drey/platform/flinkhttp/flinktest"
)

func TestContract(t *testing.T) {
	flinktest.Contract{Inventory: "sqlgateway", Captures: []string{"sqlgw", "demo", "default-scheduler"}, AnswerOf: answerOf}.Run(t)
}
