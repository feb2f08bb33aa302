package sqlgateway

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/drey-ops/drey/platform/flinkhttp/flinktest"
)

// answerOf is a new value of the type that the client reads for a request, nil where it has no such call.
func answerOf(method, path string) any {
	for route, out := range map[string]any{
		getInfo: new(Info), openSession: new(struct{ SessionHandle Session }), postStatement: new(struct{ OperationHandle string }),
		getResult: new(Page), getOperation: new(struct{ Status string }), closeOp: new(struct{ Status string }),
		complete: new(struct{ Candidates []string }), closeSession: new(struct{ Status string }), configure: new(struct{}), heartbeat: new(struct{}),
	} {
		if flinktest.Match(route, method, path) {
			return out
		}
	}
	return nil
}

func page(t *testing.T, version, name string) Page {
	t.Helper()
	for _, x := range flinktest.Recorded(t, version) {
		if x.Name == name {
			var p Page
			if err := json.Unmarshal(x.Body, &p); err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	t.Fatalf("no recording %s of %s", name, version)
	return Page{}
}

func TestPages(t *testing.T) {
	for _, v := range flinktest.Versions() {
		p := page(t, v, "insert.3-result0")
		if token, more := p.NextToken(); p.Type != Payload || len(p.Job) != 32 || p.IsQuery || token != 1 || !more || string(p.Results.Rows[0].Fields[0]) != p.Job {
			t.Errorf("%s insert %+v", v, p)
		}
		p = page(t, v, "insert.3-result1")
		if _, more := p.NextToken(); p.Type != EOS || more {
			t.Errorf("%s end %+v", v, p)
		}
		if p = page(t, v, "insert.2-not_ready"); p.Type != NotReady {
			t.Errorf("%s not ready %+v", v, p)
		}
		p = page(t, v, "stream_select_page_with_rows_refetched_same_token")
		if len(p.Results.Rows) == 0 || p.Results.Rows[0].Kind != Insert || !p.IsQuery || p.Results.Columns[0].Type.String() != "BIGINT" {
			t.Errorf("%s stream %+v", v, p)
		}
	}
	var types []string
	for _, c := range page(t, "2.3.0", "select_types_json.3-result0").Results.Columns {
		types = append(types, c.Type.String())
	}
	for _, want := range []string{"INTEGER", "STRING", "TIMESTAMP(3)", "ARRAY", "MAP", "DECIMAL(10, 2)"} {
		if !slices.Contains(types, want) {
			t.Errorf("types %v lack %s", types, want)
		}
	}
}

func FuzzPage(f *testing.F) {
	for _, v := range flinktest.Versions() {
		for _, x := range flinktest.Recorded(f, v) {
			f.Add([]byte(x.Body))
		}
	}
	f.Add([]byte(`{"results":{"data":[{"kind":"INSERT","fields":[null,1e999,"\ud800",[1],{"a":{}}]}]},"nextResultUri":"/x/-1?"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Page
		if json.Unmarshal(b, &p) != nil {
			return
		}
		if token, more := p.NextToken(); more && token < 0 {
			t.Errorf("token %d", token)
		}
		for _, c := range p.Results.Columns {
			_ = c.Type.String()
		}
	})
}
