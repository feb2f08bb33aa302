package main

import (
	"os"
	"path/filepath"
)

// demoRules writes the demo's alert rules.
func demoRules(dir string) ([]string, error) {
	f := filepath.Join(dir, "demo.rules.yml")
	return []string{f}, os.WriteFile(f, []byte(`groups:
  - name: flink
    rules:
      - alert: FlinkJobCrashLoop
        expr: increase(flink_jobmanager_job_numRestarts[1m]) >= 2
        for: 5s
        labels: { severity: critical }
        annotations: { summary: "Job {{ $labels.job_name }} restarts again and again" }
`), 0o600)
}
