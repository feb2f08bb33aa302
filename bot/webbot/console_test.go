package webbot

import (
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestBrowser drives the console as a person does. One Chromium serves all parts; each part has tabs of its own, and
// every tab fails the test on a console error, a breach of the policy or a request to anywhere else.
func TestBrowser(t *testing.T) {
	b := newBrowser(t)
	for name, part := range map[string]func(*stage, *browser){
		"keyboard": testKeyboard, "live": testLive, "buttons": testButtons, "forms": testForms, "threads": testThreads,
		"private": testPrivate, "restart": testRestart, "phone": testPhone, "history": testHistory, "switch": testSwitch, "notes": testNotes, "media": testMedia,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, Options{})
			part(s, &browser{t, b.ctx})
		})
	}
}

// testKeyboard signs in, finds a command, completes an argument and sends, without a mouse.
func testKeyboard(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.open("/c/ops")
	tb.until(`document.activeElement?.dataset.signin === "olga"`)
	tb.key("Enter")
	tb.live()
	tb.until(`document.activeElement.id === "line"`)
	tb.has("#welcome .chip", "/flink jobs")
	tb.keys("/")
	tb.until(`!document.querySelector("#palette").hidden && document.querySelectorAll("#choices li").length === 9`)
	tb.keys("save")
	tb.until(`document.querySelector("#choices [aria-selected=true] .name").textContent === "/flink savepoint"`)
	tb.key("Tab")
	tb.until(`document.querySelector("#line").value === "/flink savepoint "`)
	tb.has("#palette .usage", "<job>")
	tb.keys("orders")
	tb.until(`document.querySelectorAll("#choices li").length === 2`)
	tb.key("ArrowDown")
	tb.until(`document.querySelector("#line").getAttribute("aria-activedescendant") === "choices-1"`)
	tb.key("Enter")
	tb.until(`document.querySelector("#line").value === "/flink savepoint orders-dedup "`)
	tb.key("Escape")
	tb.key("Enter")
	tb.until(`document.querySelector("#line").value === ""`)
	tb.has(".msg .cmd", "/flink savepoint orders-dedup")
	tb.has(".msg.private", "Unknown command")
	// A whole command followed by Enter is sent, though the list is open; a table comes back.
	tb.keys("/flink jobs")
	tb.until(`!document.querySelector("#palette").hidden`)
	tb.key("Enter")
	tb.has("#rows th", "Parallelism")
	tb.until(`document.querySelectorAll("#rows tbody tr").length === 12`)
	tb.until(`getComputedStyle(document.querySelector("#rows td.num")).textAlign === "right"`)
	tb.until(`document.querySelector("#rows a[download='jobs.csv']")`)
	// History.
	tb.key("ArrowUp")
	tb.key("ArrowUp")
	tb.until(`document.querySelector("#line").value === "/flink savepoint orders-dedup"`)
	tb.key("ArrowDown")
	tb.until(`document.querySelector("#line").value === "/flink jobs"`)
	tb.run(`document.querySelector("#line").select()`)
	tb.key("Backspace")
	// The whole page can be walked through with Tab, and focus is always somewhere that shows.
	for range 40 {
		tb.key("Tab")
		tb.until(`document.activeElement === document.body || document.activeElement.getClientRects().length > 0`)
	}
	got := s.got()
	if len(got) != 2 || got[0].Call.Line != "/flink savepoint orders-dedup" || got[1].Call.Line != "/flink jobs" {
		b.t.Errorf("events: %+v", got)
	}
}

// testLive: what drey posts and edits shows without a reload, for everybody.
func testLive(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("vera", "/c/ops")
	tb.run(`window.unchanged = true`)
	ref := s.post(web("ops", ""), "op", stepsCard(1))
	tb.has(".steps .doing", "Take a savepoint")
	if err := s.bot.Edit(b.t.Context(), ref, stepsCard(4)); err != nil {
		b.t.Fatal(err)
	}
	tb.has(".steps .doing", "Wait for RUNNING")
	tb.until(`document.querySelectorAll("#rows .msg").length === 1 && document.querySelectorAll(".steps .did").length === 4`)
	tb.has("#say", "Scale orders-enrichment")
	s.post(web("oncall", ""), "alert", alertHead(false))
	tb.until(`document.querySelector('.channels a[data-channel=oncall] .count').textContent === "1"`)
	tb.until(`document.title.startsWith("(1)")`)
	tb.click(`.channels a[data-channel="oncall"]`)
	tb.has("#rows .title", "FlinkJobRestartLoop")
	tb.until(`document.querySelector('.channels a[data-channel=oncall] .count').textContent === ""`)
	tb.until(`location.pathname === "/c/oncall" && window.unchanged`)
	// Read is read: a reload shows nothing as new.
	eventually(b.t, "a mark", func() bool { m, _ := s.bot.readMarks(b.t.Context(), "vera"); return m["oncall"] > 0 })
	tb.open("/c/ops")
	tb.live()
	tb.until(`document.querySelector('.channels a[data-channel=oncall] .count').textContent === ""`)
}

