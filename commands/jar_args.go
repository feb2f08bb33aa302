package commands

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// hashed is the end of a name that drey gave a JAR: a part of its content's hash, so that the same file is stored once.
var hashed = regexp.MustCompile(`-[0-9a-f]{10}\.jar$`)

// stemOf is a JAR's name as people say it: without the ending and the hash.
func stemOf(name string) string {
	if at := hashed.FindStringIndex(name); at != nil {
		return name[:at[0]]
	}
	return strings.TrimSuffix(name, ".jar")
}

// findJar makes the name of a JAR exact: its id on the cluster. Where several files bear the name, the person chooses.
func (d Deps) findJar(ctx context.Context, e *Env, cluster string, jar *string) error {
	c, err := d.Clusters.Cluster(cluster)
	if err != nil {
		return err
	}
	list, err := c.Jars(ctx)
	if err != nil {
		return err
	}
	want := strings.TrimSpace(*jar)
	hits := jarsNamed(list, want)
	switch {
	case len(hits) == 1:
		*jar = hits[0].ID
		return nil
	case len(hits) > 1:
		return Tell(chooseJar(e, want, cluster, hits))
	}
	var names []string
	if e.Allowed("jar.read", cluster, "") {
		for _, j := range list {
			names = append(names, stemOf(j.Name))
		}
	}
	slices.Sort(names)
	if near := Nearest(want, slices.Compact(names), 3); len(near) > 0 {
		return platform.Errorf(platform.NotFound, "", "cluster %s has no JAR %q; did you mean %s?", cluster, clip(want, 80), strings.Join(near, ", "))
	}
	return platform.Errorf(platform.NotFound, "", "cluster %s has no JAR %q; /flink jar list shows those there are", cluster, clip(want, 80))
}

// jarsNamed finds a JAR by its id, else by its file's name, else by the name without ending and hash. Of files with one
// whole name and hash, which are the same file, the newest stands for all.
func jarsNamed(list []platform.Jar, want string) []platform.Jar {
	pick := func(fits func(j platform.Jar) bool) []platform.Jar {
		var out []platform.Jar
		for _, j := range list {
			same := func(o platform.Jar) bool { return o.Name == j.Name && hashed.MatchString(j.Name) }
			if fits(j) && !slices.ContainsFunc(out, same) {
				out = append(out, j)
			}
		}
		return out
	}
	for _, fits := range []func(platform.Jar) bool{
		func(j platform.Jar) bool { return j.ID == want },
		func(j platform.Jar) bool { return j.Name == want },
		func(j platform.Jar) bool { return strings.EqualFold(stemOf(j.Name), strings.TrimSuffix(want, ".jar")) },
	} {
		if hits := pick(fits); len(hits) > 0 {
			return hits
		}
	}
	return nil
}

func chooseJar(e *Env, name, cluster string, hits []platform.Jar) bot.Message {
	t := bot.Table{Columns: []string{"JAR", "Uploaded", "Id"}}
	var acts bot.Actions
	for _, j := range hits[:min(len(hits), 10)] {
		t.Rows = append(t.Rows, []string{j.Name, ago(e.Now, j.At), j.ID})
		acts = append(acts, bot.Button{Label: clip(stemOf(j.Name), 30) + " of " + j.At.UTC().Format("01-02 15:04:05"), Call: e.again(map[string]any{"jar": j.ID, "cluster": cluster})})
	}
	return bot.Message{Title: "Which " + clip(name, 60) + "?", Tone: bot.Warn, Private: true, Blocks: []bot.Block{
		bot.Textf("%d JARs on %s bear this name. Nothing was done yet.", len(hits), cluster), t, acts,
	}}
}

// completeJars offers the JARs of the cluster that is named already, or of all that the person may use.
func (d Deps) completeJars(ctx context.Context, e *Env, prefix string) []bot.Choice {
	names := d.usable(e)
	if c := e.Given["cluster"]; c != "" {
		names = slices.DeleteFunc(names, func(n string) bool { return n != c })
	}
	got, _ := each(ctx, d.Clusters, names, func(ctx context.Context, c *platform.Cluster) ([]platform.Jar, error) { return c.Jars(ctx) })
	var out []bot.Choice
	for _, n := range names {
		for _, j := range got[n] {
			if strings.Contains(strings.ToLower(j.Name), strings.ToLower(prefix)) || strings.HasPrefix(j.ID, prefix) {
				out = append(out, bot.Choice{Value: j.ID, Label: j.Name, Help: fmt.Sprintf("on %s, uploaded %s", n, ago(e.Now, j.At))})
			}
		}
	}
	return out
}

// argsOf cuts the arguments of a program as a shell does, quotes held together.
func argsOf(line string) ([]string, error) {
	var out []string
	for i := skipBlanks(line, 0); i < len(line); i = skipBlanks(line, i) {
		text, end, _, open := value(line, i)
		if open {
			return nil, platform.Errorf(platform.Invalid, "", "the program's arguments have a quote that is not closed: %s. Nothing was run", clip(line[i:], 40))
		}
		out, i = append(out, text), end
	}
	return out, nil
}
