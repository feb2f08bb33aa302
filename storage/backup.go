package storage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// backupForm is the version of what Backup writes.
const backupForm = 1

// Errors of Restore.
var (
	// ErrNotEmpty says that the store holds state already.
	ErrNotEmpty = errors.New("storage: not empty")
	// ErrBackup says that the file is cut, changed, or of a newer drey.
	ErrBackup = errors.New("storage: not a whole backup of a form this drey knows")
)

// backupHead is the first line of a backup, backupTail the last one: the sum is that of all bytes before it.
type backupHead struct {
	Drey   string    `json:"drey"`
	Form   int       `json:"form"`
	Shards int       `json:"shards"`
	At     time.Time `json:"at"`
}

type backupTail struct {
	Keys   int    `json:"keys"`
	SHA256 string `json:"sha256"`
}

// backupKey is one key. Flat is what the command that makes such a key takes after its name: fields and values, scores
// and members, ids and values, or the string.
type backupKey struct {
	Key  string   `json:"key"`
	Type string   `json:"type"`
	Left int64    `json:"left,omitempty"` // ms until it expires; 0: never
	Flat []string `json:"flat"`
}

// dumpLua returns all keys of one shard as they are at one moment. It finds them itself: they are in the slot of KEYS[1],
// and read only.
const dumpLua = `
local out = {}
local function add(key, kind, flat) out[#out + 1] = {key, kind, redis.call('PTTL', key), flat} end
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local kind = redis.call('TYPE', key)
  kind = kind['ok'] or kind
  if kind == 'hash' then add(key, kind, redis.call('HGETALL', key))
  elseif kind == 'string' then add(key, kind, {redis.call('GET', key)})
  elseif kind == 'zset' then
    local flat, list = {}, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    for i = 1, #list, 2 do flat[i] = list[i + 1]; flat[i + 1] = list[i] end
    add(key, kind, flat)
  elseif kind == 'stream' then
    local flat = {}
    for _, e in ipairs(redis.call('XRANGE', key, '-', '+')) do flat[#flat + 1] = e[1]; flat[#flat + 1] = e[2][2] end
    add(key, kind, flat)
  end
end
return out
`

// Backup writes all state to w, as lines of JSON with a checksum at the end. Every shard is read in one moment, so that
// what was committed together is together in the file; work goes on meanwhile, but the server answers nobody else while it
// reads a shard.
func (db *DB) Backup(ctx context.Context, w io.Writer) error {
	now, err := db.Now(ctx)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	sum := sha256.New()
	buf := bufio.NewWriter(io.MultiWriter(w, sum))
	enc := json.NewEncoder(buf)
	if err := enc.Encode(backupHead{Drey: "backup", Form: backupForm, Shards: shards, At: now.UTC()}); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	total := 0
	for s := range shards {
		keys, err := db.dump(ctx, shard(s))
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		for _, k := range keys {
			if err := enc.Encode(k); err != nil {
				return fmt.Errorf("backup: %w", err)
			}
		}
		total += len(keys)
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return json.NewEncoder(w).Encode(backupTail{Keys: total, SHA256: hex.EncodeToString(sum.Sum(nil))})
}

// dump reads one shard, without what is there for seconds only.
func (db *DB) dump(ctx context.Context, s shard) ([]backupKey, error) {
	var list []any
	err := db.do(ctx, "dump", func(ctx context.Context) (err error) {
		list, err = db.rdb.Eval(ctx, dumpLua, []string{s.key("t", "")}, s.prefix()).Slice()
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []backupKey
	for _, row := range list {
		r := row.([]any) // as the script made it
		k := backupKey{Key: r[0].(string), Type: r[1].(string), Left: max(0, r[2].(int64))}
		for _, v := range r[3].([]any) {
			text, _ := v.(string)
			k.Flat = append(k.Flat, text)
		}
		if !strings.HasPrefix(k.Key, s.key("t", "")) && k.Key != s.key("ping", "") {
			out = append(out, k)
		}
	}
	return out, nil
}

// Restore fills an empty store from what Backup wrote. It checks the whole file before it writes anything, and returns
// ErrBackup or ErrNotEmpty. No drey may work on the store meanwhile. When it fails half-way, the store has to be emptied
// before another try.
func (db *DB) Restore(ctx context.Context, r io.Reader) error {
	keys, err := readBackup(r)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for s := range shards {
		old, err := db.dump(ctx, shard(s))
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		if len(old) > 0 {
			return fmt.Errorf("restore: %w", ErrNotEmpty)
		}
	}
	for _, k := range keys {
		if err := db.load(ctx, k); err != nil {
			return fmt.Errorf("restore %s: %w", k.Key, err)
		}
	}
	return nil
}

func readBackup(r io.Reader) ([]backupKey, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	body := bytes.TrimRight(data, "\n")
	cut := bytes.LastIndexByte(body, '\n') + 1
	var head backupHead
	var tail backupTail
	sum := sha256.Sum256(body[:cut])
	if json.Unmarshal(body[cut:], &tail) != nil || tail.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, ErrBackup
	}
	dec := json.NewDecoder(bytes.NewReader(body[:cut]))
	if dec.Decode(&head) != nil || head.Drey != "backup" || head.Form != backupForm || head.Shards != shards {
		return nil, ErrBackup
	}
	keys := make([]backupKey, tail.Keys)
	for i := range keys {
		if dec.Decode(&keys[i]) != nil || !strings.HasPrefix(keys[i].Key, "{drey:") {
			return nil, ErrBackup
		}
	}
	return keys, nil
}

// loadChunk is how many elements one command writes.
const loadChunk = 500

func (db *DB) load(ctx context.Context, k backupKey) error {
	return db.do(ctx, "load", func(ctx context.Context) error {
		_, err := db.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, k.Key) // do may come here twice
			for at := 0; at < len(k.Flat); at += 2 * loadChunk {
				k.add(ctx, p, k.Flat[at:min(at+2*loadChunk, len(k.Flat))])
			}
			if k.Left > 0 {
				p.PExpire(ctx, k.Key, time.Duration(k.Left)*time.Millisecond)
			}
			return nil
		})
		return err
	})
}

func (k backupKey) add(ctx context.Context, p redis.Pipeliner, flat []string) {
	args := []any{"", k.Key}
	for _, v := range flat {
		args = append(args, v)
	}
	switch k.Type {
	case "hash":
		args[0] = "HSET"
	case "zset":
		args[0] = "ZADD"
	case "string":
		args[0] = "SET"
	case "stream":
		for i := 0; i+1 < len(flat); i += 2 {
			p.Do(ctx, "XADD", k.Key, flat[i], "v", flat[i+1])
		}
		return
	default:
		return
	}
	p.Do(ctx, args...)
}
