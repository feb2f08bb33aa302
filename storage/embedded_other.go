//go:build !linux

package storage

import "errors"

// The embedded server needs Pdeathsig and /proc; elsewhere Open wants a URL.
var errEmbedded = errors.New("an embedded server needs Linux: configure storage.redis")

func (e *embedded) supervise(first chan<- error) { defer close(e.done); first <- errEmbedded }

func lockDir(string) (func() error, error) { return nil, errEmbedded }

func ownServer(leftover) bool { return false }

func terminate(int) {}
