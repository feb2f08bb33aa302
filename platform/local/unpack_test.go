package local

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUnpackKnownLayouts(t *testing.T) {
	want := []string{"lib/flink-dist-9.9.9.jar", "opt/flink-sql-gateway-9.9.9.jar", "plugins/metrics-prometheus/flink-metrics-prometheus-9.9.9.jar"}
	for _, tt := range []struct {
		file string
		body []byte
	}{
		{"wheel.whl", zipped(t, home9("pyflink/")...)},
		{"source.tar.gz", tgz(t, home9("apache-flink-libraries-9.9.9/deps/")...)},
		{"dist.tgz", tgz(t, home9("flink-9.9.9/")...)},
		{"dist.zip", zipped(t, home9("./flink-9.9.9/")...)},
	} {
		t.Run(tt.file, func(t *testing.T) {
			dir := t.TempDir()
			archive := filepath.Join(dir, tt.file)
			if err := os.WriteFile(archive, tt.body, 0o644); err != nil {
				t.Fatal(err)
			}
			home := filepath.Join(dir, "home")
			if err := unpack(t.Context(), archive, home); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, files(t, home)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	good := entry{name: "flink-9.9.9/lib/a.jar", body: "a"}
	for name, e := range map[string][]entry{
		"leads out of the folder": {good, {name: "flink-9.9.9/lib/../../../evil", body: "x"}},
		"leads out":               {good, {name: "/etc/evil", body: "x"}},
		"leads":                   {good, {name: `flink-9.9.9\lib\..\..\..\evil`, body: "x"}},
		"file exists":             {good, good},
		"no Flink distribution":   {{name: "something/else.jar", body: "x"}, {name: "flink-9.9.9/conf/x", body: "x"}},
	} {
		for kind, body := range map[string][]byte{".tgz": tgz(t, e...), ".whl": zipped(t, e...)} {
			dir := t.TempDir()
			archive := filepath.Join(dir, "a"+kind)
			if err := os.WriteFile(archive, body, 0o644); err != nil {
				t.Fatal(err)
			}
			err := unpack(t.Context(), archive, filepath.Join(dir, "deep", "home"))
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s %s: got %v", kind, name, err)
			}
			if found, _ := filepath.Glob(filepath.Join(dir, "*evil")); len(found) > 0 {
				t.Errorf("%s %s: wrote %v", kind, name, found)
			}
		}
	}
	broken := filepath.Join(t.TempDir(), "broken.whl")
	whole := zipped(t, home9("pyflink/")...)
	if err := os.WriteFile(broken, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unpack(t.Context(), broken, t.TempDir()); err == nil {
		t.Error("half an archive was unpacked")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := os.WriteFile(broken, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unpack(ctx, broken, t.TempDir()); err == nil {
		t.Error("unpacked after the context was over")
	}
}

// A link in an archive is left out, and a file that would go through one goes nowhere.
func TestUnpackLinks(t *testing.T) {
	outside := t.TempDir()
	e := []entry{{name: "flink-9.9.9/lib/a.jar", body: "a"}, {name: "flink-9.9.9/opt", link: outside},
		{name: "flink-9.9.9/opt/evil", body: "x"}}
	for kind, body := range map[string][]byte{".tgz": tgz(t, e...), ".whl": zipped(t, e...)} {
		dir := t.TempDir()
		archive := filepath.Join(dir, "a"+kind)
		if err := os.WriteFile(archive, body, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := unpack(t.Context(), archive, filepath.Join(dir, "home")); err != nil {
			t.Fatal(err)
		}
		if got := files(t, outside); len(got) > 0 {
			t.Errorf("%s: wrote %v outside", kind, got)
		}
	}
}
