package webbot

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

// clock is a time that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// drop sends a line with files, by name and content in turn.
func (c *client) drop(n int, line string, files ...string) (int, string) {
	c.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	raw, err := json.Marshal(sendBody{ID: gestureNo(n), Channel: "ops", Line: line})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := w.WriteField("gesture", string(raw)); err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i+1 < len(files); i += 2 {
		p, err := w.CreateFormFile("file", files[i])
		if err != nil {
			c.t.Fatal(err)
		}
		if _, err := io.WriteString(p, files[i+1]); err != nil {
			c.t.Fatal(err)
		}
	}
	w.Close()
	return c.post("/send", nil, func(r *http.Request) {
		r.Header.Set("Content-Type", w.FormDataContentType())
		r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
	})
}

func (u *uploads) left() (deliveries int, bytes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.of), u.held
}

func TestFilesComeWithALine(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newStage(t, Options{})
	olga := s.client("olga")
	if code, body := olga.drop(1, "/flink sql", "a b.sql", "SELECT 1", "../../etc/x\u202e.sql", "SELECT 2"); code != http.StatusAccepted {
		t.Fatal(code, body)
	}
	var page string
	eventually(t, "an answer", func() bool {
		_, page = s.client("vera").get("/c/ops?part=channel")
		return strings.Contains(page, "x.sql: SELECT 2")
	})
	for _, want := range []string{"a b.sql: SELECT 1", `<bdi>a b.sql</bdi> <span class="dim">8 B</span>`, `<bdi>x.sql</bdi>`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	// Answered, the files are gone, and cannot be read any more.
	eventually(t, "their end", func() bool { n, held := s.bot.uploads.left(); return n == 0 && held == 0 })
	if r, err := s.got()[0].Files[0].Open(t.Context()); err == nil {
		r.Close()
		t.Error("a file outlives its gesture")
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFilesThatAreNotTaken(t *testing.T) {
	s := newStage(t, Options{FileMax: 100})
	olga := s.client("olga")
	large := strings.Repeat("x", 60)
	for name, c := range map[string]struct {
		code  int
		line  string
		files []string
	}{
		"a note":     {http.StatusBadRequest, "look at this", []string{"a.sql", "x"}},
		"no line":    {http.StatusBadRequest, " ", []string{"a.sql", "x"}},
		"too large":  {http.StatusRequestEntityTooLarge, "/flink run", []string{"a.jar", large, "b.jar", large}},
		"far larger": {http.StatusRequestEntityTooLarge, "/flink run", []string{"a.jar", strings.Repeat("x", bodyLarge+200)}},
		"too many":   {http.StatusBadRequest, "/flink run", strings.Split(strings.Repeat("a.jar,x,", filesMax+1), ",")[:2*filesMax+2]},
	} {
		if code, body := olga.drop(len(name), c.line, c.files...); code != c.code {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	if code, _ := olga.post("/send", nil, func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data") }); code != http.StatusBadRequest {
		t.Errorf("no parts: %d", code)
	}
	if n, held := s.bot.uploads.left(); n != 0 || held != 0 || len(s.got()) != 0 {
		t.Errorf("%d gestures hold %d bytes, events %v", n, held, s.got())
	}
}

func TestFilesAreBounded(t *testing.T) {
	now := &clock{time.Unix(1e9, 0)}
	u := newUploads(100, now.now)
	bring := func(id string, n int) ([]bot.Upload, bool, error) {
		d := u.begin()
		if err := d.add("a.jar", strings.NewReader(strings.Repeat("x", n))); err != nil {
			d.discard()
			return nil, false, err
		}
		files, fresh := u.keep(id, d)
		return files, fresh, nil
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		if _, fresh, err := bring(id, 100); err != nil || !fresh {
			t.Fatal(id, fresh, err)
		}
	}
	if _, _, err := bring("e", 1); err == nil || !strings.Contains(err.Error(), errFull.Error()) {
		t.Errorf("more than all: %v", err)
	}
	// A retry finds the files of the first try.
	u.release("d")
	if files, fresh, err := bring("a", 7); err != nil || fresh || files[0].Size != 100 {
		t.Errorf("retry: %v %v %v", files, fresh, err)
	}
	if _, _, err := bring("e", 101); err == nil {
		t.Error("too large a file is taken")
	}
	now.t = now.t.Add(uploadKeep + time.Second)
	if _, _, err := bring("e", 5); err != nil {
		t.Error(err)
	}
	u.expire()
	if n, held := u.left(); n != 1 || held != 5 {
		t.Errorf("%d gestures hold %d bytes", n, held)
	}
	u.release("e")
	u.release("e")
	if n, held := u.left(); n != 0 || held != 0 {
		t.Errorf("%d gestures hold %d bytes", n, held)
	}
}

func TestNamesOfFiles(t *testing.T) {
	for in, want := range map[string]string{
		"a.jar": "a.jar", `C:\x\b.sql`: "b.sql", "/etc/passwd": "passwd", "": "file", "..": "..", ".": "file", "a\x00\nb": "ab",
		strings.Repeat("x", 300) + ".jar": strings.Repeat("x", 60) + "…" + strings.Repeat("x", 56) + ".jar",
	} {
		if got := cleanName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
