package diagnosis

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkhttp"
)

func fromStack(stack string) platform.Exception {
	return platform.Exception{Root: flinkhttp.RootCause(stack).String(), Stack: stack}
}

// Each list is one cause as it came at different times; no two lists may meet.
func causes() map[string][]string {
	return map[string][]string{
		"java.lang.NumberFormatException: For input string: ‹text›. Invalid character found.": {
			"java.lang.NumberFormatException: For input string: 'boom'. Invalid character found.",
			"java.lang.NumberFormatException: For input string: '12x'. Invalid character found.",
		},
		"java.lang.NumberFormatException: For input string: ‹text›": {
			`java.lang.NumberFormatException: For input string: "boom"`, `java.lang.NumberFormatException: For input string: "it's 7"`, `java.lang.NumberFormatException: For input string: ""`,
		},
		"java.lang.NumberFormatException: null": {"java.lang.NumberFormatException: null"},
		"java.lang.NullPointerException":        {"java.lang.NullPointerException"},
		"java.lang.NullPointerException: Cannot invoke \"String.length()\" because \"<local1>\" is null": nil,
		"java.lang.NullPointerException: Cannot invoke \"String.trim()\" because \"<localN>\" is null": {
			`java.lang.NullPointerException: Cannot invoke "String.trim()" because "<local1>" is null`, `java.lang.NullPointerException: Cannot invoke "String.trim()" because "<local4>" is null`,
		},
		"org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id tmN is no longer reachable.": {
			"org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id tm1 is no longer reachable.",
			"org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id tm17 is no longer reachable.",
		},
		"org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id ‹id› is no longer reachable.": {
			"org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id flink-taskmanager-7d9f8b6c5-x2k4p is no longer reachable.",
			"org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id flink-taskmanager-6b4c7d8f99-9zq7w is no longer reachable.",
		},
		"java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id ‹address›-‹id› timed out.": {
			"java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id 10.0.3.17:6122-a1b2c3 timed out.",
			"java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id 10.12.3.170:41217-0f9e8d timed out.",
		},
		"java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory ‹text› on file system ‹text›.": {
			"java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory 'file:///nonexistent/sp' on file system 'file'.",
			"java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory 's3://b/chk-12' on file system 's3'.",
		},
		"java.io.FileNotFoundException: ‹path› (No such file or directory)": {
			"java.io.FileNotFoundException: /data/in/2026-11-21/part-0.csv (No such file or directory)", "java.io.FileNotFoundException: /tmp/x (No such file or directory)",
		},
		"java.io.FileNotFoundException: ‹path› (Permission denied)":   {"java.io.FileNotFoundException: /data/in/part-0.csv (Permission denied)"},
		"java.lang.UnsupportedOperationException: Not supported yet.": {"java.lang.UnsupportedOperationException: Not supported yet."},
		"java.lang.IllegalStateException: Job ‹id› is not a streaming job.": {
			"java.lang.IllegalStateException: Job c0ffee00000000000000000000000001 is not a streaming job.", "java.lang.IllegalStateException: Job deadbeefdeadbeefdeadbeefdeadbeef is not a streaming job.",
		},
		"org.apache.flink.runtime.checkpoint.CheckpointException: Could not complete snapshot N for operator Flat Map -> Sink: Print to Std. Out (N/N)#N. Failure reason: Checkpoint was declined.": {
			"org.apache.flink.runtime.checkpoint.CheckpointException: Could not complete snapshot 22 for operator Flat Map -> Sink: Print to Std. Out (1/2)#0. Failure reason: Checkpoint was declined.",
			"org.apache.flink.runtime.checkpoint.CheckpointException: Could not complete snapshot 1022 for operator Flat Map -> Sink: Print to Std. Out (12/20)#3. Failure reason: Checkpoint was declined.",
		},
		"org.apache.flink.util.FlinkRuntimeException: Exceeded checkpoint tolerable failure threshold. The latest checkpoint failed due to Checkpoint expired before completing., view the Checkpoint History tab or the Job Manager log to find out why continuous checkpoints failed.": {
			"org.apache.flink.util.FlinkRuntimeException: Exceeded checkpoint tolerable failure threshold. The latest checkpoint failed due to Checkpoint expired before completing., view the Checkpoint History tab or the Job Manager log to find out why continuous checkpoints failed.",
		},
		"org.apache.kafka.common.errors.TimeoutException: Topic orders not present in metadata after N ms.": {
			"org.apache.kafka.common.errors.TimeoutException: Topic orders not present in metadata after 60000 ms.",
		},
		"org.apache.kafka.common.errors.TimeoutException: Expiring N record(s) for orders-N:N ms has passed since batch creation": {
			"org.apache.kafka.common.errors.TimeoutException: Expiring 1 record(s) for orders-3:120000 ms has passed since batch creation",
			"org.apache.kafka.common.errors.TimeoutException: Expiring 18 record(s) for orders-11:120004 ms has passed since batch creation",
		},
		"java.net.ConnectException: Connection refused: ‹address›": {
			"java.net.ConnectException: Connection refused: localhost/127.0.0.1:9092", "java.net.ConnectException: Connection refused: kafka-2.kafka.svc/10.8.1.4:9092",
		},
		"java.net.UnknownHostException: kafka-N.internal: Name or service not known": {
			"java.net.UnknownHostException: kafka-1.internal: Name or service not known", "java.net.UnknownHostException: kafka-2.internal: Name or service not known",
		},
		"java.io.IOException: Server returned HTTP response code: 403 for URL: https:‹url›": {
			"java.io.IOException: Server returned HTTP response code: 403 for URL: https://api.acme.example/v1/rates?day=12",
			"java.io.IOException: Server returned HTTP response code: 403 for URL: https://api.acme.example/v1/rates?day=13",
		},
		"java.io.IOException: Server returned HTTP response code: 503 for URL: https:‹url›": {"java.io.IOException: Server returned HTTP response code: 503 for URL: https://api.acme.example/v1/rates?day=12"},
		"java.sql.SQLSyntaxErrorException: ORA-00942: table or view does not exist":         {"java.sql.SQLSyntaxErrorException: ORA-00942: table or view does not exist"},
		"java.sql.SQLException: ORA-01017: invalid username/password; logon denied":         {"java.sql.SQLException: ORA-01017: invalid username/password; logon denied"},
		"org.postgresql.util.PSQLException: ERROR: duplicate key value violates unique constraint ‹text› Detail: Key (id)=(N) already exists.": {
			`org.postgresql.util.PSQLException: ERROR: duplicate key value violates unique constraint "orders_pkey" Detail: Key (id)=(4711) already exists.`,
			`org.postgresql.util.PSQLException: ERROR: duplicate key value violates unique constraint "orders_pkey" Detail: Key (id)=(12) already exists.`,
		},
		"java.lang.OutOfMemoryError: Java heap space":      {"java.lang.OutOfMemoryError: Java heap space"},
		"java.lang.OutOfMemoryError: Metaspace":            {"java.lang.OutOfMemoryError: Metaspace. The metaspace out-of-memory error has occurred."},
		"java.lang.OutOfMemoryError: Direct buffer memory": {"java.lang.OutOfMemoryError: Direct buffer memory. The direct out-of-memory error has occurred."},
		"java.lang.ClassCastException: class java.lang.String cannot be cast to class java.lang.Long (java.lang.String and java.lang.Long are in module java.base of loader ‹text›)": {
			"java.lang.ClassCastException: class java.lang.String cannot be cast to class java.lang.Long (java.lang.String and java.lang.Long are in module java.base of loader 'bootstrap')",
		},
		"java.lang.ClassNotFoundException: com.acme.Orders": {"java.lang.ClassNotFoundException: com.acme.Orders"},
		"java.lang.ClassNotFoundException: com.acme.Rates":  {"java.lang.ClassNotFoundException: com.acme.Rates"},
		"org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire the minimum required resources.": {
			"org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire the minimum required resources.",
		},
		"java.lang.IllegalStateException: There is no operator for the state ‹id›": {
			"java.lang.IllegalStateException: There is no operator for the state 4bf7c1955ffe56e2106d666433eaf137", "java.lang.IllegalStateException: There is no operator for the state cbc357ccb763df2852fee8c4fc7d55f2",
		},
		"com.amazonaws.services.s3.model.AmazonS3Exception: Slow Down (Service: Amazon SN; Status Code: 503; Error Code: SlowDown; Request ID: ‹id›; SN Extended Request ID: ‹id›=)": {
			"com.amazonaws.services.s3.model.AmazonS3Exception: Slow Down (Service: Amazon S3; Status Code: 503; Error Code: SlowDown; Request ID: 4F2A9C8B17D3E650; S3 Extended Request ID: a1b2C3d4E5f6G7h8=)",
			"com.amazonaws.services.s3.model.AmazonS3Exception: Slow Down (Service: Amazon S3; Status Code: 503; Error Code: SlowDown; Request ID: 77AB12CD34EF5690; S3 Extended Request ID: zz9yY8x7W6v5U4t3=)",
		},
		"com.esotericsoftware.kryo.KryoException: Buffer underflow. Serialization trace: items (com.acme.Cart)": {
			"com.esotericsoftware.kryo.KryoException: Buffer underflow. Serialization trace: items (com.acme.Cart)",
		},
		"org.apache.flink.table.api.ValidationException: SQL validation failed. From line N, column N to line N, column N: Object ‹text› not found": {
			"org.apache.flink.table.api.ValidationException: SQL validation failed. From line 1, column 15 to line 1, column 18: Object 'nope' not found",
			"org.apache.flink.table.api.ValidationException: SQL validation failed. From line 7, column 1 to line 12, column 80: Object 'orders_v2' not found",
		},
		"com.fasterxml.jackson.core.JsonParseException: Unexpected character (‹text› (code 123)): was expecting double-quote to start field name at [Source: (byte[])‹text›; line: N, column: N]": {
			"com.fasterxml.jackson.core.JsonParseException: Unexpected character ('{' (code 123)): was expecting double-quote to start field name at [Source: (byte[])\"{{\"; line: 1, column: 3]",
			"com.fasterxml.jackson.core.JsonParseException: Unexpected character ('{' (code 123)): was expecting double-quote to start field name at [Source: (byte[])\"{'a':7\"; line: 12, column: 40]",
		},
		"java.time.format.DateTimeParseException: Text ‹text› could not be parsed at index N": {
			"java.time.format.DateTimeParseException: Text '2026-13-01' could not be parsed at index 5", "java.time.format.DateTimeParseException: Text 'yesterday' could not be parsed at index 0",
		},
		"org.apache.flink.util.SerializedThrowable: com.acme.Down": nil,
	}
}

