//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package storage

import "errors"

// errEmbedded is for systems without the locks and signals that the embedded server needs.
var errEmbedded = errors.New("not on this system: configure storage.redis")

func (e *embedded) supervise(first chan<- error) { defer close(e.done); first <- errEmbedded }

func lockDir(string) (func() error, error) { return nil, errEmbedded }

func ownServer(leftover) bool { return false }

func terminate(int) {}
