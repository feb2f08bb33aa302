package rules_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/drey-ops/drey/alerts/rules"
)

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("DREY_TEST_SHORT is set")
	}
	bin, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: `apt-get install prometheus` or `brew install prometheus` brings it; DREY_TEST_SHORT=1 skips this test")
	}
	if out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtool(t *testing.T) {
	paths, err := rules.Write(t.TempDir(), rules.Sets()...)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range rules.Sets() {
		t.Run(string(s), func(t *testing.T) {
			promtool(t, "check", "rules", "--lint=all", "--lint-fatal", paths[i])
			if s != rules.Demo {
				promtool(t, "test", "rules", string(s)+"_test.yml")
			}
		})
	}
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func load(t *testing.T, s rules.Set) map[string]rule {
	t.Helper()
	raw, err := rules.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	out := map[string]rule{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			out[r.Alert] = r
		}
	}
	return out
}

// fileSets are the sets that stand in files.
func fileSets() []rules.Set { return []rules.Set{rules.Flink1, rules.Flink2} }

// Every rule says what to do, keeps the labels of what it is about, and is fired once by its test file.
func TestRulesAreComplete(t *testing.T) {
	for _, s := range fileSets() {
		raw, err := os.ReadFile(string(s) + "_test.yml")
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range load(t, s) {
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Annotations["runbook"] == "" {
				t.Errorf("%s: %s lacks a severity, summary, description or runbook", s, name)
			}
			for _, by := range regexp.MustCompile(`by \(([^)]*)\)`).FindAllStringSubmatch(r.Expr, -1) {
				if !strings.HasPrefix(by[1], "cluster") {
					t.Errorf("%s: %s loses the cluster: %s", s, name, by[0])
				}
			}
			fired := regexp.MustCompile(`alertname: ` + name + `\n +exp_alerts:\n +- exp_labels`)
			if !fired.Match(raw) {
				t.Errorf("%s: no test fires %s", s, name)
			}
		}
	}
}

// A runbook names commands that there are.
func TestRunbooksNameCommands(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "commands", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range fileSets() {
		for name, r := range load(t, s) {
			for _, c := range regexp.MustCompile(`/flink \w+`).FindAllString(r.Annotations["runbook"], -1) {
				if !strings.Contains(string(raw), "\n### "+c+"\n") {
					t.Errorf("%s: %s names %s, which is no command", s, name, c)
				}
			}
		}
	}
}

// The sets for 1.20 and 2.x differ only where the versions do.
func TestVersionsAgree(t *testing.T) {
	old, now := load(t, rules.Flink1), load(t, rules.Flink2)
	for name := range old {
		if _, ok := now[name]; !ok {
			t.Errorf("only 1.20 has %s", name)
		}
	}
	for name, r := range now {
		same := cmp.Equal(old[name], r)
		differs := slices.Contains([]string{"FlinkJobCrashLoop", "FlinkJobNotRunning", "FlinkNoFreeSlots", "FlinkCheckpointStale"}, name)
		if same == differs {
			t.Errorf("%s: same %v\n%s", name, same, cmp.Diff(old[name], r))
		}
	}
}

// The demo's rules are those for 2.x but for their numbers.
func TestShorten(t *testing.T) {
	numbers := regexp.MustCompile(`\b\d[\d.]*[smh]?\b( \* 3600)?`)
	demo, real := load(t, rules.Demo), load(t, rules.Flink2)
	if len(demo) != len(real) {
		t.Errorf("%d rules for the demo, %d for 2.x", len(demo), len(real))
	}
	for name, r := range real {
		if got, want := numbers.ReplaceAllString(demo[name].Expr, "#"), numbers.ReplaceAllString(r.Expr, "#"); got != want {
			t.Errorf("%s: the demo has\n%s\nand 2.x\n%s", name, got, want)
		}
		if strings.Contains(demo[name].For, "m") {
			t.Errorf("%s: the demo waits %s", name, demo[name].For)
		}
	}
	raw, err := rules.Read(rules.Flink2)
	if err != nil {
		t.Fatal(err)
	}
	_, err = rules.Shorten(raw, rules.Short{
		Times:  map[string]string{"1m": "1s", "5m": "1s", "30m": "1s", "1h": "1s"},
		Limits: map[string][]string{"FlinkNope": {"1", "2"}, "FlinkGcPressure": {"> 201", "> 1"}},
	})
	for _, want := range []string{"FlinkJobCrashLoop: nothing is said of 10m", "there is no alert FlinkNope", `FlinkGcPressure has no "> 201"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	paths, err := rules.Write(dir, rules.Demo)
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	if _, err := rules.Write(dir, "nope"); err == nil {
		t.Error("wrote a set that does not exist")
	}
}
