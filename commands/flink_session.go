package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
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
	sum := sha256.Sum256([]byte(strings.Join([]string{e.Actor.String(), e.Place.String(), cluster}, "\x00")))
	return sqlSession{table: storage.Table[sqlSession]{DB: d.DB, Name: "sqlsession", TTL: 7 * 24 * time.Hour}, id: "sql-" + hex.EncodeToString(sum[:8])}
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

// keep adds a statement that ran to what is replayed. RESET of everything and a repeat of the newest add nothing.
func (s *sqlSession) keep(ctx context.Context, st sqltext.Statement) error {
	if n := len(s.Statements); n > 0 && s.Statements[n-1] == st.Text {
		return nil
	}
	if len(s.Sealed) >= sessionMax {
		return platform.Errorf(platform.Invalid, "", "this channel keeps %d statements of yours already; `/flink session clear=true` forgets them", sessionMax)
	}
	sealed, err := s.table.DB.SealText(st.Text, hasSecret(st.Text))
	if err != nil {
		return noKey(err)
	}
	s.Sealed = append(s.Sealed[:len(s.Sealed):len(s.Sealed)], sealed)
	s.Statements = append(s.Statements[:len(s.Statements):len(s.Statements)], st.Text)
	return s.table.Update(ctx, s.id, func(tx *storage.Tx, v *sqlSession, was storage.Version) error {
		v.Sealed = s.Sealed
		s.table.Put(tx, s.id, *v, was)
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
		Resolve: ResolveArgs(func(_ context.Context, _ *Env, a *sessionArgs) error {
			c, err := d.cluster(a.Cluster)
			if err == nil {
				a.Cluster = c.Name
			}
			return err
		}),
	}, func(ctx context.Context, e *Env, a sessionArgs) (bot.Message, error) {
		s := d.sqlSession(e, a.Cluster)
		kept, was, err := s.table.Get(ctx, s.id)
		switch {
		case errors.Is(err, storage.ErrNotFound) || err == nil && len(kept.Sealed) == 0:
			return bot.Message{Title: "Nothing defined yet", Private: true, Blocks: []bot.Block{bot.Textf("Tables and settings that you define with `/flink sql` in this channel are kept for your next statements.")}}, nil
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
			bot.Actions{{Label: "Forget", Call: CallOf("flink session", sessionArgs{Cluster: a.Cluster, Clear: true}), Confirm: "Forget these tables and settings?"}},
		}}, nil
	})
}

var position = regexp.MustCompile(`(?i)\bline (\d+), column (\d+)`)

// inScript turns the positions of an error, which count from the statement, into positions in the person's text. above is
// how many lines were put before the statement.
func inScript(err error, st sqltext.Statement, above int) error {
	var pe *platform.Error
	if !errors.As(err, &pe) {
		return err
	}
	shifted := position.ReplaceAllStringFunc(pe.Err.Error(), func(p string) string {
		m := position.FindStringSubmatch(p)
		line, _ := strconv.Atoi(m[1])
		col, _ := strconv.Atoi(m[2])
		if line -= above; line == 1 {
			col += st.Col - 1
		}
		return fmt.Sprintf("line %d, column %d", max(line, 1)+st.Line-1, col)
	})
	return &platform.Error{Op: pe.Op, Kind: pe.Kind, Err: errors.New(shifted), Detail: pe.Detail}
}
