package sqltext

import "testing"

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"CREATE TABLE t (a INT) WITH ('connector'='jdbc', 'password' = 'it''s', 'url'='x')": "CREATE TABLE t (a INT) WITH ('connector'='jdbc', 'password' = '***', 'url'='x')",
		"SET 'fs.s3a.secret.key' = 'k';":        "SET 'fs.s3a.secret.key' = '***';",
		"SET s3.access-key = 'k'":               "SET s3.access-key = 'k'",
		"SELECT 'password' = 'x' -- password":   "SELECT 'password' = '***' -- password",
		"SELECT 1":                              "SELECT 1",
		"SET 'password' = 'open":                "SET 'password' = …",
		"x 'properties.sasl.jaas.config'='a b'": "x 'properties.sasl.jaas.config'='***'",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%s)\n got %s\nwant %s", in, got, want)
		}
	}
}
