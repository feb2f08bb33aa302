package discordbot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/drey-ops/drey/bot"
)

const (
	uploadTimeout = 30 * time.Second // until the first byte; the reading ends with the event's context
	uploadMax     = 25 << 20         // bytes; larger ones are refused before they are fetched
)

// uploads are files as they come with an event. Their addresses are the network's word, so only Discord's own hosts are
// asked.
func (b *Bot) uploads(as []attachmentIn) []bot.Upload {
	var out []bot.Upload
	for _, a := range as {
		out = append(out, bot.Upload{Name: a.Filename, Size: a.Size, Open: func(ctx context.Context) (io.ReadCloser, error) {
			rc, err := b.fetch(ctx, a)
			if err != nil {
				return nil, fmt.Errorf("fetch file %q: %w", a.Filename, err)
			}
			return rc, nil
		}})
	}
	return out
}

func (b *Bot) fetch(ctx context.Context, a attachmentIn) (io.ReadCloser, error) {
	if a.Size < 0 || a.Size > uploadMax {
		return nil, fmt.Errorf("it has %d bytes; at most %d are taken", a.Size, uploadMax)
	}
	u, err := url.Parse(a.URL)
	if err != nil || !b.isFileHost(u) {
		return nil, errors.New("it is not kept by Discord")
	}
	ctx, cancel := context.WithCancel(ctx)
	// The transport's own deadline covers the answer's head; cancel covers the rest.
	head := time.AfterFunc(uploadTimeout, cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		cancel()
		return nil, errors.New("its address cannot be read")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	head.Stop()
	if err != nil {
		cancel()
		return nil, withoutURL(err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		cancel()
		return nil, fmt.Errorf("Discord answered with status %d", resp.StatusCode)
	}
	return &bounded{body: resp.Body, left: a.Size, cancel: cancel}, nil
}

// isFileHost says whether u is where Discord keeps files; with an API of one's own that host counts too.
func (b *Bot) isFileHost(u *url.URL) bool {
	if u.Scheme == "https" && slices.Contains([]string{"cdn.discordapp.com", "media.discordapp.net"}, u.Host) {
		return true
	}
	api, err := url.Parse(b.o.APIURL)
	return err == nil && u.Scheme == api.Scheme && u.Host == api.Host
}

// withoutURL drops the address from an error: it carries the right to fetch the file.
func withoutURL(err error) error {
	if ue := new(url.Error); errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// bounded reads at most left bytes; more is an error, for the network said otherwise.
type bounded struct {
	body   io.ReadCloser
	left   int64
	cancel context.CancelFunc
}

var errLonger = errors.New("the file is longer than Discord said")

// Read implements io.Reader.
func (l *bounded) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, errLonger
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.body.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n - 1, errLonger
	}
	return n, err
}

// Close implements io.Closer.
func (l *bounded) Close() error {
	l.cancel()
	return l.body.Close()
}
