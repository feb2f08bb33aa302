package commands

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the generated files anew")

// TestTreeIsRight is the house test of every command there is: paths, parameters, permissions, examples.
func TestTreeIsRight(t *testing.T) {
	if err := All(Deps{}).Check(); err != nil {
		t.Error(err)
	}
}

func TestGeneratedReference(t *testing.T) {
	const file = "README.md"
	want := Reference(All(Deps{}))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("commands/%s is stale; make generate writes it anew (-file +tree)\n%s", file, diff)
	}
}
