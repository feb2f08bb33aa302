package webbot

import (
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/bottest"
)

func TestConformance(t *testing.T) {
	bottest.Run(t, func(t *testing.T) bottest.Harness {
		o := Options{Login: LoginDemo, Users: []User{{ID: "ann"}, {ID: "bob"}}}
		s := &stage{t: t, db: openDB(t), o: o}
		s.bot = New(s.db, slog.New(slog.NewTextHandler(io.Discard, nil)), o)
		srv := httptest.NewServer(s.bot.Handler())
		t.Cleanup(srv.Close)
		s.url = srv.URL
		return (&people{s: s, clients: map[string]*client{}}).harness()
	})
}

// people sit at browsers and do what the suite says.
type people struct {
	s       *stage
	clients map[string]*client
	n       int
	again   func()
}

func (p *people) client(who string) *client {
	if p.clients[who] == nil {
		p.clients[who] = p.s.client(who)
	}
	return p.clients[who]
}

// do posts a gesture, and keeps it for a retry.
func (p *people) do(t testing.TB, who, path string, body any) {
	t.Helper()
	eventually(t, "receiving", func() bool { _, _, ok := p.s.bot.receiving(); return ok })
	p.again = func() {
		if code, answer := p.client(who).post(path, body); code != http.StatusAccepted {
			t.Fatalf("%s by %s: %d %s", path, who, code, answer)
		}
	}
	p.again()
}

func (p *people) id() string { p.n++; return gestureNo(p.n) }

func (p *people) harness() bottest.Harness {
	return bottest.Harness{
		Network: p.s.bot, Place: web("ops", ""), Nowhere: web("nowhere", ""),
		Type: func(t testing.TB, who, line string) {
			p.do(t, who, "/send", sendBody{ID: p.id(), Channel: "ops", Line: line})
		},
		Press: func(t testing.TB, who, label string) {
			for _, m := range slices.Backward(p.read(t, who, "")) {
				if i := slices.Index(m.Buttons, label); i >= 0 {
					p.do(t, who, "/press", pressBody{ID: p.id(), Channel: "ops", Message: m.ID, Button: m.ids[i]})
					return
				}
			}
			t.Fatalf("%s sees no button %s", who, label)
		},
		Submit: func(t testing.TB, who string, values map[string]string) {
			all, _ := p.s.bot.feeds["ops"].entries()
			for _, e := range slices.Backward(all) {
				if !e.visibleTo(who) || e.Msg == nil || e.Msg.Form == nil {
					continue
				}
				filled := map[string]string{}
				for _, f := range e.Msg.Form.Fields {
					filled[f.Name] = f.Value
				}
				maps.Copy(filled, values)
				p.do(t, who, "/submit", submitBody{ID: p.id(), Channel: "ops", Message: e.ID, Form: e.Msg.Form.ID, Values: filled})
				return
			}
			t.Fatalf("%s has no form", who)
		},
		Read: func(t testing.TB, who, thread string) []bottest.Seen {
			var out []bottest.Seen
			for _, m := range p.read(t, who, thread) {
				out = append(out, m.Seen)
			}
			return out
		},
		Repeat: func(testing.TB) { p.again() },
	}
}

type article struct {
	bottest.Seen
	ids []string // of the buttons; empty for links
}

var (
	articlePattern = regexp.MustCompile(`(?s)<article.*?</article>`)
	idPattern      = regexp.MustCompile(`data-id="([^"]*)"`)
	formPattern    = regexp.MustCompile(`(?s)<template.*?</template>`)
	buttonPattern  = regexp.MustCompile(`(?s)<(?:button|a) [^>]*class="btn[^>]*>.*?</(?:button|a)>`)
	buttonID       = regexp.MustCompile(`data-button="([^"]*)"`)
	linkPattern    = regexp.MustCompile(`(?s)<a [^>]*href="[^/"][^"]*"[^>]*>.*?</a>`)
	anyTag         = regexp.MustCompile(`<[^>]*>`)
)

// read takes what the page shows apart.
func (p *people) read(t testing.TB, who, thread string) []article {
	t.Helper()
	path := "/c/ops?part=channel"
	if thread != "" {
		path = "/c/ops/t/" + thread + "?part=thread"
	}
	code, page := p.client(who).get(path)
	if code != http.StatusOK {
		t.Fatalf("%s reads %s: %d %s", who, path, code, page)
	}
	if thread != "" {
		_, page, _ = strings.Cut(page, `id="trows"`)
	}
	var out []article
	for _, a := range articlePattern.FindAllString(page, -1) {
		m := article{Seen: bottest.Seen{ID: html.UnescapeString(idPattern.FindStringSubmatch(a)[1])}}
		a = formPattern.ReplaceAllString(a, "")
		for _, b := range buttonPattern.FindAllString(a, -1) {
			id := ""
			if found := buttonID.FindStringSubmatch(b); found != nil {
				id = html.UnescapeString(found[1])
			}
			if strings.Contains(b, "data-form") {
				continue
			}
			m.ids = append(m.ids, id)
			m.Buttons = append(m.Buttons, text(b))
		}
		m.Text = text(a)
		m.Live = linkPattern.FindAllString(buttonPattern.ReplaceAllString(a, ""), -1)
		out = append(out, m)
	}
	return out
}

func text(fragment string) string { return html.UnescapeString(anyTag.ReplaceAllString(fragment, "")) }

var _ bot.Network = (*Bot)(nil)