func testButtons(s *stage, b *browser) {
	ref := s.post(web("oncall", ""), "alert", alertHead(false))
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/oncall")
	tb.click(`[data-button="b-stop"]`)
	tb.until(`document.querySelector("#confirm").open && document.activeElement.value === "no"`)
	tb.has("#confirm-text", "Stop payments-fraud with a savepoint?")
	tb.key("Escape")
	tb.until(`!document.querySelector("#confirm").open`)
	tb.click(`[data-button="b-stop"]`)
	tb.click("#confirm-yes")
	tb.has(".msg .pressed", "Stop payments-fraud")
	tb.has(".msg .title", "Stop orders-enrichment: started")
	tb.until(`document.querySelector('[data-button="b-stop"]').getAttribute("aria-disabled") !== "true"`)
	got := s.got()
	if len(got) != 1 || got[0].Button != "b-stop" || got[0].Origin == nil || got[0].Origin.ID != ref.ID || got[0].Place.Channel != "oncall" {
		b.t.Fatalf("events: %+v", got)
	}
	tb.click(`[data-button="b-ack"]`)
	eventually(b.t, "a second event", func() bool { got = s.got(); return len(got) == 2 && got[0].ID != got[1].ID })
	// The button of a message that has changed meanwhile does nothing, and says so.
	tb.expect("410")
	tb.run(`document.querySelector('[data-button="b-save"]').dataset.button = "b-old"`)
	tb.click(`[data-button="b-old"]`)
	tb.has(".toast.bad", "Nothing was done")
	if n := len(s.got()); n != 2 {
		b.t.Errorf("%d events", n)
	}
}

func testForms(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.line("/flink cancel clicks-sessions")
	tb.until(`document.querySelector("#modal").open && document.activeElement.name === "confirm"`)
	tb.until(`document.querySelector("#modal [type=submit]").disabled`)
	tb.keys("clicks-session")
	tb.until(`document.querySelector("#modal [type=submit]").disabled`)
	tb.keys("s")
	tb.until(`!document.querySelector("#modal [type=submit]").disabled`)
	for range 9 { // the focus stays in the dialog
		tb.key("Tab")
		tb.until(`document.activeElement === document.body || document.querySelector("#modal").contains(document.activeElement)`)
	}
	tb.do(chromedp.Focus(chromedp.CSS("#modal [name=confirm]")))
	tb.key("Enter")
	tb.has(".msg .title", "Cancelled clicks")
	tb.until(`!document.querySelector("#modal").open`)
	tb.has("#rows code", "clicks-sessions")

	tb.line("/flink sql")
	tb.until(`document.querySelector("#modal").open`)
	tb.key("Escape")
	tb.until(`!document.querySelector("#modal").open`)

	tb.line("/flink sql")
	tb.until(`document.activeElement.name === "text"`)
	tb.key("Enter", kb.ModifierCtrl)
	tb.has("#modal .error", "This is needed.")
	tb.keys("SELEC 1 FROM t")
	tb.key("Enter", kb.ModifierCtrl)
	tb.has("#modal .field.wrong .error", "did you mean SELECT?")
	tb.until(`document.activeElement.name === "text" && document.activeElement.value === "SELEC 1 FROM t"`)
	tb.run(`(document.activeElement.value = "SELECT 1", document.activeElement.dispatchEvent(new Event("input", {bubbles: true})))`)
	tb.key("Enter", kb.ModifierCtrl)
	tb.has(".msg .title", "Statement accepted")
	tb.until(`!document.querySelector("#modal").open && document.activeElement.id === "line"`)
	got := s.got()
	last := got[len(got)-1]
	if last.Button != "form-sql" || last.Form["text"] != "SELECT 1" || last.Form["mode"] != "streaming" {
		b.t.Errorf("event: %+v", last)
	}
	tb.keys("still types")
	tb.until(`document.querySelector("#line").value === "still types"`)
	tb.run(`document.querySelector("#line").value = ""`)
	tb.click("[data-form]")
	tb.until(`document.querySelector("#modal").open`)
	tb.keys("half typed")
	tb.click("#modal [data-close]")
	tb.do(chromedp.Focus(chromedp.CSS("#line")))
	tb.keys("types on")
	tb.until(`document.querySelector("#line").value === "types on"`)
}

