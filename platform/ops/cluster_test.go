package ops

import "github.com/drey-ops/drey/platform"

func newCluster(name string, d platform.Driver) *platform.Cluster { return platform.NewCluster(name, d) }
