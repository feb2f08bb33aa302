package storage

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Errors of sealing that callers test with errors.Is. Their words are for people.
var (
	// ErrNoKey says that there is no key to seal with: an outside server, and no Options.Key.
	ErrNoKey = errors.New("drey has no key to seal secrets with: set storage.key to what `openssl rand -hex 32` prints")
	// ErrOtherKey says that a text was sealed with a key that this drey does not have.
	ErrOtherKey = errors.New("sealed with another key: set storage.key to the one that was used")
	// ErrSeal says that a sealed text is cut, changed, or of a newer drey.
	ErrSeal = errors.New("storage: not a whole sealed text of a form this drey knows")
)

const (
	keyLen   = 32
	keyFile  = "key"    // within the folder of the embedded server
	sealMark = "drey1:" // the form of a sealed text: drey1:KEYID:BASE64(nonce, sealed)
	bareMark = "plain:" // before what SealText left as it is
)

// sealer seals with one key. The id of the key stands in what it seals, so that another one is told from damage, and a
// later version may hold several.
type sealer struct {
	head string // sealMark, the key's id and a colon
	aead cipher.AEAD
}

func newSealer(key []byte) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	id := sha256.Sum256(append([]byte("drey storage key\x00"), key...))
	return &sealer{head: sealMark + hex.EncodeToString(id[:4]) + ":", aead: aead}, nil
}

// readKey reads a key as people write it. Its error never quotes it.
func readKey(text string) ([]byte, error) {
	if key, err := hex.DecodeString(text); err == nil && len(key) == keyLen {
		return key, nil
	}
	bare := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	if key, err := base64.RawStdEncoding.DecodeString(bare); err == nil && len(key) == keyLen {
		return key, nil
	}
	return nil, errors.New("want 32 bytes as 64 hex digits or in base64, such as `openssl rand -hex 32` prints")
}

// openKey chooses the key: the configured one, or one that own makes; none with an outside server.
func (db *DB) openKey(o Options, own func() ([]byte, error)) error {
	var key []byte
	var err error
	switch {
	case o.Key != "":
		key, err = readKey(string(o.Key))
	case own == nil:
		return nil
	default:
		key, err = own()
	}
	if err == nil {
		db.seal, err = newSealer(key)
	}
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	return nil
}

func freshKey() ([]byte, error) {
	key := make([]byte, keyLen)
	rand.Read(key) // never fails: crypto/rand ends the program instead
	return key, nil
}

// keyIn returns the key of the embedded server's folder, whose lock we hold; the first start makes it.
func keyIn(dir string) ([]byte, error) {
	name := filepath.Join(dir, keyFile)
	text, err := os.ReadFile(name)
	if err == nil {
		key, err := readKey(string(bytes.TrimSpace(text)))
		if err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", name, err)
		}
		return key, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	key, err := freshKey()
	if err != nil {
		return nil, err
	}
	return key, writeWhole(name, hex.EncodeToString(key)+"\n")
}

// writeWhole makes a file that only we can read; a crash leaves all of it or nothing.
func writeWhole(name, text string) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// CanSeal says whether there is a key.
func (db *DB) CanSeal() bool { return db.seal != nil }

// Seal makes a text of plain that only the holder of the key can read, another one each time; it is ErrNoKey without a
// key. What it returns is safe in records, logs and messages.
func (db *DB) Seal(plain []byte) (string, error) {
	if db.seal == nil {
		return "", ErrNoKey
	}
	s := db.seal
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	rand.Read(nonce) // never fails: crypto/rand ends the program instead
	return s.head + base64.RawStdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, []byte(s.head))), nil
}

// Unseal gives back what Seal was given. The error is ErrOtherKey, or ErrSeal for what Seal did not make.
func (db *DB) Unseal(sealed string) ([]byte, error) {
	id, body, ok := strings.Cut(strings.TrimPrefix(sealed, sealMark), ":")
	if !ok || !strings.HasPrefix(sealed, sealMark) {
		return nil, ErrSeal
	}
	s := db.seal
	if s == nil || s.head != sealMark+id+":" {
		return nil, ErrOtherKey
	}
	raw, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil || len(raw) < s.aead.NonceSize() {
		return nil, ErrSeal
	}
	n := s.aead.NonceSize()
	plain, err := s.aead.Open(nil, raw[:n], raw[n:], []byte(s.head))
	if err != nil {
		return nil, ErrSeal
	}
	return plain, nil
}

// SealText makes the stored form of a text that a person wrote. Without a key, a text that is not secret is kept as it is,
// marked so, and a secret one is ErrNoKey.
func (db *DB) SealText(text string, secret bool) (string, error) {
	if db.seal == nil && !secret {
		return bareMark + text, nil
	}
	return db.Seal([]byte(text))
}

// UnsealText gives back what SealText was given. A text with neither mark was stored by a drey that did not seal.
func (db *DB) UnsealText(stored string) (string, error) {
	if strings.HasPrefix(stored, sealMark) {
		plain, err := db.Unseal(stored)
		return string(plain), err
	}
	return strings.TrimPrefix(stored, bareMark), nil
}
