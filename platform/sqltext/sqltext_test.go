package sqltext

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []Statement
		err      string
	}{
		{"nothing", " ;; -- only a comment\n/* and\nanother */ ;", nil, ""},
		{"one without semicolon", "SELECT 1", []Statement{{Text: "SELECT 1", Line: 1, Kind: Query}}, ""},
		{"semicolons in strings, names and comments", "SELECT 'a;''b' -- ;\n, `x;y` /* ; */ FROM t;\nSHOW TABLES;", []Statement{
			{Text: "SELECT 'a;''b' -- ;\n, `x;y` /* ; */ FROM t", Line: 1, Kind: Query}, {Text: "SHOW TABLES", Line: 3, Kind: Look}}, ""},
		{"hint is kept", "SELECT * FROM t /*+ OPTIONS('a'='b;c') */", []Statement{{Text: "SELECT * FROM t /*+ OPTIONS('a'='b;c') */", Line: 1, Kind: Query}}, ""},
		{"comment before the first word", "-- hi\n  insert into a select 1", []Statement{{Text: "insert into a select 1", Line: 2, Kind: Write, Need: Change}}, ""},
		{"statement set stays whole", "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END; SHOW JOBS", []Statement{
			{Text: "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END", Line: 1, Kind: Write, Need: Change}, {Text: "SHOW JOBS", Line: 1, Kind: Look}}, ""},
		{"BEGIN STATEMENT SET becomes one statement", "BEGIN STATEMENT SET;\nINSERT INTO a SELECT CASE WHEN x THEN 1 END FROM s;\nINSERT INTO b SELECT 2;\nEND;", []Statement{
			{Text: "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT CASE WHEN x THEN 1 END FROM s;\nINSERT INTO b SELECT 2;\nEND", Line: 1, Kind: Write, Need: Change}}, ""},
		{"open statement set", "BEGIN STATEMENT SET; INSERT INTO a SELECT 1;", nil, "line 1: the statement set has no END"},
		{"open string", "SELECT 1;\nSELECT 'x", nil, "line 2: the string is not closed"},
		{"open comment", "SELECT /* 1", nil, "line 1: the comment is not closed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Split(tt.in)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(Statement{}, "Col")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNeed(t *testing.T) {
	for in, want := range map[string]struct {
		kind Kind
		need Need
	}{
		"(SELECT 1)":                                          {Query, Read},
		"EXECUTE SELECT 1":                                    {Query, Read},
		"/* SHOW */ DROP TABLE t":                             {Define, Change},
		"DESC t":                                              {Look, Read},
		"EXPLAIN INSERT INTO a SELECT 1":                      {Look, Read},
		"SET 'parallelism.default' = '2'":                     {Setting, Read},
		"SET 'pipeline.jars' = 'file:///x.jar'":               {Setting, Code},
		"ADD JAR '/x.jar'":                                    {Other, Code},
		"CREATE TEMPORARY FUNCTION f AS 'a.B'":                {Define, Code},
		"CREATE CATALOG c WITH ('type'='jdbc')":               {Define, Code},
		"CREATE TABLE t (a INT) WITH ('connector'='datagen')": {Define, Change},
		"CREATE TABLE t (a INT) WITH ('connector' = 'FileSystem', 'path'='/etc')": {Define, Code},
		"CREATE TABLE t WITH ('connector'='print') AS SELECT 1":                   {Write, Change},
		"CREATE TABLE t (a INT, b AS (a + 1)) WITH ('connector'='print')":         {Define, Change},
		"CREATE VIEW v AS SELECT 1":                                               {Define, Change},
		"INSERT INTO t /*+ OPTIONS('connector'='filesystem') */ SELECT 1":         {Write, Code},
		"LOAD MODULE hive": {Other, Code},
		"CALL sys.proc()":  {Other, Code},
		"STOP JOB 'x'":     {Other, Code},
		"garbage here":     {Other, Code},
	} {
		ss, err := Split(in)
		if err != nil || len(ss) != 1 {
			t.Errorf("%s: %v %v", in, ss, err)
			continue
		}
		if ss[0].Kind != want.kind || ss[0].Need != want.need {
			t.Errorf("%s: kind %d need %d, want %d %d", in, ss[0].Kind, ss[0].Need, want.kind, want.need)
		}
		if ss[0].Need == Code && ss[0].Why == "" {
			t.Errorf("%s: no reason given", in)
		}
	}
}

func TestJobName(t *testing.T) {
	for in, want := range map[string]string{
		"INSERT INTO orders_out SELECT 1":                         "orders_out",
		"INSERT INTO `cat`.db.`My Sink` SELECT 1":                 "My Sink",
		"INSERT OVERWRITE t SELECT 1":                             "t",
		"CREATE TABLE c AS SELECT 1":                              "c",
		"EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; END": "a",
	} {
		if got := JobName(Statement{Text: in}); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"SELECT 1;", "BEGIN STATEMENT SET; a; END", "'", "/*+", "BEGIN STATEMENT SET", "(", "EXPLAIN STATEMENT SET BEGIN", "é;`", "CREATE AS ("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		ss, err := Split(in)
		if err != nil {
			return
		}
		for _, s := range ss {
			if strings.TrimSpace(s.Text) == "" {
				t.Errorf("empty statement in %q", in)
			}
			JobName(s)
			s.Verb()
		}
	})
}

func TestPositions(t *testing.T) {
	ss, err := Split("SHOW TABLES; SELECT 1;\n  é'ü', x")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]int{{1, 1}, {1, 14}, {2, 3}} {
		if ss[i].Line != want[0] || ss[i].Col != want[1] {
			t.Errorf("%s at %d:%d, want %v", ss[i].Text, ss[i].Line, ss[i].Col, want)
		}
	}
}
