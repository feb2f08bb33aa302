package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// console is a person at the web console, over HTTP: what a browser without its scripts could do.
type console struct {
	base, user string
	client     *http.Client
}

// webChat is the web console: drey itself is the chat service.
type webChat struct{}

func (webChat) section() string { return "" }

func (webChat) env() map[string]string {
	return map[string]string{"OPS": "web:ops", "ONCALL": "web:oncall", "ANALYTICS": "web:analytics", "GONE": "gone"}
}

func (webChat) join(ctx context.Context, ts *testscript.TestScript, name string) (person, error) {
	return signIn(ctx, of(ts).base(), name, ts.Getenv("TOKEN_"+strings.ToUpper(name)))
}

func (webChat) here() error { return nil }

func (webChat) end(bool) []string { return nil }

// signIn signs a person in with a token, or with one click where token is empty.
func signIn(ctx context.Context, base, user, token string) (*console, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &console{base: base, user: user, client: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	c.user = "-" // nobody, until signed in
	if err := c.post(ctx, "/signin", map[string]any{"user": user, "token": token}); err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", user, err)
	}
	c.user = user
	return c, nil
}

func (c *console) post(ctx context.Context, path string, in map[string]any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.send(ctx, path, "application/json", bytes.NewReader(body))
}

// say types a line in a channel.
func (c *console) say(ctx context.Context, channel, line string) error {
	return c.post(ctx, "/send", map[string]any{"id": rand.Text(), "channel": channel, "thread": "", "line": line})
}

// page is the HTML of a channel, or of a thread in it.
func (c *console) page(ctx context.Context, channel, thread string) (string, error) {
	path := "/c/" + channel
	if thread != "" {
		path += "/t/" + thread
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(b), err
}

var (
	article = regexp.MustCompile(`(?s)<article .*?</article>`)
	tag     = regexp.MustCompile(`(?s)<script.*?</script>|<style.*?</style>|<template.*?</template>|<[^>]*>`)
	blanks  = regexp.MustCompile(`\s+`)
	pressed = regexp.MustCompile(`(?s)<button [^>]*data-button="([^"]+)"[^>]*>(.*?)</button>`)
	formID  = regexp.MustCompile(`data-form-id="([^"]+)"`)
	dataID  = regexp.MustCompile(`data-id="([^"]+)"`)
)

// textOf is what a person reads of HTML, on one line: after a bold word there is no blank before the colon or comma.
func textOf(s string) string {
	s = oneLine(html.UnescapeString(tag.ReplaceAllString(s, " ")))
	return strings.NewReplacer(" : ", ": ", " ; ", "; ", " , ", ", ").Replace(s)
}

// messages are those of a channel or a thread that the person sees, the oldest first, as HTML.
func (c *console) messages(ctx context.Context, channel, thread string) ([]string, error) {
	page, err := c.page(ctx, channel, thread)
	return article.FindAllString(page, -1), err
}

func (c *console) read(ctx context.Context, channel, thread string) ([]heard, error) {
	ms, err := c.messages(ctx, channel, thread)
	out := make([]heard, 0, len(ms))
	for _, m := range ms {
		id := ""
		if found := dataID.FindStringSubmatch(m); found != nil {
			id = found[1]
		}
		out = append(out, heard{id, textOf(m), strings.Contains(m, `class="replies"`)})
	}
	return out, err
}

func (c *console) press(ctx context.Context, b button) error {
	err := c.post(ctx, "/press", map[string]any{"id": rand.Text(), "channel": b.channel, "thread": "", "message": b.message, "button": b.id})
	if err != nil && strings.Contains(err.Error(), "410 Gone") {
		return &errGone{err.Error()}
	}
	return err
}

func (c *console) hold(b button) (func() error, error) {
	return func() error { return c.press(context.Background(), b) }, nil
}

func (c *console) find(ctx context.Context, channel, thread, label string) (button, error) {
	ms, err := c.messages(ctx, channel, thread)
	if err != nil {
		return button{}, err
	}
	for _, m := range slices.Backward(ms) {
		for _, b := range pressed.FindAllStringSubmatch(m, -1) {
			if labelled(textOf(b[2]), label) {
				return button{channel, thread, dataID.FindStringSubmatch(m)[1], b[1]}, nil
			}
		}
	}
	return button{}, fmt.Errorf("no button %q for %s in #%s", label, c.user, channel)
}

// forms are the messages among which the newest form is: those of the channel, or where it has none those of a thread in it.
func (c *console) forms(ctx context.Context, channel string) (ms []string, err error) {
	all, err := c.messages(ctx, channel, "")
	if err != nil || slices.ContainsFunc(all, formID.MatchString) {
		return all, err
	}
	for _, m := range slices.Backward(all) {
		if found := dataID.FindStringSubmatch(m); found != nil && strings.Contains(m, `class="replies"`) {
			if ms, err = c.messages(ctx, channel, found[1]); err != nil || slices.ContainsFunc(ms, formID.MatchString) {
				return ms, err
			}
		}
	}
	return nil, nil
}

// fill submits the newest form.
func (c *console) fill(ctx context.Context, channel string, values map[string]string) error {
	ms, err := c.forms(ctx, channel)
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(ms) {
		if f := formID.FindStringSubmatch(m); f != nil {
			for k, v := range filled(m) {
				if _, typed := values[k]; !typed {
					values[k] = v
				}
			}
			return c.post(ctx, "/submit", map[string]any{"id": rand.Text(), "channel": channel, "message": dataID.FindStringSubmatch(m)[1], "form": f[1], "values": values})
		}
	}
	return fmt.Errorf("no form for %s in #%s", c.user, channel)
}

var field = regexp.MustCompile(`(?s)<(?:input|textarea)[^>]* name="([^"]+)"(?:[^>]* value="([^"]*)")?[^>]*>`)

// filled are the values that stand in a form as it opens.
func filled(message string) map[string]string {
	out := map[string]string{}
	for _, f := range field.FindAllStringSubmatch(message, -1) {
		out[f[1]] = html.UnescapeString(f[2])
	}
	return out
}

// form is the text of the newest form, its mistakes included.
func (c *console) form(ctx context.Context, channel string) (string, error) {
	ms, err := c.forms(ctx, channel)
	for _, m := range slices.Backward(ms) {
		if formID.MatchString(m) {
			return textOf(strings.ReplaceAll(m, "template", "div")), nil
		}
	}
	return "", err
}
