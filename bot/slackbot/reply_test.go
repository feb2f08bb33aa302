package slackbot

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/bot/slackbot/slacktest"
)

// talk is a workspace in which drey listens, with the test as its answerer.
type talk struct {
	*workspace
	in *catcher
}

func newTalk(t *testing.T, mode string) *talk {
	t.Helper()
	c := &talk{workspace: newWorkspace(t, mode, nil), in: newCatcher()}
	if err := c.bot.Publish(t.Context(), []bot.CommandSpec{
		{Path: "flink sql", Opens: true, Shortcut: &bot.Shortcut{Label: "Run as SQL", Text: "text"}}, {Path: "flink stop"}, {Path: "drey home"},
	}); err != nil {
		t.Fatal(err)
	}
	c.receive(c.in)
	return c
}

// slash types a command as ann.
func (c *talk) slash(line string) bot.Event {
	c.t.Helper()
	if _, err := c.slack.Slash(c.ann, c.ops, line); err != nil {
		c.t.Fatal(err)
	}
	return c.in.next(c.t)
}

func (c *talk) reply(ev bot.Event, m bot.Message) {
	c.t.Helper()
	if err := c.bot.Reply(c.t.Context(), ev, m); err != nil {
		c.t.Fatalf("Reply: %v", err)
	}
}

func private(m bot.Message) bot.Message { m.Private = true; return m }
func pending(m bot.Message) bot.Message { m.Pending = true; return m }

func aForm(fields ...bot.Input) bot.Message {
	return bot.Message{Private: true, Form: &bot.Form{ID: "formaaaaaaaaaaaaaaaaaaaa", Title: "Cancel orders", Submit: "Cancel it", Fields: fields}}
}

func confirmField(wrong string) bot.Input {
	return bot.Input{Name: "confirm", Label: "Type the job's name", Kind: "line", Required: true, Error: wrong}
}

// submit sends ann's form; the function it returns waits for the acknowledgement.
func (c *talk) submit(values map[string]string) (bot.Event, func()) {
	c.t.Helper()
	done := make(chan error, 1)
	go func() { done <- c.slack.Submit(c.ann, values) }()
	ev := c.in.next(c.t)
	return ev, func() {
		c.t.Helper()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	}
}

func (c *talk) view() slacktest.Seen {
	c.t.Helper()
	v, ok := c.slack.View(c.ann)
	if !ok {
		c.t.Fatal("ann sees no modal")
	}
	return v
}

// However often drey replies, the response URL is used at most five times, and everything private arrives.
func TestReplyResponseURL(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	ev := c.slash("/flink stop orders")
	for range 3 {
		c.reply(ev, private(pending(words("working"))))
	}
	if n := c.count(c.ann, "", "working"); n != 1 {
		t.Errorf("the stand-in was said %d times", n)
	}
	for i := range 7 {
		c.reply(ev, private(words("answer %d", i)))
	}
	if n := len(c.slack.Calls(methodRespond)); n != 5 {
		t.Errorf("%d uses of the response URL", n)
	}
	if n, others := c.count(c.ann, "", "answer"), c.count(c.bo, "", "answer"); n != 7 || others != 0 {
		t.Errorf("ann sees %d answers, bob %d", n, others)
	}
}

// A public answer is one message, whatever was said meanwhile, and also when Slack's answer to it was lost.
func TestReplyPublicOnce(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeSocket)
	ev := c.slash("/flink stop orders")
	for i := range 30 {
		c.reply(ev, pending(words("state %d", i)))
	}
	c.slack.Fault(methodUpdate, slacktest.Fault{Lost: true})
	if err := c.bot.Reply(t.Context(), ev, words("state last")); err == nil {
		t.Fatal("a lost answer is no error")
	}
	c.reply(ev, words("state last"))
	if c.count(c.bo, "", "state") != 1 || c.count(c.bo, "", "state last") != 1 {
		t.Errorf("bob sees %+v", c.slack.See(c.bo, c.ops, ""))
	}

	ev = c.slash("/flink stop payments")
	c.slack.Fault(methodPost, slacktest.Fault{Lost: true})
	if err := c.bot.Reply(t.Context(), ev, words("payments is stopped")); err == nil {
		t.Fatal("a lost answer is no error")
	}
	c.reply(ev, words("payments is stopped"))
	if n := c.count(c.bo, "", "payments is stopped"); n != 1 {
		t.Errorf("it is there %d times", n)
	}
}

