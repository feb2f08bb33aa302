package local

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const loopback = "127.0.0.1"

// ports of one cluster.
type ports struct {
	rest, rpc, gateway, jobManagerProm int
	taskManagerProm                    []int
	taskManagerRPC                     [][2]int // two each, used in turn
}

// settings returns the whole Flink configuration. Both lines, 1.20 and 2.x, read it; keys that only one of them knows are
// ignored by the other.
func settings(o Options, dir string, p ports) map[string]string {
	s := map[string]string{
		"jobmanager.rpc.port":                strconv.Itoa(p.rpc),
		"jobmanager.scheduler":               o.Scheduler,
		"rest.port":                          strconv.Itoa(p.rest),
		"web.upload.dir":                     filepath.Join(dir, "upload"),
		"io.tmp.dirs":                        filepath.Join(dir, "tmp"),
		"taskmanager.numberOfTaskSlots":      strconv.Itoa(o.Slots),
		"execution.checkpointing.interval":   millis(o.CheckpointEvery),
		"sql-gateway.endpoint.rest.port":     strconv.Itoa(p.gateway),
		"sql-gateway.session.idle-timeout":   millis(o.SessionIdle),
		"sql-gateway.session.check-interval": "5s",
		// Without it the gateway takes the port of the JobManager.
		"sql-gateway.endpoint.rest.bind-port": strconv.Itoa(p.gateway),
	}
	for _, k := range []string{"jobmanager.rpc.address", "jobmanager.bind-host", "rest.address", "rest.bind-address", "taskmanager.host",
		"taskmanager.bind-host", "sql-gateway.endpoint.rest.address", "sql-gateway.endpoint.rest.bind-address"} {
		s[k] = loopback
	}
	for _, k := range []string{"execution.checkpointing.dir", "state.checkpoints.dir"} { // the second is for 1.20
		s[k] = fileURL(filepath.Join(dir, "checkpoints"))
	}
	if !o.NoSavepointDir {
		for _, k := range []string{"execution.checkpointing.savepoint-dir", "state.savepoints.dir"} {
			s[k] = fileURL(filepath.Join(dir, "savepoints"))
		}
	}
	maps.Copy(s, fixedSettings())
	maps.Copy(s, taskManagerMemory())
	maps.Copy(s, o.Config)
	return s
}

// fixedSettings are the same for every cluster.
func fixedSettings() map[string]string {
	const adaptive = "jobmanager.adaptive-scheduler."
	return map[string]string{
		"jobmanager.memory.process.size": "640m",
		"rest.flamegraph.enabled":        "true",
		"web.submit.enable":              "true",
		"web.cancel.enable":              "true",
		"parallelism.default":            "1",

		"execution.checkpointing.timeout":                           "60s",
		"execution.checkpointing.tolerable-failed-checkpoints":      "100",
		"execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",

		"restart-strategy.type":                 "fixed-delay",
		"restart-strategy.fixed-delay.attempts": "2147483647",
		"restart-strategy.fixed-delay.delay":    "3s",

		// A TaskManager that asks before the JobManager is up would wait ten seconds.
		"cluster.registration.error-delay":                "500ms",
		"cluster.registration.refused-registration-delay": "2s",
		// A lost process is noticed in some seconds instead of most of a minute.
		"heartbeat.interval": "3s",
		"heartbeat.timeout":  "20s",

		"metrics.reporters":                   "prom",
		"metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
		// Else the label of demo-job would be demo_job.
		"metrics.reporter.prom.filterLabelValueCharacters": "false",

		// A rescale takes about three seconds instead of up to thirty; 1.20 calls the cooldown scaling-interval.min.
		adaptive + "rescale-trigger.max-delay":                "2s",
		adaptive + "executing.cooldown-after-rescaling":       "1s",
		adaptive + "executing.resource-stabilization-timeout": "1s",
		adaptive + "scaling-interval.min":                     "1s",
		"web.adaptive-scheduler.rescale-history.size":         "10",
	}
}

// taskManagerMemory sets every pool: Flink's own start script works these out, and it is not used here.
func taskManagerMemory() map[string]string {
	return map[string]string{
		"taskmanager.cpu.cores":                      "2",
		"taskmanager.memory.framework.heap.size":     "96m",
		"taskmanager.memory.framework.off-heap.size": "96m",
		"taskmanager.memory.task.heap.size":          "384m",
		"taskmanager.memory.task.off-heap.size":      "0m",
		"taskmanager.memory.managed.size":            "64m",
		"taskmanager.memory.network.min":             "64m",
		"taskmanager.memory.network.max":             "64m",
		"taskmanager.memory.jvm-metaspace.size":      "256m",
		"taskmanager.memory.jvm-overhead.min":        "128m",
		"taskmanager.memory.jvm-overhead.max":        "128m",
	}
}

// yamlOf writes flat YAML, sorted. Single quotes keep every value a plain string.
func yamlOf(s map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%s: '%s'\n", k, strings.ReplaceAll(s[k], "'", "''"))
	}
	return b.String()
}

const log4j = `rootLogger.level = INFO
rootLogger.appenderRef.main.ref = main
appender.main.name = main
appender.main.type = File
appender.main.fileName = ${sys:log.file}
appender.main.layout.type = PatternLayout
appender.main.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
`

// writeConfig fills the run folder.
func writeConfig(o Options, dir string, p ports) error {
	for _, d := range []string{"conf", "logs", "checkpoints", "savepoints", "upload", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(filepath.Join(conf, "config.yaml"), []byte(yamlOf(settings(o, dir, p))), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(conf, "log4j.properties"), []byte(log4j), 0o644)
}

func fileURL(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }

// jvmOptions open the internals of Java 17 that Flink reaches into, and trade peak speed for a quick start.
func jvmOptions() []string {
	opts := []string{"-XX:+IgnoreUnrecognizedVMOptions", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dlog4j2.disableJmx=true",
		"-XX:MaxMetaspaceSize=256m", "-Xms32m"}
	for _, p := range []string{"java.base/sun.net.util", "java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5",
		"jdk.compiler/com.sun.tools.javac.api", "jdk.compiler/com.sun.tools.javac.file", "jdk.compiler/com.sun.tools.javac.parser",
		"jdk.compiler/com.sun.tools.javac.tree", "jdk.compiler/com.sun.tools.javac.util"} {
		opts = append(opts, "--add-exports="+p+"=ALL-UNNAMED")
	}
	for _, p := range []string{"java.io", "java.lang", "java.lang.reflect", "java.net", "java.nio", "java.text", "java.time",
		"java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch"} {
		opts = append(opts, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	return opts
}
