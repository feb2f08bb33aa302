package commands

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// TestExplainTellsNoSecrets wraps hostile texts in every kind of error, in many ways.
func TestExplainTellsNoSecrets(t *testing.T) {
	secrets := []string{
		"http://jm.prod.svc:8081/jobs?token=hunter2", "https://user:hunter2@flink.example.com/x", "redis://:hunter2@10.0.0.7:6379/0", "tcp://10.0.0.7:6379",
		"Bearer hunter2hunter2", "token=hunter2", `"password": "hunter2"`, "api_key: hunter2", "aws_secret_access_key=hunter2", "Authorization: Basic aHVudGVyMg==",
		"10.0.0.7:8081", "jobmanager.flink.svc.cluster.local", "flink-jm-0:8081", "[fe80::1]:8081", "xoxb-123-hunter2", "eyJhbGciOi.eyJodW50ZXIy.hunter2",
		"jdbc:postgresql://db.corp:5432/x?user=a&password=hunter2", "s3://key:hunter2@bucket/path", "ghp_hunter2abcdefghijklmnopqrstuvwxyz0123456789",
		"dial tcp 10.0.0.7:6379: connect: connection refused", "lookup flink-jm.internal on 10.96.0.10:53: no such host",
	}
	leaks := []string{"hunter2", "10.0.0.7", "10.96", "8081", "6379", "flink-jm", "jobmanager.flink", ".svc", "example.com", "fe80", "aHVudGVy", "goroutine", "\tat org", "://jm", "db.corp", "@"}
	rnd := rand.New(rand.NewPCG(7, 4))
	text := func() string {
		parts := []string{"could not reach", "because", "(", secrets[rnd.IntN(len(secrets))], ")", ":", secrets[rnd.IntN(len(secrets))], "\n\tat org.apache.flink.Foo(Foo.java:12)\ngoroutine 1 [running]:"}
		return strings.Join(parts[rnd.IntN(3):4+rnd.IntN(4)], []string{" ", ""}[rnd.IntN(2)])
	}
	make := []func() error{
		func() error { return errors.New(text()) },
		func() error { return fmt.Errorf("%s: %w", text(), storage.ErrConflict) },
		func() error { return fmt.Errorf("%s: %w", text(), storage.ErrUnavailable) },
		func() error { return fmt.Errorf("%s: %w", text(), context.DeadlineExceeded) },
		func() error {
			return &platform.Error{Op: "stop prod/orders", Kind: platform.Kind(rnd.IntN(8)), Err: errors.New(text())}
		},
		func() error {
			return fmt.Errorf("%s: %w", text(), &platform.Error{Op: text(), Kind: platform.Kind(rnd.IntN(8)), Err: errors.New(text()), Detail: strings.Repeat(text()+"\n", rnd.IntN(40))})
		},
	}
	for range 2000 {
		err := make[rnd.IntN(len(make))]()
		m := Explain(err)
		if !m.Private || m.Title == "" || len(m.Blocks) < 2 {
			t.Fatalf("not a whole answer to %q:\n%s", err, shown(m))
		}
		inFile := false
		for _, bl := range m.Blocks {
			_, isFile := bl.(bot.File)
			inFile = inFile || isFile
		}
		for _, l := range leaks {
			stack := l == "goroutine" || l == "\tat org"
			if strings.Contains(shown(m), l) && !(stack && inFile) {
				t.Fatalf("%q tells %q:\n%s", err, l, shown(m))
			}
		}
	}
}

func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want []string
	}{
		{platform.Errorf(platform.Invalid, "scale prod/orders", "parallelism 200 is above the job's maximum of 128"),
			[]string{"That cannot be done", "Scale prod/orders: parallelism 200", "Nothing was changed"}},
		{platform.Errorf(platform.Unavailable, "stop prod/orders", "the cluster does not answer"), []string{"No answer", "harmless to repeat"}},
		{platform.Errorf(platform.Ambiguous, "stop prod/orders", "the answer was lost"), []string{"not known", "It may have happened", "/drey operations"}},
		{&platform.Error{Kind: platform.Invalid, Err: errors.New("Table 't' not found at line 1, column 15"), Detail: strings.Repeat("\tat org.apache.X(X.java:1)\n", 30)},
			[]string{"at line 1, column 15", "X.java:1"}},
		{platform.Errorf(platform.NotFound, "", "no savepoint s3://bucket/sp/savepoint-1"), []string{"s3://bucket/sp/savepoint-1"}},
		{fmt.Errorf("commit: %w", storage.ErrUnavailable), []string{"The store does not answer", "Try again"}},
		{storage.ErrSeen, []string{"Done already"}},
		{context.DeadlineExceeded, []string{"took too long"}},
		{Tell(bot.Message{Title: "Which one?"}), []string{"Which one?"}},
	} {
		wants(t, Explain(tc.err), tc.want...)
	}
}

func TestRedactKeeps(t *testing.T) {
	for _, s := range []string{
		"java.lang.NumberFormatException: For input string: 'boom'", "job 0123456789abcdef0123456789abcdef is RUNNING", "s3://bucket/a/savepoint-0a1b2c-3d4e5f6a7b8c",
		"Table default_catalog.default_database.orders not found", "at 10:45 for 15m", "from 2026-12-24T18:00 on", "Foo.java:123", "line 1, column 15", "file:///tmp/savepoints/x", "a, b: c",
	} {
		if got := Redact(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	stack := strings.Repeat("\tat org.apache.flink.runtime.jobmaster.JobMaster.start(JobMaster.java:123)\n", 2000)
	err := &platform.Error{Kind: platform.Unavailable, Op: "stop prod/orders", Err: errors.New("dial tcp 10.0.0.7:8081: refused"), Detail: stack}
	for b.Loop() {
		Explain(err)
	}
}
