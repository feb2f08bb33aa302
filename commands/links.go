package commands

import (
	"strings"

	"github.com/drey-ops/drey/platform"
)

// Links are the addresses under which people reach what drey speaks of; the zero value knows none.
type Links struct {
	External string                  // drey's own: server.external_url
	Clusters map[string]ClusterLinks // by the cluster's name
}

// ClusterLinks are the addresses of one cluster. Either may be empty.
type ClusterLinks struct {
	UI  string // Flink's web interface as people reach it; the only one that is ever shown
	API string // as drey reaches it, which people may use as well
}

// job is a job's page in Flink's web interface; empty where nobody has said where that is.
func (l Links) job(cluster string, id platform.JobID) string {
	ui := l.Clusters[cluster].UI
	if ui == "" || id == "" {
		return ""
	}
	return strings.TrimRight(ui, "/") + "/#/job/running/" + string(id) + "/overview"
}
