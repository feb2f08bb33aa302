package commands

import (
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
)

// card is the request as the channel sees it, edited in place with its outcome.
func (a *approval) card() bot.Message {
	m := bot.Message{Title: "Approval wanted: " + a.Help, Tone: bot.Warn}
	asker := bot.Textf("**%s** asks for a second person's consent.", nameOf(a.Requester))
	decider := bot.Span{Text: nameOf(a.Decider), Bold: true}
	var outcome bot.Block
	switch a.State {
	case stateAsked:
	case stateApproved, stateRunning:
		m.Title, m.Tone, outcome = "Approved: "+a.Help, bot.Busy, bot.Textf("%v agreed. It runs now.", decider)
	case stateDone:
		m.Title, m.Tone, outcome = "Approved: "+a.Help, bot.Good, bot.Textf("%v agreed. %s", decider, a.Note)
	case stateFailed:
		m.Title, m.Tone, outcome = "Approved, not done: "+a.Help, bot.Bad, bot.Textf("%v agreed, but: %s", decider, a.Note)
	case stateRefused:
		m.Title, m.Tone, outcome = "Approved, not run: "+a.Help, bot.Warn, bot.Textf("%v agreed, but: %s Nothing was changed.", decider, a.Note)
	case stateUnknown:
		m.Title, m.Tone, outcome = "Approved, outcome not known: "+a.Help, bot.Bad,
			bot.Textf("%v agreed, and drey was restarted just as it ran. See `/drey operations` whether it was started; ask again if not.", decider)
	case stateRejected:
		m.Title, m.Tone, outcome = "Rejected: "+a.Help, bot.Muted, bot.Textf("%v said no. Nothing was changed.", decider)
		if a.withdrawn() {
			outcome = bot.Textf("Withdrawn by %v. Nothing was changed.", decider)
		}
	case stateExpired:
		m.Title, m.Tone, outcome = "Expired: "+a.Help, bot.Muted, bot.Textf("Nobody agreed in time. Nothing was changed.")
	}
	m.Blocks = append(m.Blocks, asker, bot.Code{Body: a.Line})
	if a.Again != "" && a.State == stateAsked {
		m.Blocks = append(m.Blocks, bot.Textf("**Asked anew**, because it stands differently now. %s", a.Again))
	}
	if len(a.Intro.Spans) > 0 && a.State == stateAsked {
		m.Blocks = append(m.Blocks, a.Intro)
	}
	if outcome != nil {
		m.Blocks = append(m.Blocks, outcome)
	}
	if a.State == stateRejected && a.Note != "" {
		m.Blocks = append(m.Blocks, bot.Textf("Reason: %s", a.Note))
	}
	facts := bot.Fields{bot.F("Request", a.ID), bot.F("Asked by", nameOf(a.Requester))}
	if t := on(a.Cluster, a.Job); t != "" {
		facts = append(facts, bot.F("On", t))
	}
	if a.State != stateAsked {
		m.Blocks = append(m.Blocks, facts)
		return m
	}
	facts = append(facts, bot.F("May agree", strings.Join(a.By, ", ")), bot.F("Waits until", when(a.Expires)))
	m.Blocks = append(m.Blocks, facts, a.buttons())
	return m
}

// buttons decide on the request as it is shown beside them.
func (a *approval) buttons() bot.Actions {
	return bot.Actions{
		{Label: "Approve", Style: bot.Primary, Call: CallOf("drey approve", sealArgs{ID: a.ID, Seal: a.seal()}), Confirm: "Run this now for " + nameOf(a.Requester) + "?"},
		{Label: "Reject", Style: bot.Danger, Call: CallOf("drey reject", rejectArgs{sealArgs: sealArgs{ID: a.ID, Seal: a.seal()}})},
	}
}

func (a *approval) withdrawn() bool {
	return a.Decider.Network == a.Requester.Network && a.Decider.ID == a.Requester.ID
}

// over tells somebody who comes too late how the request stands.
func (a *approval) over(now time.Time) bot.Message {
	m := bot.Message{Title: "Decided already", Tone: bot.Muted, Private: true}
	decider := bot.Span{Text: nameOf(a.Decider), Bold: true}
	switch a.State {
	case stateAsked, stateExpired:
		m.Title = "Too late"
		m.Blocks = []bot.Block{bot.Textf("The request expired %s ago. Nothing was changed; **%s** can ask again.", now.Sub(a.Expires).Round(time.Second), nameOf(a.Requester))}
	case stateRejected:
		m.Blocks = []bot.Block{bot.Textf("%v said no to it. Nothing was changed.", decider)}
	default:
		m.Blocks = []bot.Block{bot.Textf("%v agreed to it at %v. It runs once only.", decider, when(a.DecidedAt))}
	}
	m.Blocks = append(m.Blocks, bot.Notef("Request `%s`: `%s`", a.ID, clip(a.Line, 200)))
	return m
}

// result is a message in the card's thread.
func (a *approval) result(m bot.Message) bot.Delivery {
	m.Private, m.Pending, m.Form = false, false, nil // said to the channel, when nobody waits for it
	return bot.Delivery{Key: a.cardKey() + "/result", Parent: a.cardKey(), To: a.Place, Message: m}
}

func (a *approval) rejected() bot.Message {
	m := bot.Message{Title: "Rejected", Tone: bot.Muted, Blocks: []bot.Block{
		bot.Textf("**%s**: **%s** said no to `%s`. Nothing was changed.", nameOf(a.Requester), nameOf(a.Decider), clip(a.Line, 300)),
	}}
	if a.withdrawn() {
		m.Title, m.Blocks = "Withdrawn", []bot.Block{bot.Textf("**%s** withdrew `%s`. Nothing was changed.", nameOf(a.Decider), clip(a.Line, 300))}
	}
	if a.Note != "" {
		m.Blocks = append(m.Blocks, bot.Textf("Reason: %s", a.Note))
	}
	return m
}

func (a *approval) expired() bot.Message {
	return bot.Message{Title: "Expired", Tone: bot.Muted, Blocks: []bot.Block{
		bot.Textf("**%s**: nobody agreed to `%s` in time. Nothing was changed; ask again if it is still wanted.", nameOf(a.Requester), clip(a.Line, 300)),
	}}
}
