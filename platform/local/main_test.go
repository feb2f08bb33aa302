package local

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	if os.Getenv("DREY_TEST_PARENT") != "" {
		beParent()
		return
	}
	goleak.VerifyTestMain(m)
}

// need fails the test when a tool is missing, or skips it where short runs are asked for.
func need(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("DREY_TEST_SHORT") != "":
		t.Skip("DREY_TEST_SHORT is set and a tool is missing: " + err.Error())
	default:
		t.Fatal(err)
	}
}

func needTool(t *testing.T, tool, get string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		err = &MissingError{Tool: tool, Why: "for this test", Get: get}
	}
	need(t, err)
	return path
}

// lines collects progress, from any goroutine.
type lines struct {
	mu   sync.Mutex
	all  []string
	test *testing.T
}

func (l *lines) say(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
	if l.test != nil {
		l.test.Log(line)
	}
}

func (l *lines) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.all, "\n"), part)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got; write it with -update):\n%s", path, d)
	}
}

type entry struct {
	name, body string
	link       string // a symbolic link to there
}

// home9 is a Flink home of a version that there will never be, below a folder of the archive.
func home9(prefix string) []entry {
	return []entry{
		{name: prefix + "lib/flink-dist-9.9.9.jar", body: strings.Repeat("dist", 50_000)},
		{name: prefix + "opt/flink-sql-gateway-9.9.9.jar", body: "gateway"},
		{name: prefix + "plugins/metrics-prometheus/flink-metrics-prometheus-9.9.9.jar", body: "prometheus"},
		{name: prefix + "bin/start-cluster.sh", body: "not wanted"},
	}
}

func tgz(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	gz, _ := gzip.NewWriterLevel(&b, gzip.NoCompression)
	w := tar.NewWriter(gz)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.body)), Typeflag: tar.TypeReg}
		if e.link != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, e.link, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.body)[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	gz.Close()
	return b.Bytes()
}

func zipped(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Store}
		h.SetMode(0o644)
		if e.link != "" {
			h.SetMode(0o777 | os.ModeSymlink)
			e.body = e.link
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return b.Bytes()
}

func sumOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// onlyTools makes PATH a folder with these scripts and nothing else.
func onlyTools(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, body := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("JAVA_HOME", "")
}
