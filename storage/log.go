package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// LogEntry is one entry of a log.
type LogEntry struct {
	At   time.Time
	Data json.RawMessage
}

// streamed is one entry with the two parts of its stream id.
type streamed struct {
	ms, seq uint64
	data    string
}

func later(a, b streamed) int { return cmp.Or(cmp.Compare(b.ms, a.ms), cmp.Compare(b.seq, a.seq)) }

// ReadLog yields up to max entries (0: all) of a log over all shards, newest first.
func (db *DB) ReadLog(ctx context.Context, log string, max int) iter.Seq2[LogEntry, error] {
	return func(yield func(LogEntry, error) bool) {
		if err := checkName("log", log); err != nil {
			yield(LogEntry{}, err)
			return
		}
		left := max
		if max <= 0 {
			left = int(^uint(0) >> 1)
		}
		m := merge[streamed]{page: clamp(left, 16, 256), load: db.streamPage(log), less: later}
		for left > 0 {
			got, err := m.take(ctx, min(left, fetchMax))
			if err != nil {
				yield(LogEntry{}, fmt.Errorf("read log %s: %w", log, err))
				return
			}
			for _, e := range got {
				if !yield(LogEntry{At: time.UnixMilli(int64(e.ms)), Data: json.RawMessage(e.data)}, nil) {
					return
				}
			}
			if len(got) == 0 {
				return
			}
			left -= len(got)
		}
	}
}

func (db *DB) streamPage(log string) loader[streamed] {
	return func(ctx context.Context, want []shard, after *[shards]*streamed, page int) (map[shard]part[streamed], error) {
		out := map[shard]part[streamed]{}
		err := db.do(ctx, "log", func(ctx context.Context) error {
			cmds := make([]*redis.XMessageSliceCmd, len(want))
			_, err := db.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
				for i, s := range want {
					end := "+"
					if last := after[s]; last != nil {
						end = fmt.Sprintf("(%d-%d", last.ms, last.seq)
					}
					cmds[i] = p.XRevRangeN(ctx, s.key("l", log), end, "-", int64(page))
				}
				return nil
			})
			if err != nil {
				return err
			}
			for i, s := range want {
				got := part[streamed]{more: len(cmds[i].Val()) == page}
				for _, m := range cmds[i].Val() {
					got.items = append(got.items, entryOf(m))
				}
				out[s] = got
			}
			return nil
		})
		return out, err
	}
}

func entryOf(m redis.XMessage) streamed {
	ms, seq, _ := strings.Cut(m.ID, "-")
	var e streamed
	e.ms, _ = strconv.ParseUint(ms, 10, 64) // Redis wrote them
	e.seq, _ = strconv.ParseUint(seq, 10, 64)
	e.data, _ = m.Values["v"].(string)
	return e
}
