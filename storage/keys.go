package storage

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shards is part of the stored form: with another number every key would be looked for in the wrong place.
const shards = 16

const maxID = 512

// shard is one of the logical shards; all its keys have one hash tag.
type shard int

func shardOf(id string) shard {
	h := fnv.New32a()
	h.Write([]byte(Root(id)))
	return shard(h.Sum32() % shards)
}

func (s shard) key(kind, name string) string { return s.prefix() + kind + ":" + name }

func (s shard) prefix() string {
	const digits = "0123456789"
	return "{drey:" + string(digits[int(s)/10]) + string(digits[int(s)%10]) + "}:"
}

// Root is the part of an id before the first '/': ids with one root can be changed in one Tx.
func Root(id string) string {
	root, _, _ := strings.Cut(id, "/")
	return root
}

// checkID refuses what could not be a key, or could not be read in a log line.
func checkID(id string) error {
	switch {
	case Root(id) == "":
		return fmt.Errorf("storage: id %q has an empty root", id)
	case len(id) > maxID:
		return fmt.Errorf("storage: id %.40q… is longer than %d bytes", id, maxID)
	case !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
		return fmt.Errorf("storage: id %q holds control characters", id)
	}
	return nil
}

// checkName is for the names of tables, queues and logs. They hold no ':', so that no two keys are ever one.
func checkName(what, name string) error {
	ok := name != "" && len(name) <= 64
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	if !ok {
		return fmt.Errorf("storage: %s name %q: want 1 to 64 of a-z 0-9 - _ .", what, name)
	}
	return nil
}
