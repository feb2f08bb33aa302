package alerts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

const (
	// watchBatch is how many clusters are looked at together.
	watchBatch = 16
	// watchWithin bounds one look at a cluster; less than lease.
	watchWithin = 15 * time.Second
	// watchAtOnce is how many questions one cluster is asked at a time.
	watchAtOnce = 4
	// watchKeep is how long a cluster is remembered that nobody looks at.
	watchKeep = 7 * 24 * time.Hour
)

// watchRoot is the storage root of what is known of a cluster.
func watchRoot(cluster string) string { return "watch-" + hashOf(cluster)[:12] }

func (s *Service) watchTable() storage.Table[watched] {
	return storage.Table[watched]{DB: s.db, Name: "watch", TTL: watchKeep}
}

// watch looks at every cluster again and again until ctx ends. The clusters are items of a queue: of several replicas one looks
// at a time, and another goes on where it ends.
func (s *Service) watch(ctx context.Context) {
	byRoot := map[string]*platform.Cluster{}
	for name, c := range s.hooks.Clusters {
		byRoot[watchRoot(name)] = c
	}
	for root := range byRoot {
		for ctx.Err() == nil {
			tx := s.db.Begin(root)
			tx.Enqueue(watchQueue, root, time.Time{})
			if s.db.Commit(ctx, tx) == nil {
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
	s.work(ctx, watchQueue, watchBatch, func(ctx context.Context, items []storage.Item) {
		var wg sync.WaitGroup
		for _, it := range items {
			wg.Go(func() { s.warn(ctx, it, s.watchOne(ctx, it, byRoot[it.ID])) })
		}
		wg.Wait()
	})
}

// watchOne looks at one cluster, tells what is new, and then writes down what it knows: after a crash between the two it is
// told again, which changes nothing.
func (s *Service) watchOne(ctx context.Context, it storage.Item, c *platform.Cluster) error {
	every := s.options.Watch.Every
	tx := s.db.Begin(it.ID)
	tx.ReleaseAfter(it, every*9/10+rand.N(every/5))
	if c == nil { // of a replica with another configuration
		return s.db.Commit(ctx, tx)
	}
	w, was, err := s.watchTable().Get(ctx, it.ID)
	if errors.Is(err, storage.ErrNotFound) {
		w, was, err = watched{Cluster: c.Name}, storage.New, nil
	}
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, watchWithin)
	defer cancel()
	seen, err := s.sight(limit, c, &w)
	if ctx.Err() != nil {
		return nil // drey stops: the lease runs out, and somebody looks again
	}
	if s.hooks.OnLook != nil {
		s.hooks.OnLook(c.Name, err == nil)
	}
	now := s.hooks.Now()
	var over []ended
	switch {
	case err != nil && w.Silent.IsZero():
		w.At, w.Silent = now, now
	case err != nil:
		w.At = now
	default:
		if err := s.plans(limit, &w, &seen); err != nil {
			return err
		}
		if err := s.noteRuns(limit, c.Name, seen.names()); err != nil {
			return err
		}
		s.noteCauses(limit, c, &w, seen)
		over = w.see(seen, s.options.Watch, now)
	}
	if err := errors.Join(s.tellJobs(ctx, c, &w, over), s.tellCluster(ctx, c, &w)); err != nil {
		return err
	}
	s.watchTable().Put(tx, it.ID, w, was)
	return s.db.Commit(ctx, tx)
}

// sight asks a cluster for its jobs, and for what else is needed to judge them. What one job does not tell is left out.
func (s *Service) sight(ctx context.Context, c *platform.Cluster, w *watched) (sight, error) {
	out := sight{jobs: map[platform.JobID]platform.Job{}, restarts: map[platform.JobID]int{}, mute: map[platform.JobID]bool{}, points: map[platform.JobID]platform.Checkpoints{}, planned: map[platform.JobID]Planned{}}
	jobs, err := c.Jobs(ctx)
	if err != nil {
		return out, err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	free := make(chan struct{}, watchAtOnce)
	ask := func(fn func()) {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			fn()
		})
	}
	now := s.hooks.Now()
	for _, j := range jobs {
		out.jobs[j.ID] = j
		if j.State.Terminal() {
			continue
		}
		ask(func() {
			m, err := c.Metrics(ctx, j.ID, []string{"numRestarts"})
			mu.Lock()
			defer mu.Unlock()
			if n, ok := m["numRestarts"]; err == nil && ok && n >= 0 {
				out.restarts[j.ID] = int(n)
			}
			out.mute[j.ID] = err == nil && len(m) == 0
		})
		if known := w.Jobs[j.ID]; known != nil && !known.pointsDue(now) {
			continue
		}
		ask(func() {
			if cps, err := c.Checkpoints(ctx, j.ID); err == nil {
				mu.Lock()
				defer mu.Unlock()
				out.points[j.ID] = cps
			}
		})
	}
	wg.Wait()
	return out, nil
}

// plans asks about drey's own operations where they matter: on jobs that are gone, or that restarted.
func (s *Service) plans(ctx context.Context, w *watched, out *sight) error {
	if s.hooks.Planned == nil {
		return nil
	}
	for id, k := range w.Jobs {
		job, there := out.jobs[id]
		n, counted := out.restarts[id]
		restarted := counted && len(k.Restarts) > 0 && n > k.Restarts[len(k.Restarts)-1].N
		if there && !job.State.Terminal() && !restarted {
			continue
		}
		p, err := s.hooks.Planned(ctx, w.Cluster, k.Name, id)
		if err != nil {
			return fmt.Errorf("ask for the operations on %s/%s: %w", w.Cluster, k.Name, err)
		}
		out.planned[id] = p
	}
	return nil
}

// tellJobs tells the troubles of the jobs that are there and those that are over: as lines in the thread of an alert about the
// same job where there is one, or else in an incident of drey's own.
func (s *Service) tellJobs(ctx context.Context, c *platform.Cluster, w *watched, over []ended) error {
	groups := map[string][]jobTrouble{}
	for _, j := range w.Jobs {
		if j.Grouped {
			continue
		}
		for name, t := range j.Troubles {
			groups[j.Name] = append(groups[j.Name], jobTrouble{j, j.alert(c, name, t)})
		}
	}
	for i := range over {
		for _, name := range over[i].troubles {
			a := over[i].job.alert(c, name, trouble{s.hooks.Now(), over[i].say})
			a.Status, a.EndsAt = Resolved, s.hooks.Now()
			groups[over[i].job.Name] = append(groups[over[i].job.Name], jobTrouble{&over[i].job, a})
		}
		if over[i].gaveUp && over[i].job.Own {
			st := story{kind: storyWatch, tone: bot.Muted, text: bot.Textf("Nobody started it again for %s: drey stops waiting for it", span(watchPatience))}
			if err := s.ownStory(ctx, jobGroup(c, over[i].job.Name), st); err != nil {
				return err
			}
		}
	}
	if len(groups) == 0 {
		return nil
	}
	others, err := s.others(ctx)
	if err != nil {
		return err
	}
	for name, ts := range groups {
		if err := s.tellJob(ctx, c, name, ts, others); err != nil {
			return err
		}
	}
	return nil
}

// jobTrouble is an alert of the watcher with the run that it is about.
type jobTrouble struct {
	job   *watchedJob
	alert PayloadAlert
}

func (s *Service) tellJob(ctx context.Context, c *platform.Cluster, name string, ts []jobTrouble, others []bound) error {
	told := false
	var own []PayloadAlert
	var owned bool
	episode := s.ownBatch(jobGroup(c, name)).Key
	for _, t := range ts {
		for _, o := range others {
			if o.Key == episode || !o.about(c.Name, name, string(t.job.ID), s.hooks.Clusters) {
				continue
			}
			told = true
			if err := s.line(ctx, stem(o.ID), t.alert); err != nil {
				return err
			}
		}
		if t.alert.Status == Firing || t.job.Own {
			own, owned = append(own, t.alert), owned || t.job.Own
		}
	}
	if told && owned { // an alert came for what drey had seen before: there it goes on
		st := story{kind: storyWatch, tone: bot.Muted, text: bot.Textf("An alert came about the same job: it goes on in its thread")}
		if err := s.ownStory(ctx, jobGroup(c, name), st); err != nil {
			return err
		}
		for i := range own {
			own[i].Status, own[i].EndsAt = Resolved, s.hooks.Now()
		}
	}
	if len(own) == 0 || told && !owned {
		return nil
	}
	if _, err := s.own(ctx, jobGroup(c, name), own); err != nil {
		return err
	}
	for _, t := range ts {
		t.job.Own = !told
	}
	return nil
}

// jobGroup is what makes one incident of the troubles of a job, whatever run of it has them.
func jobGroup(c *platform.Cluster, name string) map[string]string {
	return map[string]string{"cluster": c.Name, "job_name": name}
}

func (j *watchedJob) alert(c *platform.Cluster, name string, t trouble) PayloadAlert {
	severity := "critical"
	if name == troubleCanceled || name == troubleNoPoint || name == troubleNoMetrics {
		severity = "warning"
	}
	fp := hashOf(name, c.Name, string(j.ID))[:16]
	return labelled(name, severity, t.Say, "", t.Since, fp, c.Labels, jobGroup(c, j.Name), map[string]string{"job_id": string(j.ID)})
}

// tellCluster tells in one incident of its own that a cluster does not answer, or that it lost all its jobs, and when that is
// over.
func (s *Service) tellCluster(ctx context.Context, c *platform.Cluster, w *watched) error {
	now := s.hooks.Now()
	group := map[string]string{"cluster": c.Name}
	var as []PayloadAlert
	add := func(told *bool, is bool, name, say, what string) {
		if !is && !*told {
			return
		}
		a := labelled(name, "critical", say, what, now, hashOf(name, c.Name)[:16], c.Labels, group)
		if !is {
			a.Status, a.EndsAt = Resolved, now
		}
		as, *told = append(as, a), is
	}
	var live []*watchedJob
	for _, j := range w.Jobs {
		if j.Ran && j.Off.IsZero() {
			live = append(live, j)
		}
	}
	what := "It ran no job that drey knew."
	if len(live) > 0 {
		what = fmt.Sprintf("Its %d jobs when last seen: %s", len(live), listed(live))
	}
	silent := !w.Silent.IsZero() && now.Sub(w.Silent) >= s.options.Watch.SilentAfter
	add(&w.Told, silent, troubleSilent, fmt.Sprintf("The cluster %s does not answer", c.Name), what)
	lost := w.grouped()
	add(&w.Lost, len(lost) > 0, troubleLost, fmt.Sprintf("The cluster %s has lost its %d jobs", c.Name, len(lost)), "Not running again yet: "+listed(lost))
	if len(as) == 0 {
		return nil
	}
	_, err := s.own(ctx, group, as)
	return err
}