func TestFingerprint(t *testing.T) {
	seen := map[string]string{}
	for want, texts := range causes() {
		if len(texts) == 0 {
			texts = []string{want}
		}
		first := Fingerprint(platform.Exception{Root: texts[0]})
		for _, text := range texts {
			p := Fingerprint(platform.Exception{Root: text})
			if p.ID != first.ID {
				t.Errorf("two fingerprints of one cause:\n%s\n%s", first, p)
			}
			if p.String() != want && len(texts) > 1 {
				t.Errorf("%s\nis masked as %s\nwant         %s", text, p, want)
			}
		}
		if other, ok := seen[first.ID]; ok {
			t.Errorf("one fingerprint %s of two causes:\n%s\n%s", first.ID, other, want)
		}
		seen[first.ID] = want
	}
}

// The form is kept in the store for months.
func TestFingerprintsStay(t *testing.T) {
	p := Fingerprint(fromStack("java.lang.RuntimeException: wrapped\n\tat com.acme.Outer.run(Outer.java:1)\nCaused by: java.lang.NumberFormatException: For input string: 'boom'\n\tat java.base/java.lang.Integer.parseInt(Integer.java:652)\n\tat app//com.acme.Orders.lambda$parse$12(Orders.java:12)\n"))
	if want := "java.lang.NumberFormatException: For input string: ‹text› at com.acme.Orders.lambda$parse$N"; p.String() != want || p.ID != "p6slovi5rz" {
		t.Errorf("%s %s, want %s", p.ID, p, want)
	}
}