func testThreads(s *stage, b *browser) {
	ref := s.post(web("oncall", ""), "alert", alertHead(false))
	s.post(web("oncall", ref.ID), "alert/1", bot.Message{Blocks: []bot.Block{bot.Textf("It restarted again.")}})
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/oncall")
	tb.has(".replies", "1 reply")
	tb.click(".replies")
	tb.has("#trows", "It restarted again.")
	tb.until(`document.activeElement.id === "tline"`)
	s.post(web("oncall", ref.ID), "alert/2", bot.Message{Blocks: []bot.Block{bot.Textf("And again.")}})
	tb.has("#trows", "And again.")
	tb.has("#rows .replies", "2 replies")
	tb.keys("/drey whoami")
	tb.key("Enter")
	tb.has("#trows .private", "A secret of olga")
	tb.no("#rows", "A secret of olga")
	if got := s.got(); len(got) != 1 || got[0].Place.Thread != ref.ID {
		b.t.Errorf("events: %+v", got)
	}
	if err := s.bot.Edit(b.t.Context(), ref, alertHead(true)); err != nil {
		b.t.Fatal(err)
	}
	tb.has("#thead .title", "Resolved")
	tb.has("#rows .title", "Resolved")
	tb.key("Escape")
	tb.key("Escape")
	tb.until(`document.querySelector("#thread").hidden && location.pathname === "/c/oncall"`)
	tb.do(chromedp.NavigateBack())
	tb.until(`!document.querySelector("#thread").hidden`)
}

func testPrivate(s *stage, b *browser) {
	olga, vera := b.tab(s.url), b.tab(s.url)
	olga.signIn("olga", "/c/ops")
	vera.signIn("vera", "/c/ops")
	olga.line("/drey whoami")
	olga.has(".msg.private .only", "Only you can see this")
	olga.has(".msg.private", "A secret of olga")
	olga.line("/flink jobs")
	vera.has("#rows .prompt", "/flink jobs")
	vera.has("#rows .title", "12 jobs")
	vera.no("body", "A secret of olga")
	vera.open("/c/ops")
	vera.live()
	vera.no("body", "A secret of olga")
}

func testRestart(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.expect("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET", "503")
	s.post(web("ops", ""), "before", bot.Message{Title: "before"})
	tb.has("#rows .title", "before")
	addr := strings.TrimPrefix(s.url, "http://")
	s.stop()
	tb.until(`document.querySelector("#conn").dataset.state === "lost"`)
	tb.has("#conn", "Connection lost")
	tb.shot("lost-desktop-light")
	tb.line("/flink jobs") // sent while nobody listens
	tb.has(".local .cmd", "/flink jobs")
	s.start(addr)
	s.post(web("ops", ""), "meanwhile", bot.Message{Title: "meanwhile"})
	tb.live()
	tb.has("#rows .title", "meanwhile")
	tb.has("#rows .title", "12 jobs")
	tb.until(`document.querySelectorAll("#rows .msg").length === 3 && !document.querySelector(".local")`)
	ids := map[string]bool{}
	for _, e := range s.got() {
		ids[e.ID] = true
	}
	if len(ids) != 1 {
		b.t.Errorf("the line came %d times: %v", len(ids), ids)
	}
}

