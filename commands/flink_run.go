package commands

import (
	"context"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/ops"
)

type runArgs struct {
	Jar         string `json:"jar" help:"a JAR of the cluster, by its name or id; leave it out with a file" complete:"jar" optional:"true"`
	Entry       string `json:"entry" help:"the class with the main method; the default is the one that the JAR names" optional:"true"`
	Args        string `json:"args" help:"what the program is called with" optional:"true"`
	Parallelism int    `json:"parallelism" help:"of the job" min:"1" max:"32768" optional:"true"`
	Savepoint   string `json:"savepoint" help:"path to start the job from" complete:"savepoint" optional:"true"`
	Name        string `json:"name" help:"the job's name, where the program gives none" optional:"true"`
	Cluster     string `json:"cluster" help:"where to run it" complete:"cluster" optional:"true"`
	Ask         bool   `json:"ask" help:"ask for the rest first" hidden:"true"`
}

func flinkRun(d Deps) *Command {
	return New(Spec{
		Path: "flink run", Help: "Run a program from a JAR as a job",
		Examples:   []string{"/flink run wordcount", `/flink run wordcount entry=com.example.Main args="--rps 5" parallelism=2`},
		Permission: "jar.run", Effect: Changes, Op: platform.OpSubmitJar,
		Opens: true, Files: []string{".jar"},
		Resolve: ResolveArgs(d.resolveRun),
	}, func(ctx context.Context, e *Env, a runArgs) (bot.Message, error) {
		c, err := d.Clusters.Cluster(a.Cluster)
		if err != nil {
			return bot.Message{}, err
		}
		args, err := argsOf(a.Args)
		if err != nil {
			return bot.Message{}, err
		}
		req := ops.SubmitJar{Cluster: a.Cluster, Jar: a.Jar, EntryClass: a.Entry, Args: args, Parallelism: a.Parallelism, Savepoint: a.Savepoint}
		if a.Name != "" {
			req.Config = map[string]string{"pipeline.name": a.Name}
		}
		if req.Name, err = jobOfJar(ctx, c, a, req); err != nil {
			return bot.Message{}, err
		}
		return d.start(ctx, e, req)
	})
}

// resolveRun finds the JAR and the cluster of a call. The file that came with it is uploaded here, where the rights to run
// and to upload have been checked, so that what is run, and asked consent for, names the JAR that is there already.
func (d Deps) resolveRun(ctx context.Context, e *Env, a *runArgs) error {
	file, err := e.file(".jar")
	if err != nil {
		return err
	}
	none := strings.TrimSpace(a.Jar) == ""
	switch {
	case a.Ask, file == nil && none:
		return Tell(runForm(e, *a))
	case file != nil && !none:
		return platform.Errorf(platform.Invalid, "", "the command names a JAR and a file came with it; give one of them. Nothing was run")
	}
	if err := d.pickForFile(e, &a.Cluster, file); err != nil {
		return err
	}
	if !e.Allowed("jar.run", a.Cluster, "") {
		return nil // the exact check refuses it
	}
	if _, err := argsOf(a.Args); err != nil {
		return err
	}
	if file == nil {
		return d.findJar(ctx, e, a.Cluster, &a.Jar)
	}
	if err := e.mayUpload(ctx, a.Cluster); err != nil {
		return err
	}
	jar, _, err := d.storeJar(ctx, e, a.Cluster, file)
	a.Jar = jar.ID
	return err
}

// pickForFile is pickCluster where a file may have come with the gesture: it cannot wait for a choice.
func (d Deps) pickForFile(e *Env, cluster *string, file *bot.Upload) error {
	if open := d.usable(e); file != nil && *cluster == "" && len(open) > 1 {
		return platform.Errorf(platform.Invalid, "", "say with a file on which cluster: cluster=%s, or %s. Nothing was uploaded", open[0], strings.Join(open[1:], ", "))
	}
	return d.pickCluster(e, cluster)
}

// runForm asks for what a program is run with.
func runForm(e *Env, a runArgs) bot.Message {
	missing := a.Jar == "" && e.Event.Form != nil
	a.Ask = false
	e.args = Encode(a)
	m := e.Form("Run a JAR", "Run")
	for i := range m.Form.Fields {
		in := &m.Form.Fields[i]
		if in.Required = in.Required || in.Name == "jar"; in.Name == "jar" {
			in.Help = "By its name or id; /flink jar list shows them"
			if missing {
				in.Error = "This is needed."
			}
		}
	}
	m.Fallback = "Run a JAR: fill in the form, name one (/flink jar list), or send a .jar file along"
	return m
}

// jobOfJar finds out how the program names its job, by a dry run, which also finds what is wrong with the call.
func jobOfJar(ctx context.Context, c *platform.Cluster, a runArgs, req ops.SubmitJar) (string, error) {
	name, err := c.PlanJar(ctx, platform.SubmitJar{Jar: req.Jar, EntryClass: req.EntryClass, Args: req.Args, Parallelism: req.Parallelism, Config: req.Config})
	switch k := platform.KindOf(err); {
	case k == platform.Unsupported && a.Name != "":
		return a.Name, nil
	case err != nil && a.Entry == "" && strings.Contains(err.Error(), "Main-Class"):
		return "", platform.Errorf(platform.Invalid, "", "the JAR does not say which class to run; name it with entry=com.example.Main. Nothing was run")
	case err != nil:
		return "", err
	case name == "":
		return "", platform.Errorf(platform.Invalid, "", "the program gives its job no name; give one with name=")
	case a.Name != "" && a.Name != name:
		return "", platform.Errorf(platform.Invalid, "", "the program itself names its job %q; leave name= out. Nothing was run", clip(name, 80))
	}
	return name, nil
}
