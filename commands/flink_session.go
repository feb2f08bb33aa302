package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqltext"
	"github.com/drey-ops/drey/storage"
)

// sqlSession is what a person has defined in a channel on a cluster: tables and settings live in a session of the gateway,
// which forgets them, so drey keeps the statements and plays them again.
type sqlSession struct {
	Sealed []string `json:"statements"` // as storage.DB.SealText makes them

	Statements []string `json:"-"` // the same, as they were typed
	table      storage.Table[sqlSession]
	id         string
}

// sessionMax bounds what is replayed before every statement.
const sessionMax = 100

func (d Deps) sqlSession(e *Env, cluster string) sqlSession {
	table := storage.Table[sqlSession]{DB: d.DB, Name: "sqlsession", TTL: 7 * 24 * time.Hour}
	return sqlSession{table: table, id: "sql-" + digest(e.Actor.String(), e.Place.String(), cluster)}
}

// digest is a short name made of parts.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

func (d Deps) openScript(ctx context.Context, e *Env, c *platform.Cluster, a sqlArgs) (*script, error) {
	s := d.sqlSession(e, c.Name)
	kept, _, err := s.table.Get(ctx, s.id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if err := s.open(kept); err != nil {
		return nil, err
	}
	return &script{d: d, e: e, c: c, a: a, session: s}, nil
}

// open reads what was kept.
func (s *sqlSession) open(kept sqlSession) error {
	s.Sealed, s.Statements = kept.Sealed, make([]string, len(kept.Sealed))
	for i, st := range kept.Sealed {
		var err error
		if s.Statements[i], err = s.table.DB.UnsealText(st); err != nil {
			return platform.Errorf(platform.Invalid, "", "what you defined here is %w; nothing was run. `/flink session clear=true` forgets it", err)
		}
	}
	return nil
}

// room refuses, before it runs, a statement that could not be kept.
func (s *sqlSession) room() error {
	if len(s.Statements) < sessionMax {
		return nil
	}
	return platform.Errorf(platform.Invalid, "", "drey keeps %d statements of yours in this channel already; /flink session clear=true forgets them", sessionMax)
}

// keep adds a statement that ran to what is replayed; a repeat of the newest adds nothing. What another call of the person
// has added meanwhile stays.
func (s *sqlSession) keep(ctx context.Context, st sqltext.Statement) error {
	if n := len(s.Statements); n > 0 && s.Statements[n-1] == st.Text {
		return nil
	}
	sealed, err := s.table.DB.SealText(st.Text, hasSecret(st.Text))
	if err != nil {
		return noKey(err)
	}
	s.Statements = append(s.Statements[:len(s.Statements):len(s.Statements)], st.Text)
	return s.table.Update(ctx, s.id, func(_ *storage.Tx, v *sqlSession, _ storage.Version) error {
		v.Sealed = append(v.Sealed, sealed)
		return nil
	})
}

type sessionArgs struct {
	Cluster string `json:"cluster" help:"the session on this cluster" complete:"cluster" optional:"true"`
	Clear   bool   `json:"clear" help:"forget the tables and settings"`
}

func flinkSession(d Deps) *Command {
	return New(Spec{
		Path: "flink session", Help: "Show or forget the tables and settings you defined in this channel",
		Examples:   []string{"/flink session", "/flink session clear=true"},
		Permission: "sql.read", Effect: Changes,
		Resolve: ResolveArgs(func(_ context.Context, e *Env, a *sessionArgs) error { return d.pickCluster(e, &a.Cluster) }),
	}, func(ctx context.Context, e *Env, a sessionArgs) (bot.Message, error) {
		s := d.sqlSession(e, a.Cluster)
		kept, was, err := s.table.Get(ctx, s.id)
		switch {
		case errors.Is(err, storage.ErrNotFound) || err == nil && len(kept.Sealed) == 0:
			return bot.Message{Title: "Nothing defined yet", Private: true, Blocks: []bot.Block{bot.Textf("Tables and settings that you define with `/flink sql` in this channel are kept for your next statements here.")}}, nil
		case err != nil:
			return bot.Message{}, err
		case a.Clear:
			tx := d.DB.Begin(s.id)
			s.table.Delete(tx, s.id, was)
			if err := d.DB.Commit(ctx, tx); err != nil {
				return bot.Message{}, err
			}
			return bot.Message{Title: "Forgotten", Tone: bot.Muted, Private: true, Blocks: []bot.Block{bot.Textf("%s of yours in this channel will not be replayed any more. Jobs that use them run on.", count(len(kept.Sealed), "statement"))}}, nil
		}
		if err := s.open(kept); err != nil {
			return bot.Message{}, err
		}
		lines := make([]string, len(s.Statements))
		for i, st := range s.Statements {
			lines[i] = RedactTyped(st) + ";"
		}
		return bot.Message{Title: "Your session on " + a.Cluster, Private: true, Blocks: []bot.Block{
			bot.Code{Lang: "sql", Body: strings.Join(lines, "\n")},
			bot.Notef("Run before each of your statements in this channel; forgotten a week after the last of them."),
			bot.Actions{{Label: "Forget", Call: CallOf("flink session", sessionArgs{Cluster: a.Cluster, Clear: true}), Confirm: "Forget these tables and settings?"}},
		}}, nil
	})
}
