package commands

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/drey-ops/drey/alerts"
	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

type linkArgs struct {
	URL string `json:"url" help:"the address"`
}

// dreyLink is hidden: networks ask for it when somebody posts a link, and show the card beside it. An answer in private
// means that there is nothing to show.
func dreyLink(d Deps) *Command {
	return New(Spec{
		Path: "drey link", Help: "Show what a link leads to", Hidden: true,
		Examples: []string{"/drey link https://flink.example.com/#/job/running/0123456789abcdef0123456789abcdef/overview"},
	}, func(ctx context.Context, e *Env, a linkArgs) (bot.Message, error) {
		if channel, id, ok := d.Links.thread(a.URL); ok {
			return d.linkedIncident(ctx, e, channel, id), nil
		}
		at, ok := d.Links.leadsTo(a.URL)
		if !ok {
			return noLink(), nil
		}
		if at.job == "" {
			return d.clusterLine(ctx, e, at.cluster), nil
		}
		return d.linkedJob(ctx, e, at), nil
	})
}

func noLink() bot.Message {
	return bot.Message{Title: "Nothing to show", Tone: bot.Muted, Private: true, Blocks: []bot.Block{bot.Textf("The link leads to nothing that drey knows and may show you.")}}
}

// linked is what a link speaks of: a job by id or name, or a whole cluster. The cluster may be empty with a job.
type linked struct{ cluster, job string }

var jobInLink = regexp.MustCompile(`^/?job/(?:running/|completed/)?([0-9a-f]{32})(?:/|$)`)

// leadsTo reads a link of Flink's web interface, or of a dashboard with variables for the job.
func (l Links) leadsTo(raw string) (linked, bool) {
	u, err := url.Parse(strings.Trim(strings.TrimSpace(raw), "<>"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return linked{}, false
	}
	if cluster, ok := l.clusterOf(u); ok {
		m := jobInLink.FindStringSubmatch(u.Fragment)
		switch {
		case m != nil:
			return linked{cluster, m[1]}, true
		case strings.Trim(u.Fragment, "/") == "" || strings.HasPrefix(strings.TrimPrefix(u.Fragment, "/"), "overview"):
			return linked{cluster: cluster}, true
		}
		return linked{}, false
	}
	q := u.Query()
	if !strings.Contains(u.Path, "/d/") {
		return linked{}, false
	}
	for _, name := range []string{"var-job_id", "var-job_name", "var-job"} {
		if v := q[name]; len(v) == 1 && v[0] != "" && !strings.ContainsAny(v[0], "$*|") { // one job, not all
			return linked{cluster: q.Get("var-cluster"), job: v[0]}, true
		}
	}
	return linked{}, false
}

var threadInLink = regexp.MustCompile(`^/c/([^/]+)/t/([^/]+)/?$`)

// thread reads a link to a thread of drey's own console.
func (l Links) thread(raw string) (channel, id string, ok bool) {
	base, err := url.Parse(l.External)
	u, err2 := url.Parse(strings.Trim(strings.TrimSpace(raw), "<>"))
	if err != nil || err2 != nil || base.Host == "" || !strings.EqualFold(hostOf(base), hostOf(u)) {
		return "", "", false
	}
	rest, under := strings.CutPrefix(u.Path, strings.TrimRight(base.Path, "/"))
	m := threadInLink.FindStringSubmatch(rest)
	if !under || m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// linkedIncident is the incident whose thread a link means, for who may read it.
func (d Deps) linkedIncident(ctx context.Context, e *Env, channel, id string) bot.Message {
	posts, ok := e.router.outbox.(interface {
		Posted(ctx context.Context, key string) (bot.MessageRef, error)
	})
	if !ok || !e.Allowed("alert.read", "", "") {
		return noLink()
	}
	list, err := d.Alerts.List(ctx, alerts.Filter{States: []string{alerts.Firing, alerts.Acked, alerts.Silenced, alerts.Resolved}})
	if err != nil {
		return noLink()
	}
	for _, i := range list {
		for _, t := range i.Targets {
			if t.Place.Channel != channel || !d.maySee(e, "alert.read", &i) {
				continue
			}
			if ref, err := posts.Posted(ctx, i.HeadKey(t.Place)); err == nil && ref.ID == id {
				m := i.Message()
				m.State, m.Closed = "", false // a look at it, not the thread
				return m
			}
		}
	}
	return noLink()
}

// clusterOf finds the cluster whose address a link begins with; of several the one that says most of the path.
func (l Links) clusterOf(u *url.URL) (string, bool) {
	best, found := "", -1
	for name, c := range l.Clusters {
		for _, raw := range []string{c.UI, c.API} {
			base, err := url.Parse(raw)
			if raw == "" || err != nil || !strings.EqualFold(hostOf(base), hostOf(u)) {
				continue
			}
			path := strings.TrimRight(base.Path, "/") + "/"
			if !strings.HasPrefix(u.Path+"/", path) || len(path) < found || len(path) == found && name > best {
				continue
			}
			best, found = name, len(path)
		}
	}
	return best, found >= 0
}

// hostOf is the host of an address with its port.
func hostOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Host
	case u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}

// linkedJob is the card of the one job that a link means, for who may read it.
func (d Deps) linkedJob(ctx context.Context, e *Env, at linked) bot.Message {
	names, _ := d.readable(e, "")
	if slices.Contains(d.Clusters.Names(), at.cluster) {
		names = slices.DeleteFunc(names, func(n string) bool { return n != at.cluster })
	}
	got, failed := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) (platform.Job, error) { return c.Find(ctx, at.job) })
	hits, _ := meant(e, names, got, failed)
	if len(hits) != 1 {
		return noLink()
	}
	ref := platform.JobRef{Cluster: hits[0].cluster, Job: string(hits[0].job.ID)}
	if !jobID.MatchString(at.job) {
		ref.Job = hits[0].job.Name
	}
	c, j, err := d.lookUp(ctx, ref)
	if err != nil || e.router.record(ctx, e, linkArgs{}, e.decide("job.read", ref.Cluster, j.Name)) != nil {
		return noLink()
	}
	return jobMessage(e, d.exact(ctx, hits[0]), j, d.knownAs(ctx, c.Name, j), readJob(ctx, c, j.ID))
}

// clusterLine is a cluster in one line, for who may read some job of it.
func (d Deps) clusterLine(ctx context.Context, e *Env, name string) bot.Message {
	c, err := d.Clusters.Cluster(name)
	if err != nil || !e.AllowedOn("job.read", name) {
		return noLink()
	}
	info, err := c.Describe(ctx)
	if err != nil {
		return noLink()
	}
	m := bot.Message{Title: "Cluster " + name, Tone: bot.Good}
	text := fmt.Sprintf("Flink %s, %s", info.Version, count(info.JobsRunning, "job")+" running")
	if info.SlotsTotal >= 0 {
		text += fmt.Sprintf(", %d of %d slots free on %s", info.SlotsFree, info.SlotsTotal, count(info.TaskManagers, "TaskManager"))
	}
	if info.TaskManagers == 0 && info.SlotsTotal == 0 {
		m.Tone = bot.Warn
	}
	m.Blocks = []bot.Block{bot.Textf("%s.", text), bot.Actions{Button("Jobs of "+name, "flink jobs", map[string]string{"cluster": name})}}
	return m
}
