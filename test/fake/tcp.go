package fake

import (
	"io"
	"net"
	"testing"
)

// TCP is a server that accepts, and gives back what it gets.
type TCP struct{ *Backend }

// NewTCP is a server on a loopback address of its own.
func NewTCP(t testing.TB) *TCP {
	t.Helper()
	return NewTCPs(t, 1)[0]
}

// NewTCPs are n servers on n loopback addresses and one port.
func NewTCPs(t testing.TB, n int) []*TCP {
	t.Helper()
	servers, backends := make([]*TCP, n), make([]*Backend, n)
	for i := range n {
		s := &TCP{new(Backend)}
		s.accept = s.serve
		servers[i], backends[i] = s, s.Backend
	}
	together(t, backends)
	return servers
}

func (s *TCP) serve(l net.Listener) func() {
	var all conns
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.hits.Add(1)
			if !all.add(conn) {
				_ = conn.Close()
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
				all.remove(conn)
			}()
		}
	}()
	return func() {
		_ = l.Close()
		all.close()
		<-done
	}
}
