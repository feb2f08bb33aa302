package webbot

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
)

// TestLinkFromElsewhere: a link in a mail or another chat leads to the message, although the cookie is strict.
func TestLinkFromElsewhere(t *testing.T) {
	s := newStage(t, Options{})
	ref := s.post(web("oncall", ""), "a", alertHead(false))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<link rel="icon" href="data:,"><a id="go" href="` + s.url + "/c/oncall/t/" + ref.ID + `">alert</a>`))
	}))
	defer elsewhere.Close()
	tb := newBrowser(t).tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.expect("another origin: http://localhost")
	tb.url = strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	tb.open("/")
	tb.url = s.url
	tb.click("#go")
	tb.live()
	tb.has("#thead .title", "FlinkJobRestartLoop")
}

// TestStoreDown: without its store the console says so, and does nothing.
func TestStoreDown(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	s.db.Close()
	code, body := c.get("/c/ops")
	if code != http.StatusServiceUnavailable || !strings.Contains(body, "One moment") {
		t.Errorf("page: %d %s", code, body)
	}
	code, body = c.send(1, "ops", "/flink stop orders")
	if code != http.StatusServiceUnavailable || !strings.Contains(body, "Nothing was done") || len(s.got()) != 0 {
		t.Errorf("send: %d %s, %d events", code, body, len(s.got()))
	}
	if _, err := s.bot.Post(t.Context(), web("ops", ""), "k", bot.Message{Title: "x"}); err == nil {
		t.Error("a post without a store")
	}
}
