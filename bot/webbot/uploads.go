package webbot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/drey-ops/drey/bot"
)

const (
	fileMax    = 512 << 20 // of the files of one gesture together, unless Options say otherwise
	filesMax   = 8         // files of one gesture
	heldTimes  = 4         // the files of all gestures under way together, in times of the most that one may have
	uploadKeep = 15 * time.Minute
	nameMax    = 120
)

var (
	errTooLarge = errors.New("more than one gesture may bring")
	errFull     = errors.New("too many files are held")
)

// uploads keeps the files that came with gestures, each in a temporary file, until the gesture was answered, or for 15
// minutes where it never is.
type uploads struct {
	max int64 // bytes of one gesture
	now func() time.Time

	mu   sync.Mutex
	held int64                // bytes of all of them
	of   map[string]*delivery // by the id of the gesture's record
}

// delivery is the files of one gesture.
type delivery struct {
	all   *uploads
	at    time.Time
	size  int64
	files []*keptFile
}

// keptFile is one file.
type keptFile struct {
	name string
	size int64
	f    *os.File
	path string // what is still to be removed; empty where that was possible while the file is open
}

func newUploads(most int64, now func() time.Time) *uploads {
	return &uploads{max: most, now: now, of: map[string]*delivery{}}
}

func (u *uploads) begin() *delivery { return &delivery{all: u, at: u.now()} }

// add reads one file to its end. What was read when it fails goes away with discard.
func (d *delivery) add(name string, r io.Reader) error {
	f, err := os.CreateTemp("", "drey-upload-")
	if err != nil {
		return fmt.Errorf("keep a file that was sent: %w", err)
	}
	k := &keptFile{name: cleanName(name), f: f, path: f.Name()}
	if os.Remove(k.path) == nil { // open without a name: it cannot outlive this process
		k.path = ""
	}
	d.files = append(d.files, k)
	if k.size, err = io.Copy(&metered{d, f}, r); err != nil {
		return fmt.Errorf("keep a file that was sent: %w", err)
	}
	return nil
}

// metered counts what is written before it is.
type metered struct {
	d *delivery
	w io.Writer
}

// Write implements io.Writer.
func (m *metered) Write(p []byte) (int, error) {
	n, u := int64(len(p)), m.d.all
	if m.d.size+n > u.max {
		return 0, errTooLarge
	}
	u.mu.Lock()
	full := u.held+n > heldTimes*u.max
	if !full {
		u.held += n
		m.d.size += n
	}
	u.mu.Unlock()
	if full {
		return 0, errFull
	}
	return m.w.Write(p)
}

// keep holds the files for the gesture with that record. Those that a retry of it brings are not kept again; the first
// stay, and fresh is false.
func (u *uploads) keep(id string, d *delivery) (files []bot.Upload, fresh bool) {
	u.mu.Lock()
	had := u.of[id]
	if had == nil {
		u.of[id] = d
	}
	u.mu.Unlock()
	if had != nil {
		d.discard()
		d = had
	}
	for _, k := range d.files {
		files = append(files, bot.Upload{Name: k.name, Size: k.size, Open: k.open})
	}
	return files, had == nil
}

// open reads the file from its beginning. It may be called again, and fails once the gesture was answered.
func (k *keptFile) open(context.Context) (io.ReadCloser, error) {
	if _, err := k.f.Stat(); err != nil {
		return nil, fmt.Errorf("open %s: it is no longer kept", k.name)
	}
	return io.NopCloser(io.NewSectionReader(k.f, 0, k.size)), nil
}

// release lets the files of an answered gesture go.
func (u *uploads) release(id string) {
	u.mu.Lock()
	d := u.of[id]
	delete(u.of, id)
	u.mu.Unlock()
	if d != nil {
		d.discard()
	}
}

// expire lets go what was held for too long.
func (u *uploads) expire() {
	now := u.now()
	var old []*delivery
	u.mu.Lock()
	for id, d := range u.of {
		if now.Sub(d.at) > uploadKeep {
			old = append(old, d)
			delete(u.of, id)
		}
	}
	u.mu.Unlock()
	for _, d := range old {
		d.discard()
	}
}

// discard closes and removes the files; whoever still reads one gets an error.
func (d *delivery) discard() {
	for _, k := range d.files {
		k.f.Close()
		if k.path != "" {
			os.Remove(k.path)
		}
	}
	d.all.mu.Lock()
	d.all.held -= d.size
	d.size = 0
	d.all.mu.Unlock()
}

// cleanName is the last part of a file's name, without what could make it look like another one.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), "\\", "/"))
	name = strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return -1
		}
		return c
	}, name))
	if rs := []rune(name); len(rs) > nameMax { // the ending says what it is
		name = string(rs[:nameMax/2]) + "…" + string(rs[len(rs)-nameMax/2:])
	}
	if name == "" || name == "." || name == "/" {
		return "file"
	}
	return name
}
