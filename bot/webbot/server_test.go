package webbot

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

// client is a browser as far as the server can tell.
type client struct {
	t    testing.TB
	s    *stage
	user string
	http *http.Client
}

func (s *stage) client(user string) *client {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &client{s.t, s, user, &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
	if user != "" {
		if code, body := c.post("/signin", map[string]string{"User": user}); code != http.StatusNoContent {
			s.t.Fatalf("sign in as %s: %d %s", user, code, body)
		}
	}
	return c
}

func (c *client) request(method, path string, body any, edit ...func(*http.Request)) *http.Response {
	c.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequest(method, c.s.url+path, bytes.NewReader(raw))
	if err != nil {
		c.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set(userHeader, c.user)
		if c.user == "" {
			r.Header.Set(userHeader, nobody)
		}
	}
	for _, e := range edit {
		e(r)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp
}

func (c *client) do(method, path string, body any, edit ...func(*http.Request)) (int, string) {
	c.t.Helper()
	resp := c.request(method, path, body, edit...)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

func (c *client) post(path string, body any, edit ...func(*http.Request)) (int, string) {
	c.t.Helper()
	return c.do(http.MethodPost, path, body, edit...)
}

func (c *client) get(path string, edit ...func(*http.Request)) (int, string) {
	c.t.Helper()
	return c.do(http.MethodGet, path, nil, edit...)
}

func gestureNo(n int) string { return fmt.Sprintf("%032d", n) }

func (c *client) send(n int, channel, line string) (int, string) {
	c.t.Helper()
	return c.post("/send", sendBody{ID: gestureNo(n), Channel: channel, Line: line})
}

// sseEvent is one event of the stream.
type sseEvent struct{ name, id, data string }

// events opens the stream and returns what comes until stop says so, or for five seconds.
func (c *client) events(since string, stop func(sseEvent) bool, edit ...func(*http.Request)) (got []sseEvent) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	edit = append([]func(*http.Request){func(r *http.Request) { *r = *r.WithContext(ctx) }}, edit...)
	resp := c.request(http.MethodGet, "/events?since="+since, nil, edit...)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("events: %d", resp.StatusCode)
	}
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 8<<20)
	var e sseEvent
	var data []string
	for in.Scan() {
		key, value, _ := strings.Cut(in.Text(), ": ")
		switch key {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			data = append(data, value)
		case "":
			e.data = strings.Join(data, "\n")
			got = append(got, e)
			if stop(e) {
				return got
			}
			e, data = sseEvent{}, nil
		}
	}
	return got
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 400 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("never: " + what)
}

func TestNobodyUnsignedGetsAnything(t *testing.T) {
	s := newStage(t, Options{})
	s.scene()
	c := s.client("")
	for _, path := range []string{"/c/ops?part=channel", "/c/ops?part=older&before=9", "/events", "/commands", "/suggest?line=/&at=1&channel=ops", "/files/ops/a/b"} {
		if code, body := c.get(path); code != http.StatusUnauthorized || strings.Contains(body, "orders") {
			t.Errorf("GET %s: %d %.80s", path, code, body)
		}
	}
	resp := c.request(http.MethodGet, "/c/ops/t/x", nil)
	resp.Body.Close()
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || got != "/signin?next=%2Fc%2Fops%2Ft%2Fx" {
		t.Errorf("page: %d to %q", resp.StatusCode, got)
	}
	for _, path := range []string{"/send", "/press", "/submit", "/read"} {
		if code, _ := c.post(path, map[string]string{}); code != http.StatusUnauthorized {
			t.Errorf("POST %s: %d", path, code)
		}
	}
	if len(s.got()) != 0 {
		t.Error("an event came through")
	}
}

func TestPostsOfOtherSitesAreRefused(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	body := sendBody{ID: gestureNo(1), Channel: "ops", Line: "/flink jobs"}
	for name, edit := range map[string]func(*http.Request){
		"cross-site":     func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"same-site":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"foreign origin": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") },
		"null origin":    func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "null") },
		"no header":      func(r *http.Request) { r.Header.Del(userHeader) },
	} {
		if code, _ := c.post("/send", body, edit); code != http.StatusForbidden {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code, _ := c.post("/send", body, func(r *http.Request) { r.Header.Set(userHeader, "vera") }); code != http.StatusConflict {
		t.Errorf("a page of somebody else: %d", code)
	}
	if code, _ := c.post("/send", body, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }); code != http.StatusUnsupportedMediaType {
		t.Errorf("a form's content type: %d", code)
	}
	if len(s.got()) != 0 {
		t.Error("an event came through")
	}
	if code, body := c.post("/send", body); code != http.StatusAccepted {
		t.Errorf("the console itself: %d %s", code, body)
	}
}

