package flinkrest

import (
	"testing"

	"github.com/drey-ops/drey/platform/flinkhttp/flinktest"
)

func TestContract(t *testing.T) {
	flinktest.Contract{Inventory: "jobmanager", Captures: []string{"rest", "demo", "default-scheduler"}, AnswerOf: answerOf}.Run(t)
}
