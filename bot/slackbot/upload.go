package slackbot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// filesHost is where Slack keeps files.
const filesHost = "files.slack.com"

// uploadedFile is a file in a message.
type uploadedFile struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	Mode     string `json:"mode"`
	External bool   `json:"is_external"`
	Private  string `json:"url_private"`
	Download string `json:"url_private_download"`
}

// opener fetches a file.
type opener func(ctx context.Context, address string, size int64) (io.ReadCloser, error)

// uploads are the files that can be fetched. Those that are only linked, or taken away again, are left out.
func (d decoder) uploads(files []uploadedFile) []bot.Upload {
	var out []bot.Upload
	for _, f := range files {
		address := firstOf(f.Download, f.Private)
		if address == "" || f.External || f.Mode == "tombstone" || f.Mode == "hidden_by_limit" || f.Size < 0 {
			continue
		}
		out = append(out, bot.Upload{Name: f.Name, Size: f.Size, Open: func(ctx context.Context) (io.ReadCloser, error) {
			return d.open(ctx, address, f.Size)
		}})
	}
	return out
}

// openUpload fetches a file with the bot's token, which is shown to Slack alone. The reader ends with an error after size
// bytes.
func (b *Bot) openUpload(ctx context.Context, address string, size int64) (io.ReadCloser, error) {
	if !b.keepsFiles(address) {
		return nil, errors.New("open file: its address is not Slack's")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, errors.New("open file: its address is not valid")
	}
	req.Header.Set("Authorization", "Bearer "+string(b.creds.Load().BotToken))
	c := &http.Client{
		Transport: b.client.http.Transport,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 3 || !b.keepsFiles(r.URL.String()) {
				return errors.New("redirected away from Slack")
			}
			return nil
		},
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, fmt.Errorf("open file: %w", withoutAddress(err))
	}
	switch {
	case resp.StatusCode != http.StatusOK:
		resp.Body.Close()
		return nil, fmt.Errorf("open file: status %d", resp.StatusCode)
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"):
		resp.Body.Close() // a page to sign in, with status 200
		return nil, errors.New("open file: Slack did not give it out; the app needs the scope files:read")
	}
	return &cappedFile{body: resp.Body, left: size}, nil
}

// keepsFiles says whether the bot's token may be shown to an address.
func (b *Bot) keepsFiles(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return false
	}
	if u.Scheme == "https" && u.Host == filesHost {
		return true
	}
	api, err := url.Parse(b.o.APIURL)
	return err == nil && u.Host != "" && u.Scheme == api.Scheme && u.Host == api.Host
}

// withoutAddress is an error of http.Client without the address, which may let its reader in.
func withoutAddress(err error) error {
	if at := (*url.Error)(nil); errors.As(err, &at) {
		return at.Err
	}
	return err
}

// cappedFile gives at most as many bytes as were promised.
type cappedFile struct {
	body io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (f *cappedFile) Read(p []byte) (int, error) {
	if f.left < 0 {
		return 0, errFileTooLong
	}
	if int64(len(p)) > f.left+1 {
		p = p[:f.left+1] // one more tells the end from more
	}
	n, err := f.body.Read(p)
	if f.left -= int64(n); f.left < 0 {
		return n - 1, errFileTooLong
	}
	return n, err
}

// Close implements io.Closer.
func (f *cappedFile) Close() error { return f.body.Close() }

var errFileTooLong = errors.New("the file is longer than Slack said")
