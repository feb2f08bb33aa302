package session

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"testing"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/local"
)

// submitJar runs an example job twice under one id, and cancels it.
func submitJar(t *testing.T, c *local.Cluster, d *Driver) {
	t.Helper()
	run := platform.SubmitJar{
		JobID: jobA, Jar: upload(t, c), EntryClass: "org.apache.flink.streaming.examples.statemachine.StateMachineExample", Args: []string{"--rps", "5"}, Parallelism: 1,
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

func upload(t *testing.T, c *local.Cluster) string {
	t.Helper()
	file, err := local.ExamplesJar(t.Context(), c.Version(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, _ := w.CreateFormFile("jarfile", "examples.jar")
	_, _ = part.Write(b)
	_ = w.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL()+"/jars/upload", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var up struct{ Filename string }
	if err := json.NewDecoder(resp.Body).Decode(&up); err != nil {
		t.Fatal(err)
	}
	return path.Base(up.Filename)
}
