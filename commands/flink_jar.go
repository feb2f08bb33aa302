package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

type jarUploadArgs struct {
	Cluster string `json:"cluster" help:"where to" complete:"cluster" optional:"true"`
}

func flinkJarUpload(d Deps) *Command {
	return New(Spec{
		Path: "flink jar upload", Help: "Upload the .jar file that comes with the command",
		Examples:   []string{"/flink jar upload", "/flink jar upload cluster=prod"},
		Permission: "jar.upload", Effect: Changes,
		Files: []string{".jar"},
		Resolve: ResolveArgs(func(ctx context.Context, e *Env, a *jarUploadArgs) error {
			file, err := e.file(".jar")
			if err != nil {
				return err
			}
			if file == nil {
				return platform.Errorf(platform.Invalid, "", "no file came with the command: send a .jar file along; nothing was uploaded")
			}
			if err := d.pickForFile(e, &a.Cluster, file); err != nil {
				return err
			}
			return e.mayUpload(ctx, a.Cluster)
		}),
	}, func(ctx context.Context, e *Env, a jarUploadArgs) (bot.Message, error) {
		file, err := e.file(".jar")
		if err != nil || file == nil {
			return bot.Message{}, platform.Errorf(platform.Invalid, "", "the file is no longer at hand; send it again")
		}
		jar, known, err := d.storeJar(ctx, e, a.Cluster, file)
		if err != nil {
			return bot.Message{}, err
		}
		m := bot.Message{Title: "Uploaded " + jar.Name, Tone: bot.Good, Blocks: []bot.Block{bot.Textf("**%s** is on %s.", clip(file.Name, 80), a.Cluster)}}
		if known {
			m.Title, m.Tone = "On the cluster already: "+jar.Name, bot.Muted
			m.Blocks = []bot.Block{bot.Textf("**%s** was uploaded to %s before, %s, with the same content. It was not uploaded again.", clip(file.Name, 80), a.Cluster, ago(e.Now, jar.At))}
		}
		m.Blocks = append(m.Blocks, bot.Notef("JAR id `%s`", jar.ID))
		if acts := e.Actions(runButton(jar, a.Cluster)); len(acts) > 0 {
			m.Blocks = append(m.Blocks, acts)
		}
		return m, nil
	})
}

// runButton opens the form that runs a JAR.
func runButton(j platform.Jar, cluster string) bot.Button {
	return bot.Button{Label: "Run " + clip(stemOf(j.Name), 24) + "…", Call: CallOf("flink run", runArgs{Jar: j.ID, Cluster: cluster, Ask: true}), Opens: true}
}

type jarListArgs struct {
	Filter  string `json:"filter" help:"part of a name" optional:"true"`
	Cluster string `json:"cluster" help:"only this cluster" complete:"cluster" optional:"true"`
}

// jarsShown is how many JARs a list shows.
const jarsShown = 30

func flinkJarList(d Deps) *Command {
	return New(Spec{
		Path: "flink jar list", Help: "List the JARs that clusters keep",
		Examples:   []string{"/flink jar list", "/flink jar list wordcount cluster=prod"},
		Permission: "jar.read", Effect: Reads,
	}, func(ctx context.Context, e *Env, a jarListArgs) (bot.Message, error) {
		names := d.usable(e)
		if a.Cluster != "" {
			if !slices.Contains(d.Clusters.Names(), a.Cluster) {
				return bot.Message{}, unknownCluster(a.Cluster, d.Clusters.Names())
			}
			names = []string{a.Cluster}
		}
		got, failed := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) ([]platform.Jar, error) { return c.Jars(ctx) })
		if len(got) == 0 && len(failed) > 0 {
			return bot.Message{}, noJobs(names, failed)
		}
		return jarsMessage(e, a, names, got, failed), nil
	})
}

