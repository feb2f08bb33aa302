package commands

import (
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqltext"
)

// mistyped says so when a statement begins with what is nearly a word that statements begin with. What drey does not know
// counts as running code, and nobody is to be asked for consent to a slip of the fingers.
func mistyped(text string) error {
	stmts, err := sqltext.Split(text)
	if err != nil {
		return nil //nolint:nilerr // the command says it better, to those who may run it
	}
	for _, st := range stmts {
		verb, most := st.Verb(), 2
		if len(verb) <= 4 {
			most = 1
		}
		if st.Kind != sqltext.Other || verb == "" {
			continue
		}
		for _, known := range sqlVerbs() {
			if distance(verb, known) <= most {
				return platform.Errorf(platform.Invalid, "", "line %d: there is no statement %s; did you mean %s? Nothing was run", st.Line, clip(verb, 40), known)
			}
		}
	}
	return nil
}

// sqlVerbs are the words that the usual statements begin with.
func sqlVerbs() []string {
	return []string{
		"SELECT", "INSERT", "CREATE", "ALTER", "DROP", "SHOW", "DESCRIBE", "EXPLAIN", "EXECUTE", "WITH", "VALUES", "SET", "RESET",
		"USE", "DELETE", "UPDATE", "ANALYZE", "TRUNCATE",
	}
}
