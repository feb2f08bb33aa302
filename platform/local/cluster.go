package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say how a cluster should look. Only Home is required.
type Options struct {
	Home         string // Flink home, from Fetch or given by the user
	Dir          string // run folder for logs, checkpoints, savepoints; empty: a temporary one that Stop removes
	TaskManagers int    // 0: one
	Slots        int    // slots per TaskManager; 0: four
	Scheduler    string // "adaptive" or "default"; empty: adaptive
	RESTPort     int    // of the JobManager; 0: a free one
	GatewayPort  int    // of the SQL Gateway; 0: a free one

	CheckpointEvery time.Duration     // 0: 10 s
	SessionIdle     time.Duration     // idle time-out of SQL sessions; 0: 10 min
	NoSavepointDir  bool              // leave the savepoint folder unset
	NoGateway       bool              // start no SQL Gateway
	Config          map[string]string // extra Flink settings; they win
	ReadyWithin     time.Duration     // 0: 2 min

	Progress Progress
	Log      *slog.Logger // nil: silent
}

func (o Options) withDefaults() (Options, error) {
	or := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	orTime := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	or(&o.TaskManagers, 1)
	or(&o.Slots, 4)
	orTime(&o.CheckpointEvery, 10*time.Second)
	orTime(&o.SessionIdle, 10*time.Minute)
	orTime(&o.ReadyWithin, 2*time.Minute)
	if o.Scheduler == "" {
		o.Scheduler = "adaptive"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Home == "":
		return o, errors.New("Options.Home is empty: a Flink home is needed")
	case o.Scheduler != "adaptive" && o.Scheduler != "default":
		return o, fmt.Errorf("scheduler %q: it is adaptive or default", o.Scheduler)
	case o.TaskManagers < 0 || o.TaskManagers > 16 || o.Slots < 0:
		return o, fmt.Errorf("%d TaskManagers with %d slots: 1 to 16 TaskManagers can be started", o.TaskManagers, o.Slots)
	}
	return o, nil
}

// Cluster is a running Flink session cluster. Its methods may be called from several goroutines; those that start or stop a
// process run one at a time. The owner must call Stop.
type Cluster struct {
	opts    Options
	version string
	java    string
	dir     string
	ownDir  bool
	ports   ports
	block   *portBlock
	client  *http.Client

	mu    sync.Mutex
	jm    *process
	gw    *process
	tms   []*process // nil where one was killed
	tmRPC []int      // the port of each TaskManager's present life
	ended bool
}

// Start starts a cluster and returns when every TaskManager has registered and the SQL Gateway answers. ctx bounds the
// starting only; the cluster lives until Stop, or until this process ends.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start flink: %w", err)
	}
	c := &Cluster{opts: o, tms: make([]*process, o.TaskManagers), tmRPC: make([]int, o.TaskManagers), client: &http.Client{Timeout: 5 * time.Second}}
	err = c.prepare(ctx)
	if err == nil {
		err = c.startAll(ctx)
	}
	if err != nil {
		c.ownDir = c.ownDir && c.jm == nil // the error names a log in it
		c.Stop()
		return nil, fmt.Errorf("start flink: %w", err)
	}
	return c, nil
}

func (c *Cluster) prepare(ctx context.Context) (err error) {
	if c.opts.Home, err = filepath.Abs(c.opts.Home); err != nil { // the JVMs run in another folder
		return err
	}
	if c.version, err = Find(c.opts.Home); err != nil {
		return err
	}
	if c.java, err = Java(ctx); err != nil {
		return err
	}
	if err := c.pickPorts(); err != nil {
		return err
	}
	c.dir = c.opts.Dir
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "drey-flink-"); err != nil {
			return err
		}
		c.ownDir = true
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	return writeConfig(c.opts, c.dir, c.ports)
}

func (c *Cluster) pickPorts() (err error) {
	if c.block, err = newPortBlock(); err != nil {
		return err
	}
	take := func(want int, option string) (port int) {
		if err == nil {
			port, err = c.block.take(want, option)
		}
		return port
	}
	c.ports.rest = take(c.opts.RESTPort, "RESTPort")
	c.ports.gateway = take(c.opts.GatewayPort, "GatewayPort")
	c.ports.rpc = take(0, "jobmanager.rpc.port")
	c.ports.jobManagerProm = take(0, "metrics.reporter.prom.port")
	for range c.opts.TaskManagers {
		c.ports.taskManagerProm = append(c.ports.taskManagerProm, take(0, "metrics.reporter.prom.port"))
		c.ports.taskManagerRPC = append(c.ports.taskManagerRPC, [2]int{take(0, "taskmanager.rpc.port"), take(0, "taskmanager.rpc.port")})
	}
	return err
}

