package main

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/drey-ops/drey/bot/discordbot"
)

var update = flag.Bool("update", false, "write the generated files anew")

// TestGeneratedSpecs keeps the command tree as discordbot's tests have it: that package may not import the commands.
func TestGeneratedSpecs(t *testing.T) {
	const file = "../../bot/discordbot/testdata/specs.json"
	raw, err := json.MarshalIndent(treeSpecs(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := string(raw) + "\n"
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
		t.Errorf("bot/discordbot/testdata/specs.json is stale; make generate writes it anew (-file +tree)\n%s", diff)
	}
	if _, err := discordbot.Commands(treeSpecs()); err != nil {
		t.Errorf("Discord would not take the commands: %v", err)
	}
}
