package session

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkrest"
)

var _ platform.JarStore = (*Driver)(nil)

// Jars implements platform.JarStore.
func (d *Driver) Jars(ctx context.Context) ([]platform.Jar, error) {
	list, err := d.jm.Jars(ctx)
	if err != nil {
		return nil, jarError("list the JARs", err)
	}
	out := make([]platform.Jar, 0, len(list))
	for _, j := range list {
		jar := platform.Jar{ID: j.ID, Name: j.Name, At: millis(j.Uploaded)}
		for _, e := range j.Entry {
			jar.Entries = append(jar.Entries, e.Name)
		}
		out = append(out, jar)
	}
	slices.SortStableFunc(out, func(a, b platform.Jar) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// UploadJar implements platform.JarStore.
func (d *Driver) UploadJar(ctx context.Context, name string, size int64, body io.Reader) (string, error) {
	id, err := d.jm.UploadJar(ctx, name, size, body)
	if err != nil {
		return "", jarError("upload "+name, err)
	}
	return id, nil
}

// DeleteJar implements platform.JarStore. Flink says of an unknown JAR that the request is bad.
func (d *Driver) DeleteJar(ctx context.Context, id string) error {
	op := "delete JAR " + id
	list, err := d.Jars(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(j platform.Jar) bool { return j.ID == id }) {
		return platform.Errorf(platform.NotFound, op, "the cluster has no such JAR")
	}
	if err := d.jm.DeleteJar(ctx, id); err != nil {
		return jarError(op, err)
	}
	return nil
}

// PlanJar implements platform.JarStore.
func (d *Driver) PlanJar(ctx context.Context, c platform.SubmitJar) (string, error) {
	name, err := d.jm.PlanJar(ctx, c.Jar, flinkrest.RunRequest{EntryClass: c.EntryClass, Args: c.Args, Parallelism: c.Parallelism, Config: c.Config})
	if err != nil {
		return "", noJar(c.Jar, jarError("plan JAR "+c.Jar, err))
	}
	return name, nil
}

// noJar says which JAR the cluster has not: Flink names the file on the JobManager's disk.
func noJar(id string, err error) error {
	var e *platform.Error
	if errors.As(err, &e) && e.Kind == platform.NotFound {
		e.Err = reason{words: "the cluster has no JAR " + id}
	}
	return err
}

// jarError says in place of an unknown path that the cluster takes no JARs.
func jarError(op string, err error) error {
	if unknown(err) {
		return platform.Errorf(platform.Unsupported, op, noUpload)
	}
	return mapped(op, err)
}
