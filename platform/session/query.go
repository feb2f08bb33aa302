package session

import (
	"context"

	"github.com/drey-ops/drey/platform"
)

// Query implements platform.Queryer.
func (d *Driver) Query(ctx context.Context, q platform.SQLStatement, lim platform.QueryLimits, emit func(platform.Page)) error {
	return platform.Errorf(platform.Unsupported, "query", "not built yet")
}

// Complete implements platform.Queryer.
func (d *Driver) Complete(ctx context.Context, q platform.SQLStatement, at int) ([]string, error) {
	return nil, platform.Errorf(platform.Unsupported, "complete", "not built yet")
}