func TestFrames(t *testing.T) {
	for name, tc := range map[string]struct{ stack, want string }{
		"none":        {"", ""},
		"no frame":    {"a.B: c\n", ""},
		"library":     {"a.B: c\n\tat org.apache.flink.X.y(X.java:1)\n\tat java.base/java.lang.Thread.run(Thread.java:1)\n", ""},
		"own":         {"java.lang.E: c\n\tat java.base/java.lang.Integer.parseInt(Integer.java:1)\n\tat com.acme.Orders.map(Orders.java:12)\n\tat com.acme.Main.main(Main.java:1)\n", "com.acme.Orders.map"},
		"generated":   {"java.lang.E: c\n\tat StreamExecCalc$12.processElement(Unknown Source)\n\tat com.acme.Udf.eval(Udf.java:3)\n", "com.acme.Udf.eval"},
		"lambda":      {"java.lang.E: c\n\tat com.acme.Main$$Lambda$14/0x0000000801.apply(Unknown Source)\n\tat com.acme.Main.go(Main.java:3)\n", "com.acme.Main.go"},
		"of the root": {"com.acme.E: c\n\tat com.acme.Outer.x(O.java:1)\nCaused by: java.io.IOException: d\n\tat com.acme.Inner.y(I.java:2)\n\t... 3 more\n", "com.acme.Inner.y"},
		"around it":   {"com.acme.E: c\n\tat com.acme.Outer.x(O.java:1)\nCaused by: java.io.IOException: d\n\tat java.io.X.y(I.java:2)\n\t... 3 more\n", "com.acme.Outer.x"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Fingerprint(fromStack(tc.stack)).Frame; got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// What Flink answered, recorded: the same failure on both versions is the same cause.
func TestRecordedCauses(t *testing.T) {
	found := map[string]map[string]string{}
	for _, version := range []string{"1.20.3", "2.3.0"} {
		raw, err := os.ReadFile(filepath.Join("..", "flinkrest", "testdata", version+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var answers []struct {
			Name string          `json:"name"`
			Body json.RawMessage `json:"body"`
		}
		if err := json.Unmarshal(raw, &answers); err != nil {
			t.Fatal(err)
		}
		found[version] = map[string]string{}
		for _, a := range answers {
			var body any
			if json.Unmarshal(a.Body, &body) != nil {
				continue
			}
			for _, stack := range stacks(body) {
				p := Fingerprint(fromStack(stack))
				t.Logf("%s %s %s: %s", version, a.Name, p.ID, p)
				if p.Class == "" || strings.ContainsAny(p.Message, "0123456789") {
					t.Errorf("%s %s: %s", version, a.Name, p)
				}
				found[version][a.Name] = p.ID
			}
		}
	}
	if a, b := found["1.20.3"]["execution_result_failed"], found["2.3.0"]["execution_result_failed"]; a == "" || a != b {
		t.Errorf("one failure on two versions: %q, %q", a, b)
	}
}

// stacks finds the stack traces in an answer.
func stacks(v any) []string {
	var out []string
	switch x := v.(type) {
	case map[string]any:
		for k, in := range x {
			if s, ok := in.(string); ok && (k == "stacktrace" || k == "stack-trace") {
				out = append(out, s)
			}
			out = append(out, stacks(in)...)
		}
	case []any:
		for _, in := range x {
			out = append(out, stacks(in)...)
		}
	}
	return out
}

func FuzzFingerprint(f *testing.F) {
	for want, texts := range causes() {
		f.Add(want, "")
		for _, text := range texts {
			f.Add(text, text+"\n\tat com.acme.Orders.map(Orders.java:12)\n")
		}
	}
	f.Fuzz(func(t *testing.T, root, stack string) {
		p := Fingerprint(platform.Exception{Root: root, Stack: stack})
		if len(p.ID) != 10 || len(p.Message) > maxMessage {
			t.Fatalf("%q: %+v", root, p)
		}
		once := mask(root)
		if again := mask(once); again != once {
			t.Errorf("%q is masked as %q, and that as %q", root, once, again)
		}
		// The class always counts.
		a, b := Fingerprint(platform.Exception{Root: "a.b.C: " + root, Stack: stack}), Fingerprint(platform.Exception{Root: "a.b.D: " + root, Stack: stack})
		if a.ID == b.ID && a.Class != b.Class || a.Class == "a.b.C" && b.Class == "a.b.C" {
			t.Errorf("%q: %s, %s", root, a, b)
		}
	})
}
