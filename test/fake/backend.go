// Package fake has what the end-to-end tests switch on and off: backends that
// are probed, and a name server to forward to. All of it listens on loopback.
package fake

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// Backend is a TCP listener that can be switched off: connections are then
// refused. It is up when made, and stopped at the end of the test.
type Backend struct {
	addr   netip.AddrPort
	accept func(net.Listener) (stop func()) // serves a listener until stopped
	hits   atomic.Int64

	mu   sync.Mutex // guards following
	stop func()     // or nil while down
}

// Host is the backend's address without the port.
func (b *Backend) Host() string { return b.addr.Addr().String() }

// Port is the backend's port.
func (b *Backend) Port() int { return int(b.addr.Port()) }

// Addr is the backend's address and port.
func (b *Backend) Addr() string { return b.addr.String() }

// Hits is how often the backend was asked: requests, or connections.
func (b *Backend) Hits() int64 { return b.hits.Load() }

// Down closes the listener and all connections.
func (b *Backend) Down() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop != nil {
		b.stop()
		b.stop = nil
	}
}

// Up listens again, on the same address.
func (b *Backend) Up(t testing.TB) {
	t.Helper()
	if err := b.up(); err != nil {
		t.Fatal(err)
	}
}

func (b *Backend) up() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop != nil {
		return nil
	}
	l, err := net.Listen("tcp", b.addr.String())
	if err != nil {
		return err
	}
	b.addr = netip.MustParseAddrPort(l.Addr().String())
	b.stop = b.accept(l)
	return nil
}

// hosts counts the loopback addresses that were handed out.
var hosts atomic.Uint32

// host is a loopback address that no other backend has, in this process and, as
// good as surely, in others: what listens there comes back on the same port.
func host() netip.Addr {
	n, pid := hosts.Add(1), os.Getpid()
	return netip.AddrFrom4([4]byte{127, byte(64 + pid%128), byte(pid / 128), byte(n)})
}

// together brings backends up on one port of an address each, so that one check
// fits them all.
func together(t testing.TB, backends []*Backend) {
	t.Helper()
	t.Cleanup(func() {
		for _, b := range backends {
			b.Down()
		}
	})
	const tries = 10 // a port that is free on one address may be taken on another
	var err error
	for range tries {
		port := uint16(0)
		for _, b := range backends {
			b.addr = netip.AddrPortFrom(host(), port)
			if err = b.up(); err != nil {
				break
			}
			port = b.addr.Port()
		}
		if err == nil {
			return
		}
		for _, b := range backends {
			b.Down()
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	t.Fatalf("%d backends on one port: %v", len(backends), err)
}

// Members are the lines of a pool whose members answer with the addresses given,
// and are probed at the backends. They end without a newline.
func Members[B interface{ Host() string }](backends []B, addrs ...string) string {
	var lines []string
	for i, addr := range addrs {
		lines = append(lines, fmt.Sprintf("address %s probe %s", addr, backends[i].Host()))
	}
	return strings.Join(lines, "\n")
}