// Where drey is no member, everybody still sees the answer; without a response URL the person is told why they alone do.
func TestReplyOutside(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	c.slack.ChangeChannel(c.ops, func(s *slacktest.ChannelState) { s.NotIn, s.Private = true, true })
	ev := c.slash("/flink stop orders")
	c.reply(ev, pending(words("stopping")))
	c.reply(ev, words("orders is stopped"))
	if n := c.count(c.bo, "", "orders is stopped"); n != 1 {
		t.Errorf("bob sees it %d times", n)
	}
	for range 5 {
		c.reply(ev, words("once more"))
	}
	direct := c.slack.See(c.ann, c.slack.DirectChannel(c.ann), "")
	if len(direct) == 0 || !strings.Contains(direct[0].Text, "/invite @drey") {
		t.Errorf("ann's direct messages: %+v", direct)
	}
}

// A command that opens a form opens a modal at once, and it is filled when the form is there.
func TestReplyFormOpensSoon(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{ModeHTTP, ModeSocket} {
		t.Run(mode, func(t *testing.T) {
			c := newTalk(t, mode)
			ev := c.slash("/flink sql")
			eventually(t, "a modal is open", func() bool { _, ok := c.slack.View(c.ann); return ok })
			c.reply(ev, aForm(confirmField("")))
			if v := c.view(); len(v.Inputs) != 1 || len(c.slack.Calls(methodViewOpen)) != 1 {
				t.Errorf("got %+v after %d calls of views.open", v, len(c.slack.Calls(methodViewOpen)))
			}
		})
	}
}

// A modal whose opening was not answered is filled all the same; one that never opened waits for a press.
func TestReplyFormOpeningLost(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	c.slack.Fault(methodViewOpen, slacktest.Fault{Lost: true})
	c.reply(c.slash("/flink sql"), aForm(confirmField("")))
	if v := c.view(); len(v.Inputs) != 1 {
		t.Errorf("got %+v", v)
	}
	if err := c.slack.CloseView(c.ann); err != nil {
		t.Fatal(err)
	}
	c.slack.Fault(methodViewOpen, slacktest.Fault{Status: http.StatusBadGateway})
	c.reply(c.slash("/flink sql"), aForm(confirmField("")))
	if err := c.slack.Click(c.ann, c.ops, "Open the form"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the form is open", func() bool { v, ok := c.slack.View(c.ann); return ok && len(v.Inputs) == 1 })
}

// What opened a modal and needs none says so there.
func TestReplyWithoutForm(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	ev := c.slash("/flink sql")
	c.reply(ev, private(words("you may not run SQL here")))
	if v := c.view(); !strings.Contains(v.Text, "you may not run SQL here") {
		t.Errorf("the modal says %q", v.Text)
	}
	if n := c.count(c.ann, "", "you may not"); n != 0 {
		t.Errorf("it is in the channel as well, %d times", n)
	}
	if err := c.slack.CloseView(c.ann); err != nil {
		t.Fatal(err)
	}
	c.reply(ev, private(words("and not tomorrow")))
	if n := c.count(c.ann, "", "and not tomorrow"); n != 1 {
		t.Errorf("after the modal was closed it is in the channel %d times", n)
	}
	ev = c.slash("/flink sql")
	c.reply(ev, words("for everybody"))
	if v := c.view(); !strings.Contains(v.Text, "in the channel") || c.count(c.bo, "", "for everybody") != 1 {
		t.Errorf("the modal says %q", v.Text)
	}
}

// A wrong field is marked in the form that was sent; what was typed stays.
func TestReplyFieldErrors(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	c.reply(c.slash("/flink cancel orders"), aForm(confirmField("")))
	ev, acked := c.submit(map[string]string{"confirm": "payments"})
	c.reply(ev, aForm(confirmField(`This must be "orders".`)))
	acked()
	if v := c.view(); v.Inputs[0].Error != `This must be "orders".` || v.Inputs[0].Value != "payments" {
		t.Errorf("got %+v", v.Inputs)
	}
	if n := len(c.slack.Calls(methodViewUpdate)); n != 0 {
		t.Errorf("%d calls of views.update", n)
	}
	ev, acked = c.submit(map[string]string{"confirm": "orders"})
	c.reply(ev, words("orders is canceled"))
	acked()
	if _, open := c.slack.View(c.ann); open || c.count(c.bo, "", "orders is canceled") != 1 {
		t.Error("the modal is still open, or the answer is not in the channel")
	}
}

// An answer that takes longer than the acknowledgement comes into the same modal.
func TestReplyAfterSubmitLate(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeSocket)
	c.reply(c.slash("/flink cancel orders"), aForm(confirmField("")))
	ev, acked := c.submit(map[string]string{"confirm": "orders"})
	c.reply(ev, private(pending(words("working"))))
	acked() // by itself, with a view that says drey is at work
	c.reply(ev, private(words("there it is")))
	if v := c.view(); !strings.Contains(v.Text, "there it is") {
		t.Errorf("the modal says %q", v.Text)
	}
}

