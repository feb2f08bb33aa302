package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/drey-ops/drey/bot/discordbot/discordtest"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
)

// drop NAME CHANNEL FILE LINE…: a person sends a line with a file.
func drop(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: drop NAME CHANNEL FILE LINE…")
	}
	data, err := os.ReadFile(ts.MkAbs(args[2]))
	ts.Check(err)
	ts.Check(who(ts, args[0]).drop(context.Background(), args[1], strings.Join(args[3:], " "), filepath.Base(args[2]), data))
}

func (c *console) drop(ctx context.Context, channel, line, name string, data []byte) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	typed, err := json.Marshal(map[string]any{"id": rand.Text(), "channel": channel, "thread": "", "line": line})
	if err != nil {
		return err
	}
	if err := w.WriteField("gesture", string(typed)); err != nil {
		return err
	}
	p, err := w.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := p.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.send(ctx, "/send", w.FormDataContentType(), &body)
}

// drop speaks to @drey: Slack takes no files with a slash command.
func (p *slackPerson) drop(_ context.Context, channel, line, name string, data []byte) error {
	return p.slack.Mention(p.id, p.slack.Channel(channel), "", strings.TrimPrefix(line, "/"), slacktest.FileUpload{Name: name, Data: data})
}

func (p *discordPerson) drop(_ context.Context, channel, line, name string, data []byte) error {
	return p.discord.LineFiles(p.name, p.discord.Channel(channel), line, map[string]discordtest.FileUpload{"file": {Name: name, Data: data}})
}

// send posts a body as a page of the console would.
func (c *console) send(ctx context.Context, path, kind string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
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
