package healthcheck

import (
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// sharedPinger serves the whole process: a host's ICMP sockets each see every
// reply, so a second one would only double the work.
var sharedPinger = &pinger{open: openPing}

// errPingSocket says that the socket was closed or broke under a probe. It is
// inconclusive.
var errPingSocket = os.NewSyscallError("icmp", syscall.ENOBUFS)

// pinger owns one socket for each family, opened when first asked for and
// closed when nobody holds the pinger.
type pinger struct {
	open func(v6 bool) (pingConn, error)

	mu      sync.Mutex // guards following
	holders int
	sockets [2]*pingSocket // IPv4, IPv6; or nil: not open
}

// pingConn is an ICMP socket. A datagram socket has addresses of type UDPAddr,
// and the kernel chooses the id of its requests.
type pingConn struct {
	net.PacketConn
	datagram bool
}

func (p *pinger) acquire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holders++
}

// release closes the sockets behind the last holder and waits for their readers.
func (p *pinger) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holders--; p.holders > 0 {
		return
	}
	for i, s := range p.sockets {
		if s != nil {
			s.conn.Close()
			<-s.dead
			p.sockets[i] = nil
		}
	}
}

func (p *pinger) socket(v6 bool) (*pingSocket, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holders == 0 {
		return nil, errPingSocket // closed under a probe in flight
	}
	i := 0
	if v6 {
		i = 1
	}
	if s := p.sockets[i]; s != nil && !s.isDead() {
		return s, nil
	}
	conn, err := p.open(v6)
	if err != nil {
		return nil, err
	}
	p.sockets[i] = newPingSocket(conn, v6)
	return p.sockets[i], nil
}

// token is the payload of a request: nobody can answer it unseen.
type token [16]byte

// echoes are the requests of one probe.
type echoes struct {
	to     netip.Addr
	tokens []token
	rtts   chan time.Duration // holds them all: the reader never waits

	unreachable atomic.Bool // says a router of one of them; it may be wrong
}

// request is one that waits for its reply.
type request struct {
	echoes *echoes
	seq    uint16
	sent   time.Time
}

// pingSocket is one socket and its reader.
type pingSocket struct {
	conn pingConn
	v6   bool
	dead chan struct{} // closed when the reader has ended

	mu      sync.Mutex // guards following
	seq     uint16
	waiting map[token]request // only what is in flight
}

func newPingSocket(conn pingConn, v6 bool) *pingSocket {
	s := &pingSocket{conn: conn, v6: v6, dead: make(chan struct{}), waiting: map[token]request{}}
	go s.read()
	return s
}

func (s *pingSocket) isDead() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

func (s *pingSocket) expect(to netip.Addr, count int) *echoes {
	e := &echoes{to: to, tokens: make([]token, count), rtts: make(chan time.Duration, count)}
	for i := range e.tokens {
		_, _ = rand.Read(e.tokens[i][:]) // never fails
	}
	return e
}

func (s *pingSocket) forget(e *echoes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range e.tokens {
		delete(s.waiting, t)
	}
}

// send makes the i-th request of a probe.
func (s *pingSocket) send(e *echoes, i int) error {
	t := e.tokens[i]
	s.mu.Lock()
	s.seq++
	seq := s.seq
	s.waiting[t] = request{echoes: e, seq: seq, sent: time.Now()}
	s.mu.Unlock()
	packet, err := echoRequest(s.v6, seq, t)
	if err != nil {
		return err
	}
	var to net.Addr = &net.IPAddr{IP: e.to.AsSlice(), Zone: e.to.Zone()}
	if s.conn.datagram {
		to = &net.UDPAddr{IP: e.to.AsSlice(), Zone: e.to.Zone()}
	}
	_, err = s.conn.WriteTo(packet, to)
	return err
}

// read hands replies to their probes until the socket is closed or breaks; the
// next probe opens another.
func (s *pingSocket) read() {
	defer close(s.dead)
	defer s.conn.Close()
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		s.receive(buf[:n], from)
	}
}

// receive matches a reply by payload, sequence and peer: a datagram socket's id
// is the kernel's. What a router says is noted, but ends nothing: a raw socket
// alone hears of it, and the verdict must not hang on the kind of socket.
func (s *pingSocket) receive(packet []byte, from net.Addr) {
	now := time.Now()
	defer func() { _ = recover() }() // a packet that the parser chokes on is no reply
	seq, t, err := echoReply(s.v6, packet)
	if err != nil && !errors.Is(err, errUnreachable) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.waiting[t]
	if !ok || r.seq != seq {
		return
	}
	if err != nil {
		r.echoes.unreachable.Store(true)
		return
	}
	if peer(from) != r.echoes.to.WithZone("") {
		return
	}
	delete(s.waiting, t) // a duplicate finds nothing
	r.echoes.rtts <- now.Sub(r.sent)
}

func peer(a net.Addr) netip.Addr {
	var ip net.IP
	switch a := a.(type) {
	case *net.UDPAddr:
		ip = a.IP
	case *net.IPAddr:
		ip = a.IP
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}
