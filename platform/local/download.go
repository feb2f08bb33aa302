package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	downloadTries   = 5                // in a row; each goes on where the last one was cut off
	downloadSilence = 60 * time.Second // without a byte: the connection counts as lost
)

// archiveName is the last part of a URL's path.
func archiveName(from string) string {
	u, err := url.Parse(from)
	if err != nil {
		return "archive"
	}
	return path.Base(u.Path)
}

// download fetches a URL into the file to, by way of to.part, which survives an interrupted run and is gone on with. The
// finished file has the given sha256, or there is none. The URL is named in no error: it may hold a password.
func download(ctx context.Context, from, to, sum string, p Progress) error {
	if checkSum(to, sum) == nil {
		return nil
	}
	part := to + ".part"
	var err error
	for try := range downloadTries {
		if try > 0 {
			p.say("  the connection was lost, going on")
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Duration(try) * 300 * time.Millisecond):
			}
		}
		var again bool
		if again, err = downloadRest(ctx, from, part, p); err == nil || !again {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("download of %s: %w", archiveName(from), err)
	}
	if err := checkSum(part, sum); err != nil {
		_ = os.Remove(part) // going on from a wrong start would never end well
		return fmt.Errorf("download of %s is refused: %w", archiveName(from), err)
	}
	return os.Rename(part, to)
}

// downloadRest asks for what part lacks. again says that another try may help.
func downloadRest(ctx context.Context, from, part string, p Progress) (again bool, err error) {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return false, err
	}
	defer f.Close()
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	got, stalled := context.WithCancel(ctx)
	defer stalled()
	watch := time.AfterFunc(downloadSilence, stalled)
	defer watch.Stop()
	req, err := http.NewRequestWithContext(got, http.MethodGet, from, nil)
	if err != nil {
		return false, errors.New("the URL is not valid")
	}
	if have > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(have, 10)+"-")
	}
	client := &http.Client{Transport: transport()}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return true, networkError(ctx)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
		if !strings.HasPrefix(resp.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(have, 10)+"-") {
			return false, errors.New("the server sent another part than asked for")
		}
	case http.StatusOK: // the server knows no ranges: from the start
		if err := f.Truncate(0); err != nil {
			return false, err
		}
		have = 0
	case http.StatusRequestedRangeNotSatisfiable: // all of it is here; the checksum decides
		return false, nil
	default:
		return resp.StatusCode >= 500, fmt.Errorf("the server answered %d", resp.StatusCode)
	}
	w := &meter{n: have, total: total(have, resp.ContentLength), p: p, last: time.Now(), watch: watch}
	if _, err := io.Copy(f, io.TeeReader(resp.Body, w)); err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) { // the disk, not the network
			return false, err
		}
		return true, networkError(ctx)
	}
	return false, nil
}

func total(have, rest int64) int64 {
	if rest < 0 {
		return 0
	}
	return have + rest
}

func networkError(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errNoNetwork
}

// transport gives up on a silent server, but not on a slow one.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		ForceAttemptHTTP2:     true,
	}
}

// meter reports progress about once a second, and keeps the watch from going off while bytes come.
type meter struct {
	n, total int64
	p        Progress
	last     time.Time
	watch    *time.Timer
}

func (m *meter) Write(b []byte) (int, error) {
	m.n += int64(len(b))
	m.watch.Reset(downloadSilence)
	if now := time.Now(); now.Sub(m.last) >= time.Second {
		m.last = now
		sayBytes(m.p, m.n, m.total)
	}
	return len(b), nil
}
