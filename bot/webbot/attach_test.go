package webbot

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// dropped makes a drop of one file, with that text times n, on what the selector finds.
func dropped(selector, name, text, n string) string {
	return `(() => { const d = new DataTransfer(); d.items.add(new File([` + text + `.repeat(` + n + `)], "` + name + `"));
		for (const type of ["dragenter", "dragover", "drop"]) document.querySelector("` + selector + `").dispatchEvent(new DragEvent(type, {dataTransfer: d, bubbles: true, cancelable: true})); })()`
}

// testFiles drops and chooses files, and sends them with a line.
func testFiles(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.has("#welcome .chip", "/flink jobs")
	tb.keys("/flink s")
	tb.has("#choices", "/flink sql") // the commands are known
	tb.run(`(document.querySelector("#line").value = "")`)
	tb.run(dropped("#list", "orders by day.sql", `"SELECT 1;"`, "1"))
	tb.has(".attached .sent", "orders by day.sql")
	tb.until(`document.querySelector("#line").value === "/flink sql " && document.activeElement.id === "line"`)
	tb.shot("attached-desktop-light")
	tb.phone()
	tb.until(`document.querySelector("#side").getAnimations().length === 0`)
	tb.fits("attached")
	tb.shot("attached-phone-light")
	tb.desktop()
	tb.key("Escape")
	tb.key("Enter")
	tb.has(".msg .prompt .sent", "orders by day.sql")
	tb.has(".msg .card", "orders by day.sql: SELECT 1;")
	tb.until(`!document.querySelector("#main .attached .sent") && document.querySelector("#line").value === ""`)
	tb.shot("sent-desktop-light")
	// Two chosen, one taken away again; what no command takes is not attached.
	tb.run(`(() => { const i = document.querySelector("#main input[type=file]"), d = new DataTransfer();
		for (const n of ["a.sql", "b.sql"]) d.items.add(new File(["x"], n)); i.files = d.files; i.dispatchEvent(new Event("change", {bubbles: true})); })()`)
	tb.until(`document.querySelectorAll("#main .attached .sent").length === 2`)
	tb.click(`[aria-label="Remove a.sql"]`)
	tb.until(`document.querySelectorAll("#main .attached .sent").length === 1`)
	tb.run(dropped("#list", "cat.png", `"x"`, "1"))
	tb.has(".toast.bad", "No command takes cat.png")
	tb.run(dropped("#list", "large.sql", `"x"`, "2000"))
	tb.has(".toast.bad", "1.0 kB is the most")
	// Another channel does not lose what is attached here; a note takes no files.
	tb.click(`.channels a[data-channel="oncall"]`)
	tb.until(`location.pathname === "/c/oncall" && document.querySelector("#main .attached").hidden`)
	tb.click(`.channels a[data-channel="ops"]`)
	tb.has("#main .attached .sent", "b.sql")
	tb.run(`(document.querySelector("#line").value = "look at this", document.querySelector("#line").dispatchEvent(new Event("input", {bubbles: true})))`)
	tb.do(chromedp.Focus(chromedp.CSS("#line")))
	tb.key("Enter")
	tb.has(".toast.bad", "Files go with a command")
	if got := s.got(); len(got) != 1 || len(got[0].Files) != 1 || got[0].Files[0].Name != "orders by day.sql" || strings.TrimSpace(got[0].Call.Line) != "/flink sql" {
		b.t.Errorf("events: %+v", got)
	}
}

// testInstead: a page of a private list takes the place of the page before, with the focus on the same button.
func testInstead(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.line("/flink pages")
	tb.has("#rows .msg", "rows of page 1")
	tb.do(chromedp.Focus(chromedp.CSS(`[data-button="b-next"]`)))
	tb.key("Enter")
	tb.has("#rows .msg", "rows of page 2")
	tb.until(`document.querySelectorAll("#rows .msg").length === 1 && document.activeElement.dataset.button === "b-next"`)
	tb.key("Enter") // page 2 has no other next page: nothing changes, and the button is free again
	eventually(b.t, "three gestures", func() bool { return len(s.got()) == 3 })
	tb.until(`document.querySelectorAll("#rows .msg").length === 1 && document.activeElement.getAttribute("aria-disabled") !== "true"`)
	tb.has("#say", "Page 2")
	tb.shot("instead-desktop-light")
}

// testAsks types into a field that completes itself.
func testAsks(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.line("/flink start")
	tb.until(`document.activeElement.name === "cluster" && document.activeElement.list.options.length === 2`)
	tb.key("Tab")
	tb.until(`document.activeElement.name === "savepoint" && document.activeElement.list.options[0]?.value === "-of-prod"`)
	tb.keys("s3://sp")
	tb.until(`document.activeElement.list.options[0]?.value === "s3://sp-of-prod" && document.activeElement.list.options[0].label === "flink run savepoint"`)
	tb.shot("asks-desktop-light")
}

// testSure sends forms that only ask whether.
func testSure(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	for _, screen := range []string{"desktop", "phone"} {
		if screen == "phone" {
			tb.phone()
		}
		for _, line := range []string{"/flink sure", "/flink really"} {
			tb.line(line)
			focus := `matches("[type=submit]")`
			if line == "/flink really" {
				focus = `matches("footer [data-close]")`
			}
			tb.until(`document.querySelector("#modal").open && document.activeElement.` + focus)
			tb.do(chromedp.WaitVisible(chromedp.CSS("#form-intro")))
			tb.until(`document.querySelector("#modal").getAnimations().every((a) => a.playState === "finished")`)
			tb.fits(line)
			tb.shot(strings.TrimPrefix(line, "/flink ") + "-" + screen + "-light")
			if line == "/flink really" {
				tb.key("Tab")
			}
			tb.key("Enter")
			tb.until(`!document.querySelector("#modal").open`)
		}
	}
	eventually(b.t, "all sent", func() bool {
		n := 0
		for _, e := range s.got() {
			if e.Button == "form-sure" && e.Form != nil && len(e.Form) == 0 {
				n++
			}
		}
		return n == 4
	})
}

// testWide: what is said in a thread and in the channel shows in both, and leads from one channel to another.
func testWide(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("vera", "/c/oncall")
	head := s.post(web("oncall", ""), "a", alertHead(false))
	tb.has("#rows .title", "FlinkJobRestartLoop")
	s.post(web("oncall", head.ID), "b", broadcast())
	tb.has("#rows .msg .inthread", "in a thread")
	tb.shot("wide-desktop-light")
	tb.click("#rows .inthread")
	tb.has("#trows .title", "Resolved after 12 min")
	tb.until(`getComputedStyle(document.querySelector("#trows .inthread")).display === "none"`)
	tb.click("#rows .chan")
	tb.until(`location.pathname === "/c/ops"`)
	tb.has("#channel-name", "ops")
}

// TestVocabulary drives in a browser what the newer parts of the vocabulary bring.
func TestVocabulary(t *testing.T) {
	b := newBrowser(t)
	for name, part := range map[string]func(*stage, *browser){
		"files": testFiles, "instead": testInstead, "asks": testAsks, "sure": testSure, "wide": testWide,
	} {
		t.Run(name, func(t *testing.T) {
			part(newStage(t, Options{FileMax: 1000}), &browser{t, b.ctx})
		})
	}
}
