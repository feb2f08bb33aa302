package saga_test

import (
	"context"
	"testing"
	"time"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/saga"
	"github.com/drey-ops/drey/storage/storagetest"
)

// BenchmarkStep measures steps that follow each other at once, in one run.
func BenchmarkStep(b *testing.B) {
	for name, open := range map[string]func(b *testing.B) *storage.DB{
		"memory": func(b *testing.B) *storage.DB { return storagetest.Open(b) },
		"redis": func(b *testing.B) *storage.DB {
			url, _ := storagetest.Redis(b, "--appendfsync", "everysec")
			return storagetest.With(b, storage.Options{Redis: url})
		},
	} {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			left, done := b.N, make(chan bool)
			e := saga.New(db, nil, saga.Options{}, saga.Define("p", 1, nil, step{Name: "a", Do: func(context.Context, *run) (saga.Next, error) {
				if left--; left > 0 {
					return saga.Next{Goto: "a"}, nil
				}
				close(done)
				return saga.Next{}, nil
			}}))
			tx := db.Begin("x")
			if err := e.Start(tx, "x", "p", counts{}, nil); err != nil {
				b.Fatal(err)
			}
			if err := db.Commit(b.Context(), tx); err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			ended := make(chan error)
			b.ResetTimer()
			go func() { ended <- e.Run(ctx) }()
			<-done
			b.StopTimer()
			cancel()
			<-ended
		})
	}
}
