package bot

import (
	"context"
	"errors"
	"time"
)

// Tracked is a Network without keys of its own that need not write down what is posted where its caller does so anyway.
type Tracked interface {
	Network
	// PostTracked is Post for a caller who wrote down, before the first try for a key, that it may be made, and who forgets
	// that only when a try surely came to nothing (IsUnsent) or its MessageRef is written down. tried is when the first try
	// began, so that the network can look for what became of it; zero says that this is the first.
	PostTracked(ctx context.Context, at Place, key string, tried time.Time, m Message) (MessageRef, error)
}

// unsent marks an error after which a message is surely not there.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

// Unsent says of an error of PostTracked that nothing was posted.
func Unsent(err error) error {
	if err == nil {
		return nil
	}
	return unsent{err}
}

// IsUnsent says whether an error came with nothing posted, for sure.
func IsUnsent(err error) bool { return errors.As(err, new(unsent)) }
