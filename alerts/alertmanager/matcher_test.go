package alertmanager

import (
	"strings"
	"testing"
)

func TestParseMatchers(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`alertname="Down"`, `alertname="Down"`},
		{` { instance=~"a|b" , alertname = "Down" } `, `alertname="Down", instance=~"a|b"`},
		{`a!="x",b!~"y.*",a!="x"`, `a!="x", b!~"y.*"`},
		{`alertname=Down`, `alertname="Down"`},
		{`"k8s.pod/name"="p 1"`, `k8s.pod/name="p 1"`},
		{`a="say \"hi\"\\"`, `a="say \"hi\"\\"`},
		{``, ``},
		{`{}`, ``},
		{`{a="b"`, "error: a brace is missing"},
		{`a=~"("`, "error: not understood"},
		{`job orders`, "error: not understood"},
		{`="x"`, "error: not understood"},
	} {
		ms, err := ParseMatchers(tt.in)
		if err != nil {
			if msg, bad := strings.CutPrefix(tt.want, "error: "); !bad || !strings.Contains(err.Error(), msg) {
				t.Errorf("%s: %v", tt.in, err)
			}
			continue
		}
		if got := ms.String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
		again, err := ParseMatchers(ms.String())
		if err != nil || !again.Same(ms) {
			t.Errorf("%s does not survive being written: %v, %v", tt.in, again, err)
		}
	}
}

func TestCompile(t *testing.T) {
	l := map[string]string{"alertname": "Down", "instance": "a1"}
	for text, want := range map[string]bool{
		`alertname="Down"`: true, `alertname="Down", instance=~"a.*"`: true, `instance=~"a"`: false, `gone=""`: true, `gone!=""`: false, `instance!~"b.*"`: true,
	} {
		ms, err := ParseMatchers(text)
		if err != nil {
			t.Fatal(err)
		}
		hides, err := ms.Compile()
		if err != nil || hides(l) != want {
			t.Errorf("%s: %v, %v", text, hides(l), err)
		}
	}
}