// A form for which there is no trigger waits for a press.
func TestReplyFormHeld(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	root := c.slack.Say(c.bo, c.ops, "", "look at orders")
	if err := c.slack.Mention(c.ann, c.ops, root, fmt.Sprintf("<@%s> cancel orders", c.slack.BotUser())); err != nil {
		t.Fatal(err)
	}
	c.reply(c.in.next(t), aForm(confirmField("")))
	if err := c.slack.ClickIn(c.ann, c.ops, root, "Open the form"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the form is open", func() bool { v, ok := c.slack.View(c.ann); return ok && len(v.Inputs) == 1 })
	ev, acked := c.submit(map[string]string{"confirm": "orders"})
	if ev.Place != c.place(root) || ev.Form["confirm"] != "orders" {
		t.Errorf("got %+v", ev)
	}
	c.reply(ev, words("orders is canceled"))
	acked()
	if n := c.count(c.bo, root, "orders is canceled"); n != 1 {
		t.Errorf("it is in the thread %d times", n)
	}
}

// A private answer to the press of a hidden message's button may take that message's place.
func TestReplyInstead(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	m := private(words("page 1"))
	m.Blocks = append(m.Blocks, bot.Actions{{ID: "nextaaaaaaaaaaaaaaaaaaaa", Label: "Next page"}})
	c.reply(c.slash("/flink jobs"), m)
	if err := c.slack.Click(c.ann, c.ops, "Next page"); err != nil {
		t.Fatal(err)
	}
	next := private(words("page 2"))
	next.Instead = true
	c.reply(c.in.next(t), next)
	if c.count(c.ann, "", "page 1") != 0 || c.count(c.ann, "", "page 2") != 1 {
		t.Errorf("ann sees %+v", c.slack.See(c.ann, c.ops, ""))
	}
}

// Files for one person come into the direct messages with them, and a line says so.
func TestReplyPrivateFile(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	m := private(words("the rows"))
	m.Blocks = append(m.Blocks, bot.File{Name: "rows.csv", Data: []byte("a,b\n")})
	c.reply(c.slash("/flink sql SELECT 1"), m)
	if n := c.count(c.ann, "", "In your direct messages with drey: rows.csv"); n != 1 {
		t.Errorf("ann sees %+v", c.slack.See(c.ann, c.ops, ""))
	}
	direct := c.slack.See(c.ann, c.slack.DirectChannel(c.ann), "")
	if len(direct) != 1 || len(direct[0].Files) != 1 || direct[0].Files[0] != "rows.csv" {
		t.Errorf("direct messages: %+v", direct)
	}
}

// In direct messages with drey nobody reads along: a private answer is a message that stays, and is edited.
func TestReplyDirect(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	if err := c.slack.DM(c.ann, "jobs"); err != nil {
		t.Fatal(err)
	}
	ev := c.in.next(t)
	c.reply(ev, private(pending(words("working"))))
	c.reply(ev, private(words("all jobs")))
	got := c.slack.See(c.ann, c.slack.DirectChannel(c.ann), "")
	if last := got[len(got)-1]; len(got) != 2 || last.Private || last.Text != "all jobs" {
		t.Errorf("direct messages: %+v", got)
	}
}

// A gesture that drey knows nothing of any more is answered all the same.
func TestReplyLate(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	ev := c.slash("/flink stop orders")
	ev.Token = "gone"
	c.reply(ev, private(pending(words("working"))))
	c.reply(ev, private(words("for ann")))
	c.reply(ev, words("for everybody"))
	c.reply(ev, words("for everybody"))
	if c.count(c.ann, "", "working") != 0 || c.count(c.ann, "", "for ann") != 1 || c.count(c.bo, "", "for ann") != 0 || c.count(c.bo, "", "for everybody") != 1 {
		t.Errorf("ann sees %+v", c.slack.See(c.ann, c.ops, ""))
	}
}

// A rejected message says so, and the text that goes in its stead is taken.
func TestReplyRejected(t *testing.T) {
	t.Parallel()
	c := newTalk(t, ModeHTTP)
	ev := c.slash("/flink stop orders")
	c.slack.Fault(methodPost, slacktest.Fault{Code: "invalid_blocks"})
	if se := sendError(t, c.bot.Reply(t.Context(), ev, words("x"))); !se.Rejected {
		t.Errorf("got %+v", se)
	}
	c.slack.Fault(methodRespond, slacktest.Fault{Status: http.StatusNotFound})
	c.reply(ev, private(words("by another way")))
	if n := c.count(c.ann, "", "by another way"); n != 1 {
		t.Errorf("it is there %d times", n)
	}
}
