package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// server serves one file with ranges and cuts the connection after a number of bytes, the first times it is asked.
type server struct {
	*httptest.Server
	body   []byte
	cuts   atomic.Int32 // answers that are still cut short
	at     int          // after this many bytes of the answer
	mu     sync.Mutex
	ranges []string // the Range header of each request
	plain  bool     // knows no ranges
	status int      // answers this instead
}

func serve(t *testing.T, body []byte, set func(*server)) *server {
	s := &server{body: body, at: 70_000}
	set(s)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.ranges = append(s.ranges, r.Header.Get("Range"))
		s.mu.Unlock()
		if s.status != 0 {
			w.WriteHeader(s.status)
			return
		}
		from := 0
		if h := r.Header.Get("Range"); h != "" && !s.plain {
			from, _ = strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(h, "bytes="), "-"))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(s.body)-1, len(s.body)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(s.body)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		if s.cuts.Add(-1) >= 0 {
			_, _ = w.Write(s.body[from : from+s.at])
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(s.body[from:])
	}))
	t.Cleanup(s.Close)
	return s
}

// asked returns the Range header of each request so far.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ranges)
}

func TestDownloadGoesOn(t *testing.T) {
	body := tgz(t, home9("flink-9.9.9/")...)
	s := serve(t, body, func(s *server) { s.cuts.Store(2) })
	to := filepath.Join(t.TempDir(), "a.tgz")
	p := &lines{test: t}
	if err := download(t.Context(), s.URL+"/a.tgz", to, sumOf(body), p.say); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"", "bytes=70000-", "bytes=140000-"}, s.asked()); d != "" {
		t.Error(d)
	}
	if !p.has("the connection was lost, going on") {
		t.Error("the cut was not told")
	}
	if err := download(t.Context(), s.URL+"/a.tgz", to, sumOf(body), nil); err != nil || len(s.asked()) != 3 {
		t.Errorf("a finished download was made again: %v, %v", err, s.asked())
	}
}

