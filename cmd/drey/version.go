package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// version is set by the linker: make build.
var version = "dev"

func versionVerb(_ context.Context, _ []string, s streams) error {
	goVersion, commit := "", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		for _, kv := range info.Settings {
			if kv.Key == "vcs.revision" {
				commit = kv.Value
			}
		}
	}
	fmt.Fprintf(s.out, "drey %s, commit %s, %s\n", version, commit, goVersion)
	return nil
}
