package commands

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// approvalQueue holds what waits: to expire, or, once approved, to run.
const approvalQueue storage.Queue = "approvals"

// approvalKeep is how long a request can still be looked up after its last change.
const approvalKeep = 30 * 24 * time.Hour

// approvalState is where a request stands. Asked may become any other; approved becomes running; running becomes done,
// failed, refused or unknown.
type approvalState string

const (
	stateAsked    approvalState = "asked"
	stateApproved approvalState = "approved"
	stateRunning  approvalState = "running"
	stateDone     approvalState = "done"
	stateFailed   approvalState = "failed"
	stateRefused  approvalState = "refused" // approved, but the requester may no longer
	stateRejected approvalState = "rejected"
	stateExpired  approvalState = "expired"
	stateUnknown  approvalState = "unknown" // drey ended while it ran
)

// approval is one request for a second person's consent. Its id is made of requester, place and call, so that asking
// again while it waits finds it; Round counts the requests of the same.
type approval struct {
	ID         string        `json:"id"`
	Round      int           `json:"round"`
	State      approvalState `json:"state"`
	Call       bot.Call      `json:"call"` // Args canonical, as a text that SealText made
	Line       string        `json:"line"` // the same for people
	Hash       string        `json:"hash"` // of Call
	Help       string        `json:"help"`
	Permission string        `json:"permission"`
	Cluster    string        `json:"cluster,omitempty"`
	Job        string        `json:"job,omitempty"`
	Requester  bot.Actor     `json:"requester"`
	Place      bot.Place     `json:"place"`
	Intro      bot.Text      `json:"intro"`
	By         []string      `json:"by"`
	Rule       string        `json:"rule"`
	AskedAt    time.Time     `json:"asked_at"`
	Expires    time.Time     `json:"expires"`
	Decider    bot.Actor     `json:"decider"`
	DecidedAt  time.Time     `json:"decided_at,omitzero"`
	Note       string        `json:"note,omitempty"`
	Standing   stance        `json:"standing,omitzero"` // of the job, when Intro was made
	Look       int           `json:"look,omitempty"`    // how often it was asked anew
	Again      string        `json:"again,omitempty"`   // why the last time
}

// approvalRoot is the root of everything that commits with a request.
func approvalRoot(id string) string { return "approval-" + id }

func (a *approval) cardKey() string {
	return approvalRoot(a.ID) + "/card-" + strconv.Itoa(a.Round)
}

// run names this round of the request: what runs because of it must run once.
func (a *approval) run() string { return a.ID + "-" + strconv.Itoa(a.Round) }

func (r *Router) approvals() storage.Table[approval] {
	return storage.Table[approval]{DB: r.db, Name: "approvals", TTL: approvalKeep}
}

// hashOf is short for a call: it changes when the command or an argument does.
func hashOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
}

// askApproval stores the request with its card, and tells the requester so: it always returns an error.
func (r *Router) askApproval(ctx context.Context, e *Env, args any, warn Confirmation) error {
	hash := hashOf(e.cmd.Path, string(e.args))
	id := hashOf(e.Actor.String(), e.Place.String(), e.cmd.Path, string(e.args))
	errWaits := errors.New("waits already")
	var asked approval
	err := r.approvals().Update(ctx, approvalRoot(id), func(tx *storage.Tx, a *approval, _ storage.Version) error {
		if a.State == stateAsked && r.now().Before(a.Expires) || a.State == stateApproved || a.State == stateRunning {
			asked = *a
			return errWaits
		}
		*a = approval{
			ID: id, Round: a.Round + 1, State: stateAsked, Hash: hash, Line: e.cmd.Line(e.cmd.redacted(args)),
			Help: e.cmd.Help, Permission: e.Decision.Permission, Cluster: e.Decision.Cluster, Job: e.Decision.Job,
			Requester: e.Actor, Place: e.cardPlace(), Intro: warn.Intro, Standing: warn.Standing, By: e.Decision.By, Rule: e.Decision.RequireRule,
			AskedAt: r.now(), Expires: r.now().Add(e.Decision.Within),
		}
		if err := r.seal(a, e.cmd, e.Call()); err != nil {
			return err
		}
		asked = *a
		en := e.entry("approval asked", args, e.Decision)
		en.Approval, en.Rule = a.ID, a.Rule
		tx.Append(AuditLog, en, auditMax)
		tx.Enqueue(approvalQueue, approvalRoot(id), a.Expires)
		r.outbox.Put(tx, bot.Delivery{Key: a.cardKey(), To: a.Place, Message: a.card()})
		return nil
	})
	if err != nil && !errors.Is(err, errWaits) {
		return fmt.Errorf("ask for approval: %w", err)
	}
	return Tell(asked.waits(err != nil))
}

