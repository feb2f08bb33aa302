package slacktest

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FileUpload is a file that a person sends along.
type FileUpload struct {
	Name string
	Data []byte
}

type file struct {
	id, name, title, alt string
	user                 string
	want                 int // the length that was announced
	data                 []byte
	uploaded, done       bool // done: completed, so that messages may show it
	in                   *channel
}

func (f *file) mime() string {
	if t := mime.TypeByExtension(path.Ext(f.name)); t != "" {
		kind, _, _ := strings.Cut(t, ";")
		return kind
	}
	return "application/octet-stream"
}

func (s *Slack) fileJSON(f *file) object {
	link := s.base + "/files/" + f.id + "/" + f.name
	in := object{"channel": []any{}, "group": []any{}, "im": []any{}}
	if f.in != nil {
		in[f.in.kindOfShare()] = []any{f.in.id}
	}
	return object{
		"channels": in["channel"], "groups": in["group"], "ims": in["im"],
		"id": f.id, "created": s.o.Now().Unix(), "timestamp": s.o.Now().Unix(), "name": f.name, "title": f.title, "mimetype": f.mime(),
		"filetype": strings.TrimPrefix(path.Ext(f.name), "."), "pretty_type": "File", "user": f.user, "user_team": teamID, "editable": false, "size": len(f.data),
		"mode": "hosted", "is_external": false, "external_type": "", "is_public": true, "public_url_shared": false, "display_as_bot": false, "username": "",
		"url_private": link, "url_private_download": link, "permalink": "https://team.slack.example/files/" + f.id, "file_access": "visible", "has_rich_preview": false,
	}
}

func (s *Slack) uploadURL(p params) (object, *refusal) {
	n, err := strconv.Atoi(p.text("length"))
	if err != nil || n < 1 || p.text("filename") == "" {
		return nil, wrong("invalid_arguments", "filename or length is missing")
	}
	f := &file{id: s.id("F"), name: p.text("filename"), alt: p.text("alt_txt"), want: n, user: botUser}
	s.files[f.id] = f
	return object{"upload_url": s.base + "/upload/" + f.id, "file_id": f.id}, nil
}

// serveUpload takes the bytes, as a form or bare.
func (s *Slack) serveUpload(w http.ResponseWriter, r *http.Request) {
	f := s.fault("upload")
	if !s.pause(r, f) {
		return
	}
	if f != nil && f.Status != 0 {
		http.Error(w, http.StatusText(f.Status), f.Status)
		return
	}
	src := io.Reader(r.Body)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		part, _, err := r.FormFile("file")
		if err != nil {
			s.violate("upload: %v", err)
			http.Error(w, "no file", http.StatusBadRequest)
			return
		}
		defer part.Close()
		src = part
	}
	data, err := io.ReadAll(io.LimitReader(src, bodyMax))
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	up := s.files[r.PathValue("id")]
	if up == nil || up.uploaded {
		http.Error(w, "no such upload", http.StatusNotFound)
		return
	}
	if len(data) != up.want {
		s.violateLocked("upload of %s: %d bytes were announced, %d came", up.name, up.want, len(data))
	}
	up.data, up.uploaded = data, true
	fmt.Fprintf(w, "OK - %d", len(data))
}

func (s *Slack) completeUpload(p params) (object, *refusal) {
	items, ok := p.items("files")
	if !ok || len(items) == 0 {
		return nil, wrong("invalid_arguments", "files is missing")
	}
	var all []*file
	for _, item := range items {
		f := s.files[text(item, "id")]
		if f == nil || !f.uploaded {
			return nil, wrong("file_not_found", "nothing was uploaded for "+text(item, "id"))
		}
		f.title = text(item, "title")
		if f.title == "" {
			f.title = f.name
		}
		all = append(all, f)
	}
	if id := p.text("channel_id"); id != "" {
		if bad := s.share(id, p, all); bad != nil {
			return nil, bad
		}
	}
	out := []any{}
	for _, f := range all {
		f.done = true
		out = append(out, object{"id": f.id, "title": f.title})
	}
	return object{"files": out}, nil
}

// share posts files into a channel, as one message.
func (s *Slack) share(id string, p params, all []*file) *refusal {
	c, bad := s.postable(id)
	if bad != nil {
		return bad
	}
	if c.NotIn {
		return refuse("not_in_channel")
	}
	blocks, ok := p.items("blocks")
	if !ok {
		return wrong("invalid_blocks")
	}
	m := &message{user: botUser, text: p.text("initial_comment"), blocks: blocks, files: all}
	if bad := s.judge.message(s, m); bad != nil {
		return bad
	}
	if utf8.RuneCountInString(m.text) > updateMax {
		return wrong("msg_too_long")
	}
	if thread := p.text("thread_ts"); thread != "" {
		root := c.find(thread)
		if root == nil {
			return refuse("thread_not_found")
		}
		root.thread, m.thread = root.ts, root.ts
	}
	m.ts = s.ts()
	c.messages = append(c.messages, m)
	for _, f := range all {
		f.in = c
	}
	return nil
}

// kindOfShare is what files.info counts a channel as.
func (c *channel) kindOfShare() string {
	switch c.kind() {
	case "im":
		return "im"
	case "public_channel":
		return "channel"
	}
	return "group"
}

func (s *Slack) filesInfo(p params) (object, *refusal) {
	f := s.files[p.text("file")]
	if f == nil || !f.done {
		return nil, refuse("file_not_found")
	}
	return object{"file": s.fileJSON(f), "comments": []any{}, "response_metadata": object{"next_cursor": ""}}, nil
}

func (s *Slack) filesDelete(p params) (object, *refusal) {
	if s.files[p.text("file")] == nil {
		return nil, refuse("file_not_found")
	}
	delete(s.files, p.text("file"))
	return nil, nil
}

// serveFile is url_private: only who holds the bot token gets the bytes, everybody else a page to sign in.
func (s *Slack) serveFile(w http.ResponseWriter, r *http.Request) {
	token := s.BotToken()
	s.mu.Lock()
	f := s.files[r.PathValue("id")]
	may := s.granted("files:read")
	s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+token || !may:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!DOCTYPE html><html><title>Sign in | Slack</title></html>")
	case f == nil:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", f.mime())
		w.Write(f.data)
	}
}

// bring makes files of what a person sends along.
func (s *Slack) bring(user string, ups []FileUpload) []*file {
	var out []*file
	for _, u := range ups {
		f := &file{id: s.id("F"), name: u.Name, title: u.Name, user: user, want: len(u.Data), data: u.Data, uploaded: true, done: true}
		s.files[f.id] = f
		out = append(out, f)
	}
	return out
}
