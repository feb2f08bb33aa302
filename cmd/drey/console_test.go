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
	"net/url"
	"regexp"
	"strings"
	"time"
)

// console is a person at the web console, over HTTP: what a browser without its scripts could do.
type console struct {
	base, user string
	client     *http.Client
}

// signIn signs a person in with a token, or with one click where token is empty.
func signIn(ctx context.Context, base, user, token string) (*console, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &console{base: base, user: user, client: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	form := url.Values{"user": {user}, "token": {token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/signin", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || strings.Contains(resp.Request.URL.Path, "signin") {
		body, _ := io.ReadAll(resp.Body)
		return nil, fmt.Errorf("sign in as %s: %s: %s", user, resp.Status, textOf(string(body)))
	}
	return c, nil
}

func (c *console) post(ctx context.Context, path string, in map[string]any) error {
	in["id"] = rand.Text()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("X-Drey-User", c.user)
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s: %s", path, resp.Status, answer)
	}
	return nil
}

// say types a line in a channel.
func (c *console) say(ctx context.Context, channel, thread, line string) error {
	return c.post(ctx, "/send", map[string]any{"channel": channel, "thread": thread, "line": line})
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
	tag    = regexp.MustCompile(`(?s)<script.*?</script>|<style.*?</style>|<template.*?</template>|<[^>]*>`)
	blanks = regexp.MustCompile(`[ \t]*\n\s*`)
)

// textOf is what a person reads of HTML.
func textOf(s string) string {
	s = html.UnescapeString(tag.ReplaceAllString(s, "\n"))
	return strings.TrimSpace(blanks.ReplaceAllString(s, "\n"))
}
