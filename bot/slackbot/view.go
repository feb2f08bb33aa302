package slackbot

import (
	"encoding/json"
	"strings"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

const (
	viewTitleMax = 24 // of the label of a button too
	viewBlocks   = 100
	metaMax      = 3000
	callbackForm = "form"
)

// viewMeta is what a view brings back when it is sent: ids alone. Nothing hangs on it that a person may not choose.
type viewMeta struct {
	Channel string `json:"c,omitempty"`
	Thread  string `json:"t,omitempty"`
	Origin  string `json:"o,omitempty"` // ts of the message under whose button the form was opened
	Hidden  bool   `json:"h,omitempty"` // that message is one for the person alone
	Form    string `json:"f,omitempty"` // the Binder's id of the form
}

func (m viewMeta) String() string {
	raw, err := json.Marshal(m)
	if err != nil || len(raw) >= metaMax {
		return ""
	}
	return string(raw)
}

// readMeta undoes viewMeta.String.
func readMeta(private string) (viewMeta, bool) {
	var m viewMeta
	if len(private) > metaMax || json.Unmarshal([]byte(private), &m) != nil {
		return viewMeta{}, false
	}
	return m, true
}

func modal(title string, meta viewMeta, blocks []slack.Block) slack.ModalViewRequest {
	if title = strings.TrimSpace(title); title == "" {
		title = "drey"
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(bot.Shorten(title, viewTitleMax)), Close: plain("Close"),
		CallbackID: callbackForm, PrivateMetadata: meta.String(), Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// renderWaiting is the modal that is opened at once, while the answer is being made.
func renderWaiting(title string, meta viewMeta) slack.ModalViewRequest {
	meta.Form = ""
	return modal(title, meta, (&drawer{}).small("⏳ "+working))
}

// renderNotice is an answer in a modal that is open.
func renderNotice(m bot.Message, meta viewMeta) slack.ModalViewRequest {
	meta.Form = ""
	d := &drawer{}
	title := m.Title
	if bot.Length(title) <= viewTitleMax {
		m.Title = "" // the modal's own title says it
	}
	return modal(title, meta, d.flat(m, viewBlocks))
}

// renderView is a form.
func renderView(f *bot.Form, meta viewMeta) slack.ModalViewRequest {
	meta.Form = f.ID
	d := &drawer{}
	blocks := d.intro(f)
	for i := range f.Fields {
		blocks = append(blocks, d.input(&f.Fields[i])...)
	}
	if len(blocks) == 0 {
		blocks = d.small("Nothing has to be filled in.")
	}
	v := modal(f.Title, meta, blocks[:min(len(blocks), viewBlocks)])
	v.Close = plain("Not now")
	submit := strings.TrimSpace(f.Submit)
	if submit == "" {
		submit = "Send"
	}
	v.Submit = plain(bot.Shorten(submit, viewTitleMax))
	return v
}

// intro is what is to be read first; the whole title, too, where the modal's has no room for it.
func (d *drawer) intro(f *bot.Form) []slack.Block {
	var out []slack.Block
	if bot.Length(strings.TrimSpace(f.Title)) > viewTitleMax {
		out = paragraph(d.run(f.Title, true, false))
	}
	spans := f.Intro.Spans
	if f.Danger {
		spans = append([]bot.Span{{Text: "⚠️ Warning: ", Bold: true}}, spans...)
	}
	return append(out, paragraph(d.spans(spans))...)
}

// sameForm says whether f is the form that a view shows, given that view's viewMeta.Form.
func sameForm(shown string, f *bot.Form) bool { return f != nil && shown != "" && shown == f.ID }

// fieldErrors are what is wrong with the values, by block id; nil when nothing is.
func fieldErrors(f *bot.Form) map[string]string {
	var out map[string]string
	for _, in := range f.Fields {
		if in.Error == "" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[inputID(in.Name)] = bot.Shorten(in.Error, hintMax)
	}
	return out
}

// formValues is what a sent modal holds, by Input.Name. A field left empty is there with an empty value.
func formValues(v *slack.View) map[string]string {
	out := map[string]string{}
	if v == nil || v.State == nil {
		return out
	}
	for block, actions := range v.State.Values {
		name, ok := strings.CutPrefix(block, inputPrefix)
		if !ok {
			continue
		}
		for _, a := range actions {
			value := a.Value
			if value == "" {
				value = a.SelectedOption.Value
			}
			if value == "" {
				value = a.SelectedUser
			}
			if value == noChoice {
				value = ""
			}
			out[name] = value
		}
	}
	return out
}
