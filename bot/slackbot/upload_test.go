package slackbot

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
)

func TestUploads(t *testing.T) {
	body := strings.Repeat("x", 5000)
	var token string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token = r.Header.Get("Authorization")
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "https://elsewhere.example/x", http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/file", http.StatusFound)
		case "/login":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<html>")
		case "/gone":
			http.NotFound(w, r)
		default:
			w.Header().Set("Content-Type", "application/java-archive")
			io.WriteString(w, body)
		}
	}))
	defer srv.Close()
	b := New(nil, slog.New(slog.DiscardHandler), Options{Mode: ModeHTTP, BotToken: "xoxb-1", APIURL: srv.URL + "/api/"})
	defer b.client.http.CloseIdleConnections()
	for name, c := range map[string]struct {
		path string
		size int64
		want string
		bad  bool
	}{
		"right":     {path: "/file", size: 5000, want: body},
		"shorter":   {path: "/file", size: 9000, want: body},
		"too long":  {path: "/file", size: 4999, want: body[:4999], bad: true},
		"much":      {path: "/file", size: 0, bad: true},
		"moved":     {path: "/here", size: 5000, want: body},
		"away":      {path: "/away", size: 5000, bad: true},
		"signed in": {path: "/login", size: 5000, bad: true},
		"gone":      {path: "/gone", size: 5000, bad: true},
	} {
		r, err := b.openUpload(t.Context(), srv.URL+c.path, c.size)
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
			r.Close()
		}
		if (err != nil) != c.bad || !bytes.Equal(got, []byte(c.want)) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if err != nil && (strings.Contains(err.Error(), "://") || strings.Contains(err.Error(), "xoxb")) {
			t.Errorf("%s: the error tells too much: %v", name, err)
		}
		if token != "Bearer xoxb-1" {
			t.Errorf("%s: token %q", name, token)
		}
	}
	token = ""
	for _, address := range []string{
		"https://files.slack.com.evil.example/x", "http://" + filesHost + "/x", "https://evil.example/files.slack.com", "file:///etc/passwd", "://", "",
		"https://" + filesHost + "@evil.example/", "https://user:pw@" + filesHost + "/", strings.Replace(srv.URL, "http", "https", 1) + "/file",
	} {
		if _, err := b.openUpload(t.Context(), address, 5); err == nil {
			t.Errorf("%q was opened", address)
		}
	}
	if !b.keepsFiles("https://" + filesHost + "/files-pri/T1-F1/download/orders.jar") {
		t.Error("Slack's own files are not")
	}
}

func TestFilesInMessages(t *testing.T) {
	w := newBench(t)
	for name, c := range map[string]struct{ fields, line, files string }{
		"jar":        {`,"text":"<@UDREY>","files":[{"name":"Orders.JAR","size":7,"url_private_download":"https://x"}]`, "run", "Orders.JAR"},
		"sql":        {`,"text":"","files":[{"name":"a.sql","size":7,"url_private":"https://x"}]`, "sql", "a.sql"},
		"other":      {`,"text":"","files":[{"name":"a.txt","size":7,"url_private":"https://x"}]`, "", "a.txt"},
		"two":        {`,"text":"","files":[{"name":"a.sql","url_private":"https://x"},{"name":"b.sql","url_private":"https://x"}]`, "", "a.sql b.sql"},
		"with words": {`,"text":"<@UDREY> jar upload","files":[{"name":"a.jar","url_private":"https://x"}]`, "jar upload", "a.jar"},
		"not there":  {`,"text":"x","files":[{"name":"a","mode":"tombstone","url_private":"https://x"},{"name":"b","is_external":true,"url_private":"https://x"},{"name":"c"},{"name":"d","size":-1,"url_private":"https://x"}]`, "x", ""},
	} {
		w.post(pathEvents, eventOf("app_mention", c.fields))
		ev := w.sink.next(t)
		if got := names(ev.Files); ev.Call.Line != c.line || got != c.files {
			t.Errorf("%s: line %q with %q", name, ev.Call.Line, got)
		}
	}
}

func names(files []bot.Upload) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Name)
	}
	return strings.Join(all, " ")
}

func TestCappedFile(t *testing.T) {
	for size := range int64(4) {
		f := &cappedFile{body: io.NopCloser(strings.NewReader("abc")), left: size}
		got, err := io.ReadAll(f)
		if want := "abc"[:size]; string(got) != want || (err != nil) != (size < 3) || err != nil && !errors.Is(err, errFileTooLong) {
			t.Errorf("%d: %q, %v", size, got, err)
		}
		if _, err := f.Read(make([]byte, 1)); size < 3 && !errors.Is(err, errFileTooLong) {
			t.Errorf("%d: read on: %v", size, err)
		}
	}
}