func TestHostsOnLoopback(t *testing.T) {
	s := newStage(t, Options{Hosts: []string{"drey.example.com"}})
	c := s.client("")
	for host, want := range map[string]int{
		"localhost:1": 200, "127.0.0.1": 200, "[::1]:80": 200, "drey.localhost": 200, "drey.example.com": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example:80": 421, "10.0.0.1": 421,
	} {
		if code, _ := c.get("/signin", func(r *http.Request) { r.Host = host }); code != want {
			t.Errorf("%s: %d, want %d", host, code, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	for _, path := range []string{"/c/ops", "/signin", "/nowhere", "/commands", s.bot.assets.url("app.js")} {
		resp := c.request(http.MethodGet, path, nil)
		page, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := resp.Header.Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: policy %q", path, got)
		}
		for k, v := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"} {
			if resp.Header.Get(k) != v {
				t.Errorf("%s: %s is %q", path, k, resp.Header.Get(k))
			}
		}
		for _, inline := range []string{" style=", " onclick=", "<script>", "<style>", "https://"} {
			if strings.Contains(resp.Header.Get("Content-Type"), "html") && bytes.Contains(page, []byte(inline)) {
				t.Errorf("%s holds %q", path, inline)
			}
		}
	}
	resp := c.request(http.MethodPost, "/signin", map[string]string{"User": "vera"})
	resp.Body.Close()
	got := resp.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(got, want) {
			t.Errorf("cookie %q lacks %s", got, want)
		}
	}
	resp = c.request(http.MethodPost, "/signin", map[string]string{"User": "vera"}, func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") })
	resp.Body.Close()
	if got := resp.Header.Get("Set-Cookie"); !strings.Contains(got, "Secure") || !strings.HasPrefix(got, "__Host-") {
		t.Errorf("cookie over https: %q", got)
	}
}

func TestTokens(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	users := []User{{ID: "olga", Token: "olga-has-a-long-token"}, {ID: "vera"}}
	s := newStage(t, Options{Login: LoginToken, Users: users, Now: func() time.Time { return now }})
	c := s.client("")
	if code, _ := c.post("/signin", map[string]string{"User": "olga"}); code != http.StatusUnauthorized {
		t.Errorf("a name alone: %d", code)
	}
	for _, token := range []string{"", "short", "olga-has-a-long-tokem"} {
		if code, _ := c.post("/signin", map[string]string{"Token": token}); code != http.StatusUnauthorized {
			t.Errorf("token %q: %d", token, code)
		}
	}
	c.post("/signin", map[string]string{"Token": "x"})
	c.post("/signin", map[string]string{"Token": "x"})
	if code, _ := c.post("/signin", map[string]string{"Token": "olga-has-a-long-token"}); code != http.StatusTooManyRequests {
		t.Errorf("after six wrong ones: %d", code)
	}
	now = now.Add(time.Minute)
	if code, body := c.post("/signin", map[string]string{"Token": " olga-has-a-long-token\n"}); code != http.StatusNoContent {
		t.Fatalf("right token: %d %s", code, body)
	}
	c.user = "olga"
	if code, _ := c.get("/commands"); code != http.StatusOK {
		t.Errorf("signed in: %d", code)
	}
	// Another token in the configuration ends the sessions of the old one.
	s.bot.users["olga"] = User{ID: "olga", Token: "olga-has-another-token"}
	if code, _ := c.get("/commands"); code != http.StatusUnauthorized {
		t.Errorf("after the token changed: %d", code)
	}
	s.bot.users["olga"] = users[0]
	base, _ := http.NewRequest(http.MethodGet, s.url, nil)
	stolen := c.http.Jar.Cookies(base.URL)
	if code, _ := c.post("/signout", map[string]string{}); code != http.StatusNoContent || len(stolen) != 1 {
		t.Error("sign out")
	}
	if code, _ := c.get("/commands", func(r *http.Request) { r.AddCookie(stolen[0]) }); code != http.StatusUnauthorized {
		t.Errorf("after sign out: %d", code)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	if code, _ := c.post("/send", sendBody{ID: gestureNo(1), Channel: "ops", Line: strings.Repeat("x", bodyLarge)}); code != http.StatusRequestEntityTooLarge {
		t.Errorf("large line: %d", code)
	}
	for name, in := range map[string]sendBody{
		"no id": {Channel: "ops", Line: "/x"}, "bad id": {ID: "../../etc/passwd", Channel: "ops", Line: "/x"},
		"empty": {ID: gestureNo(2), Channel: "ops", Line: " \n"}, "control": {ID: gestureNo(3), Channel: "ops", Line: "/x \x00"},
	} {
		if code, _ := c.post("/send", in); code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code, _ := c.send(4, "nowhere", "/x"); code != http.StatusNotFound {
		t.Errorf("unknown channel: %d", code)
	}
}

func TestRetryOfAGestureIsTheSameGesture(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	for range 3 {
		if code, body := c.send(7, "ops", "/drey whoami"); code != http.StatusAccepted {
			t.Fatal(code, body)
		}
	}
	eventually(t, "an answer", func() bool { _, body := c.get("/c/ops?part=channel"); return strings.Contains(body, "A secret of") })
	ids := map[string]bool{}
	for _, e := range s.got() {
		ids[e.ID] = true
		if e.Actor.ID != "olga" || e.Place.Channel != "ops" || e.Call.Line != "/drey whoami" {
			t.Errorf("event %+v", e)
		}
	}
	_, body := c.get("/c/ops?part=channel")
	if len(ids) != 1 || strings.Count(body, "<article") != 1 {
		t.Errorf("%d ids, page: %s", len(ids), body)
	}
	// The same id by somebody else is another gesture.
	if code, _ := s.client("vera").send(7, "ops", "/drey whoami"); code != http.StatusAccepted {
		t.Error(code)
	}
	eventually(t, "two gestures", func() bool {
		for _, e := range s.got() {
			ids[e.ID] = true
		}
		return len(ids) == 2
	})
}

func TestPrivateStaysPrivate(t *testing.T) {
	s := newStage(t, Options{})
	olga, vera := s.client("olga"), s.client("vera")
	m := bot.Message{Private: true, Title: "classified", Blocks: []bot.Block{bot.File{Name: "a.txt", MIME: "text/plain", Data: []byte("classified")}, bot.Actions{{ID: "b-x", Label: "Do"}}}}
	ev := bot.Event{ID: "e1", Actor: bot.Actor{Network: Network, ID: "olga"}, Place: web("ops", ""), Call: bot.Call{Line: "/drey whoami"}}
	s.reply(ev, m)
	_, body := olga.get("/c/ops?part=channel")
	if !strings.Contains(body, "classified") || !strings.Contains(body, "Only you can see this") {
		t.Fatalf("olga sees %s", body)
	}
	_, rest, _ := strings.Cut(body, `href="/files`)
	file, _, _ := strings.Cut(rest, `"`)
	if code, got := olga.get("/files" + file); code != 200 || got != "classified" {
		t.Errorf("olga's file: %d %s", code, got)
	}
	if code, got := vera.get("/files" + file); code != http.StatusNotFound || strings.Contains(got, "classified") {
		t.Errorf("vera gets olga's file: %d %s", code, got)
	}
	_, body = vera.get("/c/ops?part=channel")
	if strings.Contains(body, "classified") || strings.Contains(body, "<article") {
		t.Errorf("vera sees %s", body)
	}
	s.post(web("ops", ""), "mark", bot.Message{Title: "mark"})
	for _, e := range vera.events("", func(e sseEvent) bool { return strings.Contains(e.data, "mark") }) {
		if strings.Contains(e.data, "classified") || strings.Contains(e.data, "e-olga") {
			t.Errorf("vera's stream says %s", e.data)
		}
	}
	id := s.bot.feeds["ops"].order[0].ID
	if code, _ := vera.post("/press", pressBody{ID: gestureNo(1), Channel: "ops", Message: id, Button: "b-x"}); code != http.StatusGone {
		t.Errorf("vera presses olga's button: %d", code)
	}
	// A public reply in its stead is seen by both; made private again it goes away.
	s.reply(ev, bot.Message{Title: "for all"})
	if _, body = vera.get("/c/ops?part=channel"); !strings.Contains(body, "for all") || !strings.Contains(body, "/drey whoami") {
		t.Errorf("vera sees %s", body)
	}
	at := cursors{"ops": s.bot.feeds["ops"].cursor()}.format([]string{"ops"})
	s.reply(ev, m)
	got := vera.events(at, func(e sseEvent) bool { return e.name == "gone" })
	if len(got) == 0 || got[len(got)-1].name != "gone" {
		t.Errorf("vera is not told: %v", got)
	}
}
