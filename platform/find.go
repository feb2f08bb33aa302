package platform

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// UnknownJob says that a cluster has no such job. It is of kind NotFound.
type UnknownJob struct {
	Cluster, Name string
	Near          []string // names that are like it, the nearest first
}

func (e *UnknownJob) Error() string {
	s := fmt.Sprintf("cluster %s: there is no job %q", e.Cluster, e.Name)
	if len(e.Near) > 0 {
		s += "; did you mean " + strings.Join(e.Near, ", ") + "?"
	}
	return s
}

// AmbiguousJob says that several live jobs answer to a name. It is of kind Invalid.
type AmbiguousJob struct {
	Cluster, Name string
	Jobs          []Job
}

func (e *AmbiguousJob) Error() string {
	ids := make([]string, len(e.Jobs))
	for i, j := range e.Jobs {
		ids[i] = string(j.ID)
	}
	return fmt.Sprintf("cluster %s: %d live jobs are named %q; name one by its id: %s", e.Cluster, len(e.Jobs), e.Name, strings.Join(ids, ", "))
}

// idPrefix is how many digits of a job id are enough to name a job.
const idPrefix = 6

// Find returns the job that a person means: by its id, by at least six digits of it, by its name among the live jobs, or
// else by its name the newest that ended. Errors are *AmbiguousJob, *UnknownJob or the cluster's.
func (c *Cluster) Find(ctx context.Context, nameOrID string) (Job, error) {
	jobs, err := c.Jobs(ctx)
	if err != nil {
		return Job{}, err
	}
	return find(c.Name, jobs, nameOrID)
}

// find chooses among jobs, which are sorted by start, the newest first.
func find(cluster string, jobs []Job, want string) (Job, error) {
	var live, ended, byID []Job
	for _, j := range jobs {
		switch {
		case string(j.ID) == want:
			return j, nil
		case j.Name == want && !j.State.Terminal():
			live = append(live, j)
		case j.Name == want:
			ended = append(ended, j)
		case len(want) >= idPrefix && strings.HasPrefix(string(j.ID), strings.ToLower(want)):
			byID = append(byID, j)
		}
	}
	switch {
	case len(live) == 1:
		return live[0], nil
	case len(live) > 1:
		return Job{}, &AmbiguousJob{cluster, want, live}
	case len(byID) == 1:
		return byID[0], nil
	case len(byID) > 1:
		return Job{}, &AmbiguousJob{cluster, want, byID}
	case len(ended) > 0:
		return ended[0], nil
	}
	return Job{}, &UnknownJob{cluster, want, near(jobs, want)}
}

// near lists up to three names that a slip of the fingers, or half a name, makes of want.
func near(jobs []Job, want string) []string {
	type hit struct {
		name string
		far  int
	}
	var hits []hit
	seen := map[string]bool{}
	w := strings.ToLower(want)
	for _, j := range jobs {
		n := strings.ToLower(j.Name)
		if seen[n] {
			continue
		}
		seen[n] = true
		far := editDistance(w, n)
		if len(w) >= 3 && (strings.Contains(n, w) || strings.Contains(w, n)) {
			far = min(far, 1)
		}
		if far <= max(2, len(w)/3) {
			hits = append(hits, hit{j.Name, far})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Or(a.far-b.far, strings.Compare(a.name, b.name)) })
	var out []string
	for _, h := range hits[:min(3, len(hits))] {
		out = append(out, h.name)
	}
	return out
}

// editDistance counts the letters to insert, delete or replace to make b of a.
func editDistance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			step := diagonal
			if a[i-1] != b[j-1] {
				step++
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, step)
		}
	}
	return row[len(b)]
}
