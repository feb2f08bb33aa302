package flinkrest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/drey-ops/drey/platform/flinkhttp"
)

// The versions whose contract is tested.
var versions = []string{"1.20.3", "2.3.0"}

// shared is a folder of recordings beside the repository; "" where it is absent, as in a fresh clone.
func shared(env, name string) string {
	dir := os.Getenv(env)
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", name)
	}
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// routes reads the constants of routes.go.
func routes(t *testing.T) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "routes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				list = append(list, s)
			}
		}
		return true
	})
	if len(list) < 5 {
		t.Fatalf("only %d routes found", len(list))
	}
	return list
}

func TestRoutesExist(t *testing.T) {
	for _, version := range versions {
		b, err := os.ReadFile(filepath.Join("testdata", "endpoints-"+version+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		known := strings.Split(strings.TrimSpace(string(b)), "\n")
		for _, r := range routes(t) {
			if !slices.Contains(known, r) {
				t.Errorf("Flink %s has no %s", version, r)
			}
		}
		dir := shared("DREY_SPECS", "specs")
		if dir == "" {
			t.Logf("%s: DREY_SPECS is absent; compared with the copy in testdata only", version)
			continue
		}
		b, err = os.ReadFile(filepath.Join(dir, "flink", "endpoints-jobmanager-"+version+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var full []struct{ Method, Path string }
		if err := json.Unmarshal(b, &full); err != nil {
			t.Fatal(err)
		}
		for _, e := range full {
			if !slices.Contains(known, e.Method+" "+e.Path) {
				t.Errorf("testdata lacks %s %s of Flink %s", e.Method, e.Path, version)
			}
		}
	}
}

// exchange is one recorded request and its answer.
type exchange struct {
	Name, Method, Path string
	Status             int
	Body               json.RawMessage
}

func recorded(t testing.TB, version string) []exchange {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", version+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []exchange
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// replay sends every exchange's answer through a real connection into the type that the client reads for it, and returns
// how many there were.
func replay(t *testing.T, list []exchange) (read int) {
	t.Helper()
	var now exchange
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(now.Status)
		_, _ = w.Write(now.Body)
	}))
	defer s.Close()
	end, err := flinkhttp.New(flinkhttp.Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	for _, now = range list {
		out := answerOf(now.Method, now.Path)
		if out == nil {
			continue
		}
		read++
		err := end.Do(t.Context(), flinkhttp.Call{Route: "GET /replay"}, out)
		var e *flinkhttp.Error
		switch {
		case now.Status/100 == 2 && err != nil:
			t.Errorf("%s: %v", now.Name, err)
		case now.Status/100 != 2 && (!errors.As(err, &e) || e.Foreign || strings.ContainsAny(e.Root, "\n\t")):
			t.Errorf("%s: %v", now.Name, err)
		}
	}
	return read
}

// match says whether a recorded path is of a route's form.
func match(route, method, path string) bool {
	path, _, _ = strings.Cut(path, "?")
	m, pattern, _ := strings.Cut(route, " ")
	want, have := strings.Split(pattern, "/"), strings.Split(strings.TrimPrefix(path, "/v3"), "/")
	if m != method || len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && (!strings.HasPrefix(want[i], ":") || have[i] == "") {
			return false
		}
	}
	return true
}

func TestRecordedAnswersDecode(t *testing.T) {
	for _, version := range versions {
		list := recorded(t, version)
		if n := replay(t, list); n < len(list)*8/10 {
			t.Errorf("%s: only %d of %d recordings belong to a call of the client", version, n, len(list))
		}
	}
}

func TestAllCapturesDecode(t *testing.T) {
	dir := shared("DREY_CAPTURES", "captures")
	if dir == "" {
		t.Skip("DREY_CAPTURES is absent; the copies in testdata were read")
	}
	for _, version := range versions {
		for _, folder := range []string{"rest", "demo", "default-scheduler"} {
			files, err := filepath.Glob(filepath.Join(dir, "flink", version, folder, "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			var list []exchange
			for _, f := range files {
				x, err := capture(f)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, x)
			}
			t.Logf("%s %s: %d of %d captures are of calls of the client", version, folder, replay(t, list), len(list))
		}
	}
}

func capture(file string) (exchange, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return exchange{}, err
	}
	var c struct {
		Request  struct{ Method, Path string }
		Response struct {
			Status int
			Body   json.RawMessage
		}
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return exchange{}, fmt.Errorf("%s: %w", file, err)
	}
	return exchange{filepath.Base(file), c.Request.Method, c.Request.Path, c.Response.Status, c.Response.Body}, nil
}
