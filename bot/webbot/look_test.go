package webbot

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestLook takes pictures of everything that a person meets, and checks that no page is wider than its screen.
func TestLook(t *testing.T) {
	s := newStage(t, Options{Version: "0.1.0"})
	b := newBrowser(t)
	door := b.tab(s.url)
	door.open("/")
	door.until("document.querySelector('[data-signin]')")
	door.shot("signin-desktop-light")
	tokens := newStage(t, Options{Login: LoginToken, Users: []User{{ID: "olga", Token: "olga-has-a-long-token"}}})
	strict := b.tab(tokens.url)
	strict.open("/c/ops")
	strict.expect("401")
	strict.do(chromedp.Focus(chromedp.CSS("#token")))
	strict.keys("not-the-token")
	strict.key("Enter")
	strict.has("#problem", "Nobody has this token")
	strict.shot("token-desktop-light")
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/analytics")
	tb.shot("empty-desktop-light")
	alert, _ := s.scene()
	for _, scheme := range []string{"light", "dark"} {
		tb.scheme(scheme)
		for _, screen := range []string{"desktop", "phone"} {
			if screen == "phone" {
				tb.phone()
			} else {
				tb.desktop()
			}
			suffix := "-" + screen + "-" + scheme
			for _, at := range []struct{ name, path string }{
				{"oncall", "/c/oncall"}, {"ops", "/c/ops"}, {"thread", "/c/oncall/t/" + alert.ID}, {"empty", "/c/analytics"},
			} {
				tb.open(at.path)
				tb.live()
				time.Sleep(300 * time.Millisecond) // images and fonts settle
				tb.fits(at.name + suffix)
				tb.shot(at.name + suffix)
				if at.name == "ops" || at.name == "oncall" {
					tb.run(`document.querySelector("#list").scrollTop = 0`)
					time.Sleep(300 * time.Millisecond)
					tb.shot(at.name + "-top" + suffix)
				}
			}
			tb.open("/c/ops")
			tb.live()
			tb.do(chromedp.Focus(chromedp.CSS("#line")))
			tb.keys("/fl")
			tb.until(`!document.querySelector("#palette").hidden`)
			tb.shot("palette" + suffix)
			tb.keys("ink savepoint or")
			tb.has("#choices", "orders-dedup")
			tb.shot("arguments" + suffix)
			tb.run(`document.querySelector("#line").value = ""`)
			tb.line("/flink sql")
			tb.until(`document.querySelector("#modal").open`)
			time.Sleep(250 * time.Millisecond)
			tb.fits("sql" + suffix)
			tb.shot("sql" + suffix)
			tb.click("#modal [data-close]")
			tb.line("/flink cancel clicks-sessions")
			tb.until(`document.querySelector("#modal").open`)
			time.Sleep(250 * time.Millisecond)
			tb.shot("cancel" + suffix)
			tb.click("#modal [data-close]")
			tb.open("/c/oncall")
			tb.live()
			tb.click(`[data-button="b-stop"]`)
			time.Sleep(250 * time.Millisecond)
			tb.shot("confirm" + suffix)
			if screen == "phone" {
				tb.open("/c/oncall")
				tb.live()
				tb.click("[data-drawer=open]")
				time.Sleep(300 * time.Millisecond)
				tb.shot("drawer" + suffix)
			}
		}
	}
}

// fits fails when the page could be scrolled sideways.
func (tb *tab) fits(what string) {
	tb.t.Helper()
	wide := eval[[]int](tb, "[document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]")
	if wide[0] > wide[2] || wide[1] > wide[2] {
		tb.t.Errorf("%s: page is %d wide on a screen of %d", what, max(wide[0], wide[1]), wide[2])
	}
}
