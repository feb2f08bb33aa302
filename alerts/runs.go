package alerts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

const (
	// runAgain is how often it is written down anew that a job is still seen, so that what lives is never forgotten.
	runAgain = 12 * time.Hour
	// runsNoted bounds what a replica remembers to have written down.
	runsNoted = 10000
	// runsAtOnce is how many ids one question to the store has.
	runsAtOnce = 64
)

// runNames is what is known of a job's id: its name, by cluster. With high availability Flink gives the only job of an application the
// same id on every cluster.
type runNames struct {
	Names map[string]string `json:"names"`
}

// alias says that the incident with the stem Stem, opened by a job's id alone, is about the job that Key names.
type alias struct {
	Key  string `json:"key"`
	Stem string `json:"stem"`
}

// Both are found by their ids alone.
func (s *Service) runTable() storage.Table[runNames] {
	return storage.Table[runNames]{DB: s.db, Name: "alerts-runs", TTL: s.options.Keep, Unlisted: true}
}

func (s *Service) aliasTable() storage.Table[alias] {
	return storage.Table[alias]{DB: s.db, Name: "alerts-aliases", TTL: s.options.Keep, Unlisted: true}
}

// runRoot is the storage root of a job's id.
func runRoot(id string) string { return "run-" + hashOf(strings.ToLower(id))[:16] }

// noteRuns writes down the names of a cluster's jobs by their ids, for alerts that have no more than the id.
func (s *Service) noteRuns(ctx context.Context, cluster string, names map[platform.JobID]string) error {
	now := s.hooks.Now()
	for _, id := range slices.Sorted(maps.Keys(names)) {
		name := names[id]
		key := strings.Join([]string{cluster, strings.ToLower(string(id)), name}, "\x00")
		s.mu.Lock()
		at, noted := s.noted[key]
		s.mu.Unlock()
		if id == "" || name == "" || cluster == "" || noted && now.Sub(at) < runAgain {
			continue
		}
		err := s.runTable().Update(ctx, runRoot(string(id)), func(_ *storage.Tx, r *runNames, _ storage.Version) error {
			if r.Names == nil {
				r.Names = map[string]string{}
			}
			r.Names[cluster] = name
			return nil
		})
		if err != nil {
			return err
		}
		s.mu.Lock()
		if len(s.noted) >= runsNoted {
			clear(s.noted)
		}
		s.noted[key] = now
		s.mu.Unlock()
	}
	return nil
}

// jobRun is a run of a job as an alert names it.
type jobRun struct {
	cluster string // as the alert's labels have it; "": they name none
	id      string
}

// jobAt is the job of a run.
type jobAt struct{ cluster, name string }

// runOf is the run that an alert names by its id alone; ok is false for every other alert.
func (p *Pipeline) runOf(l map[string]string) (r jobRun, ok bool) {
	if l["job_id"] == "" || l["job_name"] != "" || p.options.OneThreadPer == perGroup {
		return r, false
	}
	return jobRun{p.whereOf(l), strings.ToLower(l["job_id"])}, true
}

// nameStage finds the names of jobs that alerts name by their ids alone: in the webhook itself, or in the store. No cluster is
// asked: a webhook is not to wait for Flink.
func (p *Pipeline) nameStage(ctx context.Context, b Batch) (Batch, error) {
	var ask []jobRun
	for _, a := range b.Payload.Alerts {
		if r, ok := p.runOf(a.Labels); ok && !slices.Contains(ask, r) {
			ask = append(ask, r)
		}
	}
	if len(ask) == 0 {
		return b, nil
	}
	found, err := p.names(ctx, ask)
	if err != nil {
		return b, err
	}
	b.names = found
	for _, a := range b.Payload.Alerts {
		l := a.Labels
		r := jobRun{p.whereOf(l), strings.ToLower(l["job_id"])}
		if _, known := b.names[r]; !known && l["job_name"] != "" && slices.Contains(ask, r) {
			b.names[r] = jobAt{r.cluster, l["job_name"]}
		}
	}
	for _, r := range ask {
		if n, ok := b.names[r]; !ok {
			b.note("the job %s has no name here: known by its id until drey has seen it", clip(r.id, 60))
		} else if n.name != "" {
			b.note("%s is the job %s", clip(r.id, 60), Binding{Cluster: n.cluster, Name: clip(n.name, 120)})
		} else {
			b.note("the job %s has an open incident by its id: it goes on there", clip(r.id, 60))
		}
	}
	return b, nil
}

func noNames(context.Context, []jobRun) (map[jobRun]jobAt, error) { return map[jobRun]jobAt{}, nil }

