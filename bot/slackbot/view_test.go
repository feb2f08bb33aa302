package slackbot

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

// TestFormRoundTrip sends a form as Slack would and reads it back.
func TestFormRoundTrip(t *testing.T) {
	f := forms()["form-sql"]
	v := renderView(f, viewMeta{Channel: "C1", Thread: "1.0", Origin: "2.0", Hidden: true})
	meta, ok := readMeta(v.PrivateMetadata)
	if want := (viewMeta{"C1", "1.0", "2.0", true, f.ID}); !ok || meta != want {
		t.Errorf("meta is %+v, want %+v", meta, want)
	}
	if !sameForm(meta.Form, f) || sameForm("", &bot.Form{}) || sameForm(meta.Form, nil) {
		t.Error("the form is not known again")
	}
	// As Slack sends it: selected options whole, and null for what was left empty.
	raw := `{"state":{"values":{
		"f:text":{"v":{"type":"plain_text_input","value":"SELECT '<a> & b'"}},
		"f:cluster":{"v":{"type":"static_select","selected_option":{"text":{"type":"plain_text","text":"x"},"value":"staging"}}},
		"f:name":{"v":{"type":"plain_text_input","value":null}},
		"f:parallelism":{"v":{"type":"static_select","selected_option":{"text":{"type":"plain_text","text":"–"},"value":"·"}}},
		"f:savepoint":{"ask:flink sql:savepoint":{"type":"external_select","selected_option":{"text":{"type":"plain_text","text":"sp"},"value":"s3://sp"}}},
		"other":{"v":{"type":"plain_text_input","value":"x"}}}}}`
	var view slack.View
	if err := json.Unmarshal([]byte(raw), &view); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"text": "SELECT '<a> & b'", "cluster": "staging", "name": "", "parallelism": "", "savepoint": "s3://sp"}
	if diff := cmp.Diff(want, formValues(&view)); diff != "" {
		t.Error(diff)
	}
	if got := formValues(&slack.View{}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestFieldErrors(t *testing.T) {
	if got := fieldErrors(forms()["form-sql"]); got != nil {
		t.Errorf("got %v", got)
	}
	f := forms()["form-confirm-again"]
	got := fieldErrors(f)
	if len(got) != 1 || got["f:confirm"] != f.Fields[0].Error {
		t.Errorf("got %v", got)
	}
}

func TestOptionAsk(t *testing.T) {
	if path, param, ok := optionAsk(askID("flink savepoints restore", "savepoint")); !ok || path != "flink savepoints restore" || param != "savepoint" {
		t.Errorf("got %q, %q, %v", path, param, ok)
	}
	for _, s := range []string{"", "v", "ask:", "ask:x", "ask::x", "ask:x:"} {
		if _, _, ok := optionAsk(s); ok {
			t.Errorf("%q asks", s)
		}
	}
}

// TestLongValue: what does not fit is never cut silently.
func TestLongValue(t *testing.T) {
	f := forms()["form-sql-long"]
	v := renderView(f, viewMeta{})
	in, ok := v.Blocks.BlockSet[1].(*slack.InputBlock)
	if !ok || in.Element.(*slack.PlainTextInputBlockElement).InitialValue != "" {
		t.Fatalf("got %+v", v.Blocks.BlockSet)
	}
	if got := said(v.Blocks.BlockSet); !strings.Contains(got, "4400 characters") || !strings.Contains(got, "not in the field") {
		t.Errorf("got %s", got)
	}
}

// TestStableFields: a view that is changed keeps what was typed, since its blocks keep their names.
func TestStableFields(t *testing.T) {
	a, b := renderView(forms()["form-confirm"], viewMeta{}), renderView(forms()["form-confirm-again"], viewMeta{})
	names := func(v slack.ModalViewRequest) (out []string) {
		for _, b := range v.Blocks.BlockSet {
			if in, ok := b.(*slack.InputBlock); ok {
				out = append(out, in.BlockID+" "+in.Element.(*slack.PlainTextInputBlockElement).ActionID)
			}
		}
		return out
	}
	if diff := cmp.Diff(names(a), names(b)); diff != "" {
		t.Error(diff)
	}
}

func TestReadMeta(t *testing.T) {
	for _, s := range []string{"", "{", "[]", strings.Repeat(" ", 4000) + "{}"} {
		if m, ok := readMeta(s); ok {
			t.Errorf("%.10q is %+v", s, m)
		}
	}
}
