package local_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/drey-ops/drey/platform/local"
)

func TestStart(t *testing.T) {
	for _, version := range []string{local.DefaultVersion, local.OldVersion} {
		t.Run(version, func(t *testing.T) {
			t0 := time.Now()
			say := func(line string) { t.Logf("%6.1f s  %s", time.Since(t0).Seconds(), line) }
			home, err := local.Fetch(t.Context(), version, "", say)
			if err != nil {
				t.Fatal(err)
			}
			c, err := local.Start(t.Context(), local.Options{Home: home, TaskManagers: 2, Slots: 2, Progress: say})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Stop()
			resp, err := http.Get(c.URL() + "/config")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			say("ready")
		})
	}
}
