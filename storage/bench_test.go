package storage_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

// kinds runs a benchmark over memory and a real server.
func kinds(b *testing.B, run func(b *testing.B, db *storage.DB)) {
	b.Run("memory", func(b *testing.B) { run(b, storagetest.Open(b)) })
	b.Run("redis", func(b *testing.B) {
		url, _ := storagetest.Redis(b, "--appendfsync", "everysec")
		run(b, storagetest.With(b, storage.Options{Redis: url}))
	})
}

func BenchmarkCommit(b *testing.B) {
	kinds(b, func(b *testing.B, db *storage.DB) {
		tab := storage.Table[map[string]string]{DB: db, Name: "bench"}
		v := map[string]string{"text": fmt.Sprintf("%0300d", 7)}
		for i := 0; b.Loop(); i++ {
			id := fmt.Sprint("r", i%1000, "/x")
			tx := db.Begin(id)
			tab.Put(tx, id, v, storage.Any)
			tx.Enqueue("bench", id, time.Time{})
			tx.Append("bench", v, 0)
			if err := db.Commit(b.Context(), tx); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkClaim(b *testing.B) {
	kinds(b, func(b *testing.B, db *storage.DB) {
		for i := range 1000 {
			id := fmt.Sprint("r", i)
			tx := db.Begin(id)
			tx.Enqueue("bench", id, time.Time{})
			if err := db.Commit(b.Context(), tx); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			got, _, err := db.Claim(b.Context(), "bench", 1, time.Minute)
			if err != nil || len(got) != 1 {
				b.Fatal(got, err)
			}
			tx := db.Begin(got[0].ID)
			tx.Release(got[0], time.Time{})
			if err := db.Commit(b.Context(), tx); err != nil {
				b.Fatal(err)
			}
		}
	})
}