func (c *Cluster) startAll(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	c.opts.Progress.say("starting Flink %s: JobManager, %d TaskManager(s) with %d slots, SQL Gateway", c.version, c.opts.TaskManagers, c.opts.Slots)
	if c.jm, err = c.startJobManager(); err != nil {
		return err
	}
	for i := range c.tms {
		if c.tms[i], err = c.startTaskManager(i); err != nil {
			return err
		}
	}
	if !c.opts.NoGateway {
		if c.gw, err = c.startGateway(); err != nil {
			return err
		}
	}
	return c.waitReady(ctx)
}

func (c *Cluster) startJobManager() (*process, error) {
	return c.startJVM("JobManager", "jobmanager", 320, "", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
		"--configDir", filepath.Join(c.dir, "conf"), promPort(c.ports.jobManagerProm))
}

func (c *Cluster) startTaskManager(i int) (*process, error) {
	// The same id after a restart, so that the JobManager drops the dead one at once.
	id := "tm" + strconv.Itoa(i+1)
	// Another port than in its last life, by which waitReady tells the two apart.
	c.tmRPC[i] = c.ports.taskManagerRPC[i][0]
	slices.Reverse(c.ports.taskManagerRPC[i][:])
	return c.startJVM(fmt.Sprintf("TaskManager %d", i+1), "taskmanager-"+strconv.Itoa(i+1), 480, "",
		"org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", filepath.Join(c.dir, "conf"),
		"-Dtaskmanager.resource-id="+id, "-Dtaskmanager.rpc.port="+strconv.Itoa(c.tmRPC[i]), promPort(c.ports.taskManagerProm[i]))
}

func (c *Cluster) startGateway() (*process, error) {
	// The reporter is off: the gateway has no metrics, and would take a port for nothing.
	return c.startJVM("SQL Gateway", "sql-gateway", 320, filepath.Join(c.opts.Home, "opt", gatewayJar(c.version)),
		"org.apache.flink.table.gateway.SqlGateway", "-Dmetrics.reporters=")
}

func promPort(port int) string { return "-Dmetrics.reporter.prom.port=" + strconv.Itoa(port) }

// WaitReady returns when the JobManager answers, every TaskManager that was started has registered and the SQL Gateway
// answers: to be called after the methods that kill or start one of them.
func (c *Cluster) WaitReady(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waitReady(ctx)
}

func (c *Cluster) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.opts.ReadyWithin,
		fmt.Errorf("not ready within %s (logs in %s)", c.opts.ReadyWithin, filepath.Join(c.dir, "logs")))
	defer cancel()
	procs, want := []*process{c.jm}, []int{}
	for i, tm := range c.tms {
		if tm != nil {
			procs, want = append(procs, tm), append(want, c.tmRPC[i])
		}
	}
	if c.gw != nil {
		procs = append(procs, c.gw)
	}
	jobManager, told, gateway := false, -1, c.gw == nil
	return poll(ctx, procs, func(ctx context.Context) bool {
		n, ok := c.registered(ctx, want)
		if ok && !jobManager {
			jobManager = true
			c.opts.Progress.say("JobManager up at %s", c.URL())
		}
		if ok && n != told {
			told = n
			c.opts.Progress.say("%d of %d TaskManagers", n, len(want))
		}
		if !gateway && c.get(ctx, c.GatewayURL()+"/v1/info", nil) == nil {
			gateway = true
			c.opts.Progress.say("SQL Gateway up at %s", c.GatewayURL())
		}
		return ok && gateway && n == len(want)
	})
}

// registered counts the TaskManagers with these RPC ports that the JobManager knows; ok is false when it does not answer.
func (c *Cluster) registered(ctx context.Context, rpc []int) (n int, ok bool) {
	var list struct {
		TaskManagers []struct {
			Path  string `json:"path"` // pekko.tcp://flink@127.0.0.1:PORT/user/rpc/taskmanager_0
			Slots int    `json:"slotsNumber"`
		} `json:"taskmanagers"`
	}
	if c.get(ctx, c.URL()+"/taskmanagers", &list) != nil {
		return 0, false
	}
	for _, tm := range list.TaskManagers {
		for _, port := range rpc {
			if tm.Slots == c.opts.Slots && strings.Contains(tm.Path, fmt.Sprintf(":%d/", port)) {
				n++
			}
		}
	}
	return n, true
}

// get asks and decodes, if to is set.
func (c *Cluster) get(ctx context.Context, url string, to any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	if to == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
		return err
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(to)
}
