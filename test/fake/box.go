package fake

import (
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Box is a backend that is wrong on purpose. It knows no protocol: it does with
// each connection what its script says, and the scripts speak HTTP, TLS or
// whatever else. It can be told another script at any time, and be switched off
// as any Backend.
type Box struct {
	*Backend

	mu      sync.Mutex // guards following
	scripts []Script
	next    int
}

// Script is what happens to one connection, step by step. At its end the
// connection is closed in order, so that the peer reads all that was written.
type Script []Step

// Step is one thing done with a connection. An error ends the script.
type Step func(*call) error

// NewBox is a box on a loopback address of its own.
func NewBox(t testing.TB, steps ...Step) *Box {
	t.Helper()
	return NewBoxes(t, 1, steps...)[0]
}

// NewTCP is a server on a loopback address of its own that gives back what it
// gets.
func NewTCP(t testing.TB) *Box {
	t.Helper()
	return NewBox(t, Echo)
}

// NewBoxes are n boxes on n loopback addresses and one port.
func NewBoxes(t testing.TB, n int, steps ...Step) []*Box {
	t.Helper()
	boxes, backends := make([]*Box, n), make([]*Backend, n)
	for i := range n {
		b := &Box{Backend: new(Backend), scripts: []Script{steps}}
		b.accept = func(l net.Listener) func() { return b.each(l, b.serve) }
		boxes[i], backends[i] = b, b.Backend
	}
	together(t, backends)
	return boxes
}

// Do sets the script of the connections from now on.
func (b *Box) Do(steps ...Step) { b.Flap(steps) }

// Flap sets the scripts of the connections from now on: the first is for the
// next one, and so on, over and over. A schedule in connections rather than in
// seconds is the same on every machine.
func (b *Box) Flap(scripts ...Script) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.scripts, b.next = scripts, 0
}

func (b *Box) script() Script {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.scripts[b.next%len(b.scripts)]
	b.next++
	return s
}

func (b *Box) serve(conn *net.TCPConn) {
	c := &call{Conn: conn, tcp: conn}
	for _, step := range b.script() {
		if step(c) != nil {
			return
		}
	}
	_ = c.end()
}

// Full makes a box accept no more: its backlog is full, so that the kernel drops
// whoever knocks. It lasts until the end of the test.
func (b *Box) Full(t testing.TB) {
	t.Helper()
	b.Down()
	b.accept = func(l net.Listener) func() { return full(t, l) }
	b.Up(t)
}

func full(t testing.TB, l net.Listener) func() {
	var waiting conns
	stop := func() {
		_ = l.Close()
		waiting.close()
	}
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err == nil {
		// Listening once more only sets the backlog.
		_ = raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) })
	}
	if err != nil {
		t.Error(err)
		return stop
	}
	const knocks = 10 // one or two fit
	for range knocks {
		conn, err := net.DialTimeout("tcp", l.Addr().String(), 100*time.Millisecond)
		if err != nil {
			return stop
		}
		waiting.add(conn)
	}
	t.Errorf("%d connections did not fill the backlog of %s", knocks, l.Addr())
	return stop
}