func TestDownloadGoesOnInTheNextRun(t *testing.T) {
	body := tgz(t, home9("flink-9.9.9/")...)
	for _, plain := range []bool{false, true} {
		s := serve(t, body, func(s *server) { s.plain = plain })
		to := filepath.Join(t.TempDir(), "a.tgz")
		if err := os.WriteFile(to+".part", body[:1000], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := download(t.Context(), s.URL+"/a.tgz", to, sumOf(body), nil); err != nil {
			t.Fatalf("plain %v: %v", plain, err)
		}
		if d := cmp.Diff([]string{"bytes=1000-"}, s.asked()); d != "" {
			t.Error(d)
		}
	}
}

func TestDownloadRefuses(t *testing.T) {
	body := tgz(t, home9("flink-9.9.9/")...)
	for _, tt := range []struct {
		want  string
		tries int
		set   func(*server)
		sum   string
	}{
		{"its checksum is not the one expected", 1, func(*server) {}, sumOf([]byte("other"))},
		{"the server answered 404", 1, func(s *server) { s.status = 404 }, sumOf(body)},
		{"the server answered 503", downloadTries, func(s *server) { s.status = 503 }, sumOf(body)},
		{"cannot be reached", downloadTries, func(s *server) { s.cuts.Store(99); s.at = 1 }, sumOf(body)},
	} {
		s := serve(t, body, tt.set)
		to := filepath.Join(t.TempDir(), "a.tgz")
		err := download(t.Context(), s.URL+"/a.tgz?key=secret", to, tt.sum, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("the error tells the URL: %v", err)
		}
		if len(s.asked()) != tt.tries {
			t.Errorf("%s: %d requests, want %d", tt.want, len(s.asked()), tt.tries)
		}
		if _, err := os.Stat(to); err == nil {
			t.Errorf("%s: the file is there", tt.want)
		}
	}
}

func TestDownloadStopsWithTheContext(t *testing.T) {
	hold := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("start"))
		_ = http.NewResponseController(w).Flush()
		<-hold
	}))
	defer s.Close()
	defer close(hold)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := download(ctx, s.URL+"/a.tgz", filepath.Join(t.TempDir(), "a.tgz"), "00", nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// given has Fetch take its archive from a test server.
func given(t *testing.T, url, sum string) {
	t.Setenv("DREY_FLINK_ARCHIVE", url)
	t.Setenv("DREY_FLINK_SHA256", sum)
}

func TestFetchGivenArchive(t *testing.T) {
	body := tgz(t, home9("flink-9.9.9/")...)
	s := serve(t, body, func(s *server) { s.cuts.Store(1) })
	given(t, s.URL+"/flink-9.9.9-bin.tgz", sumOf(body))
	cache := t.TempDir()
	p := &lines{test: t}
	home, err := Fetch(t.Context(), "9.9.9", cache, p.say)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := Find(home); err != nil || v != "9.9.9" {
		t.Fatalf("got %q, %v", v, err)
	}
	if d := cmp.Diff([]string{"9.9.9/.drey-complete", "9.9.9/lib/flink-dist-9.9.9.jar", "9.9.9/opt/flink-sql-gateway-9.9.9.jar",
		"9.9.9/plugins/metrics-prometheus/flink-metrics-prometheus-9.9.9.jar", "9.9.9.lock"}, files(t, cache)); d != "" {
		t.Error(d)
	}
	for _, want := range []string{"fetching Flink 9.9.9 from the archive given", "unpacking Flink 9.9.9", "Flink 9.9.9 is ready"} {
		if !p.has(want) {
			t.Errorf("it did not tell %q", want)
		}
	}

	n := len(s.asked())
	if _, err := Fetch(t.Context(), "9.9.9", cache, nil); err != nil || len(s.asked()) != n {
		t.Errorf("a complete home was fetched again: %v", err)
	}
	// Half-done homes of all kinds.
	for name, breakIt := range map[string]func() error{
		"a jar is gone":    func() error { return os.Remove(filepath.Join(home, "opt", "flink-sql-gateway-9.9.9.jar")) },
		"a jar is short":   func() error { return os.Truncate(filepath.Join(home, "lib", "flink-dist-9.9.9.jar"), 10) },
		"no mark":          func() error { return os.Remove(filepath.Join(home, complete)) },
		"a mark of no use": func() error { return os.WriteFile(filepath.Join(home, complete), []byte("{"), 0o644) },
	} {
		if err := breakIt(); err != nil {
			t.Fatal(err)
		}
		if _, err := Fetch(t.Context(), "9.9.9", cache, nil); err != nil || !isComplete(home) {
			t.Errorf("%s: not mended: %v", name, err)
		}
	}
}

func TestFetchTogether(t *testing.T) {
	body := tgz(t, home9("flink-9.9.9/")...)
	s := serve(t, body, func(s *server) { s.cuts.Store(1) })
	given(t, s.URL+"/flink-9.9.9-bin.tgz", sumOf(body))
	cache := t.TempDir()
	p := &lines{}
	errs := make(chan error)
	for range 4 {
		go func() {
			_, err := Fetch(t.Context(), "9.9.9", cache, p.say)
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if len(s.asked()) != 2 {
		t.Errorf("%d requests, want one and its continuation", len(s.asked()))
	}
	if !p.has("another process is fetching Flink 9.9.9, waiting for it") {
		t.Error("the waiting was not told")
	}
}

func TestFetchRefuses(t *testing.T) {
	body := tgz(t, home9("flink-9.9.9/")...)
	file := filepath.Join(t.TempDir(), "own.tgz")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ version, archive, sum, want string }{
		{"two", file, sumOf(body), "a version looks like"},
		{"9.9.9", file, "", "set DREY_FLINK_SHA256"},
		{"9.9.9", file, sumOf(nil), "its checksum is not the one expected"},
		{"9.9.8", file, sumOf(body), "no SQL Gateway"},
		{"9.9.9", file + ".not", sumOf(body), "no such file"},
	} {
		given(t, tt.archive, tt.sum)
		t.Setenv("PATH", "") // without Maven there is no other gateway to add
		if _, err := Fetch(t.Context(), tt.version, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			if tt.version != "9.9.8" || !strings.Contains(fmt.Sprint(err), "Maven") {
				t.Errorf("%+v: got %v", tt, err)
			}
		}
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("the user's own file is gone: %v", err)
		}
	}
}

func TestFetchNeedsSpace(t *testing.T) {
	dir := t.TempDir()
	f := fetch{version: "9.9.9", home: filepath.Join(dir, "9.9.9"), work: filepath.Join(dir, "work"),
		free: func(string) (uint64, error) { return 300_000_000, nil }}
	err := f.run(t.Context())
	want := "about 1073 MB are needed in " + dir + " and only 300 MB are free: make room, or set DREY_CACHE to a folder on another disk"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if n, err := freeSpace(dir); err != nil || n == 0 {
		t.Errorf("free space: %d, %v", n, err)
	}
}

func TestMissingTools(t *testing.T) {
	const (
		java   = `echo 'openjdk version "17.0.15" 2025-04-15' >&2`
		python = `echo "pip 26.3 from /x (python 3.11)"`
	)
	for _, tt := range []struct {
		name  string
		tools map[string]string
		want  string
	}{
		{"nothing", nil, "Java 17 or newer is needed to run Flink and was not found: get it with `apt-get install default-jre-headless` or `brew install openjdk@17`"},
		{"old java", map[string]string{"java": `echo 'java version "1.8.0_392"' >&2`}, "java is version 8)"},
		{"stub java", map[string]string{"java": `echo "Unable to locate a Java Runtime" >&2; exit 1`}, "Java 17 or newer is needed"},
		{"no maven", map[string]string{"java": java, "python3": python}, "Maven (mvn) is needed to fetch the SQL Gateway of Flink and was not found: get it with `apt-get install maven`"},
		{"no python", map[string]string{"java": java, "mvn": "exit 0"}, "Python 3 with pip is needed to fetch Flink and was not found: get it with `apt-get install python3-pip`"},
		{"no pip", map[string]string{"java": java, "mvn": "exit 0", "python3": "echo 'No module named pip' >&2; exit 1"}, "pip for Python 3 is needed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onlyTools(t, tt.tools)
			_, err := Fetch(t.Context(), DefaultVersion, t.TempDir(), nil)
			var missing *MissingError
			if !errors.As(err, &missing) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
			if strings.Count(fmt.Sprint(err), "\n") > 0 {
				t.Errorf("more than a line: %v", err)
			}
		})
	}
}

