package slackbot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	// pictureTries is how often a message is sent anew while Slack has yet to look at a picture in it.
	pictureTries = 4
	picturePause = 400 * time.Millisecond
	// pictureWait bounds the uploading of pictures: what is said matters more than they do.
	pictureWait = 6 * time.Second
)

// pictureRecord is what a picture is called in Slack, by its content.
type pictureRecord struct {
	ID string `json:"id"`
}

// filesRecord are the files that were posted below a message, by name and content.
type filesRecord struct {
	Done []string `json:"done"`
}

func (b *Bot) uploads() storage.Table[pictureRecord] {
	return storage.Table[pictureRecord]{DB: b.db, Name: "slack-pictures", TTL: postsTTL}
}

func (b *Bot) attachments() storage.Table[filesRecord] {
	return storage.Table[filesRecord]{DB: b.db, Name: "slack-files", TTL: postsTTL}
}

func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// pictured renders m and sends it. Its pictures are uploaded before, once by content. While Slack does not know a new
// picture yet the message is sent again; in the end it goes without pictures, and says so.
func (b *Bot) pictured(ctx context.Context, m bot.Message, send func(rendered) error) error {
	if !hasPictures(m) {
		return send(render(m, nil))
	}
	files, known := b.pictures(ctx, m, false)
	pause := picturePause
	for try := 1; ; try++ {
		err := send(render(withoutPictures(m, files), files))
		if err == nil || !aboutPicture(err) || len(files) == 0 {
			return err
		}
		switch {
		case known: // somebody deleted it in Slack
			files, known = b.pictures(ctx, m, true)
			continue
		case try >= pictureTries || !sleep(ctx, pause):
			b.log.Warn("message goes without its pictures", "network", Network, "error", err)
			return send(render(withoutPictures(m, nil), nil))
		}
		pause *= 2
	}
}

func hasPictures(m bot.Message) bool {
	return slices.ContainsFunc(m.Blocks, func(x bot.Block) bool { _, ok := x.(bot.Image); return ok })
}

// withoutPictures replaces the pictures that are not in files by a note.
func withoutPictures(m bot.Message, files map[string]string) bot.Message {
	m.Blocks = slices.Clone(m.Blocks)
	for i, x := range m.Blocks {
		if p, ok := x.(bot.Image); ok && files[p.Name] == "" {
			m.Blocks[i] = bot.Note{Spans: []bot.Span{{Text: "The picture could not be shown: " + p.Alt}}}
		}
	}
	return m
}

// pictures uploads what is not in Slack yet, and returns the file ids by name. known says that some were there
// before; anew does not believe that.
func (b *Bot) pictures(ctx context.Context, m bot.Message, anew bool) (files map[string]string, known bool) {
	ctx, cancel := context.WithTimeout(ctx, pictureWait)
	defer cancel()
	files = map[string]string{}
	for _, x := range m.Blocks {
		p, ok := x.(bot.Image)
		if !ok || len(p.PNG) == 0 || files[p.Name] != "" {
			continue
		}
		key := digest(p.PNG)
		if !anew {
			if u, _, err := b.uploads().Get(ctx, key); err == nil {
				files[p.Name], known = u.ID, true
				continue
			}
		}
		id, err := b.upload(ctx, upload{name: p.Name, alt: p.Alt, data: p.PNG})
		if err != nil {
			b.log.Warn("picture not uploaded", "network", Network, "error", err)
			continue
		}
		files[p.Name] = id
		tx := b.db.Begin(key)
		b.uploads().Put(tx, key, pictureRecord{ID: id}, storage.Any)
		if err := b.db.Commit(ctx, tx); err != nil {
			b.log.Warn("picture not remembered", "network", Network, "error", err)
		}
	}
	return files, known
}

// aboutPicture says that Slack does not take a message because of a file it shows.
func aboutPicture(err error) bool {
	e := new(apiError)
	if !errors.As(err, &e) {
		return false
	}
	return strings.Contains(e.code, "slack_file") || slices.ContainsFunc(e.details, func(d string) bool {
		return strings.Contains(d, "slack file") || strings.Contains(d, "slack_file")
	})
}

// upload is a file on its way, to be shown in a channel or nowhere yet.
type upload struct {
	name, alt string
	data      []byte
	channel   string
	thread    string
}

