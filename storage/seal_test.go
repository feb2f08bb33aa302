package storage

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drey-ops/drey/config/secret"
)

const testKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func memory(t *testing.T, key string) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{Memory: true, Key: secret.Text(key)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestSeal(t *testing.T) {
	db := memory(t, testKey)
	for _, text := range []string{"", "x y", strings.Repeat("long ", 1000)} {
		a, err := db.Seal([]byte(text))
		b, err2 := db.Seal([]byte(text))
		if err != nil || err2 != nil || a == b || !strings.HasPrefix(a, "drey1:") || text != "" && strings.Contains(a, text) {
			t.Fatalf("Seal = %q, %q, %v", a, b, errors.Join(err, err2))
		}
		if got, err := db.Unseal(a); err != nil || string(got) != text {
			t.Errorf("Unseal = %q, %v", got, err)
		}
	}
	sealed, _ := db.Seal([]byte("x"))
	head := sealed[:strings.LastIndex(sealed, ":")+1]
	flip := []byte(sealed)
	flip[len(head)+3] ^= 1
	for _, bad := range []string{"", "x", "drey1:", "drey2:" + sealed[6:], head, head + "!", sealed[:len(sealed)-4], string(flip)} {
		if _, err := db.Unseal(bad); !errors.Is(err, ErrSeal) {
			t.Errorf("Unseal(%q) = %v", bad, err)
		}
	}
	if _, err := memory(t, "").Unseal(sealed); !errors.Is(err, ErrOtherKey) {
		t.Errorf("under another key: %v", err)
	}
	if _, err := (&DB{}).Unseal(sealed); !errors.Is(err, ErrOtherKey) {
		t.Errorf("without a key: %v", err)
	}
}

func TestSealText(t *testing.T) {
	db, bare := memory(t, testKey), &DB{}
	if s, err := db.SealText("a", false); err != nil || !strings.HasPrefix(s, "drey1:") {
		t.Errorf("with a key: %q, %v", s, err)
	}
	if s, err := bare.SealText("a", false); err != nil || s != "plain:a" {
		t.Errorf("without a key: %q, %v", s, err)
	}
	if s, err := bare.SealText("a", true); !errors.Is(err, ErrNoKey) {
		t.Errorf("a secret without a key: %q, %v", s, err)
	}
	for _, text := range []string{"", "drey1:x:y", "plain:x"} {
		for _, from := range []*DB{db, bare} {
			s, _ := from.SealText(text, false)
			if got, err := from.UnsealText(s); err != nil || got != text {
				t.Errorf("UnsealText(%q) = %q, %v", s, got, err)
			}
		}
	}
	if got, err := bare.UnsealText("SELECT 1"); err != nil || got != "SELECT 1" {
		t.Errorf("of an older drey: %q, %v", got, err)
	}
}

func TestKeyIsChecked(t *testing.T) {
	raw := make([]byte, 32)
	raw[0] = 0xfb
	for _, key := range []string{testKey, strings.ToUpper(testKey), base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw)} {
		if err := (Options{Key: secret.Text(key)}).Validate(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{"correct horse", testKey[2:], testKey + "00", base64.StdEncoding.EncodeToString(raw[1:])} {
		for _, err := range []error{(Options{Key: secret.Text(key)}).Validate(), func() error {
			_, err := Open(t.Context(), Options{Memory: true, Key: secret.Text(key)}, nil)
			return err
		}()} {
			if err == nil || !strings.Contains(err.Error(), "key: want 32 bytes") || strings.Contains(err.Error(), key) {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
}

func TestKeyOfFolder(t *testing.T) {
	dir := t.TempDir()
	a, err := keyIn(dir)
	b, err2 := keyIn(dir)
	if err != nil || err2 != nil || len(a) != keyLen || string(a) != string(b) {
		t.Fatalf("keys %x, %x: %v", a, b, errors.Join(err, err2))
	}
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("left behind: %v", all)
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyIn(dir); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged key: %v", err)
	}
}
