package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of time and room. A client that is slower, or one too many, is let go.
const (
	maxConns     = 2000
	maxHeader    = 16 << 10
	headerWithin = 5 * time.Second
	readWithin   = 10 * time.Second // a request as a whole
	answerWithin = time.Minute      // from then on; a stream has writeWithin for each write
	idleFor      = 2 * time.Minute
	drainFor     = 2 * time.Second // at the end, for answers on their way
	listenEvery  = 5 * time.Second // where the address is not to be had
	lookEvery    = 2 * time.Second // at the files
)

// Hooks are told what happens to a Server.
type Hooks struct {
	Info  func(text string)
	Error func(text string)
	Panic func(fault any, stack []byte)
}

// Server serves a System at an address until it is closed.
type Server struct {
	addr      string
	access    atomic.Pointer[Access]
	hooks     Hooks
	api       *api
	once      *once
	http      http.Server
	streaming atomic.Int64
	conns     atomic.Int64

	ctx    context.Context // until it is closed
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex   // guards following
	listener net.Listener // or nil
}

// NewServer makes a server. It does nothing before Start.
func NewServer(addr string, sys System, access *Access, hooks Hooks) *Server {
	s := &Server{addr: addr, hooks: hooks, once: newOnce()}
	s.access.Store(access)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.api = newAPI(sys, func(err error) { hooks.Error("a fault, please report it: " + err.Error()) })
	s.readRoutes()
	s.eventRoutes()
	s.api.askRoutes()
	s.api.orderRoutes()
	s.api.planRoutes()
	s.api.alertRoutes()
	s.fileRoutes()
	s.http = http.Server{
		Handler: s, MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: headerWithin, ReadTimeout: readWithin, WriteTimeout: answerWithin, IdleTimeout: idleFor,
		BaseContext: func(net.Listener) context.Context { return s.ctx },
		ConnState:   s.count,
		ErrorLog:    log.New(io.Discard, "", 0), // of clients that break off
	}
	return s
}

// Start begins to listen. Where that cannot be yet, it is tried again and again:
// nothing else waits for it.
func (s *Server) Start() {
	err := s.listen()
	if err != nil {
		s.hooks.Error(err.Error() + ": trying again every " + listenEvery.String())
	}
	s.work.Go(func() { s.run(err == nil) })
	s.work.Go(s.watch)
}

// Use changes who may reach the server, and how. Connections go on.
func (s *Server) Use(a *Access) { s.access.Store(a) }

// Access is who may reach the server now, and how.
func (s *Server) Access() *Access { return s.access.Load() }

// Close frees the address, ends the streams, and leaves other answers a moment.
func (s *Server) Close() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainFor)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close()
		}
	})
}

// Wait waits until nothing of a closed server is left.
func (s *Server) Wait() { s.work.Wait() }

// listen takes the address, unless the server is closed.
func (s *Server) listen() error {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return errors.Join(s.ctx.Err(), l.Close())
	}
	s.listener = &secured{l, s}
	return nil
}

// run serves for as long as the server is open, and listens anew where that ends.
func (s *Server) run(listening bool) {
	for s.ctx.Err() == nil {
		if listening {
			s.serveAll()
		}
		if s.ctx.Err() == nil {
			listening = s.listenAgain()
		}
	}
}

// serveAll serves until the listener fails or is closed.
func (s *Server) serveAll() {
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	s.hooks.Info("the admin API listens on " + l.Addr().String())
	if err := s.http.Serve(l); s.ctx.Err() == nil {
		s.hooks.Error("admin " + s.addr + ": " + err.Error() + ": trying again every " + listenEvery.String())
	}
}

// listenAgain waits, and tries to listen.
func (s *Server) listenAgain() (listening bool) {
	select {
	case <-s.ctx.Done():
		return false
	case <-time.After(listenEvery):
		return s.listen() == nil
	}
}

// watch looks at the files of whatever access is in use.
func (s *Server) watch() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
			s.look()
		}
	}
}

// look looks at the files once. Its own fault does not end the watch.
func (s *Server) look() {
	defer func() {
		if fault := recover(); fault != nil {
			s.hooks.Panic(fault, debug.Stack())
		}
	}()
	changed, err := s.access.Load().look()
	switch {
	case err != nil:
		s.hooks.Error("admin " + s.addr + ": who may come in stays as it was read last: " + err.Error())
	case changed:
		s.hooks.Info("admin " + s.addr + ": who may come in is read anew")
	}
}

// count bounds the connections.
func (s *Server) count(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.conns.Add(1) > maxConns {
			_ = c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.conns.Add(-1)
	}
}

// secured is a listener that speaks TLS where the access in use says so.
type secured struct {
	net.Listener
	server *Server
}

// Accept implements net.Listener.
func (l *secured) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if config := l.server.access.Load().now().tls; config != nil {
		return tls.Server(c, config), nil
	}
	return c, nil
}