// namesOf implements Pipeline.names. A run whose own incident is open stays there, whatever is known of it by now: its alerts are
// members of that incident, and would never end there if they went on elsewhere. Such a run comes with an empty name.
func (s *Service) namesOf(ctx context.Context, ask []jobRun) (map[jobRun]jobAt, error) {
	out := map[jobRun]jobAt{}
	for part := range slices.Chunk(ask, runsAtOnce/2) {
		var ids []string
		for _, r := range part {
			ids = append(ids, stemOf(r.key(), 0), runRoot(r.id))
		}
		open, runs, err := storage.Both(ctx, s.current, s.runTable(), ids)
		if err != nil {
			return nil, err
		}
		for _, r := range part {
			own, there := open[stemOf(r.key(), 0)]
			inc := &own.Value
			if there && inc.Key != r.key() { // another group has its short id
				if inc, err = s.newest(ctx, r.key()); err != nil {
					return nil, err
				}
			}
			if there && inc != nil && inc.Open() {
				out[r] = jobAt{}
			} else if n, ok := runs[runRoot(r.id)].Value.job(r.cluster, s.pipeline.clusters); ok {
				out[r] = n
			}
		}
	}
	return out, nil
}

// key is the identity of the incident of a run whose job is not known.
func (r jobRun) key() string {
	return subject{about: aboutJob, cluster: r.cluster, name: "id:" + r.id}.key("")
}

// job is the job of a run on a cluster as labels name it. A name that is none of drey's clusters may be any of them, and stays as it
// is: the alerts that have the job's name bear it as well.
func (r runNames) job(cluster string, clusters []string) (jobAt, bool) {
	if name, ok := r.Names[cluster]; ok {
		return jobAt{cluster, name}, true
	}
	if len(r.Names) != 1 || slices.Contains(clusters, cluster) {
		return jobAt{}, false
	}
	for where, name := range r.Names {
		if cluster == "" {
			cluster = where
		}
		return jobAt{cluster, name}, true
	}
	return jobAt{}, false
}

// learnRun writes down what a look at an incident's job has shown. Where the incident is known by the job's id alone it becomes
// that of the job: what comes by name goes there too while it lasts. other is the open incident that the job has already by its
// name; both go on then.
func (s *Service) learnRun(ctx context.Context, i *Incident, f *JobFacts) (other *Incident, err error) {
	if f.Name == "" || f.Ref.Cluster == "" {
		return nil, nil
	}
	ids := map[platform.JobID]string{f.ID: f.Name}
	if i.Job.Name == "" { // found by its id
		ids[platform.JobID(i.Job.ID)] = f.Name
	}
	if err := s.noteRuns(ctx, f.Ref.Cluster, ids); err != nil || i.About != aboutJob {
		return nil, err
	}
	about := s.pipeline.subjectOf(i.GroupLabels, nil)
	for _, cluster := range unique([]string{about.cluster, f.Ref.Cluster}) {
		key := subject{about: aboutJob, cluster: cluster, name: mangled(f.Name)}.key("")
		if i.GroupLabels["job_id"] == "" || key == i.Key {
			continue
		}
		known, err := s.newest(ctx, key)
		switch {
		case err != nil:
			return nil, err
		case known != nil && known.ID != i.ID && known.Open():
			other = known
			continue
		}
		want := alias{key, i.root()}
		err = s.aliasTable().Update(ctx, stemOf(key, 0), func(_ *storage.Tx, a *alias, _ storage.Version) error {
			if *a == want {
				return errSame
			}
			*a = want
			return nil
		})
		if err := unchanged(err); err != nil {
			return nil, err
		}
	}
	return other, nil
}

// rename gives an incident that was opened by a job's id the name of the job, and says where else the job is told of.
func (i *Incident) rename(name string, other *Incident) []story {
	if i.About != aboutJob || i.Job == nil || i.GroupLabels["job_id"] == "" {
		return nil
	}
	if i.GroupLabels["job_name"] == "" {
		i.GroupLabels = maps.Clone(i.GroupLabels)
		i.GroupLabels["job_name"] = name
		i.refresh()
		job := *i.Job
		job.Name = name
		i.Job = &job
	}
	if other == nil || slices.Contains(i.Heard, "same/"+other.ID) {
		return nil
	}
	i.hear("same/" + other.ID)
	return []story{{kind: storyWatch, tone: bot.Muted, text: bot.Textf("This is the job %s: what else is known of it stands in the thread of %s", clip(name, 120), other.ID)}}
}

// hear notes the id of what is told in the incident once.
func (i *Incident) hear(id string) {
	i.Heard = append(slices.Clone(i.Heard), id)
	if n := len(i.Heard); n > maxLines {
		i.Heard = i.Heard[n-maxLines:]
	}
}

// byAlias is the incident that was opened by the id of the job with the batch's key, where that is the one to go on in: it is open,
// or may open again, and the job's own is further gone.
func (s *Service) byAlias(ctx context.Context, b Batch, a alias) (Batch, bool, error) {
	inc, was, err := s.current.Get(ctx, a.Stem)
	if errors.Is(err, storage.ErrNotFound) {
		return b, false, nil
	}
	if err != nil {
		return b, false, err
	}
	now := b.At
	if now.IsZero() {
		now = s.hooks.Now()
	}
	alive := func(i *Incident) int {
		switch {
		case i == nil:
			return 0
		case i.Open():
			return 2
		case s.pipeline.reopens(i, now):
			return 1
		}
		return 0
	}
	if alive(&inc) <= alive(b.Known) {
		return b, false, nil
	}
	b.Stem, b.Known, b.Was = a.Stem, &inc, was
	b.note("incident %s was opened by the job's id: %s, it goes on there", inc.ID, inc.State())
	return b, true, nil
}
