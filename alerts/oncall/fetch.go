package oncall

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/storage"
)

const (
	// fetchWithin is how long a calendar's server may take.
	fetchWithin = 20 * time.Second
	// keepCopy is how long a copy is of use to anybody.
	keepCopy = 60 * 24 * time.Hour
	// failedAgain is how soon a calendar that could not be read is tried again, where it is read less often.
	failedAgain = time.Minute
)

// copied is a calendar in the store.
type copied struct {
	At   time.Time `json:"at"`
	Body []byte    `json:"body"`
}

// Keeper reads the calendars of a Book now and then. The zero hooks work.
type Keeper struct {
	DB   *storage.DB
	Log  *slog.Logger
	HTTP *http.Client     // nil: one that follows no redirect to this machine
	Now  func() time.Time // nil: time.Now
}

// Run reads the calendars of b until ctx ends, each at its own pace. While one cannot be read its last good copy counts, from
// before a restart too.
func (k Keeper) Run(ctx context.Context, b *Book) {
	if k.Now == nil {
		k.Now = time.Now
	}
	if k.HTTP == nil {
		k.HTTP = client()
	}
	var wg sync.WaitGroup
	for _, name := range b.Names() {
		if s := b.list[name]; s.rota == nil {
			wg.Go(func() { k.keep(ctx, s) })
		}
	}
	wg.Wait()
}

// Recall takes the copies of the calendars of b that were kept last, and reads none anew: for tools.
func (k Keeper) Recall(ctx context.Context, b *Book) {
	for _, name := range b.Names() {
		if s := b.list[name]; s.rota == nil {
			k.recall(ctx, s)
		}
	}
}

func (k Keeper) copies(s *Schedule) (t storage.Table[copied], id string) {
	sum := sha256.Sum256([]byte(s.address))
	return storage.Table[copied]{DB: k.DB, Name: "oncall-calendars", TTL: keepCopy}, s.Name + "/" + hex.EncodeToString(sum[:8])
}

func (k Keeper) recall(ctx context.Context, s *Schedule) {
	table, id := k.copies(s)
	if c, _, err := table.Get(ctx, id); err == nil {
		if err := s.take(c.Body, c.At); err != nil {
			k.Log.Warn("a calendar's kept copy is of no use", "schedule", s.Name, "err", err)
		}
	}
}

func (k Keeper) keep(ctx context.Context, s *Schedule) {
	table, id := k.copies(s)
	k.recall(ctx, s)
	for {
		pause := s.every
		body, err := k.read(ctx, s)
		if err == nil {
			err = s.take(body, k.Now())
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if s.failed.Load() == nil {
				k.Log.Warn("a calendar cannot be read", "schedule", s.Name, "err", err)
			}
			why := err.Error()
			s.failed.Store(&why)
			pause = min(pause, failedAgain)
		default:
			s.failed.Store(nil)
			tx := k.DB.Begin(s.Name)
			table.Put(tx, id, copied{At: k.Now(), Body: body}, storage.Any)
			if err := k.DB.Commit(ctx, tx); err != nil && ctx.Err() == nil {
				k.Log.Warn("a calendar's copy cannot be kept", "schedule", s.Name, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (s *Schedule) take(body []byte, at time.Time) error {
	c, err := parseCalendar(body, s.zone, s.people)
	if err == nil {
		c.expand(time.Now()) // before anybody waits for it
		s.copy.Store(&kept{c, at})
	}
	return err
}

// read gets the calendar. Its errors name neither the address nor the server: the one bears a token, the other is nobody's
// business in a chat.
func (k Keeper) read(ctx context.Context, s *Schedule) ([]byte, error) {
	raw := string(s.address)
	if filepath.IsAbs(raw) {
		f, err := os.Open(raw)
		if err != nil {
			return nil, plainly("open the calendar's file", err)
		}
		defer f.Close()
		return bounded(f)
	}
	if rest, ok := strings.CutPrefix(raw, "webcal://"); ok {
		raw = "https://" + rest
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, raw, nil)
	if err != nil {
		return nil, errors.New("the calendar's address is not understood")
	}
	req.Header.Set("Accept", "text/calendar, */*;q=0.1")
	resp, err := k.HTTP.Do(req)
	if err != nil {
		return nil, plainly("fetch the calendar", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch the calendar: its server answers %d", resp.StatusCode)
	}
	return bounded(resp.Body)
}

func bounded(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxCalendar+1))
	if err != nil {
		return nil, plainly("read the calendar", err)
	}
	if len(body) > maxCalendar {
		return nil, fmt.Errorf("the calendar is larger than %d MB", maxCalendar>>20)
	}
	return body, nil
}

// plainly says what went wrong without where.
func plainly(what string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return fmt.Errorf("%s: no answer within %s", what, fetchWithin)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: it is not there", what)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: not allowed", what)
	case errors.Is(err, errInside):
		return fmt.Errorf("%s: %w", what, errInside)
	case errors.As(err, &dns):
		return fmt.Errorf("%s: its server's name is not known", what)
	}
	return fmt.Errorf("%s: its server does not answer", what)
}

var errInside = errors.New("its server sends drey on to an address of this machine or without https")

// client follows redirects, but not into this machine, and not from https to http.
func client() *http.Client {
	return &http.Client{Timeout: fetchWithin, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) >= 5 {
			return errors.New("too many redirects")
		}
		if from := via[0].URL; !loopback(from) && (loopback(req.URL) || from.Scheme == "https" && req.URL.Scheme != "https") {
			return errInside
		}
		return nil
	}}
}

func loopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}
