package discordbot

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestUploads(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/attachments/a.sql":
			io.WriteString(w, "SELECT 1")
		case "/attachments/elsewhere":
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	b, _ := newHTTPWith(t, func(o *Options) { o.APIURL = srv.URL + "/api/v10/" })
	open := func(size int64, address string) (string, error) {
		u := b.uploads([]attachmentIn{{Filename: "a.sql", Size: size, URL: address}})[0]
		rc, err := u.Open(t.Context())
		if err != nil {
			return "", err
		}
		defer rc.Close()
		raw, err := io.ReadAll(rc)
		return string(raw), err
	}
	if got, err := open(8, srv.URL+"/attachments/a.sql"); got != "SELECT 1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := open(4, srv.URL+"/attachments/a.sql"); got != "SELE" || !errors.Is(err, errLonger) {
		t.Errorf("a longer file: %q, %v", got, err)
	}
	for name, address := range map[string]string{
		"redirect": srv.URL + "/attachments/elsewhere", "missing": srv.URL + "/attachments/none",
		"other host": "https://files.example.com/a", "metadata": "http://169.254.169.254/latest", "plain": "http://cdn.discordapp.com/a",
		"user": "https://cdn.discordapp.com@files.example.com/a", "port": "https://cdn.discordapp.com:444/a", "file": "file:///etc/passwd", "none": "",
	} {
		if _, err := open(8, address); err == nil {
			t.Errorf("%s: fetched", name)
		} else if strings.Contains(err.Error(), "://") {
			t.Errorf("%s: the error shows the address: %v", name, err)
		}
	}
	if _, err := open(uploadMax+1, srv.URL+"/attachments/a.sql"); err == nil {
		t.Error("a file that is too large")
	}
	http.DefaultClient.CloseIdleConnections()
}
