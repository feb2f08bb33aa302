package commands

import (
	"strings"
	"testing"
)

func TestMistypedStatement(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"SELEC 1", "line 1: there is no statement SELEC; did you mean SELECT?"},
		{"SELECT 1;\n\ninsret INTO t VALUES (1)", "line 3: there is no statement INSRET; did you mean INSERT?"},
		{"SOHW TABLES", "did you mean SHOW?"},
		// What Flink knows, or may, is left to it, with the right that it takes.
		{"ADD JAR 'a.jar'; REMOVE JAR 'a.jar'", ""},
		{"LOAD MODULE m; UNLOAD MODULE m; CALL p(); STOP JOB 'x'; QUIT; EXIT; HELP; CLEAR", ""},
		{"COMPILE PLAN 'p' FOR INSERT INTO t SELECT 1; MERGE INTO t; REFRESH t; BEGIN; END", ""},
		{"SELECT 1; SET 'a' = 'b'; USE c; DESC t; TABLE t; (SELECT 1)", ""},
		{"", ""},
		{"'open", ""},
	} {
		err := mistyped(c.text)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}
