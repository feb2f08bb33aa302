package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stopGrace is how long a program may take to end by itself. A JobManager with running jobs would take a quarter of a
// minute and keeps nothing that a kill would lose.
const stopGrace = 3 * time.Second

// URL is the base address of the JobManager's REST API, without a slash at the end.
func (c *Cluster) URL() string { return "http://" + address(c.ports.rest) }

// GatewayURL is the base address of the SQL Gateway, without a slash at the end.
func (c *Cluster) GatewayURL() string { return "http://" + address(c.ports.gateway) }

// Version is the version of Flink that runs, such as 2.3.0.
func (c *Cluster) Version() string { return c.version }

// Dir is the run folder: logs, checkpoints, savepoints.
func (c *Cluster) Dir() string { return c.dir }

// PromPorts returns the addresses (host:port) at which Prometheus finds the metrics of the JobManager and of each
// TaskManager. They stay the same over restarts.
func (c *Cluster) PromPorts() (jobManager string, taskManagers []string) {
	for _, p := range c.ports.taskManagerProm {
		taskManagers = append(taskManagers, address(p))
	}
	return address(c.ports.jobManagerProm), taskManagers
}

// ScrapeTargets is PromPorts by the job names that the alert rules know, for PrometheusOptions.Targets.
func (c *Cluster) ScrapeTargets() map[string][]string {
	jobManager, taskManagers := c.PromPorts()
	return map[string][]string{"flink-jobmanager": {jobManager}, "flink-taskmanager": taskManagers}
}

func address(port int) string { return loopback + ":" + strconv.Itoa(port) }

// KillTaskManager kills TaskManager i, counted from 0, as a crash would. The JobManager notices after some seconds.
func (c *Cluster) KillTaskManager(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i < 0 || i >= len(c.tms) || c.tms[i] == nil {
		return fmt.Errorf("kill TaskManager %d: it does not run", i)
	}
	c.tms[i].stop(0)
	c.tms[i] = nil
	return nil
}

// StartTaskManager starts TaskManager i again after KillTaskManager. It does not wait until it has registered: see WaitReady.
func (c *Cluster) StartTaskManager(i int) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || i < 0 || i >= len(c.tms) || c.tms[i] != nil {
		return fmt.Errorf("start TaskManager %d: it runs already, or the cluster has none of that number", i)
	}
	c.tms[i], err = c.startTaskManager(i)
	return err
}

// RestartJobManager ends the JobManager and starts it anew, without high availability: every job is lost. It returns
// when the REST API answers; the TaskManagers come back up to a minute later: see WaitReady.
func (c *Cluster) RestartJobManager(ctx context.Context) error {
	return c.restart(ctx, &c.jm, c.startJobManager, func() string { return c.URL() + "/overview" })
}

// StopJobManager ends the JobManager, so that the cluster is down; RestartJobManager brings it back.
func (c *Cluster) StopJobManager() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jm.stop(0)
}

// RestartGateway ends the SQL Gateway and starts it anew: every session is lost, jobs live on.
func (c *Cluster) RestartGateway(ctx context.Context) error {
	return c.restart(ctx, &c.gw, c.startGateway, func() string { return c.GatewayURL() + "/v1/info" })
}

func (c *Cluster) restart(ctx context.Context, p **process, start func() (*process, error), url func() string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || *p == nil {
		return fmt.Errorf("restart: the cluster is stopped or never had it")
	}
	name := (*p).name
	(*p).stop(stopGrace)
	next, err := start()
	if err != nil {
		return err
	}
	*p = next
	ctx, cancel := context.WithTimeoutCause(ctx, c.opts.ReadyWithin,
		fmt.Errorf("restart %s: no answer within %s", name, c.opts.ReadyWithin))
	defer cancel()
	return poll(ctx, []*process{next}, func(ctx context.Context) bool { return c.get(ctx, url(), nil) == nil })
}

// Stop ends every program of this cluster, and no other, and waits for them: about 3 s. It removes the run folder if Start
// made it. Calling it again is harmless.
func (c *Cluster) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	stopAll(append(slices.Clone(c.tms), c.gw, c.jm)...)
	c.client.CloseIdleConnections()
	c.block.release()
	if c.ownDir {
		_ = os.RemoveAll(c.dir) // a left-over in the temporary folder harms nobody
	}
}

func stopAll(procs ...*process) {
	var wg sync.WaitGroup
	for _, p := range procs {
		wg.Go(func() { p.stop(stopGrace) })
	}
	wg.Wait()
}

// startJVM starts one part of Flink. heap is in MB; the log lies in a folder of its own because the REST API lists every file of it.
func (c *Cluster) startJVM(name, file string, heap int, jar, class string, args ...string) (*process, error) {
	jars, err := filepath.Glob(filepath.Join(c.opts.Home, "lib", "*.jar"))
	if err != nil {
		return nil, err
	}
	slices.Sort(jars)
	if jar != "" {
		jars = append(jars, jar)
	}
	conf := filepath.Join(c.dir, "conf")
	log := filepath.Join(c.dir, "logs", file, file+".log")
	argv := append(jvmOptions(), fmt.Sprintf("-Xmx%dm", heap), "-Dlog.file="+log,
		"-Dlog4j.configurationFile="+fileURL(filepath.Join(conf, "log4j.properties")),
		"-cp", strings.Join(jars, string(os.PathListSeparator)), class)
	cmd := exec.CommandContext(context.Background(), c.java, append(argv, args...)...) // it lives until Stop
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "FLINK_HOME="+c.opts.Home, "FLINK_CONF_DIR="+conf,
		"FLINK_LIB_DIR="+filepath.Join(c.opts.Home, "lib"), "FLINK_OPT_DIR="+filepath.Join(c.opts.Home, "opt"),
		"FLINK_PLUGINS_DIR="+filepath.Join(c.opts.Home, "plugins"))
	return start(c.opts.Log, name, cmd, strings.TrimSuffix(log, ".log")+".out", log)
}
