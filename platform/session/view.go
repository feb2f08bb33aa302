package session

import (
	"strings"

	"github.com/drey-ops/drey/platform/sqlgateway"
)

// viewBytes bounds the text of a view: rows can be large where their number is small.
const viewBytes = 8 << 20

// view is a query's result so far: its changelog, folded. A row that is updated keeps its place.
type view struct {
	slots [][]string       // nil where a row was deleted
	at    map[string][]int // slots of each row, by its text
	rows  int
	bytes int
	hole  int // slot that an UPDATE_BEFORE has left for its UPDATE_AFTER, -1: none
}

func newView() *view { return &view{at: map[string][]int{}, hole: -1} }

func (v *view) apply(r sqlgateway.Row) {
	fields := make([]string, len(r.Fields))
	for i, f := range r.Fields {
		fields[i] = string(f)
	}
	switch r.Kind {
	case sqlgateway.UpdateBefore:
		v.hole = v.remove(fields)
	case sqlgateway.Delete:
		v.remove(fields)
		v.hole = -1
	case sqlgateway.UpdateAfter:
		v.insert(fields, v.hole)
		v.hole = -1
	default:
		v.insert(fields, -1)
		v.hole = -1
	}
}

// insert puts a row into a slot, or a new one at the end.
func (v *view) insert(fields []string, slot int) {
	if slot < 0 {
		slot = len(v.slots)
		v.slots = append(v.slots, nil)
	}
	k := key(fields)
	v.slots[slot] = fields
	v.at[k] = append(v.at[k], slot)
	v.rows++
	v.bytes += len(k)
}

// remove deletes the newest row with this text and returns its slot, -1 when there is none.
func (v *view) remove(fields []string) int {
	k := key(fields)
	at := v.at[k]
	if len(at) == 0 {
		return -1
	}
	slot := at[len(at)-1]
	if v.at[k] = at[:len(at)-1]; len(at) == 1 {
		delete(v.at, k)
	}
	v.slots[slot] = nil
	v.rows--
	v.bytes -= len(k)
	return slot
}

// full says whether there are more rows than fit.
func (v *view) full(limit int) bool { return v.rows > limit || v.bytes > viewBytes }

// show returns at most limit rows, and forgets the gaps.
func (v *view) show(limit int) [][]string {
	if len(v.slots) > 2*v.rows+64 {
		v.compact()
	}
	out := make([][]string, 0, min(v.rows, limit))
	for _, s := range v.slots {
		if s != nil && len(out) < limit {
			out = append(out, s)
		}
	}
	return out
}

func (v *view) compact() {
	old := v.slots
	v.slots, v.at, v.rows, v.bytes, v.hole = nil, map[string][]int{}, 0, 0, -1
	for _, s := range old {
		if s != nil {
			v.insert(s, -1)
		}
	}
}

// key is the text of a row; no two rows share one.
func key(fields []string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(strings.ReplaceAll(f, "\x00", "\x00\x01"))
		b.WriteString("\x00\x00")
	}
	return b.String()
}
