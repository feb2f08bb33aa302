package flinkhttp

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
)

// File is what Upload sends: Size bytes of Body under the given name.
type File struct {
	Name string
	Size int64
	Body io.Reader
}

// Upload sends a file as a form, without ever holding it whole, and decodes the answer into out, which may be nil. Its
// deadline is that of ctx alone. Errors are *Error. It never retries.
func (e *Endpoint) Upload(ctx context.Context, c Call, f File, out any) error {
	req, err := e.request(ctx, c)
	if err != nil {
		return err
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if _, err := w.CreateFormFile("jarfile", f.Name); err != nil {
		return &Error{Status: http.StatusBadRequest, Root: "the file's name cannot be sent", Err: err}
	}
	head := form.Len()
	if err := w.Close(); err != nil {
		return &Error{Root: "the form cannot be written", Err: err}
	}
	before, after := form.Bytes()[:head], form.Bytes()[head:]
	req.Body = io.NopCloser(io.MultiReader(bytes.NewReader(before), io.LimitReader(f.Body, f.Size), bytes.NewReader(after)))
	req.ContentLength = int64(form.Len()) + f.Size
	req.Header.Set("Content-Type", w.FormDataContentType())
	return e.send(ctx, req, out)
}
