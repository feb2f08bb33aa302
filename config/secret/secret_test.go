package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestTextDoesNotShow(t *testing.T) {
	type holder struct{ T Text }
	const value = "correct horse"
	var b bytes.Buffer
	h := holder{value}
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x", h, h, h, h.T, h.T, h.T)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "secret", h.T, "holder", h)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "secret", h.T, "holder", h)
	if err := json.NewEncoder(&b).Encode(h); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, value) || strings.Contains(s, fmt.Sprintf("%x", value)) || !strings.Contains(s, hidden) {
		t.Errorf("shown: %s", s)
	}
	if string(h.T) != value || Text("").String() != "" {
		t.Error("the value is gone")
	}
}
