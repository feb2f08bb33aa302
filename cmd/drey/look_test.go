package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// look takes pictures of the running console as a person sees it, on a desk and on a phone, into DREY_ARTIFACTS. It fails
// when a page is wider than its window. thread is the id of one in #oncall.
func look(t *testing.T, base, thread string) {
	t.Helper()
	dir := os.Getenv("DREY_ARTIFACTS")
	if dir == "" {
		dir = t.TempDir()
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute),
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("look at the console: %v", err)
		}
	}
	check(chromedp.Do(ctx, chromedp.Navigate(base+"/signin"), chromedp.Click(chromedp.CSS(`[data-signin="vera"]`)), chromedp.WaitVisible(chromedp.CSS("#line"))))
	for _, s := range []struct {
		name, path string
		w, h       int64
	}{
		{"demo-thread", "/c/oncall/t/" + thread, 1440, 900}, {"demo-thread-phone", "/c/oncall/t/" + thread, 390, 844},
		{"demo-oncall", "/c/oncall", 1280, 860}, {"demo-ops", "/c/ops", 1280, 860},
		{"demo-oncall-phone", "/c/oncall", 390, 844}, {"demo-ops-phone", "/c/ops", 390, 844},
	} {
		check(chromedp.Do(ctx, chromedp.EmulateViewport(s.w, s.h), chromedp.Navigate(base+s.path), chromedp.WaitVisible(chromedp.CSS("article")), chromedp.Sleep(time.Second)))
		wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
		check(err)
		if wide {
			t.Errorf("%s is wider than its window", s.name)
		}
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		check(err)
		check(os.WriteFile(filepath.Join(dir, s.name+".png"), png, 0o600))
	}
}