// upload gives Slack a file, in Slack's three steps.
func (b *Bot) upload(ctx context.Context, u upload) (id string, err error) {
	var slot *slack.GetUploadURLExternalResponse
	err = b.client.call(ctx, request{method: methodUploadURL}, func(ctx context.Context, api *slack.Client) (err error) {
		slot, err = api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{FileName: u.name, FileSize: len(u.data), AltTxt: u.alt})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", u.name, err)
	}
	err = b.client.call(ctx, request{method: methodUpload}, func(ctx context.Context, api *slack.Client) error {
		return api.UploadToURL(ctx, slack.UploadToURLParameters{UploadURL: slot.UploadURL, Reader: bytes.NewReader(u.data), Filename: u.name})
	})
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", u.name, err)
	}
	err = b.client.call(ctx, request{method: methodUploaded}, func(ctx context.Context, api *slack.Client) error {
		_, err := api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
			Files: []slack.FileSummary{{ID: slot.FileID, Title: u.name}}, Channel: u.channel, ThreadTimestamp: u.thread,
		})
		return err
	})
	if err != nil && !(unsure(err) && b.arrived(ctx, u, slot.FileID)) {
		return "", fmt.Errorf("upload %s: %w", u.name, err)
	}
	return slot.FileID, nil
}

// arrived says whether a file is in its channel although the answer that should say so was lost. Sent again it would be
// there twice.
func (b *Bot) arrived(ctx context.Context, u upload, id string) bool {
	var f *slack.File
	err := b.client.call(ctx, request{method: "files.info"}, func(ctx context.Context, api *slack.Client) (err error) {
		f, _, _, err = api.GetFileInfoContext(ctx, id, 0, 0)
		return err
	})
	return err == nil && (u.channel == "" || slices.Contains(slices.Concat(f.Channels, f.Groups, f.IMs), u.channel))
}

// filesOf are the files of a message that hold anything; Slack takes no empty ones.
func filesOf(m bot.Message) (out []bot.File) {
	for _, x := range m.Blocks {
		if f, ok := x.(bot.File); ok && len(f.Data) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// attachFiles posts the files of a message in its thread, each content once. What Slack refuses for good is given up.
func (b *Bot) attachFiles(ctx context.Context, ref bot.MessageRef, m bot.Message) error {
	files := filesOf(m)
	if len(files) == 0 {
		return nil
	}
	id := ref.Place.Channel + "-" + ref.ID
	have, version, err := b.attachments().Get(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("look up the files of a message: %w", err)
	}
	thread := ref.Place.Thread
	if thread == "" {
		thread = ref.ID
	}
	for _, f := range files {
		key := digest([]byte(f.Name), f.Data)
		if slices.Contains(have.Done, key) {
			continue
		}
		_, err := b.upload(ctx, upload{name: f.Name, data: f.Data, channel: ref.Place.Channel, thread: thread})
		if err != nil && mayPass(err) {
			return err
		}
		if err != nil {
			b.log.Warn("file not attached", "network", Network, "error", err)
		}
		have.Done = append(have.Done, key)
		tx := b.db.Begin(id)
		b.attachments().Put(tx, id, have, version)
		if err := b.db.Commit(ctx, tx); err != nil {
			return fmt.Errorf("remember the files of a message: %w", err)
		}
		version++
	}
	return nil
}

// mayPass says that the same call may go well later.
func mayPass(err error) bool {
	if se := new(bot.SendError); errors.As(err, &se) {
		return se.After > 0
	}
	return unsure(err) || codeOf(err) == codeNetwork || codeOf(err) == codeTimeout
}

// handOver sends the files of a private message into the direct message with somebody, and returns the message with a
// line that says so: what is shown to one person alone cannot hold files.
func (b *Bot) handOver(ctx context.Context, user string, m bot.Message) bot.Message {
	files := filesOf(m)
	if len(files) == 0 {
		return m
	}
	channel, err := b.client.direct(ctx, user)
	var sent, failed []string
	for _, f := range files {
		if err == nil {
			_, err = b.upload(ctx, upload{name: f.Name, data: f.Data, channel: channel})
		}
		if err != nil {
			b.log.Warn("file not handed over", "network", Network, "error", err)
			failed = append(failed, f.Name)
			continue
		}
		sent = append(sent, f.Name)
	}
	blocks := slices.DeleteFunc(slices.Clone(m.Blocks), func(x bot.Block) bool { _, ok := x.(bot.File); return ok })
	if len(sent) > 0 {
		blocks = append(blocks, bot.Note{Spans: []bot.Span{{Text: "In your direct messages with drey: " + strings.Join(sent, ", ")}}})
	}
	if len(failed) > 0 {
		blocks = append(blocks, bot.Note{Spans: []bot.Span{{Text: "Slack did not take the file: " + strings.Join(failed, ", ")}}})
	}
	m.Blocks = blocks
	return m
}

// sleep says whether the pause was over before ctx was.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
