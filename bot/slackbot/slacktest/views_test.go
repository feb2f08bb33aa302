package slacktest

import (
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func textInput(name, label string) *slack.InputBlock {
	return slack.NewInputBlock("form:"+name, plain(label), nil, slack.NewPlainTextInputBlockElement(nil, "in:"+name))
}

func modal(title string, blocks ...slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plain(title), Submit: plain("Send"), Close: plain("Close"), NotifyOnClose: true, PrivateMetadata: "meta", CallbackID: "form",
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// opens makes the app open a view at every slash command.
func (a *app) opens(v slack.ModalViewRequest) (opened *slack.ViewResponse) {
	a.Helper()
	opened = &slack.ViewResponse{}
	a.slash = func(c slack.SlashCommand) any {
		got, err := a.api.OpenViewContext(a.Context(), c.TriggerID, v)
		if err != nil {
			a.Error(err)
			return nil
		}
		*opened = *got
		if _, err = a.api.OpenViewContext(a.Context(), c.TriggerID, v); err == nil {
			a.Error("a trigger works twice")
		} else {
			refused(a.T, err, "exchanged_trigger_id")
		}
		return nil
	}
	if _, err := a.Slash(a.ann, a.ops, "/form"); err != nil {
		a.Fatal(err)
	}
	return opened
}

func TestModal(t *testing.T) {
	both(t, func(a *app) {
		mode := slack.NewRadioButtonsBlockElement("in:mode", slack.NewOptionBlockObject("now", plain("At once"), nil), slack.NewOptionBlockObject("later", plain("Later"), nil))
		mode.InitialOption = slack.NewOptionBlockObject("now", plain("At once"), nil)
		job := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain("type to search"), "in:job")
		opened := a.opens(modal("Stop", textInput("why", "Why"), slack.NewInputBlock("form:mode", plain("Mode"), nil, mode), slack.NewInputBlock("form:job", plain("Job"), nil, job)))
		if seen, ok := a.View(a.ann); !ok || len(seen.Inputs) != 3 || seen.Inputs[1].Value != "now" || !strings.Contains(seen.Text, "Stop\nWhy\nMode") {
			a.Fatalf("got %+v", seen)
		}
		if err := a.Submit(a.ann, nil); err == nil {
			a.Error("the client sent a form without a required field")
		}
		var got slack.InteractionCallback
		var answer any
		a.act = func(c slack.InteractionCallback) any {
			if c.Type == slack.InteractionTypeBlockSuggestion {
				return map[string]any{"options": []*slack.OptionBlockObject{slack.NewOptionBlockObject("prod/"+c.Value, plain(c.Value), nil)}}
			}
			got = c
			return answer
		}
		if offered, err := a.Slack.Options(a.ann, "form:job", "in:job", "ord"); err != nil || strings.Join(offered, ",") != "prod/ord" {
			a.Errorf("offered %q, %v", offered, err)
		}
		answer = slack.NewErrorsViewSubmissionResponse(map[string]string{"form:why": "Say more."})
		if err := a.Submit(a.ann, map[string]string{"why": "because\nso", "Mode": "later", "job": "orders"}); err != nil {
			a.Fatal(err)
		}
		if seen, _ := a.View(a.ann); seen.Inputs[0].Error != "Say more." || seen.Inputs[0].Value != "because so" {
			a.Errorf("got %+v", seen.Inputs)
		}
		v := got.View.State.Values
		if got.View.ID != opened.ID || got.View.PrivateMetadata != "meta" || v["form:why"]["in:why"].Value != "because so" ||
			v["form:mode"]["in:mode"].SelectedOption.Value != "later" || v["form:job"]["in:job"].SelectedOption.Value != "prod/orders" {
			a.Errorf("got %+v", got.View)
		}
		next := modal("Sure?", slack.NewSectionBlock(plain("State is lost."), nil, nil))
		answer = slack.NewUpdateViewSubmissionResponse(&next)
		if err := a.Submit(a.ann, nil); err != nil {
			a.Fatal(err)
		}
		if seen, _ := a.View(a.ann); seen.ID != opened.ID || seen.Text != "Sure?\nState is lost." {
			a.Errorf("got %+v", seen)
		}
		answer = slack.NewPushViewSubmissionResponse(&next)
		if err := a.Submit(a.ann, nil); err != nil {
			a.Fatal(err)
		}
		if seen, _ := a.View(a.ann); seen.ID == opened.ID {
			a.Error("nothing was pushed")
		}
		answer = nil
		if err := a.CloseView(a.ann); err != nil || got.Type != slack.InteractionTypeViewClosed {
			a.Errorf("got %s, %v", got.Type, err)
		}
		if seen, _ := a.View(a.ann); seen.ID != opened.ID {
			a.Error("the view below is gone")
		}
		if err := a.Submit(a.ann, nil); err != nil {
			a.Fatal(err)
		}
		if _, open := a.View(a.ann); open {
			a.Error("the modal is still open")
		}
	})
}

func TestUpdateView(t *testing.T) {
	both(t, func(a *app) {
		opened := a.opens(modal("One", textInput("why", "Why")))
		two := modal("Two", textInput("why", "Why now"))
		got, err := a.api.UpdateViewContext(a.Context(), two, "", opened.Hash, opened.ID)
		if err != nil {
			a.Fatal(err)
		}
		_, err = a.api.UpdateViewContext(a.Context(), two, "", opened.Hash, opened.ID)
		refused(a.T, err, "hash_conflict")
		if _, err := a.api.UpdateViewContext(a.Context(), two, "", got.Hash, opened.ID); err != nil {
			a.Error(err)
		}
		if err := a.CloseView(a.ann); err != nil {
			a.Fatal(err)
		}
		_, err = a.api.UpdateViewContext(a.Context(), two, "", "", opened.ID)
		refused(a.T, err, "not_found")
		a.slash = func(c slack.SlashCommand) any {
			a.clock = a.clock.Add(triggerLife + time.Second)
			_, err := a.api.OpenViewContext(a.Context(), c.TriggerID, two)
			refused(a.T, err, "expired_trigger_id")
			return nil
		}
		if _, err := a.Slash(a.ann, a.ops, "/late"); err != nil {
			a.Fatal(err)
		}
	})
}

func TestHome(t *testing.T) {
	both(t, func(a *app) {
		home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewHeaderBlock(plain("jobs")), slack.NewActionBlock("acts", button("go", "Refresh")),
		}}}
		publish := func(hash *string) (*slack.ViewResponse, error) {
			return a.api.PublishViewContext(a.Context(), slack.PublishViewContextRequest{UserID: a.ann, View: home, Hash: hash})
		}
		got, err := publish(nil)
		if err != nil {
			a.Fatal(err)
		}
		stale := "stale"
		_, err = publish(&stale)
		refused(a.T, err, "hash_conflict")
		if _, err := publish(&got.Hash); err != nil {
			a.Error(err)
		}
		if seen, ok := a.Home(a.ann); !ok || seen.Text != "jobs" || strings.Join(seen.Buttons, ",") != "Refresh" {
			a.Errorf("got %+v", seen)
		}
		var press slack.InteractionCallback
		a.act = func(c slack.InteractionCallback) any { press = c; return nil }
		if err := a.Click(a.ann, "home", "Refresh"); err != nil || press.View.Type != slack.VTHomeTab || press.Container.Type != "view" || press.ResponseURL != "" {
			a.Errorf("got %+v, %v", press, err)
		}
	})
}