// waits tells the requester that a second person has to agree.
func (a *approval) waits(already bool) bot.Message {
	text := bot.Textf("`%s` needs the consent of a second person with role %s. They are asked in %s.", clip(a.Line, 300), strings.Join(a.By, " or "), a.Place)
	if already {
		text = bot.Textf("`%s` was asked for already, and waits for the consent of a second person with role %s.", clip(a.Line, 300), strings.Join(a.By, " or "))
	}
	return bot.Message{
		Title: "Waiting for approval", Tone: bot.Busy, Private: true,
		Blocks: []bot.Block{text, bot.Fields{bot.F("Request", a.ID), bot.F("Waits until", when(a.Expires))},
			bot.Notef("Nothing was changed so far. `/drey reject %s` withdraws it.", a.ID)},
	}
}

func when(t time.Time) bot.Span {
	return bot.Span{Text: t.UTC().Format("2006-01-02 15:04 UTC"), At: t}
}

// sealArgs are the arguments of approve, and the first of reject.
type sealArgs struct {
	ID   string `json:"id" help:"id of the request, as its card shows it" complete:"approval"`
	Seal string `json:"seal" help:"what the card showed" optional:"true" hidden:"true"`
}

type rejectArgs struct {
	sealArgs
	Reason string `json:"reason" help:"why, for the person who asked" optional:"true" rest:"true"`
}

// seal ties a card's buttons to what the card shows.
func (a *approval) seal() string {
	out := a.Hash + "-" + strconv.Itoa(a.Round)
	if a.Look > 0 {
		out += "-" + strconv.Itoa(a.Look)
	}
	return out
}

// decideApproval lets e.Actor agree or disagree; it returns what to tell them.
func (r *Router) decideApproval(ctx context.Context, e *Env, in rejectArgs, agree bool) (bot.Message, error) {
	id := strings.ToLower(strings.TrimSpace(in.ID))
	if agree {
		if err := r.lookAgain(ctx, e, id, in); err != nil {
			return bot.Message{}, err
		}
	}
	var a approval
	err := r.approvals().Update(ctx, approvalRoot(id), func(tx *storage.Tx, cur *approval, was storage.Version) error {
		if was == storage.New {
			return platform.Errorf(platform.NotFound, "", "there is no request %q for approval", clip(in.ID, 40))
		}
		if err := r.mayDecide(e, cur, in, agree); err != nil {
			a = *cur
			return err
		}
		cur.State, cur.Decider, cur.DecidedAt, cur.Note = stateRejected, e.Actor, r.now(), clip(in.Reason, 500)
		what, due := "rejected", cur.Expires
		if agree {
			cur.State, what, due = stateApproved, "approved", time.Time{}
		}
		tx.Append(AuditLog, e.approvalEntry(what, cur, true), auditMax)
		tx.Enqueue(approvalQueue, approvalRoot(id), due) // approved: to run now; rejected: to be taken out
		r.outbox.Put(tx, bot.Delivery{Key: cur.cardKey(), To: cur.Place, Message: cur.card()})
		if !agree {
			r.outbox.Put(tx, cur.result(cur.rejected()))
		}
		a = *cur
		return nil
	})
	var no *notApprover
	if errors.As(err, &no) {
		return bot.Message{}, r.refuseApprover(ctx, e, &a, no)
	}
	if err != nil {
		return bot.Message{}, err
	}
	if !agree {
		return bot.Message{Title: "Rejected", Tone: bot.Muted, Private: true, Blocks: []bot.Block{bot.Textf("`%s` of **%s** will not run.", clip(a.Line, 300), nameOf(a.Requester))}}, nil
	}
	return bot.Message{Title: "Approved", Tone: bot.Good, Private: true, Blocks: []bot.Block{bot.Textf("`%s` runs now, for **%s**. Its card tells how it goes.", clip(a.Line, 300), nameOf(a.Requester))}}, nil
}

