package ops

import (
	"time"

	"github.com/drey-ops/drey/platform"
)

// newCluster opens a cluster over a fake, with a clock that makes its short memories a thousand times shorter.
func newCluster(name string, d platform.Driver) *platform.Cluster {
	epoch := time.Now()
	return platform.Open(name, nil, d, platform.Options{Now: func() time.Time { return epoch.Add(1000 * time.Since(epoch)) }})
}
