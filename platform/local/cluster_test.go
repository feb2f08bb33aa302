package local

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func portOf(t *testing.T, base string) int {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}

// api calls Flink and decodes the answer.
func api(t *testing.T, method, url, kind string, body io.Reader, to any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %.600s", method, url, resp.StatusCode, b)
	}
	if to != nil {
		if err := json.Unmarshal(b, to); err != nil {
			t.Fatalf("%s %s: %v in %.300s", method, url, err, b)
		}
	}
}

// runJob submits an example job with one parallel instance and returns its id.
func runJob(t *testing.T, c *Cluster, jar string) (id string) {
	t.Helper()
	b, err := os.ReadFile(jar)
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, _ := w.CreateFormFile("jarfile", "examples.jar")
	_, _ = part.Write(b)
	w.Close()
	var up struct{ Filename string }
	api(t, "POST", c.URL()+"/jars/upload", w.FormDataContentType(), &body, &up)
	var run struct{ Jobid string }
	api(t, "POST", c.URL()+"/jars/"+filepath.Base(up.Filename)+"/run", "application/json",
		strings.NewReader(`{"entryClass":"org.apache.flink.streaming.examples.statemachine.StateMachineExample","parallelism":1}`), &run)
	return run.Jobid
}

type job struct {
	State    string
	Vertices []struct {
		ID          string
		Parallelism int
		Status      string
	}
}

func waitJob(t *testing.T, c *Cluster, id string, what string, ok func(job) bool) (j job) {
	t.Helper()
	t0 := time.Now()
	for time.Since(t0) < 60*time.Second {
		api(t, "GET", c.URL()+"/jobs/"+id, "", nil, &j)
		if ok(j) {
			t.Logf("%s after %.1f s", what, time.Since(t0).Seconds())
			return j
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("not %s: %+v", what, j)
	return j
}

func running(n int) func(job) bool {
	return func(j job) bool {
		for _, v := range j.Vertices {
			if v.Parallelism != n || v.Status != "RUNNING" {
				return false
			}
		}
		return j.State == "RUNNING" && len(j.Vertices) > 0
	}
}

// TestStart runs both versions for real: start, a job, a rescale, a lost TaskManager, restarts, stop.
func TestStart(t *testing.T) {
	_, err := Java(t.Context())
	need(t, err)
	for _, version := range []string{DefaultVersion, OldVersion} {
		t.Run(version, func(t *testing.T) {
			t0 := time.Now()
			p := &lines{}
			say := func(line string) { t.Logf("%6.1f s  %s", time.Since(t0).Seconds(), line); p.say(line) }
			home, err := Fetch(t.Context(), version, "", say)
			need(t, err)
			c, err := Start(t.Context(), Options{Home: home, TaskManagers: 2, Slots: 2, CheckpointEvery: time.Second, Progress: say})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Stop()
			for _, want := range []string{"JobManager up at " + c.URL(), "2 of 2 TaskManagers", "SQL Gateway up at " + c.GatewayURL()} {
				if !p.has(want) {
					t.Errorf("it did not tell %q", want)
				}
			}
			useCluster(t, c)
			pids := c.pids()
			t1 := time.Now()
			c.Stop()
			t.Logf("stopped in %.1f s", time.Since(t1).Seconds())
			for _, pid := range pids {
				if alive(t, strconv.Itoa(pid)) {
					t.Errorf("process %d is still there", pid)
				}
			}
			if _, err := os.Stat(c.Dir()); err == nil {
				t.Error("the temporary run folder is still there")
			}
		})
	}
}

func (c *Cluster) pids() (all []int) {
	for _, p := range append([]*process{c.jm, c.gw}, c.tms...) {
		all = append(all, p.cmd.Process.Pid)
	}
	return all
}

func useCluster(t *testing.T, c *Cluster) {
	var config struct {
		Version string `json:"flink-version"`
	}
	api(t, "GET", c.URL()+"/config", "", nil, &config)
	if config.Version != c.Version() {
		t.Errorf("version %q runs, want %q", config.Version, c.Version())
	}
	if c.ports.rest >= 32768 || c.ports.gateway >= 32768 {
		t.Errorf("ports %+v", c.ports)
	}
	jar, err := ExamplesJar(t.Context(), c.Version(), "", nil)
	need(t, err)
	id := runJob(t, c, jar)
	j := waitJob(t, c, id, "running", running(1))

	want := map[string]any{}
	for _, v := range j.Vertices {
		want[v.ID] = map[string]any{"parallelism": map[string]int{"lowerBound": 1, "upperBound": 3}}
	}
	b, _ := json.Marshal(want)
	api(t, "PUT", c.URL()+"/jobs/"+id+"/resource-requirements", "application/json", bytes.NewReader(b), nil)
	waitJob(t, c, id, "rescaled up", running(3))
	b = bytes.ReplaceAll(b, []byte(`"upperBound":3`), []byte(`"upperBound":1`))
	api(t, "PUT", c.URL()+"/jobs/"+id+"/resource-requirements", "application/json", bytes.NewReader(b), nil)
	waitJob(t, c, id, "rescaled down", running(1))

	metrics(t, c)
	if err := c.KillTaskManager(1); err != nil {
		t.Fatal(err)
	}
	if err := c.KillTaskManager(1); err == nil {
		t.Error("killed twice")
	}
	if err := c.StartTaskManager(0); err == nil {
		t.Error("started one that runs")
	}
	if err := c.StartTaskManager(1); err != nil {
		t.Fatal(err)
	}
	timed(t, "TaskManager back", func() error { return c.WaitReady(t.Context()) })
	timed(t, "SQL Gateway restarted", func() error { return c.RestartGateway(t.Context()) })
	timed(t, "JobManager restarted", func() error { return c.RestartJobManager(t.Context()) })
	timed(t, "TaskManagers registered", func() error { return c.WaitReady(t.Context()) })

	_, err = Start(t.Context(), Options{Home: c.opts.Home, RESTPort: c.ports.rest})
	if want := fmt.Sprintf("port %d (RESTPort) is in use by another program", c.ports.rest); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func timed(t *testing.T, what string, f func() error) {
	t.Helper()
	t0 := time.Now()
	if err := f(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	t.Logf("%s in %.1f s", what, time.Since(t0).Seconds())
}

// metrics checks that both kinds of process can be scraped, with job names as they are.
func metrics(t *testing.T, c *Cluster) {
	t.Helper()
	jm, tms := c.PromPorts()
	for i, addr := range append([]string{jm}, tms...) {
		resp, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		want := "flink_taskmanager_Status_JVM_Memory_Heap_Used"
		if i == 0 {
			want = `job_name="State machine job"`
		}
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("%s lacks %s", addr, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestStartThatFails(t *testing.T) {
	_, err := Java(t.Context())
	need(t, err)
	home, err := Fetch(t.Context(), DefaultVersion, "", nil)
	need(t, err)
	dir := filepath.Join(t.TempDir(), "run dir")
	_, err = Start(t.Context(), Options{Home: home, Dir: dir, Config: map[string]string{"rest.port": "many"}})
	if err == nil || !strings.Contains(err.Error(), "ended while starting:") || !strings.Contains(err.Error(), "many") ||
		!strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	t.Log(err)
	_, err = Start(t.Context(), Options{Home: home, Dir: dir, ReadyWithin: 300 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "not ready within 300ms") {
		t.Errorf("got %v", err)
	}
}
