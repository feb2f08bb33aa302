package flinkhttp

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// exchange is one answer of a real cluster, its stack traces shortened.
type exchange struct {
	Name, Method, Path string
	Status             int
	Body               json.RawMessage
}

func exchanges(t testing.TB, file string) []exchange {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var list []exchange
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRootCauseOfRealErrors holds, for each error of the two versions, the line that a person reads.
func TestRootCauseOfRealErrors(t *testing.T) {
	var out bytes.Buffer
	for _, version := range []string{"1.20.3", "2.3.0"} {
		for _, x := range exchanges(t, "errors-"+version+".json") {
			e := refused(x.Status, x.Body)
			if e.Foreign {
				t.Errorf("%s %s: not read as an error of Flink's", version, x.Name)
			}
			fmt.Fprintf(&out, "%s %s (%d)\n\t%s\n", version, x.Name, x.Status, e)
		}
	}
	path := filepath.Join("testdata", "roots.golden")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("(-want +got; write it with -update)\n%s", diff)
	}
}

func TestRootCause(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"words", "all is lost", "all is lost"},
		{"class only", "java.lang.NullPointerException\n\tat a.B.c(B.java:1)", "NullPointerException"},
		{"innermost", "a.b.IOException: outer\n\tat x\nCaused by: java.net.ConnectException: Connection refused", "ConnectException: Connection refused"},
		{"said twice", "o.ValidationException: SQL validation failed. SQL validation failed. From line 1, column 15", "SQL validation failed. From line 1, column 15"},
		{"for the author", "x.CompletionException: y\nCaused by: o.ValidationException: SQL validation failed. From line 1, column 15\nCaused by: o.SqlValidatorException: Object 'nope' not found",
			"SQL validation failed. From line 1, column 15"},
		{"wrapped in one line", "java.util.concurrent.CompletionException: java.lang.IllegalStateException: it is not open", "it is not open"},
		{"embedded trace", "o.TableException: Failed to execute sql\nCaused by: o.RestClientException: [Internal server error., <Exception on server side:\no.DuplicateJobSubmissionException: Job has already been submitted.\n\tat x",
			"Job has already been submitted."},
		{"control characters", "a\x00b\x1b[31m", "a b [31m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := RootCause(tc.text).Line(); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestFloat(t *testing.T) {
	var got []Float
	in := `[1, -1.5, "2.5", "NaN", "Infinity", null, "x", 9007199254740993, true, {}, []]`
	if err := json.Unmarshal([]byte(in), &got); err != nil {
		t.Fatal(err)
	}
	want := "[1 -1.5 2.5 NaN +Inf NaN NaN 9.007199254740992e+15 NaN NaN NaN]"
	if s := fmt.Sprint(got); s != want {
		t.Errorf("%s, want %s", s, want)
	}
	if got[3].Int() != 0 || got[4].Int() != 0 || got[2].Int() != 2 {
		t.Error("whole numbers")
	}
}

func FuzzRefused(f *testing.F) {
	for _, version := range []string{"1.20.3", "2.3.0"} {
		for _, x := range exchanges(f, "errors-"+version+".json") {
			f.Add(x.Status, []byte(x.Body))
		}
	}
	f.Add(502, []byte("<html>Bad Gateway</html>"))
	f.Add(500, []byte(`{"errors":["Caused by: a.B: c.D: e.F: "]}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := refused(status, body)
		switch {
		case strings.TrimSpace(e.Root) == "":
			t.Error("no words")
		case strings.ContainsAny(e.Root, "\n\r\t") || !utf8.ValidString(e.Root):
			t.Errorf("not one line: %q", e.Root)
		case len(e.Root) > 1500:
			t.Errorf("%d bytes", len(e.Root))
		}
	})
}
