package slackbot

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestRenderLook draws every golden file roughly as Slack does and takes pictures of it, for people to look at. DREY_LOOK
// is the folder for them.
func TestRenderLook(t *testing.T) {
	dir := os.Getenv("DREY_LOOK")
	if dir == "" {
		t.Skip("DREY_LOOK names no folder for the pictures")
	}
	browser, err := exec.LookPath("chromium")
	if p := os.Getenv("CHROME_PATH"); p != "" {
		browser, err = p, nil
	}
	if err != nil {
		t.Skip("no Chromium")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/render/*.json")
	if err != nil {
		t.Fatal(err)
	}
	o := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(browser), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.Flag("disable-background-networking", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(60 * time.Second),
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), o...)
	defer cancel()
	ctx, stop := chromedp.NewContext(ctx)
	defer stop()
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		page := filepath.Join(dir, name+".html")
		if err := os.WriteFile(page, []byte(slackPage(v)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{1000, 390} {
			picture(t, ctx, page, filepath.Join(dir, fmt.Sprintf("%s-%d.png", name, width)), width)
		}
	}
}

func picture(t *testing.T, ctx context.Context, page, to string, width int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	abs, err := filepath.Abs(page)
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 200), chromedp.Navigate("file://"+abs)); err != nil {
		t.Fatal(err)
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(to, png, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const slackStyle = `*{box-sizing:border-box}body{margin:0;padding:12px;font:15px/1.46 Lato,"Noto Sans","DejaVu Sans",sans-serif;color:#1d1c1d;max-width:760px}
.m{display:flex;gap:8px}.av{width:36px;height:36px;border-radius:6px;background:#e4572e;flex:none}.b{min-width:0;flex:1}.who{font-weight:700}.app{font-size:10px;background:#ddd;padding:1px 3px;border-radius:2px;margin-left:4px}
.blk{margin:6px 0}h3{font-size:18px;margin:6px 0;line-height:1.3}.ctx{display:flex;flex-wrap:wrap;gap:2px 8px;font-size:13px;color:#616061}
.act{display:flex;flex-wrap:wrap;gap:8px}.btn{border:1px solid #aaa;border-radius:4px;padding:4px 12px;font-weight:700;font-size:14px;background:#fff}.primary{background:#007a5a;color:#fff;border-color:#007a5a}.danger{background:#e01e5a;color:#fff;border-color:#e01e5a}
.att{border-left:4px solid;border-radius:4px;padding-left:12px;margin-top:4px}pre{background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:8px;font-size:12px;white-space:pre-wrap;overflow-wrap:anywhere;margin:4px 0}
code{color:#c01343;background:#f8f8f8;border:1px solid #ddd;border-radius:3px;padding:0 3px;font-size:12px;overflow-wrap:anywhere}.sec{white-space:pre-wrap;overflow-wrap:anywhere}
.tw{overflow-x:auto}table{border-collapse:collapse;font-size:14px}td{border:1px solid #ddd;padding:4px 8px;vertical-align:top;min-width:64px;max-width:260px}.r{text-align:right}.n{white-space:nowrap;max-width:none}.n .sec{white-space:nowrap}a{color:#1264a3}.men{background:#fdf0c7;color:#1264a3}
.img{border:1px dashed #888;height:120px;display:flex;align-items:center;justify-content:center;color:#666;border-radius:6px}.cap{font-size:13px;color:#616061}
.modal{border:1px solid #bbb;border-radius:8px;padding:0 16px;max-width:520px}.bar{display:flex;justify-content:space-between;border-bottom:1px solid #ddd;padding:10px 0;font-weight:900;font-size:18px}.foot{display:flex;justify-content:flex-end;gap:8px;border-top:1px solid #ddd;padding:10px 0}
.in{border:1px solid #888;border-radius:4px;padding:6px 8px;min-height:34px;white-space:pre-wrap}.multi{min-height:90px}.lab{font-weight:700}.opt{font-weight:400;color:#616061}.hint{font-size:13px;color:#616061}
.e{display:inline-block;width:14px;height:14px;border-radius:50%;vertical-align:-2px;color:#fff;font-size:10px;line-height:14px;text-align:center}.why{font-size:12px;color:#888;border-top:1px dashed #ccc;margin-top:10px;padding-top:6px}`

// slackPage is a message or a view as a page.
func slackPage(v map[string]any) string {
	var b strings.Builder
	b.WriteString(`<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>` + slackStyle + `</style>`)
	if v["type"] == "modal" {
		fmt.Fprintf(&b, `<div class="modal"><div class="bar"><span>%s</span><span>✕</span></div>%s<div class="foot"><span class="btn">%s</span>`, textIn(v["title"]), drawn(v["blocks"]), textIn(v["close"]))
		if v["submit"] != nil {
			fmt.Fprintf(&b, `<span class="btn primary">%s</span>`, textIn(v["submit"]))
		}
		b.WriteString(`</div></div>`)
		return signs(b.String())
	}
	b.WriteString(`<div class="m"><div class="av"></div><div class="b"><span class="who">drey</span><span class="app">APP</span>` + drawn(v["blocks"]))
	for _, a := range listIn(v["attachments"]) {
		fmt.Fprintf(&b, `<div class="att" style="border-color:%s">%s</div>`, a["color"], drawn(a["blocks"]))
	}
	fmt.Fprintf(&b, `</div></div><div class="why">%s</div>`, html.EscapeString(html.UnescapeString(fmt.Sprint(v["text"]))))
	return signs(b.String())
}

// signs draws the emoji, for machines without a font for them.
func signs(s string) string {
	dot := func(color, inner string) string {
		return `<span class="e" style="background:` + color + `">` + inner + `</span>`
	}
	return strings.NewReplacer("🔴", dot("#dd2e44", ""), "🟡", dot("#fdcb58", ""), "🔵", dot("#55acee", ""), "⚪", dot("#d0d4d8", ""), "✅", dot("#3ba55d", "✓"), "❌", dot("#dd2e44", "✕"),
		"➖", dot("#888", "–"), "⬜", `<span class="e" style="background:#eee;border:1px solid #aaa;border-radius:2px"></span>`, "⏳", dot("#c90", "…"), "📎", dot("#889", "@"), "🖼", dot("#889", "▣"), "⚠️", dot("#f2a600", "!")).Replace(s)
}

func listIn(v any) []map[string]any {
	var out []map[string]any
	all, _ := v.([]any)
	for _, x := range all {
		if o, ok := x.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

func textIn(v any) string {
	o, _ := v.(map[string]any)
	if o == nil {
		return ""
	}
	s := fmt.Sprint(o["text"])
	if o["type"] != "mrkdwn" {
		return html.EscapeString(s)
	}
	if strings.HasPrefix(s, "<!date") {
		return "today at 3:02 AM"
	}
	if i := strings.LastIndexByte(s, '|'); i > 0 {
		return `<a>` + strings.TrimSuffix(s[i+1:], ">") + `</a>`
	}
	return s
}

func drawn(v any) string {
	var b strings.Builder
	for _, o := range listIn(v) {
		b.WriteString(`<div class="blk">` + drawnBlock(o) + `</div>`)
	}
	return b.String()
}

func drawnBlock(o map[string]any) string {
	var b strings.Builder
	switch o["type"] {
	case "header":
		return `<h3>` + textIn(o["text"]) + `</h3>`
	case "context":
		for _, e := range listIn(o["elements"]) {
			b.WriteString(`<span>` + textIn(e) + `</span>`)
		}
		return `<div class="ctx">` + b.String() + `</div>`
	case "rich_text":
		return drawnRich(o)
	case "actions":
		for _, e := range listIn(o["elements"]) {
			if e["type"] == "overflow" {
				b.WriteString(`<span class="btn">⋯</span>`)
				continue
			}
			fmt.Fprintf(&b, `<span class="btn %v">%s</span>`, e["style"], textIn(e["text"]))
		}
		return `<div class="act">` + b.String() + `</div>`
	case "image":
		return `<div class="cap">` + textIn(o["title"]) + `</div><div class="img">picture</div>`
	case "table":
		return drawnTable(o)
	case "input":
		return drawnInput(o)
	}
	return fmt.Sprint(o)
}

func drawnRich(o map[string]any) string {
	var b strings.Builder
	for _, e := range listIn(o["elements"]) {
		tag := `<div class="sec">%s</div>`
		if e["type"] == "rich_text_preformatted" {
			tag = `<pre>%s</pre>`
		}
		var in strings.Builder
		for _, x := range listIn(e["elements"]) {
			in.WriteString(drawnRun(x))
		}
		fmt.Fprintf(&b, tag, in.String())
	}
	return b.String()
}

func drawnRun(x map[string]any) string {
	s := html.EscapeString(fmt.Sprint(x["text"]))
	switch x["type"] {
	case "user", "usergroup":
		return `<span class="men">@group</span>`
	case "date":
		s = "today at 3:02 AM"
	case "link":
		s = `<a>` + s + `</a>`
	}
	style, _ := x["style"].(map[string]any)
	if style["code"] == true {
		s = `<code>` + s + `</code>`
	}
	if style["bold"] == true {
		s = `<b>` + s + `</b>`
	}
	return s
}

func drawnTable(o map[string]any) string {
	var b strings.Builder
	columns := listIn(o["column_settings"])
	rows, _ := o["rows"].([]any)
	for _, r := range rows {
		b.WriteString("<tr>")
		for i, c := range listIn(r) {
			class := ""
			if columns[i]["is_wrapped"] != true {
				class = "n "
			}
			if columns[i]["align"] == "right" {
				class += "r"
			}
			inner := html.EscapeString(fmt.Sprint(c["text"]))
			if c["type"] == "rich_text" {
				inner = drawnRich(c)
			}
			fmt.Fprintf(&b, `<td class="%s">%s</td>`, class, inner)
		}
		b.WriteString("</tr>")
	}
	return `<div class="tw"><table>` + b.String() + `</table></div>`
}

func drawnInput(o map[string]any) string {
	e, _ := o["element"].(map[string]any)
	value, class := fmt.Sprint(e["initial_value"]), "in"
	if e["initial_value"] == nil {
		value = ""
	}
	if e["multiline"] == true {
		class += " multi"
	}
	inner := html.EscapeString(value)
	if e["type"] != "plain_text_input" {
		first, _ := e["initial_option"].(map[string]any)
		inner = textIn(first["text"]) + " ▾"
		if first == nil {
			inner = `<span class="opt">Select an option ▾</span>`
		}
	}
	optional := ""
	if o["optional"] == true {
		optional = ` <span class="opt">(optional)</span>`
	}
	return `<div class="lab">` + textIn(o["label"]) + optional + `</div><div class="` + class + `">` + inner + `</div><div class="hint">` + textIn(o["hint"]) + `</div>`
}
