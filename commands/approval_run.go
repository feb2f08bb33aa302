package commands

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

const (
	// approvalTime bounds the run of an approved call, well within the lease: nobody else may take it for abandoned.
	approvalTime  = 2 * time.Minute
	approvalLease = 3 * time.Minute
)

// Run expires requests and runs approved calls until ctx ends, then waits for those under way, and for completers.
func (r *Router) Run(ctx context.Context) error {
	var busy sync.WaitGroup
	defer r.cache.wait()
	defer busy.Wait()
	slots := make(chan struct{}, 4)
	for ctx.Err() == nil {
		items, next, err := r.db.Claim(ctx, approvalQueue, cap(slots)-len(slots), approvalLease)
		if err != nil && ctx.Err() == nil {
			r.log.Warn("approvals cannot be read; trying again", "error", err)
			next = time.Second
		}
		for _, it := range items {
			slots <- struct{}{}
			busy.Go(func() {
				defer func() { <-slots }()
				// A call that has begun is seen through: its outcome has to be told.
				if err := r.work(context.WithoutCancel(ctx), it); err != nil {
					r.log.Error("approval not finished", "approval", it.ID, "error", err)
				}
			})
		}
		select {
		case <-ctx.Done():
		case <-r.db.Wake(approvalQueue):
		case <-time.After(max(next, 10*time.Millisecond)):
		}
	}
	return nil
}

// work does what is due of one request.
func (r *Router) work(ctx context.Context, it storage.Item) error {
	a, was, err := r.approvals().Get(ctx, it.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return r.commit(ctx, it, func(tx *storage.Tx) { tx.Finish(it) })
	}
	if err != nil {
		return err
	}
	now := r.now()
	switch {
	case a.State == stateAsked && now.Before(a.Expires):
		return r.commit(ctx, it, func(tx *storage.Tx) { tx.Release(it, a.Expires) })
	case a.State == stateAsked:
		a.State = stateExpired
		return r.close(ctx, it, &a, was, "expired", a.expired())
	case a.State == stateRunning:
		// Whoever ran it is gone, and whether the call had its effect nobody can tell: it is not run again.
		a.State = stateUnknown
		return r.close(ctx, it, &a, was, "outcome not known", a.card())
	case a.State != stateApproved:
		return r.commit(ctx, it, func(tx *storage.Tx) { tx.Finish(it) })
	}
	a.State = stateRunning
	err = r.commit(ctx, it, func(tx *storage.Tx) { r.approvals().Put(tx, it.ID, a, was) })
	if err != nil {
		return err
	}
	m := r.runApproved(ctx, &a)
	return r.close(ctx, it, &a, was+1, string(a.State), m)
}

func (r *Router) commit(ctx context.Context, it storage.Item, fill func(tx *storage.Tx)) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tx := r.db.Begin(storage.Root(it.ID))
	fill(tx)
	return r.db.Commit(ctx, tx)
}

// close stores a request's last state with its card, what is said in the thread, and the audit entry.
func (r *Router) close(ctx context.Context, it storage.Item, a *approval, was storage.Version, what string, m bot.Message) error {
	return r.commit(ctx, it, func(tx *storage.Tx) {
		r.approvals().Put(tx, it.ID, *a, was)
		en := a.entry(what, r.now())
		en.Allowed = a.State != stateRefused
		tx.Append(AuditLog, en, auditMax)
		r.outbox.Put(tx, bot.Delivery{Key: a.cardKey(), To: a.Place, Message: a.card()})
		r.outbox.Put(tx, a.result(m))
		tx.Finish(it)
	})
}

// runApproved runs the call as the requester, if they still may; it sets a's last state and returns what to tell.
func (r *Router) runApproved(ctx context.Context, a *approval) bot.Message {
	ctx, cancel := context.WithTimeout(ctx, approvalTime)
	defer cancel()
	ev := bot.Event{ID: "approval-" + a.run(), At: r.now(), Actor: a.Requester, Place: a.Place, Call: a.Call}
	m, err := r.tryApproved(ctx, a, ev)
	if err == nil && (m.Form != nil || m.Title == "" && len(m.Blocks) == 0) {
		err = fmt.Errorf("approved %s: the command has no answer that could be shown", a.Call.Path)
	}
	var told *Told
	switch {
	case err == nil:
		a.State, a.Note = stateDone, strings.TrimSpace(strings.TrimSuffix(m.Title, ".")+".")
		if m.Title == "" {
			a.Note = "Done."
		}
		return m
	case errors.As(err, &told) && told.Message.Form == nil:
		m = told.Message
	default:
		m = r.tell(ev, err)
	}
	if a.State != stateRefused {
		a.State = stateFailed
	}
	a.Note = sentence(m)
	return m
}

func (r *Router) tryApproved(ctx context.Context, a *approval, ev bot.Event) (m bot.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in %s: %v\n%s", a.Call.Path, p, debug.Stack())
		}
	}()
	if ev.Call, err = r.callOf(a); err != nil {
		a.State = stateRefused
		return m, err
	}
	c, args, err := r.tree.read(ev.Call, nil)
	if err != nil || !a.intact(ev.Call) {
		a.State = stateRefused
		return m, Tell(bot.Message{Title: "It would no longer mean the same", Tone: bot.Warn,
			Blocks: []bot.Block{bot.Textf("The request was made with another version of drey, or was changed. Ask again.")}})
	}
	e := r.env(ev, c, nil)
	e.Approved, e.args = a.run(), Encode(args)
	if e.Decision = r.decide(e, args); !e.Decision.Allowed {
		a.State = stateRefused
		return m, r.refuse(ctx, e, args, e.Decision)
	}
	if err := r.record(ctx, e, args, e.Decision); err != nil {
		a.State = stateRefused
		return m, err
	}
	return c.run(ctx, e, args)
}

// sentence is a message in a few words, for the card.
func sentence(m bot.Message) string {
	for _, b := range m.Blocks {
		if t, ok := b.(bot.Text); ok && t.Plain() != "" {
			return clip(t.Plain(), 300)
		}
	}
	return m.Title
}
