package session

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLastOf(t *testing.T) {
	long := strings.Repeat("0123456789\n", 50_000)
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"", 10, ""},
		{"one\ntwo\n", 100, "one\ntwo\n"},
		{"one\ntwo\nthree\n", 11, "two\nthree\n"},
		{"one\ntwo\nthree\n", 10, "three\n"}, // what may be cut is left out
		{"secret=one\ntwo", 7, "two"},
		{long, 40, strings.Repeat("0123456789\n", 3)},
		{"a\xff\n", 10, "a\ufffd\n"},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(c.text), "halves": iotest.HalfReader(strings.NewReader(c.text))} {
			got, n, err := lastOf(r, c.most)
			if got != c.want || n != int64(len(c.text)) || err != nil {
				t.Errorf("%s of %.20q: %q, %d bytes, %v; want %q", name, c.text, got, n, err, c.want)
			}
		}
	}
	if _, _, err := lastOf(iotest.ErrReader(io.ErrUnexpectedEOF), 10); err == nil {
		t.Error("a log that breaks off is no log")
	}
}