func testPhone(s *stage, b *browser) {
	alert, _ := s.scene()
	tb := b.tab(s.url)
	tb.phone()
	tb.signIn("olga", "/c/ops")
	tb.fits("ops")
	tb.click("[data-drawer=open]")
	tb.until(`document.activeElement.dataset.channel === "ops"`)
	time.Sleep(300 * time.Millisecond) // the drawer slides in
	tb.click(`.channels a[data-channel="oncall"]`)
	tb.has("#rows .title", "FlinkJobRestartLoop")
	tb.until(`!document.body.classList.contains("drawer") && document.querySelector("#side").inert`)
	tb.fits("oncall")
	small := eval[[]string](tb, `[...document.querySelectorAll("#rows button, #rows .replies, .top button, .composer button")]
		.filter((e) => e.getClientRects().length && !e.classList.contains("mini") && e.getBoundingClientRect().height < 44).map((e) => e.outerHTML.slice(0, 80))`)
	if len(small) > 0 {
		b.t.Errorf("smaller than a thumb: %v", small)
	}
	tb.click(`[data-id="` + alert.ID + `"] .replies`)
	tb.has("#trows", "The job behind the labels")
	tb.until(`document.querySelector("#thread").getBoundingClientRect().width === innerWidth`)
	tb.fits("thread")
	tb.click("[data-close-thread]")
	tb.until(`document.querySelector("#thread").hidden`)
}

func testHistory(s *stage, b *browser) {
	for i := range 130 {
		s.post(web("ops", ""), strings.Repeat("x", i), bot.Message{Blocks: []bot.Block{bot.Textf("message %d.", i)}})
	}
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.until(`document.querySelectorAll("#rows .msg").length === 40`)
	tb.run(`document.querySelector("#list").scrollTop = 0`)
	tb.until(`document.querySelectorAll("#rows .msg").length > 40`)
	tb.until(`document.querySelector("#list").scrollTop > 100`) // what was read stays in place
	for _, want := range []string{"> 80", "> 120"} {
		tb.run(`document.querySelector("#list").scrollTop = 0`)
		tb.until(`document.querySelectorAll("#rows .msg").length ` + want)
	}
	tb.until(`!("more" in document.querySelector("#list").dataset)`)
	order := eval[bool](tb, `[...document.querySelectorAll("#rows .msg")].every((m, i) => m.textContent.includes("message " + i + "."))`)
	if !order {
		b.t.Error("messages are out of order")
	}
}

func testSwitch(s *stage, b *browser) {
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.has("#me", "operator")
	tb.click("#me summary")
	tb.click(`#me [data-signin="vera"]`)
	tb.until(`document.body.dataset.user === "vera"`)
	tb.live()
	tb.line("/drey whoami")
	tb.has(".msg.private", "A secret of vera")
	tb.click("#me summary")
	tb.click("[data-signout]")
	tb.has(".door", "Whose hands")
}

func testNotes(s *stage, b *browser) {
	olga, vera := b.tab(s.url), b.tab(s.url)
	olga.signIn("olga", "/c/ops")
	vera.signIn("vera", "/c/ops")
	olga.do(chromedp.Focus(chromedp.CSS("#line")))
	olga.keys("look at <b>this</b>")
	olga.run(`(() => { const d = new DataTransfer(); d.setData("text/plain", "a\n  b"); document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: d, bubbles: true, cancelable: true})); })()`)
	olga.key("Enter")
	vera.has("#rows .text", "look at <b>this</b>")
	vera.until(`document.querySelector("#rows pre").textContent === "a\n  b"`)
	if len(s.got()) != 0 {
		b.t.Error("a note to people went to drey")
	}
}

func testMedia(s *stage, b *browser) {
	m := jobsTable(3)
	m.Blocks = append(m.Blocks, bot.Code{Lang: "sql", Body: "SELECT 1"}, bot.Image{Name: "lag.png", Alt: "lag", PNG: chart()})
	s.post(web("ops", ""), "media", m)
	tb := b.tab(s.url)
	tb.signIn("olga", "/c/ops")
	tb.until(`document.querySelector(".image img").naturalWidth === 560`)
	tb.click("[data-zoom]")
	tb.until(`document.querySelector("#zoom").open && document.querySelector("#zoom img").naturalWidth === 560`)
	tb.key("Escape")
	tb.until(`!document.querySelector("#zoom").open`)
	tb.click(`[data-copy="code"]`)
	tb.has(`[data-copy="code"]`, "Copied")
	tb.click(`[data-copy="table"]`)
	tb.has(`[data-copy="table"]`, "Copied")
	csv := eval[string](tb, `fetch(document.querySelector("a[download='jobs.csv']").href).then((r) => r.text())`)
	if !strings.HasPrefix(csv, "Job,State") {
		b.t.Errorf("csv: %q", csv)
	}
}
