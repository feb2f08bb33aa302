package alerts

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/platform"
)

// jobsFor is how long a cluster's list of jobs is taken for fresh: in a storm a thousand incidents ask at once.
const jobsFor = 2 * time.Second

// Lookup finds jobs in live clusters; it implements Jobs.
type Lookup struct {
	clusters map[string]*jobCache
	ui       map[string]string
}

// NewLookup returns a Lookup over clusters by name. ui holds the address of a cluster's web interface as people reach it, by
// name, where there is one.
func NewLookup(clusters map[string]*platform.Cluster, ui map[string]string) *Lookup {
	l := &Lookup{clusters: map[string]*jobCache{}, ui: ui}
	for name, c := range clusters {
		l.clusters[name] = &jobCache{cluster: c, gate: make(chan struct{}, 1)}
	}
	return l
}

// jobCache remembers a cluster's jobs for a moment.
type jobCache struct {
	cluster *platform.Cluster
	gate    chan struct{} // holds one: who is in asks the cluster, the others wait for the answer
	at      time.Time
	list    []platform.Job
}

func (c *jobCache) jobs(ctx context.Context) ([]platform.Job, error) {
	select {
	case c.gate <- struct{}{}:
		defer func() { <-c.gate }()
	case <-ctx.Done():
		return nil, platform.Errorf(platform.Unavailable, "list jobs", "the cluster did not answer in time")
	}
	if time.Since(c.at) < jobsFor {
		return c.list, nil
	}
	list, err := c.cluster.Jobs(ctx)
	if err == nil {
		c.at, c.list = time.Now(), list
	}
	return list, err
}

// Lookup implements Jobs.
func (l *Lookup) Lookup(ctx context.Context, cluster, jobID, jobName string) (JobFacts, error) {
	names := []string{cluster}
	if l.clusters[cluster] == nil {
		names = slices.Sorted(maps.Keys(l.clusters))
	}
	type hit struct {
		job  platform.Job
		only bool
		ok   bool
		err  error
	}
	hits := make([]hit, len(names))
	var wg sync.WaitGroup
	for n, name := range names {
		wg.Go(func() {
			jobs, err := l.clusters[name].jobs(ctx)
			job, only, ok := choose(jobs, jobID, jobName)
			hits[n] = hit{job, only, ok, err}
		})
	}
	wg.Wait()
	var err error
	for n, h := range hits {
		if h.ok {
			return l.facts(ctx, names[n], h.job, h.only), nil
		}
		if h.err != nil && (err == nil || platform.KindOf(err) == platform.Other) {
			err = h.err
		}
	}
	if err == nil {
		err = platform.Errorf(platform.NotFound, "find job", "no cluster has this job")
	}
	return JobFacts{}, err
}

// choose finds the job of an alert: by id, else by name. A job that ended gives way to a live one of its name: it was
// submitted again. only says that no other live job has the name.
func choose(jobs []platform.Job, id, name string) (job platform.Job, only, ok bool) {
	for _, j := range jobs {
		if id != "" && strings.EqualFold(string(j.ID), id) {
			job, ok, name = j, true, j.Name
		}
	}
	if ok && !job.State.Terminal() {
		return job, countLive(jobs, job.Name) == 1, true
	}
	var same []platform.Job // few of many: a copy of the whole list for every incident of a storm is not little
	for _, j := range jobs {
		if name != "" && (j.Name == name || mangled(j.Name) == name) {
			same = append(same, j)
		}
	}
	slices.SortStableFunc(same, func(a, b platform.Job) int {
		return cmp.Or(alive(b)-alive(a), b.Start.Compare(a.Start))
	})
	if len(same) > 0 && (!ok || alive(same[0]) == 1) {
		job, ok = same[0], true
	}
	return job, ok && countLive(jobs, job.Name)+1-alive(job) == 1, ok
}

func alive(j platform.Job) int {
	if j.State.Terminal() {
		return 0
	}
	return 1
}

func countLive(jobs []platform.Job, name string) int {
	n := 0
	for _, j := range jobs {
		if j.Name == name {
			n += alive(j)
		}
	}
	return n
}

// mangled is a job's name as Flink's Prometheus reporter writes it unless told otherwise.
func mangled(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == ':' {
			return r
		}
		return '_'
	}, name)
}