// notApprover says why somebody may not decide on a request.
type notApprover struct{ why bot.Text }

func (n *notApprover) Error() string { return n.why.Plain() }

// mayDecide says whether e.Actor may decide on a now. It is pure but for the policy.
func (r *Router) mayDecide(e *Env, a *approval, in rejectArgs, agree bool) error {
	now := r.now()
	switch {
	case a.State != stateAsked || !now.Before(a.Expires):
		return Tell(a.over(now))
	case in.Seal != "" && in.Seal != a.seal():
		return Tell(bot.Message{Title: "This card is out of date", Tone: bot.Warn, Private: true,
			Blocks: []bot.Block{bot.Textf("The request has changed since this card was shown. Nothing was decided; look at the newest card.")}})
	}
	self := a.Requester.Network == e.Actor.Network && a.Requester.ID == e.Actor.ID
	if self && !agree {
		return nil // withdrawn
	}
	if self {
		return &notApprover{bot.Textf("You asked for it yourself: somebody else has to agree.")}
	}
	call, err := r.callOf(a)
	if err != nil {
		return err
	}
	p := r.policy.Load()
	d := p.Decide(Request{
		Actor: e.Actor, Place: e.Place, Now: e.Now, Permission: a.Permission, Cluster: a.Cluster, Job: a.Job,
		Args: textArgs(call.Args), Anywhere: a.Cluster == "" && a.Job == "",
	})
	by := a.By
	if now := r.present(a, call); now.Require == RequireApproval {
		by = now.By // the policy may have been changed since
	}
	if !slices.ContainsFunc(d.Roles, func(role string) bool { return slices.Contains(by, role) }) {
		return &notApprover{bot.Textf("To decide on it takes role %s; your roles: %s.", strings.Join(by, " or "), orNone(d.Roles))}
	}
	if !d.Allowed {
		return &notApprover{bot.Textf("To decide on it takes the permission `%s` yourself, which you do not have in %s.", a.Permission, e.Place)}
	}
	return nil
}

// present is what the policy says of the request today.
func (r *Router) present(a *approval, call bot.Call) Decision {
	return r.policy.Load().Decide(Request{
		Actor: a.Requester, Place: a.Place, Now: r.now(), Permission: a.Permission, Cluster: a.Cluster, Job: a.Job,
		Args: textArgs(call.Args), Anywhere: a.Cluster == "" && a.Job == "",
	})
}

func (r *Router) refuseApprover(ctx context.Context, e *Env, a *approval, no *notApprover) error {
	tx := r.db.Begin(approvalRoot(a.ID))
	en := e.approvalEntry("not approved", a, false)
	en.Note = no.Error()
	tx.Append(AuditLog, en, auditMax)
	if err := r.db.Commit(ctx, tx); err != nil {
		r.log.Error("refusal not audited", "actor", e.Actor.String(), "approval", a.ID, "error", err)
	}
	return Tell(bot.Message{Title: "You cannot decide on this", Tone: bot.Warn, Private: true,
		Blocks: []bot.Block{no.why, bot.Notef("The request waits on. Nothing was changed.")}})
}

// approvalEntry is what the trail keeps of a step of a request: the person is who took it, the call the request's.
func (e *Env) approvalEntry(what string, a *approval, allowed bool) Entry {
	en := a.entry(what, e.Now)
	en.Actor, en.Name, en.Place, en.Event = e.Actor.String(), e.Actor.Name, e.Place, e.Event.ID
	en.Roles, en.Allowed = e.router.policy.Load().Roles(e.Actor), allowed
	return en
}

func (a *approval) entry(what string, now time.Time) Entry {
	return Entry{
		At: now, What: what, Actor: a.Requester.String(), Name: a.Requester.Name, Place: a.Place, Path: a.Call.Path, Line: a.Line,
		Permission: a.Permission, Cluster: a.Cluster, Job: a.Job, Allowed: true, Rule: a.Rule, Require: RequireApproval,
		Approval: a.ID, Note: a.Note,
	}
}

func nameOf(a bot.Actor) string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// intact says whether call, the stored one, is still the one that was asked for.
func (a *approval) intact(call bot.Call) bool {
	var out bytes.Buffer
	return json.Compact(&out, call.Args) == nil && hashOf(call.Path, out.String()) == a.Hash
}
