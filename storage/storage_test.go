package storage_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/drey-ops/drey/storage"
	"github.com/drey-ops/drey/storage/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	storagetest.Run(t, storagetest.Open)
}

func TestEmbedded(t *testing.T) {
	db := storagetest.With(t, storage.Options{Dir: t.TempDir()})
	storagetest.Run(t, func(testing.TB) *storage.DB { return db })
}

func TestRedis(t *testing.T) {
	url, _ := storagetest.Redis(t)
	db := storagetest.With(t, storage.Options{Redis: url})
	storagetest.Run(t, func(testing.TB) *storage.DB { return db })
}
