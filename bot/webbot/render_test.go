package webbot

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
)

// hostile is text as nobody should send it.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</template><script>alert(1)</script>`,
		`</textarea><script>alert(1)</script>`, `javascript:alert(1)`, `{{.}}`, `<!--`, `]]>`, "<svg/onload=alert(1)>", `</title><script>alert(1)</script>`,
		"\u202egnp.exe", "a\r\nevent: message\r\ndata: <script>alert(1)</script>\r\n\r\n", "&lt;script&gt;", `\u003cscript\u003e`, "`${alert(1)}`",
	}
}

func everything(x string) bot.Message {
	sp := []bot.Span{{Text: x}, {Text: x, Bold: true}, {Text: x, Code: true}, {Text: x, URL: x}, {URL: x}, {Text: x, URL: "https://e.example/?q=" + x}, {Text: x, At: time.Unix(1, 0)}, {Text: x, In: bot.Place{Network: Network, Channel: x}}, {Text: x, Mention: x}}
	return bot.Message{
		Title: x, Tone: bot.Bad, Fallback: x,
		Blocks: []bot.Block{
			bot.Text{Spans: sp}, bot.Note{Spans: sp}, bot.Fields{{Name: x, Value: bot.Text{Spans: sp}}},
			bot.Table{Columns: []string{x}, Rows: [][]string{{x}, {x, x}, {}}, Foot: x}, bot.Code{Lang: x, Body: x},
			bot.Image{Name: x, Alt: x, PNG: []byte(x)}, bot.File{Name: x, MIME: x, Data: []byte(x)},
			bot.Steps{{Label: x, Note: x, State: bot.Failed}},
			bot.Actions{{ID: x, Label: x, Confirm: x}, {Label: x, URL: x}, {Label: x, URL: "https://e.example/" + x}},
		},
		Form: &bot.Form{ID: x, Title: x, Submit: x, Intro: bot.Text{Spans: sp}, Fields: []bot.Input{
			{Name: x, Label: x, Help: x, Kind: "line", Value: x, Match: x, Error: x, Asks: x, Choices: []bot.Choice{{Value: x, Label: x, Help: x}}},
			{Name: x, Label: x, Kind: "text", Value: x}, {Name: x, Label: x, Kind: "choice", Value: x, Choices: []bot.Choice{{Value: x, Label: x, Help: x}}},
		}},
	}
}

var (
	tagPattern = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
	attrs      = regexp.MustCompile(`="[^"]*"`)
	safeTag    = regexp.MustCompile(`^</?(article|div|span|b|p|h2|h3|a|time|code|pre|bdi|strong|dl|dt|dd|table|thead|tbody|tr|th|td|button|figure|img|figcaption|ol|li|svg|path|circle|rect|template|form|header|footer|label|input|textarea|select|option|datalist|details|summary)\b`)
	badLink    = regexp.MustCompile(`(?i)(href|src)="\s*(javascript|data|vbscript):`)
)

func TestNoOutsideTextBecomesMarkup(t *testing.T) {
	b := New(openDB(t), nil, Options{Login: LoginDemo})
	for _, x := range hostile() {
		m, refs, _ := detach("id", everything(x))
		for name, r := range map[string]record{
			"message": {ID: "id", Who: "olga", Line: x + "\n" + x, Msg: &m, Files: refs},
			"pressed": {ID: "id", Who: x, Pressed: x, Only: x, Msg: &m, Files: refs},
			"note":    {ID: "id", Who: x, Note: x + "\n```\n" + x + "\n```"},
			"waiting": {ID: "id", Who: x, Line: x, Sent: []sentFile{{x, 1}}},
		} {
			html := string(b.renderMessage("ops", r))
			if html == "" {
				t.Fatalf("%s %q: nothing", name, x)
			}
			for _, tag := range tagPattern.FindAllString(html, -1) {
				bare := attrs.ReplaceAllString(tag, "")
				if !safeTag.MatchString(tag) || regexp.MustCompile(`(?i)\son\w+|alert`).MatchString(bare) {
					t.Errorf("%s %q: tag %s", name, x, tag)
				}
			}
			if badLink.MatchString(html) {
				t.Errorf("%s %q: link in %s", name, x, html)
			}
		}
	}
}

func TestLinksAreWebOnly(t *testing.T) {
	for u, want := range map[string]bool{
		"https://a.example/x?y#z": true, "http://127.0.0.1:8081/": true, "HTTPS://A.EXAMPLE": true,
		"javascript:alert(1)": false, "data:text/html,x": false, "//a.example": false, "/c/ops": false, "": false, "http://": false,
		" https://a.example": false, "ftp://a.example": false, "https:a.example": false,
	} {
		if webURL(u) != want {
			t.Errorf("%q: %v", u, !want)
		}
	}
}

func TestStreamCannotBeForged(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	s.post(web("ops", ""), "x", bot.Message{Blocks: []bot.Block{bot.Code{Body: "a\r\nevent: bye\r\ndata: x\r\n\r\n\nevent: bye\n\n"}}})
	s.post(web("ops", ""), "y", bot.Message{Title: "end"})
	for _, e := range c.events("", func(e sseEvent) bool { return strings.Contains(e.data, "end</bdi>") }) {
		if e.name == "bye" {
			t.Error("text became an event")
		}
	}
}

func TestFilesAreDownloads(t *testing.T) {
	s := newStage(t, Options{})
	c := s.client("olga")
	s.post(web("ops", ""), "x", bot.Message{Blocks: []bot.Block{bot.File{Name: "a\".html", MIME: "text/html", Data: []byte("<script>alert(1)</script>")}}})
	e := s.bot.feeds["ops"].order[0]
	resp := c.request("GET", "/files/ops/"+e.ID+"/"+e.Files[0].ID, nil)
	resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("type %s", got)
	}
	if got := resp.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Errorf("disposition %s", got)
	}
	if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "sandbox") {
		t.Errorf("policy %s", got)
	}
}

func TestValidate(t *testing.T) {
	ok := Options{Enabled: true, Login: "token", Channels: []string{"ops"}, Users: []User{{ID: "olga", Token: "0123456789abcdef"}}}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
	for want, o := range map[string]Options{
		"only for `drey demo`": {Login: LoginDemo}, "want token": {Login: "magic"}, "nobody": {Enabled: true},
		"Bad Name": {Channels: []string{"Bad Name"}}, "twice": {Channels: []string{"a", "a"}},
		"at least 16": {Users: []User{{ID: "olga", Token: "short"}}},
		"same one":    {Users: []User{{ID: "a", Token: "0123456789abcdef"}, {ID: "b", Token: "0123456789abcdef"}}},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, have %v", want, err)
		} else if strings.Contains(err.Error(), "0123456789abcdef") {
			t.Errorf("the error shows a token: %v", err)
		}
	}
}
