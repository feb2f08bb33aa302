package local

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var distJar = regexp.MustCompile(`^flink-dist-(\d+\.\d+(?:\.\d+)?(?:[-.][\w.]+)?)\.jar$`)

// Find checks that dir is a Flink home that Start can run (lib, opt with the SQL Gateway, the Prometheus reporter) and
// returns its version. A binary distribution of Flink 1.20 or newer is one as it is.
func Find(dir string) (version string, err error) {
	jars, err := filepath.Glob(filepath.Join(dir, "lib", "flink-dist-*.jar"))
	if err != nil || len(jars) == 0 {
		return "", fmt.Errorf("%s is no Flink home: there is no lib/flink-dist-VERSION.jar in it", dir)
	}
	m := distJar.FindStringSubmatch(filepath.Base(jars[0]))
	if len(jars) > 1 || m == nil {
		return "", fmt.Errorf("%s is no clean Flink home: lib holds %d flink-dist jars", dir, len(jars))
	}
	version = m[1]
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || major < 1 || major == 1 && minor < 20 {
		return "", fmt.Errorf("%s holds Flink %s: 1.20 or newer is needed", dir, version)
	}
	if _, err := os.Stat(filepath.Join(dir, "opt", gatewayJar(version))); err != nil {
		return "", fmt.Errorf("%s has no SQL Gateway: opt/%s is missing", dir, gatewayJar(version))
	}
	for _, place := range []string{"plugins/metrics-prometheus", "plugins/*", "lib"} {
		if found, _ := filepath.Glob(filepath.Join(dir, place, "flink-metrics-prometheus-*.jar")); len(found) > 0 {
			return version, nil
		}
	}
	return "", fmt.Errorf("%s has no Prometheus reporter: plugins/metrics-prometheus/flink-metrics-prometheus-%s.jar is missing", dir, version)
}
