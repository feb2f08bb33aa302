package discordbot

import (
	"encoding/base64"
	"fmt"
	"html"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLook draws the stories about as Discord does, for people to look at: DREY_LOOK is the folder for the pictures.
func TestLook(t *testing.T) {
	dir := os.Getenv("DREY_LOOK")
	if dir == "" {
		t.Skip("DREY_LOOK is not set")
	}
	chrome := os.Getenv("CHROME_PATH")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); chrome == "" && err == nil {
			chrome = p
		}
	}
	if chrome == "" {
		t.Skip("no Chromium")
	}
	var b strings.Builder
	b.WriteString(lookStyle)
	all := stories()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out, files := render(fitted(t, all[name]))
		b.WriteString(drawn(out, files))
	}
	forms := formStories()
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		b.WriteString(drawnModal(modalOf(forms[name])))
	}
	page := filepath.Join(dir, "discord.html")
	if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{1000, 390} {
		shot := filepath.Join(dir, fmt.Sprintf("discord-%d.png", width))
		// Chromium makes no window narrower than 500: the page narrows itself.
		url := fmt.Sprintf("file://%s?%d", page, width)
		cmd := exec.CommandContext(t.Context(), chrome, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir="+t.TempDir(),
			fmt.Sprintf("--window-size=%d,%d", max(width, 500), 4600-2*width), "--screenshot="+shot, url)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

const lookStyle = `<!doctype html><meta charset="utf-8"><style>
body{background:#313338;color:#dbdee1;font:16px/1.375 "gg sans","Noto Sans",Helvetica,Arial,sans-serif;margin:8px}
.m{margin:0 0 20px 0}.who{color:#fff;font-weight:600}.e{border-left:4px solid var(--c);background:#2b2d31;border-radius:4px;padding:8px 16px 16px 12px;margin:4px 0;max-width:516px;box-sizing:border-box;font-size:14px}
.e>*{margin-top:8px}.f{display:grid;grid-template-columns:repeat(3,1fr);gap:8px}.f .w{grid-column:1/-1}.f b{display:block}
pre{background:#1e1f22;border:1px solid #232428;border-radius:4px;padding:8px;margin:4px 0;font:14px/18px Consolas,"DejaVu Sans Mono",monospace;white-space:pre-wrap;max-width:100%;box-sizing:border-box}
code{background:#1e1f22;border-radius:3px;padding:1px 3px;font:85% Consolas,"DejaVu Sans Mono",monospace}small{color:#949ba4;font-size:12px}a{color:#00a8fc;text-decoration:none}
.p{background:#3c4270;color:#c9cdfb;border-radius:3px;padding:0 2px}.t{background:#404248;border-radius:3px;padding:0 2px}.b{display:inline-block;border-radius:3px;background:#4e5058;color:#fff;font-size:14px;font-weight:500;padding:6px 16px;margin:4px 8px 0 0}
.b1{background:#5865f2}.b4{background:#da373c}img{max-width:100%;border-radius:4px}.file{background:#2b2d31;border:1px solid #232428;border-radius:8px;padding:12px;max-width:400px;color:#00a8fc}
.modal{background:#2b2d31;border-radius:8px;padding:16px;max-width:440px;margin-bottom:20px;box-sizing:border-box}.in{background:#1e1f22;border-radius:4px;padding:8px;min-height:20px;color:#949ba4}.modal h3{margin:0 0 8px}.modal label{display:block;font-weight:600;margin-top:12px}
@media(max-width:600px){.f{grid-template-columns:1fr}}</style><script>if(location.search=="?390"){document.documentElement.style.width="390px"}</script>`

func drawn(out body, files []file) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<div class="m"><div class="who">drey <span class="b1" style="font-size:10px;padding:1px 4px;border-radius:3px">APP</span></div><div>%s</div>`, drawnText(out.Content))
	shown := map[string]bool{}
	for _, e := range out.Embeds {
		color := "#1e1f22"
		if e.Color != 0 {
			color = fmt.Sprintf("#%06x", e.Color)
		}
		fmt.Fprintf(&b, `<div class="e" style="--c:%s"><div>%s</div><div class="f">`, color, drawnText(e.Description))
		for _, f := range e.Fields {
			class := ""
			if !f.Inline {
				class = ` class="w"`
			}
			fmt.Fprintf(&b, "<div%s><b>%s</b>%s</div>", class, drawnText(f.Name), drawnText(f.Value))
		}
		b.WriteString("</div>")
		for _, f := range files {
			if e.Image != nil && e.Image.URL == "attachment://"+f.name {
				shown[f.name] = true
				fmt.Fprintf(&b, `<img src="data:image/png;base64,%s">`, base64.StdEncoding.EncodeToString(f.data))
			}
		}
		b.WriteString("</div>")
	}
	for _, f := range files {
		if !shown[f.name] {
			fmt.Fprintf(&b, `<div class="file">📄 %s</div>`, html.EscapeString(f.name))
		}
	}
	for _, r := range out.Components {
		b.WriteString("<div>")
		for _, x := range r.Components {
			fmt.Fprintf(&b, `<span class="b b%d">%s</span>`, x.Style, html.EscapeString(x.Label))
		}
		b.WriteString("</div>")
	}
	return b.String() + "</div>"
}

func drawnModal(m modal) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<div class="modal"><h3>%s</h3>`, html.EscapeString(m.Title))
	for _, c := range m.Components {
		switch v := c.(type) {
		case modalText:
			fmt.Fprintf(&b, "<div>%s</div>", drawnText(v.Content))
		case modalLabel:
			fmt.Fprintf(&b, "<label>%s</label><small>%s</small>", html.EscapeString(v.Label), html.EscapeString(v.Description))
			if in, ok := v.Component.(modalInput); ok {
				fmt.Fprintf(&b, `<div class="in">%s</div>`, html.EscapeString(in.Value+in.Placeholder))
			} else {
				b.WriteString(`<div class="in">▾</div>`)
			}
		}
	}
	return b.String() + `<span class="b b1">Submit</span></div>`
}