// A cancelled fetch ends the tool with its children, though they would run on.
func TestFetchIsCancelled(t *testing.T) {
	dir := t.TempDir()
	onlyTools(t, map[string]string{"java": `echo 'openjdk version "17.0.15" 2025-04-15' >&2`, "mvn": "exit 0",
		"python3": `case "$*" in *--version) echo "pip 26.3 from x";; *) /bin/sleep 600 & echo $! > ` + dir + `/pid; wait;; esac`})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for range 500 {
			if b, err := os.ReadFile(filepath.Join(dir, "pid")); err == nil && len(b) > 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	t0 := time.Now()
	if _, err := Fetch(ctx, DefaultVersion, filepath.Join(dir, "cache"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(t0); d > 8*time.Second {
		t.Errorf("took %s", d)
	}
	pid, _ := os.ReadFile(filepath.Join(dir, "pid"))
	time.Sleep(100 * time.Millisecond)
	if alive(t, strings.TrimSpace(string(pid))) {
		t.Errorf("process %s runs on", pid)
	}
}

func TestFindRefuses(t *testing.T) {
	dir := t.TempDir()
	touch := func(name string) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string) {
		t.Helper()
		if _, err := Find(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check("is no Flink home")
	touch("lib/flink-dist-1.17.2.jar")
	check("1.20 or newer is needed")
	touch("lib/flink-dist-2.3.0.jar")
	check("lib holds 2 flink-dist jars")
	if err := os.Remove(filepath.Join(dir, "lib/flink-dist-1.17.2.jar")); err != nil {
		t.Fatal(err)
	}
	check("has no SQL Gateway: opt/flink-sql-gateway-2.3.0.jar is missing")
	touch("opt/flink-sql-gateway-2.3.0.jar")
	check("has no Prometheus reporter")
	touch("plugins/metrics-prometheus/flink-metrics-prometheus-2.3.0.jar")
	if v, err := Find(dir); err != nil || v != "2.3.0" {
		t.Errorf("got %q, %v", v, err)
	}
}
