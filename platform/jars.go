package platform

import (
	"context"
	"errors"
	"io"
	"time"
)

// Jar is one JAR that the cluster keeps.
type Jar struct {
	ID      string // as SubmitJar takes it
	Name    string // of the uploaded file
	At      time.Time
	Entries []string // classes with a main that its manifest names; may be empty
}

// JarStore keeps JARs for SubmitJar.
type JarStore interface {
	// Jars lists them, the newest first.
	Jars(ctx context.Context) ([]Jar, error)
	// UploadJar stores size bytes of body, reading them once, and returns the JAR's id. The same file twice is two JARs.
	UploadJar(ctx context.Context, name string, size int64, body io.Reader) (id string, err error)
	// DeleteJar deletes one. Jobs that were started from it run on.
	DeleteJar(ctx context.Context, id string) error
	// PlanJar runs the program as c would, but submits nothing, and returns the name that it gives its job.
	PlanJar(ctx context.Context, c SubmitJar) (name string, err error)
}

const (
	// jarUpload bounds an upload: a large JAR over a slow line.
	jarUpload = 10 * time.Minute
	// jarPlan bounds a dry run of somebody's program.
	jarPlan = 15 * time.Second
)

// jars is the driver's store of JARs, or the reason why there is none.
func (c *Cluster) jars(ctx context.Context, what string) (JarStore, error) {
	s, ok := c.d.(JarStore)
	if !ok {
		return nil, c.cannot(what)
	}
	info, err := c.Describe(ctx)
	if err != nil {
		return nil, err
	}
	if why, no := info.Cannot[OpSubmitJar]; no {
		return nil, c.named(what, &Error{Op: what, Kind: Unsupported, Err: errors.New(why)})
	}
	return s, nil
}

// Jars lists the JARs that the cluster keeps, the newest first.
func (c *Cluster) Jars(ctx context.Context) ([]Jar, error) {
	s, err := c.jars(ctx, "JARs")
	if err != nil {
		return nil, err
	}
	return read(ctx, c, "jars", s.Jars)
}

// UploadJar stores size bytes of body under a name that ends in ".jar". It is never tried again: body is read once.
func (c *Cluster) UploadJar(ctx context.Context, name string, size int64, body io.Reader) (string, error) {
	s, err := c.jars(ctx, "upload of JARs")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, jarUpload)
	defer cancel()
	id, err := observed(ctx, c, "upload jar", func(ctx context.Context) (string, error) { return s.UploadJar(ctx, name, size, body) })
	return id, c.named("upload "+name, err)
}

// DeleteJar deletes a JAR. Jobs that were started from it run on.
func (c *Cluster) DeleteJar(ctx context.Context, id string) error {
	s, err := c.jars(ctx, "JARs")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Change)
	defer cancel()
	_, err = observed(ctx, c, "delete jar", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.DeleteJar(ctx, id) })
	return c.named("delete JAR "+id, err)
}

// PlanJar runs a JAR's program up to where it would submit its job, and returns the name that it gives the job.
func (c *Cluster) PlanJar(ctx context.Context, ch SubmitJar) (string, error) {
	s, err := c.jars(ctx, "dry run of JARs")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, jarPlan)
	defer cancel()
	name, err := observed(ctx, c, "plan jar", func(ctx context.Context) (string, error) { return s.PlanJar(ctx, ch) })
	return name, c.named("plan JAR "+ch.Jar, err)
}