var (
	lookBlock = regexp.MustCompile("(?s)```[a-z]*\n(.*?)\n```\n?")
	lookMark  = regexp.MustCompile("(?s)\\\\(.)|``(.+?)``|`([^`]+)`|\\*\\*(.+?)\\*\\*|\\[((?:\\\\.|[^\\]])+)\\]\\(<([^>]*)>\\)|<t:(\\d+):(\\w)>|<@&?(\\d+)>|<(https?:[^>]*)>|(?m:^-# (.*)$)")
)

// drawnText is drey's own markdown as HTML; it need not know more than that.
func drawnText(s string) string {
	var b strings.Builder
	at := 0
	for _, m := range lookBlock.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(drawnMarks(s[at:m[0]]) + "<pre>" + html.EscapeString(s[m[2]:m[3]]) + "</pre>")
		at = m[1]
	}
	return b.String() + drawnMarks(s[at:])
}

func drawnMarks(s string) string {
	var b strings.Builder
	at := 0
	for _, m := range lookMark.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(strings.ReplaceAll(html.EscapeString(s[at:m[0]]), "\n", "<br>"))
		at = m[1]
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return s[m[2*i]:m[2*i+1]]
		}
		switch {
		case m[2] >= 0:
			b.WriteString(html.EscapeString(group(1)))
		case m[4] >= 0, m[6] >= 0:
			b.WriteString("<code>" + html.EscapeString(group(2)+group(3)) + "</code>")
		case m[8] >= 0:
			b.WriteString("<b>" + drawnMarks(group(4)) + "</b>")
		case m[10] >= 0:
			b.WriteString("<a>" + drawnMarks(group(5)) + "</a>")
		case m[14] >= 0 && group(8) == "R":
			b.WriteString(`<span class="t">3 minutes ago</span>`)
		case m[14] >= 0 && group(8) == "t":
			b.WriteString(`<span class="t">3:03 PM</span>`)
		case m[14] >= 0:
			b.WriteString(`<span class="t">November 21, 2026 3:03 PM</span>`)
		case m[18] >= 0:
			b.WriteString(`<span class="p">@on call</span>`)
		case m[20] >= 0:
			b.WriteString("<a>" + html.EscapeString(group(10)) + "</a>")
		default:
			b.WriteString("<small>" + drawnMarks(group(11)) + "</small>")
		}
	}
	return b.String() + strings.ReplaceAll(html.EscapeString(s[at:]), "\n", "<br>")
}
