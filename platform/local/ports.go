package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// Ports are taken in blocks from a range below the one that the system uses for outgoing connections (32768 and up on
// Linux). A block is locked by a file, so that test programs running side by side never pick the same one.
const (
	portsFrom  = 15008
	portsTo    = 27808
	portsBlock = 64
)

// PortError says that a port which was asked for is taken.
type PortError struct {
	Port   int
	Option string // the option that set it
}

func (e *PortError) Error() string {
	return fmt.Sprintf("port %d (%s) is in use by another program: stop that one, or set %s to another port", e.Port, e.Option, e.Option)
}

// portBlock hands out free ports of one locked block.
type portBlock struct {
	lock *os.File
	next int
	end  int
}

func newPortBlock() (*portBlock, error) {
	dir := filepath.Join(os.TempDir(), "drey-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("pick ports: %w", err)
	}
	n := (portsTo - portsFrom) / portsBlock
	for _, i := range rand.Perm(n) {
		first := portsFrom + i*portsBlock
		f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(first)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("pick ports: %w", err)
		}
		if ok, err := tryLock(f); err != nil || !ok {
			f.Close()
			continue
		}
		return &portBlock{lock: f, next: first, end: first + portsBlock}, nil
	}
	return nil, fmt.Errorf("pick ports: every block between %d and %d is taken", portsFrom, portsTo)
}

// take returns want if it is free, or for 0 the next free port of the block. option names the setting for the error.
func (b *portBlock) take(want int, option string) (int, error) {
	if want != 0 {
		if !portFree(want) {
			return 0, &PortError{Port: want, Option: option}
		}
		return want, nil
	}
	for b.next < b.end {
		p := b.next
		b.next++
		if portFree(p) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("pick a port for %s: none is free between %d and %d", option, b.end-portsBlock, b.end-1)
}

// release lets others have the block.
func (b *portBlock) release() {
	if b != nil {
		b.lock.Close()
	}
}

// portFree tries the loopback address and all interfaces: a listener on either is in the way.
func portFree(port int) bool {
	var lc net.ListenConfig
	for _, host := range []string{loopback, ""} {
		l, err := lc.Listen(context.Background(), "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
