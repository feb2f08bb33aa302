package session

import (
	"os"
	"strings"
	"testing"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
)

const stateMachine = "org.apache.flink.streaming.examples.statemachine.StateMachineExample"

// submitJar runs an example job twice under one id, and cancels it.
func submitJar(t *testing.T, c *local.Cluster, d *Driver) {
	t.Helper()
	run := platform.SubmitJar{
		JobID: jobA, Jar: keepsJars(t, c, d), EntryClass: stateMachine, Args: []string{"--rps", "5"}, Parallelism: 1,
	}
	bad := run
	bad.JobID, bad.EntryClass = "", "no.such.Main"
	if _, err := d.Begin(t.Context(), ourX, bad); platform.KindOf(err) != platform.Invalid {
		t.Errorf("bad class: %v", err)
	}
	bad = run
	bad.JobID, bad.Jar = "", "none.jar"
	if _, err := d.Begin(t.Context(), ourX, bad); platform.KindOf(err) != platform.NotFound {
		t.Errorf("no such JAR: %v", err)
	}
	for range 2 {
		ticket, err := d.Begin(t.Context(), ourX, run)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := d.Poll(t.Context(), ticket); err != nil || !out.Done || out.Job != jobA {
			t.Errorf("%+v, %v", out, err)
		}
	}
	if jobs, err := d.Jobs(t.Context()); err != nil || len(jobs) != 1 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
	if _, err := d.Begin(t.Context(), ourX, platform.Cancel{Job: jobA}); err != nil {
		t.Error(err)
	}
}

// keepsJars uploads a JAR twice, finds both, has one planned and deletes the other.
func keepsJars(t *testing.T, c *local.Cluster, d *Driver) string {
	t.Helper()
	id, other := upload(t, c, d), upload(t, c, d)
	list, err := d.Jars(t.Context())
	if err != nil || len(list) != 2 || id == other || list[0].Name != "examples.jar" || list[0].At.IsZero() || list[0].At.Before(list[1].At) {
		t.Errorf("%+v, %v", list, err)
	}
	name, err := d.PlanJar(t.Context(), platform.SubmitJar{Jar: id, EntryClass: stateMachine})
	if err != nil || name != "State machine job" {
		t.Errorf("planned %q, %v", name, err)
	}
	if _, err := d.PlanJar(t.Context(), platform.SubmitJar{Jar: id}); platform.KindOf(err) != platform.Invalid {
		t.Errorf("no class: %v", err)
	}
	if _, err := d.PlanJar(t.Context(), platform.SubmitJar{Jar: "none.jar", EntryClass: stateMachine}); platform.KindOf(err) != platform.NotFound {
		t.Errorf("no JAR: %v", err)
	}
	if err := d.DeleteJar(t.Context(), other); err != nil {
		t.Error(err)
	}
	if err := d.DeleteJar(t.Context(), other); platform.KindOf(err) != platform.NotFound {
		t.Errorf("deleted twice: %v", err)
	}
	if _, err := d.UploadJar(t.Context(), "notes.txt", 2, strings.NewReader("hi")); platform.KindOf(err) != platform.Invalid {
		t.Errorf("no JAR at all: %v", err)
	}
	if _, err := d.UploadJar(t.Context(), "short.jar", 20, strings.NewReader("hi")); err == nil {
		t.Error("a file that ends early is taken")
	}
	return id
}

func upload(t *testing.T, c *local.Cluster, d *Driver) string {
	t.Helper()
	file, err := local.ExamplesJar(t.Context(), c.Version(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	id, err := d.UploadJar(t.Context(), "examples.jar", info.Size(), f)
	if err != nil || !strings.HasSuffix(id, "_examples.jar") || strings.ContainsAny(id, "/\\") {
		t.Fatalf("%q, %v", id, err)
	}
	return id
}
