package bot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/drey-ops/drey/storage"
)

// bundle is the calls behind the buttons of one message that is posted by the Outbox. It lies under the root of the message's
// Key, so that it commits together with the message: a button that is seen works. An id is ROOT_HASH_N: the N-th call of the
// bundle HASH.
type bundle struct {
	Calls []Call `json:"calls"`
}

const (
	bundleRootMax = 40 // a network has to find room for an id: Discord gives 100 bytes to it and its own
	bundleHashLen = 20 // 100 bits in base32
)

// rooted says whether ids of buttons can begin with root.
func rooted(root string) bool {
	return root != "" && len(root) <= bundleRootMax && strings.Trim(root, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

// bindIn is Bind within a Tx: it adds the calls behind m's buttons to tx, and returns m with ids in their place. Buttons that
// Bind would do better, as they hold a secret or the root is too long for an id, are left for it.
func (b *Binder) bindIn(tx *storage.Tx, m Message) Message {
	root := tx.Root()
	if !rooted(root) {
		return m
	}
	var calls []Call
	var encoded [][]byte
	twice := map[string]bool{}
	blocks := make([]Block, 0, len(m.Blocks))
	for _, block := range m.Blocks {
		actions, ok := block.(Actions)
		if !ok {
			blocks = append(blocks, block)
			continue
		}
		kept := make(Actions, 0, len(actions))
		for _, a := range actions {
			if a.URL != "" || a.ID != "" || a.Call.Secret {
				kept = append(kept, a)
				continue
			}
			raw, err := json.Marshal(a.Call)
			if err != nil {
				return m // Bind tells what is wrong
			}
			look := strconv.Itoa(int(a.Style)) + a.Confirm + string(raw)
			if twice[look] {
				continue
			}
			twice[look] = true
			encoded, calls = append(encoded, raw), append(calls, a.Call)
			kept = append(kept, a)
		}
		blocks = append(blocks, kept)
	}
	if len(calls) == 0 {
		return m
	}
	sum := sha256.Sum256(bytes.Join(encoded, []byte{0}))
	hash := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:bundleHashLen])
	n := 0
	for _, block := range blocks {
		actions, _ := block.(Actions)
		for i := range actions {
			if a := &actions[i]; a.URL == "" && a.ID == "" && !a.Call.Secret {
				a.ID, a.Call = root+"_"+hash+"_"+strconv.Itoa(n), Call{}
				n++
			}
		}
	}
	b.bundles.Put(tx, root+"/"+hash, bundle{calls}, storage.Any)
	m.Blocks = blocks
	return m
}

// bundled parses an id that bindIn made.
func bundled(id string) (record string, n int, ok bool) {
	root, rest, _ := strings.Cut(id, "_")
	hash, index, _ := strings.Cut(rest, "_")
	n, err := strconv.Atoi(index)
	ok = err == nil && n >= 0 && len(index) <= 3 && rooted(root) && len(hash) == bundleHashLen && strings.Trim(hash, base32Set) == ""
	return root + "/" + hash, n, ok
}

// get returns what stands behind an id, or storage.ErrNotFound.
func (b *Binder) get(ctx context.Context, id string) (bound, error) {
	if record, n, ok := bundled(id); ok {
		got, _, err := b.bundles.Get(ctx, record)
		if err == nil && n >= len(got.Calls) {
			err = fmt.Errorf("button %s: %w", id, storage.ErrNotFound)
		}
		if err != nil {
			return bound{}, err
		}
		return bound{Call: got.Calls[n]}, nil
	}
	if !isID(id) {
		return bound{}, fmt.Errorf("button %.40q: %w", id, storage.ErrNotFound)
	}
	got, _, err := b.calls.Get(ctx, id)
	if err == nil {
		err = b.unseal(&got)
	}
	return got, err
}
