package fake

import (
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// HTTP is a web server that answers every path with one code, 200 at first.
type HTTP struct {
	*Backend
	code atomic.Int32
	hung chan struct{} // closed at the end of the test
}

// hang is the code of a server that accepts and never answers.
const hang = -1

// NewHTTP is a web server on a loopback address of its own.
func NewHTTP(t testing.TB) *HTTP {
	t.Helper()
	return NewHTTPs(t, 1)[0]
}

// NewHTTPs are n web servers on n loopback addresses and one port.
//
//nolint:revive,staticcheck // the plural of NewHTTP, not the protocol
func NewHTTPs(t testing.TB, n int) []*HTTP {
	t.Helper()
	servers, backends := make([]*HTTP, n), make([]*Backend, n)
	for i := range n {
		h := &HTTP{Backend: new(Backend), hung: make(chan struct{})}
		h.code.Store(http.StatusOK)
		h.accept = h.serve
		t.Cleanup(func() { close(h.hung) })
		servers[i], backends[i] = h, h.Backend
	}
	together(t, backends)
	return servers
}

// Answer sets the code of the answers from now on.
func (h *HTTP) Answer(code int) { h.code.Store(int32(code)) }

// Hang lets requests wait from now on, until they are given up.
func (h *HTTP) Hang() { h.code.Store(hang) }

// ServeHTTP implements http.Handler.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.hits.Add(1)
	code := int(h.code.Load())
	if code == hang {
		select {
		case <-r.Context().Done():
		case <-h.hung:
		}
		return
	}
	w.WriteHeader(code)
}

func (h *HTTP) serve(l net.Listener) func() {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends with ErrServerClosed
	}()
	return func() {
		_ = s.Close()
		<-done
	}
}