func jarsMessage(e *Env, a jarListArgs, names []string, got map[string][]platform.Jar, failed map[string]error) bot.Message {
	t := bot.Table{Columns: []string{"Cluster", "JAR", "Uploaded", "Main class", "Id"}}
	var acts bot.Actions
	n := 0
	var m bot.Message
	for _, cluster := range names {
		if err := failed[cluster]; err != nil {
			m.Tone = bot.Warn
			m.Blocks = append(m.Blocks, bot.Textf("**%s** is left out: %s", cluster, saidOf(err)))
		}
		for _, j := range got[cluster] {
			if !strings.Contains(strings.ToLower(j.Name), strings.ToLower(a.Filter)) {
				continue
			}
			if n++; n > jarsShown {
				continue
			}
			t.Rows = append(t.Rows, []string{cluster, j.Name, ago(e.Now, j.At), strings.Join(j.Entries, ", "), j.ID})
			if len(acts) < 3 {
				acts = append(acts, e.Actions(runButton(j, cluster))...)
			}
		}
	}
	if n > jarsShown {
		t.Foot = fmt.Sprintf("%d of %d; a filter narrows the list", jarsShown, n)
	}
	m.Title = count(n, "JAR")
	if n == 0 {
		m.Title = "No JAR"
		m.Blocks = append(m.Blocks, bot.Textf("`/flink jar upload` with a .jar file, or the file dropped on `/flink run`, brings one."))
		return m
	}
	m.Blocks = append(m.Blocks, t)
	if len(acts) > 0 {
		m.Blocks = append(m.Blocks, acts)
	}
	return m
}

type jarDeleteArgs struct {
	Jar     string `json:"jar" help:"the JAR, by its name or id" complete:"jar"`
	Cluster string `json:"cluster" help:"where it is" complete:"cluster" optional:"true"`
}

func flinkJarDelete(d Deps) *Command {
	return New(Spec{
		Path: "flink jar delete", Help: "Delete a JAR from a cluster",
		Examples:   []string{"/flink jar delete wordcount"},
		Permission: "jar.delete", Effect: Destroys,
		Resolve: ResolveArgs(func(ctx context.Context, e *Env, a *jarDeleteArgs) error {
			if err := d.pickCluster(e, &a.Cluster); err != nil {
				return err
			}
			if !e.Allowed("jar.delete", a.Cluster, "") {
				return nil // the exact check refuses it
			}
			return d.findJar(ctx, e, a.Cluster, &a.Jar)
		}),
		Warn: WarnArgs(func(ctx context.Context, e *Env, a jarDeleteArgs) (Confirmation, error) {
			return d.jarLoss(ctx, e, a), nil
		}),
	}, func(ctx context.Context, _ *Env, a jarDeleteArgs) (bot.Message, error) {
		c, err := d.Clusters.Cluster(a.Cluster)
		if err != nil {
			return bot.Message{}, err
		}
		if err := c.DeleteJar(ctx, a.Jar); err != nil {
			return bot.Message{}, err
		}
		return bot.Message{Title: "Deleted", Tone: bot.Muted, Blocks: []bot.Block{bot.Textf("The JAR `%s` is gone from %s. Jobs that were started from it run on.", a.Jar, a.Cluster)}}, nil
	})
}

// jarLoss says which jobs could not be started again without the JAR.
func (d Deps) jarLoss(ctx context.Context, e *Env, a jarDeleteArgs) Confirmation {
	_, name, _ := strings.Cut(a.Jar, "_")
	conf := Confirmation{Word: stemOf(name), Title: "Delete " + clip(stemOf(name), 60) + "?", Submit: "Delete the JAR"}
	if name == "" {
		conf.Word = a.Jar
	}
	conf.Intro = bot.Textf("`%s` goes from %s. Jobs that run from it run on.", a.Jar, a.Cluster)
	list, err := d.Ops.Jobs(ctx, 0)
	if err != nil {
		return conf
	}
	var jobs []string
	for _, k := range list {
		if k.Cluster == a.Cluster && k.Source != nil && k.Source.Jar != nil && k.Source.Jar.Jar == a.Jar && e.Allowed("job.read", k.Cluster, k.Name) {
			jobs = append(jobs, k.Name)
		}
	}
	if len(jobs) > 0 {
		conf.Intro = bot.Textf("`%s` goes from %s. Jobs that run from it run on, but drey cannot start these again then: **%s**.", a.Jar, a.Cluster, clip(strings.Join(jobs, ", "), 300))
	}
	return conf
}
