package sqltext

import "testing"

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"CREATE TABLE t (a INT) WITH ('connector'='jdbc', 'password' = 'it''s', 'url'='x')": "CREATE TABLE t (a INT) WITH ('connector'='jdbc', 'password' = '***', 'url'='x')",
		"SET 'fs.s3a.secret.key' = 'k';":        "SET 'fs.s3a.secret.key' = '***';",
		"SET s3.access-key = 'k'":               "SET s3.access-key = '***'",
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

func TestHasSecret(t *testing.T) {
	for in, want := range map[string]bool{
		"CREATE TABLE t (a INT) WITH ('connector'='jdbc', 'password' = 'a b')": true,
		"SET 'fs.s3a.secret.key' = 'k'":                                        true,
		"SET s3.access-key = 'k'":                                              true,
		"WITH ('url' = 'jdbc:mysql://h/db?user=u&password=p')":                 true,
		"WITH ('url' = 'mongodb://u:p@h')":                                     true,
		"SET 'password' = 'open":                                               true,
		"SET 'parallelism.default' = '4'":                                      false,
		"SELECT token, password FROM t WHERE token = id":                       false,
		"INSERT INTO t SELECT 1 -- password = 'x'":                             false,
		"it's late": false,
		"WITH ('path' = 's3://b/x', 'url' = 'http://h:80/a@b')": false,
		"": false,
	} {
		if got := HasSecret(in); got != want {
			t.Errorf("HasSecret(%s) = %v", in, got)
		}
	}
}
