package rules_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

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
	for _, s := range rules.Sets() {
		t.Run(string(s), func(t *testing.T) {
			promtool(t, "check", "rules", "--lint=all", "--lint-fatal", string(s)+".rules.yml")
			promtool(t, "test", "rules", string(s)+"_test.yml")
		})
	}
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
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

// Every rule says what to do, and is fired once by its test file.
func TestRulesAreComplete(t *testing.T) {
	for _, s := range rules.Sets() {
		raw, err := os.ReadFile(string(s) + "_test.yml")
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range load(t, s) {
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Annotations["runbook"] == "" {
				t.Errorf("%s: %s lacks a severity, summary, description or runbook", s, name)
			}
			fired := regexp.MustCompile(`alertname: ` + name + `\n +exp_alerts:\n +- exp_labels`)
			if !fired.Match(raw) {
				t.Errorf("%s: no test fires %s", s, name)
			}
		}
	}
}

// The demo's rules are those for 2.x but for their numbers.
func TestDemoDiffersInNumbersOnly(t *testing.T) {
	numbers := regexp.MustCompile(`\[\d+[smh]\]|> [\d.]+`)
	demo, real := load(t, rules.Demo), load(t, rules.Flink2)
	if len(demo) != len(real) {
		t.Errorf("%d rules for the demo, %d for 2.x", len(demo), len(real))
	}
	for name, r := range real {
		if got, want := numbers.ReplaceAllString(demo[name].Expr, "#"), numbers.ReplaceAllString(r.Expr, "#"); got != want {
			t.Errorf("%s: the demo has\n%s\nand 2.x\n%s", name, got, want)
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
