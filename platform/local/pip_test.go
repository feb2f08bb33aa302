package local

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// index is a package index on the loopback interface that pip is pointed to, with one wheel that comes from s.
func index(t *testing.T, s *server, sum string) {
	t.Helper()
	const file = "apache_flink_libraries-9.9.9-py2.py3-none-any.whl"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if !strings.Contains(r.URL.Path, "apache-flink-libraries") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `<!DOCTYPE html><html><body><a href="%s/%s#sha256=%s">%s</a></body></html>`, s.URL, file, sum, file)
	}))
	t.Cleanup(srv.Close)
	t.Setenv("PIP_INDEX_URL", srv.URL+"/simple/")
	t.Setenv("PIP_NO_PROXY", "127.0.0.1")
	t.Setenv("NO_PROXY", "127.0.0.1")
}

func wheel(t *testing.T) []byte {
	const info = "apache_flink_libraries-9.9.9.dist-info/"
	return zipped(t, append(home9("pyflink/"),
		entry{name: info + "METADATA", body: "Metadata-Version: 2.1\nName: apache-flink-libraries\nVersion: 9.9.9\n"},
		entry{name: info + "WHEEL", body: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n"},
		entry{name: info + "RECORD", body: ""})...)
}

// The real pip goes on with a download that was cut twice, through Fetch as a whole.
func TestFetchWithPipGoesOn(t *testing.T) {
	_, _, _, err := python(t.Context())
	need(t, err)
	_, err = Java(t.Context())
	need(t, err)
	_, err = maven()
	need(t, err)
	newest, err := resumingPip(t.Context(), t.TempDir(), nil) // before pip is pointed elsewhere
	need(t, err)

	body := wheel(t)
	s := serve(t, body, func(s *server) { s.cuts.Store(2) })
	index(t, s, sumOf(body))
	dir := t.TempDir()
	path, err := pipDownload(t.Context(), newest, dir, "apache-flink-libraries==9.9.9 --hash=sha256:"+sumOf(body), int64(len(body)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkSum(path, sumOf(body)); err != nil {
		t.Error(err)
	}
	from := strings.Join(s.asked(), ",")
	if !strings.Contains(from, "bytes=70000-") || !strings.Contains(from, "bytes=140000-") {
		t.Errorf("pip asked for %q: it did not go on", from)
	}
	if err := unpack(t.Context(), path, dir+"/home"); err != nil {
		t.Error(err)
	}
}

func TestPipRefuses(t *testing.T) {
	pip, _, _, err := python(t.Context())
	need(t, err)
	body := wheel(t)
	s := serve(t, body, func(*server) {})
	index(t, s, sumOf(body))
	for _, tt := range []struct{ requirement, want string }{
		{"apache-flink-libraries==9.9.9 --hash=sha256:" + sumOf(nil), "apache-flink-libraries==9.9.9 as pip downloaded it is refused: its checksum is not the one expected"},
		{"apache-flink-libraries==9.9.8", "pip finds no apache-flink-libraries==9.9.8: this version was not published there"},
	} {
		_, err := pipDownload(t.Context(), pip, t.TempDir(), tt.requirement, 0, nil)
		if err == nil || err.Error() != tt.want {
			t.Errorf("got %v\nwant %s", err, tt.want)
		}
	}
}

func TestNoNetwork(t *testing.T) {
	pip, _, _, err := python(t.Context())
	need(t, err)
	t.Setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple/")
	t.Setenv("NO_PROXY", "127.0.0.1")
	t0 := time.Now()
	_, err = pipDownload(t.Context(), pip, t.TempDir(), "apache-flink-libraries==9.9.9", 0, nil)
	if !errors.Is(err, errNoNetwork) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(t0); d > 20*time.Second {
		t.Errorf("took %s", d)
	}

	onlyTools(t, map[string]string{"mvn": `echo '[ERROR] Could not transfer artifact x from/to y (http://host): Unknown host z' >&2; exit 1`})
	if _, err = mavenCopy(t.Context(), t.TempDir(), "flink-sql-gateway", "9.9.9", ""); !errors.Is(err, errNoNetwork) {
		t.Errorf("got %v", err)
	}
	onlyTools(t, map[string]string{"mvn": `echo '[ERROR] Could not find artifact org.apache.flink:x' >&2; exit 1`})
	_, err = mavenCopy(t.Context(), t.TempDir(), "flink-sql-gateway", "9.9.9", "")
	if err == nil || err.Error() != "maven finds no flink-sql-gateway 9.9.9: this version was not published there" {
		t.Errorf("got %v", err)
	}
}
