package discordbot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// file is one attachment of a message.
type file struct {
	name, mime, alt string
	data            []byte
}

// attachment names a file in the JSON of its message.
type attachment struct {
	ID          string `json:"id"`
	Filename    string `json:"filename,omitempty"`
	Description string `json:"description,omitempty"`
}

// upload is a body with files: JSON and the files it speaks of.
type upload struct {
	body  any
	files []file
}

// encode returns the content type and bytes of a body.
func encode(body any) (kind string, data []byte, err error) {
	if body == nil {
		return "", nil, nil
	}
	u, ok := body.(upload)
	if !ok || len(u.files) == 0 {
		if ok {
			body = u.body
		}
		data, err = json.Marshal(body)
		return "application/json", data, err
	}
	raw, err := json.Marshal(u.body)
	if err != nil {
		return "", nil, err
	}
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	parts := append([]file{{mime: "application/json", data: raw}}, u.files...)
	for i, f := range parts {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", `form-data; name="payload_json"`)
		if i > 0 {
			h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="files[%d]"; filename=%q`, i-1, f.name))
		}
		h.Set("Content-Type", f.mime)
		part, err := w.CreatePart(h)
		if err != nil {
			return "", nil, err
		}
		if _, err := part.Write(f.data); err != nil {
			return "", nil, err
		}
	}
	if err := w.Close(); err != nil {
		return "", nil, err
	}
	return w.FormDataContentType(), buf.Bytes(), nil
}

// fileName is name as Discord keeps it: attachment://NAME must find the file again.
func fileName(name string, taken map[string]bool) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
	name = strings.TrimLeft(name, ".")
	if len(name) > 100 {
		name = name[len(name)-100:]
	}
	if name == "" {
		name = "file"
	}
	for unique, n := name, 2; ; n++ {
		if !taken[unique] {
			taken[unique] = true
			return unique
		}
		stem, ext := name, ""
		if i := strings.LastIndexByte(name, '.'); i > 0 {
			stem, ext = name[:i], name[i:]
		}
		unique = fmt.Sprintf("%s-%d%s", stem, n, ext)
	}
}
