// Package rules holds the Prometheus alert rules for Flink that come with drey.
//
//	flink-1.20.rules.yml   Flink 1.20
//	flink-2.x.rules.yml    Flink 2.x: knows rescales from restarts, tasks that wait for slots, and the age of the last checkpoint
//
// The set Demo is the second with windows short enough to watch; it is made by Shorten and stands in no file.
//
// Every rule that concerns one job keeps cluster, job_id and job_name, by which drey finds the job again. The metric names are
// those that live clusters of 1.20.3 and 2.3.0 were seen to report. Each *_test.yml fires each rule once with promtool, and
// TestFires fires them with a real Prometheus that watches a real Flink.
package rules

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed *.rules.yml
var files embed.FS

// Set names one of the rule files.
type Set string

// The sets.
const (
	Flink1 Set = "flink-1.20"
	Flink2 Set = "flink-2.x"
	Demo   Set = "demo"
)

// Sets are all sets.
func Sets() []Set { return []Set{Flink1, Flink2, Demo} }

// Read returns a set's rule file.
func Read(s Set) ([]byte, error) {
	if s == Demo {
		b, err := Read(Flink2)
		if err != nil {
			return nil, err
		}
		return Shorten(b, demo())
	}
	b, err := files.ReadFile(string(s) + ".rules.yml")
	if err != nil {
		return nil, fmt.Errorf("alert rules %q: no such set", s)
	}
	return b, nil
}

// Write puts the rule files of the sets into dir, which it makes, and returns their paths.
func Write(dir string, sets ...Set) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("write alert rules: %w", err)
	}
	var paths []string
	for _, s := range sets {
		b, err := Read(s)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, string(s)+".rules.yml")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return nil, fmt.Errorf("write alert rules: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}