func TestRefusedViews(t *testing.T) {
	long := modal(strings.Repeat("x", 25), textInput("a", "A"))
	unsent := modal("x", textInput("a", "A"))
	unsent.Submit = nil
	meta := modal("x")
	meta.PrivateMetadata = strings.Repeat("x", 3001)
	crowd := modal("x")
	for range 101 {
		crowd.Blocks.BlockSet = append(crowd.Blocks.BlockSet, slack.NewDividerBlock())
	}
	table := modal("x", &slack.TableBlock{Type: "table", Rows: [][]slack.TableCell{{slack.NewTableRawTextCell("x")}}})
	for name, v := range map[string]slack.ModalViewRequest{"title": long, "submit": unsent, "metadata": meta, "blocks": crowd, "table": table} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{})
			s.mu.Lock()
			trigger := s.newTrigger(s.ann, nil)
			s.mu.Unlock()
			_, err := s.api.OpenViewContext(t.Context(), trigger, v)
			refused(t, err, "invalid_arguments")
			s.violated("views.open")
		})
	}
}

func TestStackOfViews(t *testing.T) {
	s := start(t, Options{})
	open := func() error {
		s.mu.Lock()
		var over *view
		if stack := s.stacks[s.ann]; len(stack) > 0 {
			over = stack[len(stack)-1]
		}
		trigger := s.newTrigger(s.ann, over)
		s.mu.Unlock()
		_, err := s.api.PushViewContext(t.Context(), trigger, modal("x", slack.NewDividerBlock()))
		return err
	}
	refused(t, open(), "not_found")
	s.mu.Lock()
	trigger := s.newTrigger(s.ann, nil)
	s.mu.Unlock()
	if _, err := s.api.OpenViewContext(t.Context(), trigger, modal("x", slack.NewDividerBlock())); err != nil {
		t.Fatal(err)
	}
	for range stackMax - 1 {
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, open(), "push_limit_reached")
	s.violated("push_limit_reached")
}
