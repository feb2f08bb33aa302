// Package flinktest holds the contract test that both Flink clients take: their routes exist in the endpoint inventories of
// the released versions, and recorded answers decode.
package flinktest

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

// Versions are those whose contract is tested.
func Versions() []string { return []string{"1.20.3", "2.3.0"} }

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

// Contract is what a client is tested against; its test runs in the client's folder, which holds routes.go and testdata.
type Contract struct {
	Inventory string   // "jobmanager": endpoints-NAME-VERSION.json of the specifications
	Captures  []string // folders of recordings
	AnswerOf  func(method, path string) any
}

// Run runs the tests.
func (c Contract) Run(t *testing.T) {
	t.Run("RoutesExist", c.routesExist)
	t.Run("RecordedAnswersDecode", c.recordedAnswersDecode)
	t.Run("AllCapturesDecode", c.allCapturesDecode)
}

func (c Contract) routesExist(t *testing.T) {
	for _, version := range Versions() {
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
		b, err = os.ReadFile(filepath.Join(dir, "flink", "endpoints-"+c.Inventory+"-"+version+".json"))
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

// Exchange is one recorded request and its answer.
type Exchange struct {
	Name, Method, Path string
	Status             int
	Body               json.RawMessage
}

// Recorded reads the recordings of testdata.
func Recorded(t testing.TB, version string) []Exchange {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", version+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []Exchange
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// replay sends every exchange's answer through a real connection into the type that the client reads for it, and returns
// how many there were.
func (c Contract) replay(t *testing.T, list []Exchange) (read int) {
	t.Helper()
	var now Exchange
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
		out := c.AnswerOf(now.Method, now.Path)
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

// Match says whether a recorded path is of a route's form.
func Match(route, method, path string) bool {
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

func (c Contract) recordedAnswersDecode(t *testing.T) {
	for _, version := range Versions() {
		list := Recorded(t, version)
		if n := c.replay(t, list); n < len(list)*8/10 {
			t.Errorf("%s: only %d of %d recordings belong to a call of the client", version, n, len(list))
		}
	}
}

func (c Contract) allCapturesDecode(t *testing.T) {
	dir := shared("DREY_CAPTURES", "captures")
	if dir == "" {
		t.Skip("DREY_CAPTURES is absent; the copies in testdata were read")
	}
	for _, version := range Versions() {
		for _, folder := range c.Captures {
			files, err := filepath.Glob(filepath.Join(dir, "flink", version, folder, "*.json"))
			if err != nil {
				t.Fatal(err)
			}
			var list []Exchange
			for _, f := range files {
				x, err := capture(f)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, x)
			}
			t.Logf("%s %s: %d of %d captures are of calls of the client", version, folder, c.replay(t, list), len(list))
		}
	}
}

func capture(file string) (Exchange, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Exchange{}, err
	}
	var x struct {
		Request  struct{ Method, Path string }
		Response struct {
			Status int
			Body   json.RawMessage
		}
	}
	if err := json.Unmarshal(b, &x); err != nil {
		return Exchange{}, fmt.Errorf("%s: %w", file, err)
	}
	return Exchange{filepath.Base(file), x.Request.Method, x.Request.Path, x.Response.Status, x.Response.Body}, nil
}
