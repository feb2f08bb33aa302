package alerts

import "time"

// Watch says whether drey looks at the clusters itself, and what it takes for a trouble. The zero Watch is off; the other
// fields have defaults.
type Watch struct {
	// Enabled makes drey look: a job that ran and failed, vanished, was cancelled by somebody else, restarts again and again or
	// completes no checkpoint or tells no metrics opens an incident of the source "drey", and so does a cluster that does not answer.
	Enabled bool `yaml:"enabled"`
	// Every is the time between two looks at a cluster; 0 means 15 seconds.
	Every time.Duration `yaml:"every"`
	// SilentAfter is how long a cluster must not answer; 0 means one minute.
	SilentAfter time.Duration `yaml:"silent_after"`
	// Restarts within RestartsWithin are too many; 0 means 3 in 10 minutes.
	Restarts       int           `yaml:"restarts"`
	RestartsWithin time.Duration `yaml:"restarts_within"`
	// Checkpoints is for how many of its intervals a running job may complete no checkpoint; 0 means 5. Less than a minute is
	// never too long.
	Checkpoints int `yaml:"checkpoints"`
}

func (w Watch) withDefaults() Watch {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&w.Every, 15*time.Second)
	def(&w.SilentAfter, time.Minute)
	def(&w.RestartsWithin, 10*time.Minute)
	if w.Restarts == 0 {
		w.Restarts = 3
	}
	if w.Checkpoints == 0 {
		w.Checkpoints = 5
	}
	return w
}

func (w Watch) validate(p *Problems, o Options) {
	if d := w.Every; d != 0 && (d < time.Second || d > 10*time.Minute) {
		p.add("watch.every", "want 1s to 10m, have %s", d)
	}
	if d := w.SilentAfter; d != 0 && (d < time.Second || d > time.Hour) {
		p.add("watch.silent_after", "want 1s to 1h, have %s", d)
	}
	if d := w.RestartsWithin; d != 0 && (d < time.Minute || d > 24*time.Hour) {
		p.add("watch.restarts_within", "want 1m to 24h, have %s", d)
	}
	if w.Restarts < 0 || w.Restarts > 1000 {
		p.add("watch.restarts", "want 1 to 1000, have %d", w.Restarts)
	}
	if w.Checkpoints < 0 || w.Checkpoints > 1000 {
		p.add("watch.checkpoints", "want 1 to 1000, have %d", w.Checkpoints)
	}
	if !w.Enabled {
		return
	}
	if len(o.Routes) == 0 {
		p.add("watch.enabled", `there is no route, so what drey sees would reach nobody; add to alerts.routes { name: all, match: "true", to: ["web:ops"] }`)
	}
	if _, taken := o.Sources[ownSource]; taken {
		p.add("sources."+ownSource, "with alerts.watch the name %q is drey's own; give the source another one", ownSource)
	}
}
