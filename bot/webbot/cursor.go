package webbot

import (
	"strconv"
	"strings"
)

// cursor is how much of a channel a reader has seen. The zero cursor has seen nothing of an empty channel.
type cursor struct {
	epoch string
	seq   int64
}

// cursors are a reader's cursors by channel.
type cursors map[string]cursor

// format writes cursors in the order of the channels, as the browser gives them back: "ops.EPOCH.12~oncall.EPOCH.3".
func (cs cursors) format(channels []string) string {
	parts := make([]string, 0, len(channels))
	for _, ch := range channels {
		c := cs[ch]
		parts = append(parts, ch+"."+c.epoch+"."+strconv.FormatInt(c.seq, 10))
	}
	return strings.Join(parts, "~")
}

// parseCursors reads what format wrote. What it cannot read is as if that channel had never been seen, which costs the
// reader a reload and nothing else.
func parseCursors(s string) cursors {
	cs := cursors{}
	if len(s) > 8<<10 {
		return cs
	}
	for part := range strings.SplitSeq(s, "~") {
		f := strings.Split(part, ".")
		if len(f) != 3 {
			continue
		}
		seq, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil || seq < 0 {
			continue
		}
		cs[f[0]] = cursor{f[1], seq}
	}
	return cs
}
