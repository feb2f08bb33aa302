package commands

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/drey-ops/drey/platform"
)

func testTree() Tree { return (&bench{}).tree() }

func TestTreeChecks(t *testing.T) {
	if err := testTree().Check(); err != nil {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	tree := testTree()
	for _, tc := range []struct{ line, want string }{
		{`/flink savepoint orders`, `/flink savepoint orders`},
		{`/flink savepoint orders dir=s3://bucket/x`, `/flink savepoint orders dir=s3://bucket/x`},
		{`  /FLINK   Savepoint	orders  `, `/flink savepoint orders`},
		{"/flink\u00a0savepoint\u00a0orders", `/flink savepoint orders`},
		{`flink savepoint orders`, `/flink savepoint orders`},
		{`@drey savepoint orders`, `/flink savepoint orders`},
		{`@drey: flink savepoint orders`, `/flink savepoint orders`},
		{`<@U012AB> savepoint orders`, `/flink savepoint orders`},
		{`/flink savepoint list orders`, `/flink savepoint list orders`},
		{`/flink savepoint listing`, `/flink savepoint listing`},
		{`/flink savepoint "my job"`, `/flink savepoint "my job"`},
		{`/flink savepoint “my job” dir=‘a b’`, `/flink savepoint "my job" dir="a b"`},
		{`/flink savepoint "say \"hi\""`, `/flink savepoint "say \"hi\""`},
		{"/flink savepoint `orders`", `/flink savepoint orders`},
		{`/flink savepoint it's`, `/flink savepoint it's`},
		{`/flink savepoint orders --dir s3://b`, `/flink savepoint orders dir=s3://b`},
		{`/flink savepoint orders —dir s3://b`, `/flink savepoint orders dir=s3://b`},
		{`/flink savepoint --dir=s3://b orders`, `/flink savepoint orders dir=s3://b`},
		{`/flink savepoint orders.`, `/flink savepoint orders.`},
		{`/drey help.`, `/drey help`},
		{`/flink stop orders drain`, `/flink stop orders drain`},
		{`/flink stop drain`, `/flink stop drain`},
		{`/flink stop orders --drain`, `/flink stop orders drain`},
		{`/flink stop orders --drain no`, `/flink stop orders`},
		{`/flink stop orders drain=yes`, `/flink stop orders drain`},
		{`/flink scale orders 4`, `/flink scale orders 4 mode=auto wait=5m0s`},
		{`/flink scale orders 4. wait=1d`, `/flink scale orders 4 mode=auto wait=24h0m0s`},
		{`/flink scale orders n=4, MODE=InPlace`, `/flink scale orders 4 mode=inplace wait=5m0s`},
		{"/flink sql SELECT a  FROM t WHERE x = 'y'", "/flink sql SELECT a  FROM t WHERE x = 'y'"},
		{"/flink sql cluster=prod INSERT INTO a\nSELECT \"b\";", "/flink sql cluster=prod INSERT INTO a\nSELECT \"b\";"},
		{"/flink sql cluster=prod ```sql\nSELECT 1;\n-- note\nSELECT 2;\n```", "/flink sql cluster=prod SELECT 1;\n-- note\nSELECT 2;"},
		{"/flink sql ```sql SELECT 1``` cluster=prod", "/flink sql cluster=prod SELECT 1"},
		{"/flink sql cluster=prod ```\nSELECT 1", "/flink sql cluster=prod SELECT 1"},
		{"/flink sql cluster=prod --limit is no option", "/flink sql cluster=prod --limit is no option"},
		{"/flink sql cluster=prod a=b", `/flink sql cluster=prod a=b`},
		{"/flink tag a 'b c' tags=d", `/flink tag a "b c" d`},
		{"/drey audit denied person=olga", "/drey audit person=olga denied=true max=20"},

		{`/flink savepoint`, `!job is missing`},
		{`/flink savepoint orders dri=x`, `!near dir`},
		{`/flink savepoint orders dir=a dir=b`, `!dir is given twice`},
		{`/flink savepoint "orders`, `!a quote that is not closed`},
		{`/flink savepoint prod/`, `!job is not right`},
		{`/flink scale orders x`, `!n must be a whole number from 1 to 128, not "x"`},
		{`/flink scale orders 999`, `!from 1 to 128`},
		{`/flink scale orders 4 mode=inplaec`, `!near inplace`},
		{`/flink scale orders 4 wait=10`, `!a duration such as`},
		{`/flink scale orders 4 --wait`, `!wait has no value`},
		{`/flink stop orders maybe`, `!"maybe" was not expected`},
		{`/flink savepiont orders`, `!near /flink savepoint orders`},
		{`/flnk jobs`, `!near /flink jobs`},
		{`/savepiont orders`, `!near /flink savepoint orders`},
		{`/`, `!no command`},
		{``, `!no command`},
		{"/flink \xff", `!not valid text`},
		{`/flink ` + strings.Repeat("x", LineMax), `!at most`},
	} {
		c, call, err := tree.Parse(tc.line)
		if want, bad := strings.CutPrefix(tc.want, "!"); bad {
			var u *UsageError
			if !errors.As(err, &u) {
				t.Errorf("%q: error %v, want a usage error with %q", tc.line, err, want)
				continue
			}
			got := u.Error()
			for _, n := range u.Near {
				got += " near " + n
			}
			if !strings.Contains(got, want) {
				t.Errorf("%q: error %q, want %q in it", tc.line, got, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", tc.line, err)
			continue
		}
		if got := c.Line(call.Args); got != tc.want {
			t.Errorf("%q is read as\n%s\nwant\n%s", tc.line, got, tc.want)
		}
	}
}

// TestArgsSurvive writes random arguments as a line, and reads it back.
func TestArgsSurvive(t *testing.T) {
	tree := testTree()
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "b1", " ", "  ", "\"", "'", "“", "”", "=", "--", "—", "x=y", "drain", "```", "\n", "\\", "/", "`", "\u00a0", "é", "dir=", "--dir", "sql", "list", ".", ","}
	text := func() string {
		var s strings.Builder
		for range 1 + rnd.IntN(5) {
			s.WriteString(pieces[rnd.IntN(len(pieces))])
		}
		return s.String()
	}
	word := func() string { return "j" + text() }
	for range 800 {
		for path, args := range map[string]any{
			"flink savepoint": jobTestArgs{Job: platform.JobRef{Cluster: "prod", Job: word()}, Dir: text()},
			"flink stop":      stopTestArgs{Job: platform.JobRef{Job: strings.ReplaceAll(word(), "/", "")}, Drain: rnd.IntN(2) == 0},
			"flink scale":     scaleTestArgs{Job: platform.JobRef{Job: "drain"}, N: 1 + rnd.IntN(100), Mode: "restart", Wait: time.Duration(rnd.IntN(1e6)) * time.Millisecond},
			"flink sql":       sqlTestArgs{Cluster: text(), Text: text()},
			"flink tag":       tagTestArgs{Tags: []string{word(), text()}},
		} {
			c := tree.Find(path)
			raw := Encode(args)
			want, err := c.decode(mustGiven(t, raw))
			if err != nil {
				continue // blank values, which are none
			}
			line := c.Line(raw)
			got, call, err := tree.Parse(line)
			if err != nil || got != c || string(call.Args) != string(Encode(want)) {
				t.Fatalf("%s\nwritten %q\nread    %s %v", raw, line, call.Args, err)
			}
		}
	}
}

func mustGiven(t *testing.T, raw json.RawMessage) given {
	t.Helper()
	g, err := givenOf(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"/flink savepoint orders", "@drey help", "/flink sql ```sql\nSELECT 1```", "/flink scale “a b” --n 4 —wait 1d", "<@U1> stop 'x", "/flink stop orders drain=maybe"} {
		f.Add(s)
	}
	tree := testTree()
	f.Fuzz(func(t *testing.T, line string) {
		c, call, err := tree.Parse(line)
		if err != nil {
			var u *UsageError
			if !errors.As(err, &u) || !utf8.ValidString(u.Error()) {
				t.Fatalf("%q: %v", line, err)
			}
			return
		}
		again := c.Line(call.Args)
		c2, call2, err := tree.Parse(again)
		if err != nil || c2 != c || string(call2.Args) != string(call.Args) {
			t.Fatalf("%q is read as %s %s,\nwritten as %q,\nread again as %s, %v", line, c.Path, call.Args, again, call2.Args, err)
		}
	})
}

func TestLenientArguments(t *testing.T) {
	c := testTree().Find("flink scale")
	for _, raw := range []string{
		`{"job":"prod/orders","n":4,"wait":300000000000}`,
		`{"job":"prod/orders","n":"4","wait":"5m","mode":null}`,
		`{"job":"prod/orders","n":"4.","wait":"","mode":"AUTO"}`,
	} {
		a, err := c.decode(mustGiven(t, json.RawMessage(raw)))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got, want := string(Encode(a)), `{"job":"prod/orders","mode":"auto","n":4,"wait":"5m0s"}`; got != want {
			t.Errorf("%s is read as %s", raw, got)
		}
	}
	for _, raw := range []string{`[]`, `{"n":{}}`, `{"job":["a","b"],"n":1}`, `{"job":"a","n":1,"x":1}`, `{"n":1}`, `nonsense`} {
		g, err := givenOf(json.RawMessage(raw), nil)
		if err == nil {
			_, err = c.decode(g)
		}
		if err == nil {
			t.Errorf("%s is taken", raw)
		}
	}
}
