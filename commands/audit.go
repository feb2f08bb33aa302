package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// AuditLog is the name of the log that Entries are appended to.
const AuditLog = "audit"

// auditMax is how many entries are kept of each of the store's shards.
const auditMax = 50_000

// Entry is one decision as the audit trail keeps it.
type Entry struct {
	At         time.Time       `json:"at"`
	What       string          `json:"what"` // "call", "approval asked", "approved", "rejected", "expired", "not approved"
	Actor      string          `json:"actor"`
	Name       string          `json:"name,omitempty"`
	Place      bot.Place       `json:"place"`
	Path       string          `json:"path"`
	Args       json.RawMessage `json:"args,omitempty"` // secrets redacted
	Line       string          `json:"line,omitempty"` // the same, as it would be typed
	Permission string          `json:"permission"`
	Cluster    string          `json:"cluster,omitempty"`
	Job        string          `json:"job,omitempty"`
	Allowed    bool            `json:"allowed"`
	Rule       string          `json:"rule,omitempty"`
	Require    Requirement     `json:"require,omitempty"`
	Roles      []string        `json:"roles,omitempty"`
	Approval   string          `json:"approval,omitempty"`
	Note       string          `json:"note,omitempty"`
	Event      string          `json:"event,omitempty"`
}

// entry is the audit entry of a decision on a call. args is nil when they could not be read.
func (e *Env) entry(what string, args any, d Decision) Entry {
	en := Entry{
		At: e.Now, What: what, Actor: e.Actor.String(), Name: e.Actor.Name, Place: e.Place, Path: e.cmd.Path,
		Permission: d.Permission, Cluster: d.Cluster, Job: d.Job, Allowed: d.Allowed, Rule: d.Rule, Require: d.Require,
		Roles: d.Roles, Approval: e.Approved, Event: e.Event.ID, Line: "/" + e.cmd.Path,
	}
	if args != nil {
		en.Args = e.cmd.redacted(args)
		en.Line = e.cmd.Line(en.Args)
	}
	return en
}

// record writes the decision on a call, in one round trip. A call whose decision cannot be recorded does not run.
func (r *Router) record(ctx context.Context, e *Env, args any, d Decision) error {
	tx := r.db.Begin(storage.NewID()) // any shard will do: this spreads them
	tx.Append(AuditLog, e.entry("call", args, d), auditMax)
	if err := r.db.Commit(ctx, tx); err != nil {
		return fmt.Errorf("record %s: %w", e.cmd.Path, err)
	}
	return nil
}

// AuditFilter chooses entries; empty fields choose all.
type AuditFilter struct {
	Text       string // somewhere in the entry
	Person     string // "olga" or "web:olga"
	Permission string // "job.stop", "job.*"
	Job        string // "orders", "prod/orders"
	Denied     bool
}

// auditScan is how far back Audit looks for entries that match.
const auditScan = 20_000

// Audit returns up to max entries that match f, the newest first, and whether it looked through the whole trail.
func Audit(ctx context.Context, db *storage.DB, f AuditFilter, max int) (found []Entry, whole bool, err error) {
	seen := 0
	for le, err := range db.ReadLog(ctx, AuditLog, auditScan) {
		if err != nil {
			return nil, false, fmt.Errorf("read the audit trail: %w", err)
		}
		seen++
		var en Entry
		if err := json.Unmarshal(le.Data, &en); err != nil || !f.matches(en) {
			continue // an entry of a newer version is not this one's to judge
		}
		if found = append(found, en); len(found) == max {
			return found, false, nil
		}
	}
	return found, seen < auditScan, nil
}

func (f AuditFilter) matches(en Entry) bool {
	same := strings.EqualFold
	_, id, _ := strings.Cut(en.Actor, ":")
	switch {
	case f.Denied && en.Allowed:
		return false
	case f.Person != "" && !same(f.Person, en.Actor) && !same(f.Person, id) && !same(f.Person, en.Name):
		return false
	case f.Permission != "" && !matches(f.Permission, en.Permission):
		return false
	case f.Job != "" && f.Job != en.Job && f.Job != on(en.Cluster, en.Job):
		return false
	case f.Text == "":
		return true
	}
	hay := strings.ToLower(strings.Join([]string{en.What, en.Actor, en.Name, en.Line, en.Permission, on(en.Cluster, en.Job), en.Place.String(), en.Note, en.Approval}, " "))
	return strings.Contains(hay, strings.ToLower(f.Text))
}
