package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestBackup(t *testing.T) {
	url, _ := storagetest.Redis(t)
	from := storagetest.With(t, storage.Options{Redis: url})
	brief := storage.Table[string]{DB: from, Name: "brief", TTL: time.Hour}
	for i := range 40 {
		id := fmt.Sprint("r", i)
		tx := from.Begin(id)
		things(from).Put(tx, id, i, storage.New)
		brief.Put(tx, id, "ä\x00\n", storage.New)
		tx.Enqueue("q", id, time.Time{})
		tx.Append("log", i, 0)
		tx.Once("mark"+id, time.Hour)
		must(t, from.Commit(t.Context(), tx))
	}
	held, _, err := from.Claim(t.Context(), "q", 5, time.Hour)
	must(t, err)
	var file bytes.Buffer
	must(t, from.Backup(t.Context(), &file))
	whole := file.Bytes()
	if err := from.Restore(t.Context(), bytes.NewReader(whole)); !errors.Is(err, storage.ErrNotEmpty) {
		t.Errorf("restore into a used store: %v", err)
	}
	to := storagetest.Open(t)
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": whole[:len(whole)/2], "changed": bytes.Replace(whole, []byte("r7"), []byte("r8"), 1), "other": []byte("{}\n{}\n"),
	} {
		if err := to.Restore(t.Context(), bytes.NewReader(bad)); !errors.Is(err, storage.ErrBackup) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, to.Restore(t.Context(), bytes.NewReader(whole)))
	n, err := things(to).Len(t.Context())
	must(t, err)
	depth, _, err := to.Depth(t.Context(), "q")
	must(t, err)
	lines := 0
	for range to.ReadLog(t.Context(), "log", 0) {
		lines++
	}
	brief.DB = to
	text, v, err := brief.Get(t.Context(), "r7")
	if n != 40 || depth != 40 || lines != 40 || text != "ä\x00\n" || v != 1 || err != nil {
		t.Errorf("%d records, %d queued, %d lines, %q at %d, %v", n, depth, lines, text, v, err)
	}
	tx := to.Begin(held[0].ID)
	tx.Finish(held[0]) // leases are state, too
	must(t, to.Commit(t.Context(), tx))
	tx = to.Begin("r7")
	tx.Once("markr7", time.Hour)
	if err := to.Commit(t.Context(), tx); !errors.Is(err, storage.ErrSeen) {
		t.Errorf("mark: %v", err)
	}
}
