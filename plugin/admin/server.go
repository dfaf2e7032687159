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

// limits bound time and room. A client that is slower, or one too many, is let go.
type limits struct {
	conns, streams int64
	header         time.Duration
	read           time.Duration // a request as a whole
	answer         time.Duration // from then on, for an answer as a whole
	write          time.Duration // one write of a stream
	idle           time.Duration
	drain          time.Duration // at the end, for answers on their way
	alive          time.Duration // between signs of life in a stream
	listen         time.Duration // until it is tried again, where the address is not to be had
	look           time.Duration // between looks at the files
}

var usual = limits{
	conns: 2000, streams: 1024,
	header: 5 * time.Second, read: 10 * time.Second, answer: time.Minute, write: 10 * time.Second,
	idle: 2 * time.Minute, drain: 2 * time.Second, alive: 15 * time.Second, listen: 5 * time.Second, look: 2 * time.Second,
}

// maxHeader bounds the headers of a request, in bytes.
const maxHeader = 16 << 10

// Hooks are told what happens to a Server.
type Hooks struct {
	Info  func(text string)
	Error func(text string)
	Panic func(fault any, stack []byte)
}

// Server serves a System at an address until it is closed.
type Server struct {
	addr      string
	limits    limits
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
	return newServer(addr, sys, access, hooks, usual)
}

func newServer(addr string, sys System, access *Access, hooks Hooks, within limits) *Server {
	s := &Server{addr: addr, limits: within, hooks: hooks, once: newOnce()}
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
		ReadHeaderTimeout: within.header, ReadTimeout: within.read, WriteTimeout: within.answer, IdleTimeout: within.idle,
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
		s.hooks.Error(err.Error() + ": trying again every " + s.limits.listen.String())
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
		ctx, cancel := context.WithTimeout(context.Background(), s.limits.drain)
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
		s.hooks.Error("admin " + s.addr + ": " + err.Error() + ": trying again every " + s.limits.listen.String())
	}
}

// listenAgain waits, and tries to listen.
func (s *Server) listenAgain() (listening bool) {
	select {
	case <-s.ctx.Done():
		return false
	case <-time.After(s.limits.listen):
		return s.listen() == nil
	}
}

// watch looks at the files of whatever access is in use.
func (s *Server) watch() {
	tick := time.NewTicker(s.limits.look)
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
		if s.conns.Add(1) > s.limits.conns {
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
