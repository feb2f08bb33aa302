package webbot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
)

// hasFiles says that a line comes with files, in several parts.
func hasFiles(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data")
}

// sendFiles takes a line with files: the part "gesture" holds what /send takes alone, each part "file" a file. They are
// read while they come, so a wrong line is refused before the first of them.
func (b *Bot) sendFiles(w http.ResponseWriter, r *http.Request, u User) {
	rc := http.NewResponseController(w)
	defer rc.SetReadDeadline(time.Time{})
	// A large file takes its time, as long as something comes.
	r.Body = &patient{http.MaxBytesReader(w, r.Body, b.uploads.max+bodyLarge), rc}
	parts, err := r.MultipartReader()
	if err != nil {
		fail(w, http.StatusBadRequest, "The request cannot be read.")
		return
	}
	var in sendBody
	if !firstPart(parts, &in) {
		fail(w, http.StatusBadRequest, "The request cannot be read.")
		return
	}
	g, ok := b.typed(w, r, u, in)
	if !ok {
		return
	}
	if !isCommand(g.event.Call.Line) {
		fail(w, http.StatusBadRequest, "Files go with a command, such as /flink run.")
		return
	}
	files := b.uploads.begin()
	if err := takeFiles(parts, files); err != nil {
		files.discard()
		b.failFiles(w, r, err)
		return
	}
	first := record{Line: b.o.Redact(g.event.Call.Line)}
	for _, k := range files.files {
		first.Sent = append(first.Sent, sentFile{b.o.Redact(k.name), k.size})
	}
	var fresh bool
	g.event.Files, fresh = b.uploads.keep(g.event.Token, files)
	if !b.accept(w, r, g, first, true) && fresh {
		b.uploads.release(g.event.Token)
	}
}

// firstPart decodes what was typed.
func firstPart(parts *multipart.Reader, in *sendBody) bool {
	p, err := parts.NextPart()
	if err != nil || p.FormName() != "gesture" {
		return false
	}
	d := json.NewDecoder(io.LimitReader(p, bodyLarge))
	d.DisallowUnknownFields()
	return d.Decode(in) == nil
}

func takeFiles(parts *multipart.Reader, files *delivery) error {
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what was sent: %w", err)
		}
		if p.FormName() != "file" || len(files.files) == filesMax {
			return errParts
		}
		if err := files.add(p.FileName(), p); err != nil {
			return err
		}
	}
}

var errParts = errors.New("parts that nobody sends")

// failFiles says why files were not taken.
func (b *Bot) failFiles(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	switch {
	case r.Context().Err() != nil:
	case errors.Is(err, errTooLarge) || errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("That is too large: %s is the most that can be sent at once.", size(b.uploads.max)))
	case errors.Is(err, errParts):
		fail(w, http.StatusBadRequest, fmt.Sprintf("At most %d files can be sent at once.", filesMax))
	case errors.Is(err, errFull):
		w.Header().Set("Retry-After", "60")
		fail(w, http.StatusInsufficientStorage, "drey holds too many files just now. Nothing was done; try again in a minute.")
	default:
		b.log.Warn("console could not keep a file that was sent", "network", Network, "err", err)
		fail(w, http.StatusInternalServerError, "The file did not arrive whole, or drey could not keep it. Nothing was done; drey's log says more.")
	}
}

// patient gives every read a deadline of its own.
type patient struct {
	io.ReadCloser
	rc *http.ResponseController
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	p.rc.SetReadDeadline(time.Now().Add(bodyWait)) // where the server cannot, it has timeouts of its own
	return p.ReadCloser.Read(b)
}
