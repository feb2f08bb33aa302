package ops

import (
	"context"

	"github.com/drey-ops/drey/storage/saga"
)

// procedure is one kind of operation.
type procedure struct {
	kind   Kind
	title  func(st *state) string
	stages []stage
	// check refuses what can be refused before anything is touched, and fills v.st and v.plan.
	check func(ctx context.Context, v *sight) error
	steps []step
}

// stage is a part of a procedure that a person would name.
type stage struct {
	label  string
	steps  []string
	when   func(st *state) bool // nil: always
	detour bool                 // shown only once it is taken
}

// all is every procedure; the crash test runs each.
func (o *Ops) all() []procedure {
	return []procedure{
		o.savepoint(),
		o.stop(),
		o.cancel(),
		o.submit(),
		o.scale(),
		o.restart(),
	}
}

// stateVersion counts the forms of state that an older drey could not have written.
const stateVersion = 1

func (p procedure) define() *saga.Definition {
	return saga.Define(string(p.kind), stateVersion, nil, p.steps...)
}
