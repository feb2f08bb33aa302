package alerts

import (
	"strings"
	"testing"

	"github.com/drey-ops/drey/platform"
)

func TestParseScope(t *testing.T) {
	for in, want := range map[string]string{
		"prod": "prod", "prod/orders": "prod/orders", "orders": "/orders", "k8s-7/orders": "k8s-7/orders",
		"team=core":                           `{team="core"}`,
		`{team="core", env="test"}`:           `{team="core",env="test"}`,
		`job_name=~"orders-[0-9]+",team=core`: `{job_name=~"orders-[0-9]+",team="core"}`,
		`{"k8s.pod/name"="a\"b"}`:             `{k8s.pod/name="a\"b"}`,
		"emoji🔥=x":                            `{emoji🔥="x"}`,
		"":                                    "! want a cluster",
		"/orders":                             "! want CLUSTER/JOB",
		"{}":                                  "! want 1 to 10 labels",
		"team=~.*":                            "! would cover everything",
		"team=":                               "! would cover everything",
		"team!=core":                          "! would cover all but a few",
		"team=~(":                             "! is no regular expression",
		`team="core`:                          "! a quote is not closed",
		`{team=core,oops}`:                    "! want labels such as team=core",
	} {
		sc, err := ParseScope(in, []string{"prod"})
		if say, bad := strings.CutPrefix(want, "! "); bad {
			if err == nil || platform.KindOf(err) != platform.Invalid || !strings.Contains(err.Error(), say) {
				t.Errorf("%q: %v, want %q", in, err, say)
			}
			continue
		}
		if err != nil || sc.String() != want {
			t.Errorf("%q: %s, %v", in, sc, err)
			continue
		}
		if again, err := ParseScope(sc.String(), []string{"prod"}); sc.Cluster != "" && (err != nil || again.String() != want) {
			t.Errorf("%q read again: %s, %v", in, again, err)
		}
	}
}

func TestScopeCovers(t *testing.T) {
	known := func(c string) bool { return c == "prod" || c == "dev" }
	job := func(cluster, name string, labels ...string) *Incident {
		i := &Incident{Labels: map[string]string{}}
		if name != "" {
			i.Job = &Binding{Cluster: cluster, Name: name}
		}
		for _, l := range labels {
			k, v, _ := strings.Cut(l, "=")
			i.Labels[k] = v
		}
		return i
	}
	found := job("k8s", "Orders_to_S3")
	found.Facts = &JobFacts{Ref: platform.JobRef{Cluster: "prod", Job: "Orders to S3"}}
	for _, tt := range []struct {
		scope string
		i     *Incident
		want  bool
	}{
		{"prod", job("prod", "orders"), true},
		{"prod", job("dev", "orders"), false},
		{"prod", job("", "", "cluster=prod"), true},
		{"prod", job("", ""), false},
		{"prod", job("k8s", "orders"), false}, // not known to be prod
		{"prod", found, true},
		{"prod/orders", job("prod", "orders"), true},
		{"prod/orders", job("prod", "orders-2"), false},
		{"prod/orders", job("dev", "orders"), false},
		{"prod/orders", job("k8s", "orders"), true}, // drey does not know that cluster by this name
		{"prod/orders", job("", "orders"), true},
		{"prod/orders", job("", "", "cluster=prod"), false}, // of the cluster, not of the job
		{"prod/Orders to S3", job("prod", "Orders_to_S3"), true},
		{"prod/Orders to S3", found, true},
		{"team=core", job("prod", "orders", "team=core"), true},
		{"team=core", job("prod", "orders", "team=score"), false},
		{"team=core,env=test", job("prod", "orders", "team=core"), false},
		{"job_name=~orders.*", job("prod", "x", "job_name=orders-2"), true},
		{"job_name=~order", job("prod", "x", "job_name=orders-2"), false}, // anchored
	} {
		sc, err := ParseScope(tt.scope, []string{"prod", "dev"})
		if err != nil {
			t.Fatal(err)
		}
		if got := sc.ready().covers(tt.i, known); got != tt.want {
			t.Errorf("%s covers %+v: %t", tt.scope, tt.i, got)
		}
	}
}

func TestScopeBroad(t *testing.T) {
	for in, want := range map[string]bool{"prod": true, "prod/orders": false, "team=core": false, "severity=warning": true, "env=test,cluster=prod": true, "job_name=~orders.*": true, "job_name=orders": false, "team=core,job_name=~x.*": false} {
		sc, err := ParseScope(in, []string{"prod"})
		if err != nil || sc.Broad() != want {
			t.Errorf("%s: %t, %v", in, sc.Broad(), err)
		}
	}
}
