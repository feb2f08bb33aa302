package webbot

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const pageWait = 20 * time.Second

func findBrowser(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("CHROME_PATH"); p != "" {
		return p
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	if os.Getenv("DREY_TEST_SHORT") != "" {
		t.Skip("no Chromium, and DREY_TEST_SHORT is set")
	}
	t.Fatal("no Chromium on PATH: install it (apt-get install chromium, or brew install chromium), or point CHROME_PATH at one; DREY_TEST_SHORT=1 skips")
	return ""
}

// browser is one Chromium for a test; each tab has cookies of its own.
type browser struct {
	t   testing.TB
	ctx context.Context
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	o := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(findBrowser(t)), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.Headless,
		chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("hide-scrollbars", true),
		chromedp.WSURLReadTimeout(60 * time.Second),
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), o...)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal("start Chromium:", err)
	}
	return &browser{t, ctx}
}

// tab is one page with a watch on everything that must not happen.
type tab struct {
	t   testing.TB
	ctx context.Context
	url string

	mu     sync.Mutex
	wrong  []string
	excuse []string
}

func (b *browser) tab(url string) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	tb := &tab{t: b.t, ctx: ctx, url: url}
	b.t.Cleanup(func() {
		tb.mu.Lock()
		for _, w := range tb.wrong {
			b.t.Error("page:", w)
		}
		tb.mu.Unlock()
		cancel()
	})
	if err := chromedp.Listen(ctx, tb.watch); err != nil {
		b.t.Fatal("open a tab:", err)
	}
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{log.Enable, runtime.Enable} {
		if _, err := chromedp.Call(ctx, enable, cdp.Empty{}); err != nil {
			b.t.Fatal(err)
		}
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		b.t.Fatal(err)
	}
	tb.desktop()
	return tb
}

func (tb *tab) watch(ev any) {
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		tb.note("exception: " + e.ExceptionDetails.Text + " " + e.ExceptionDetails.Exception.Description)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			raw, _ := json.Marshal(e.Args)
			tb.note("console: " + string(raw))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			tb.note("log: " + e.Entry.Text + " " + e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, tb.url) && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "about:") {
			tb.note("request to another origin: " + u)
		}
	}
}

func (tb *tab) note(s string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, x := range tb.excuse {
		if strings.Contains(s, x) {
			return
		}
	}
	tb.wrong = append(tb.wrong, s)
}

// expect says what may stand in the console from here on.
func (tb *tab) expect(parts ...string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.excuse = append(tb.excuse, parts...)
}

func (tb *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, pageWait)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		tb.fail(err)
	}
}

func (tb *tab) fail(err error) {
	tb.t.Helper()
	tb.shot("failure-" + strings.ReplaceAll(tb.t.Name(), "/", "-"))
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.t.Fatalf("%v; wrong so far: %v", err, tb.wrong)
}

// eval evaluates an expression, or the promise that it is.
func eval[T any](tb *tab, expr string) T {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, pageWait)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expr, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.fail(fmt.Errorf("%s: %w", expr, err))
	}
	return v
}

// run evaluates an expression for what it does.
func (tb *tab) run(expr string) { tb.t.Helper(); eval[bool](tb, "("+expr+", true)") }

// until waits for an expression to be true.
func (tb *tab) until(expr string) {
	tb.t.Helper()
	deadline := time.Now().Add(pageWait)
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(tb.ctx, 5*time.Second)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expr+")"))
		cancel()
		if err == nil && ok {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	tb.fail(fmt.Errorf("never true: %s", expr))
}

func (tb *tab) has(selector, text string) {
	tb.t.Helper()
	tb.until(fmt.Sprintf("[...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))", selector, text))
}

func (tb *tab) no(selector, text string) {
	tb.t.Helper()
	tb.until(fmt.Sprintf("![...document.querySelectorAll(%q)].some((e) => e.textContent.includes(%q))", selector, text))
}

func (tb *tab) desktop() { tb.do(chromedp.EmulateViewport(1280, 800)) }

func (tb *tab) phone() {
	tb.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulatePortrait, chromedp.EmulateTouch))
}

func (tb *tab) scheme(name string) {
	tb.t.Helper()
	_, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		tb.fail(err)
	}
}

func (tb *tab) open(path string) {
	tb.t.Helper()
	tb.do(chromedp.Navigate(tb.url + path))
}

// signIn presses the person's button and waits for the stream.
func (tb *tab) signIn(user, path string) {
	tb.t.Helper()
	tb.open(path)
	tb.do(chromedp.Click(chromedp.CSS(`[data-signin="` + user + `"]`)))
	tb.live()
}

func (tb *tab) live() {
	tb.t.Helper()
	tb.until(`document.documentElement.dataset.ready && document.querySelector("#conn")?.dataset.state === "live"`)
}

// keys types text.
func (tb *tab) keys(text string) { tb.t.Helper(); tb.do(chromedp.KeyEvent(text)) }

// key presses one key as a keyboard does, with what it types in the same event: so that a page which takes the key for
// itself keeps it from typing.
func (tb *tab) key(name string, modifiers ...kb.Modifier) {
	tb.t.Helper()
	codes := map[string]int64{"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "Backspace": 8}
	down := input.DispatchKeyEventParams{Type: kb.KeyDown, Key: name, Code: name, WindowsVirtualKeyCode: codes[name]}
	for _, m := range modifiers {
		down.Modifiers |= int64(m)
	}
	if name == "Enter" {
		down.Text = "\r"
	}
	up := down
	up.Type, up.Text = kb.KeyUp, ""
	for _, p := range []input.DispatchKeyEventParams{down, up} {
		if _, err := chromedp.Call(tb.ctx, input.DispatchKeyEvent, p); err != nil {
			tb.fail(err)
		}
	}
}

func (tb *tab) line(text string) {
	tb.t.Helper()
	tb.do(chromedp.Focus(chromedp.CSS("#line")))
	tb.keys(text)
	tb.key("Escape")
	tb.key("Enter")
}

func (tb *tab) click(selector string) {
	tb.t.Helper()
	tb.do(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// shot saves a picture for people to look at.
func (tb *tab) shot(name string) {
	dir := os.Getenv("DREY_ARTIFACTS")
	if dir == "" {
		dir = tb.t.TempDir()
	}
	ctx, cancel := context.WithTimeout(tb.ctx, pageWait)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
	}
	if err != nil {
		tb.t.Log("no picture:", err)
	}
}
