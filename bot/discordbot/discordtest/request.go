package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strings"
)

// request is one call of the REST API.
type request struct {
	*http.Request
	d       *Discord
	route   string // its pattern
	raw     json.RawMessage
	body    object // nil where the body is no object
	value   any
	uploads map[string]upload // by the n of files[n]
	care    []string          // offences that Discord lets pass
}

type upload struct {
	name, mime string
	data       []byte
}

const (
	bodyMax = 1 << 20
	fileMax = 10 << 20
)

// read takes the body in: JSON, or a form of several parts of which one holds the JSON.
func (q *request) read() error {
	defer q.Body.Close()
	kind, params, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if kind == "multipart/form-data" {
		return q.readParts(multipart.NewReader(q.Body, params["boundary"]))
	}
	raw, readErr := io.ReadAll(io.LimitReader(q.Body, bodyMax+1))
	switch {
	case readErr != nil:
		return fmt.Errorf("read a body: %w", readErr)
	case len(raw) == 0:
		return nil
	case err != nil || kind != "application/json":
		return &refusal{status: http.StatusBadRequest, code: 50035, message: "Invalid Form Body", offence: true,
			problems: []problem{wrong(nil, "CONTENT_TYPE_INVALID", `Expected "Content-Type" header to be one of {'application/json', 'multipart/form-data'}.`)}}
	case len(raw) > bodyMax:
		return &refusal{status: http.StatusRequestEntityTooLarge, code: 40005, message: "Request entity too large", offence: true}
	}
	return q.decode(raw)
}

func (q *request) decode(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&q.value); err != nil {
		return &refusal{status: http.StatusBadRequest, code: 50109, message: "The request body contains invalid JSON.", offence: true}
	}
	q.raw = raw
	q.body, _ = q.value.(object)
	return nil
}

func (q *request) readParts(r *multipart.Reader) error {
	q.uploads = map[string]upload{}
	total := 0
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a form of several parts: %w", err)
		}
		data, err := io.ReadAll(io.LimitReader(p, fileMax*3))
		if err != nil {
			return fmt.Errorf("read the part %s: %w", p.FormName(), err)
		}
		name := p.FormName()
		switch n, ok := strings.CutPrefix(name, "files["); {
		case name == "payload_json":
			if err := q.decode(data); err != nil {
				return err
			}
		case ok && p.FileName() != "":
			q.uploads[strings.TrimSuffix(n, "]")] = upload{path.Base(p.FileName()), p.Header.Get("Content-Type"), data}
		default:
			return badForm([]problem{wrong([]string{name}, "BASE_TYPE_BAD", "Unknown part of a form; files are named files[n].")})
		}
		if total += len(data); len(data) > fileMax || total > 25<<20 {
			return &refusal{status: http.StatusRequestEntityTooLarge, code: 40005, message: "Request entity too large", offence: true}
		}
	}
}

// names are those of the uploaded files.
func (q *request) names() []string {
	var out []string
	for _, u := range q.uploads {
		out = append(out, u.name)
	}
	return out
}

// judged holds the body against a schema; the body must be an object.
func (q *request) judged(schema string) error {
	if q.body == nil {
		q.body, q.value = object{}, object{}
	}
	if err := q.d.judged(schema, q.value); err != nil {
		return err
	}
	for _, key := range q.d.judge.strangers(schema, q.value) {
		q.care = append(q.care, "the key "+key+" means nothing to Discord")
	}
	return nil
}

func (d *Discord) judged(schema string, v any) error {
	ps, err := d.judge.check(schema, v)
	if err != nil {
		return err
	}
	return badForm(ps)
}
