package ops

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/drey-ops/drey/storage"
)

// startTries is how often Start looks again when the registry changed while it looked.
const startTries = 5

// Start checks req, and starts it. The same Origin.Key and target again returns the operation that the first call started,
// at whatever point it is. Errors are as those of Check.
func (o *Ops) Start(ctx context.Context, from Origin, req Request) (Operation, error) {
	if from.Key == "" {
		return Operation{}, errors.New("start: the request has no key")
	}
	for try := 1; ; try++ {
		name, id, err := o.shortFor(ctx, from.Key, named(req))
		if err != nil {
			return Operation{}, err
		}
		if id != "" {
			op, err := o.Get(ctx, id)
			if !errors.Is(err, storage.ErrNotFound) {
				return op, err
			}
		}
		op, err := o.start(ctx, from, req, name)
		if !errors.Is(err, storage.ErrConflict) || try == startTries {
			return op, err
		}
	}
}

// shortFor returns the short name of a request, and the operation that was or was to be started under it.
func (o *Ops) shortFor(ctx context.Context, key string, req Request) (name, id string, err error) {
	for salt := 0; ; salt++ {
		name = digest("", 6, key, string(req.Kind()), req.target().String(), string(req.target().JobID), strconv.Itoa(salt))
		p, _, err := o.pointers().Get(ctx, name)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return name, "", nil
		case err != nil:
			return "", "", err
		case p.Key == key:
			return name, p.ID, nil
		}
	}
}

func (o *Ops) start(ctx context.Context, from Origin, req Request, name string) (Operation, error) {
	v, err := o.look(ctx, from.By, req)
	if err != nil {
		return Operation{}, err
	}
	v.st.Key = from.Key
	root := v.st.Known.Key
	id := root + "/" + name

	// The pointer lives under another root, and so in a transaction of its own. It comes first: one that points nowhere is
	// harmless, an operation that nobody finds is not.
	ptr := o.db.Begin(name)
	o.pointers().Put(ptr, name, pointer{ID: id, Key: from.Key}, storage.Any)
	if err := o.db.Commit(ctx, ptr); err != nil {
		return Operation{}, fmt.Errorf("start %s: %w", v.st.Kind, err)
	}
	tx := o.db.Begin(root)
	o.knowns().Check(tx, root+"/known", v.version)
	o.locks().Put(tx, root+"/lock", lock{Op: id, Kind: v.st.Kind, By: from.By, Since: v.now}, storage.New)
	if err := o.engine.Start(tx, id, string(v.st.Kind), v.st, from.Meta); err != nil {
		return Operation{}, err
	}
	if err := o.db.Commit(ctx, tx); err != nil {
		return Operation{}, fmt.Errorf("start %s: %w", v.st.Kind, err)
	}
	return o.Get(ctx, id)
}
