package healthcheck

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// systemLookup resolves as the system does: by /etc/hosts, resolv.conf with its
// servers and search list, over UDP and TCP. All of this is the standard
// library's, which tells no TTL; so its connections are read along.
type systemLookup struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	// maxAddrs bounds what a hostile resolver makes us try for one host name.
	maxAddrs = 8
	// hostsTTL is that of an answer without DNS, from /etc/hosts: a change of the
	// file is seen as soon.
	hostsTTL = 5 * time.Second
)

func (s systemLookup) lookup(ctx context.Context, host string) (answer, error) {
	w := &witness{dial: s.dial, until: endOf(ctx)}
	system := net.Resolver{PreferGo: true, Dial: w.connect}
	name := strings.TrimSuffix(host, ".")
	if strings.Contains(name, ".") {
		name = host // whole; only a single label is looked for in the search list, and so in /etc/hosts
	}
	addrs, err := system.LookupNetIP(ctx, "ip", name)
	if err == nil && len(addrs) == 0 {
		err = noAddress(nil, host)
	}
	ttl, local := w.result()
	switch {
	case err != nil && local != nil:
		return answer{}, local
	case err != nil:
		return answer{}, noAddress(err, host)
	}
	addrs = addrs[:min(len(addrs), maxAddrs)]
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return answer{addrs, ttl}, nil
}

// noAddress is the error of a host name that has no address.
func noAddress(err error, host string) error {
	if dnsErr, ok := errors.AsType[*net.DNSError](err); ok {
		return dnsErr
	}
	text := "no address"
	if err != nil {
		text = err.Error()
	}
	return &net.DNSError{Err: text, Name: host}
}

// endOf is when ctx ends; without a deadline, in a long time.
func endOf(ctx context.Context) time.Time {
	if end, ok := ctx.Deadline(); ok {
		return end
	}
	return time.Now().Add(time.Hour)
}

// witness sees all that one look-up sends and receives.
type witness struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	until time.Time // the look-up ends

	mu    sync.Mutex // guards following
	seen  bool       // an answer with records
	ttl   uint32     // the smallest of all records in answers; seconds
	sent  bool       // a server was asked
	local error      // why one could not be asked, where it is this host that cannot
}

// result is how long the answer holds and, where no server could be asked at all,
// why. What comes after it is not noted.
func (w *witness) result() (ttl time.Duration, local error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ttl = hostsTTL
	if w.seen {
		ttl = time.Duration(w.ttl) * time.Second
	}
	if !w.sent {
		local = w.local
	}
	return ttl, local
}

// connect is the Dial of a net.Resolver. A server gets half of the time that is
// left: the first of resolv.conf may be dead.
func (w *witness) connect(ctx context.Context, network, address string) (net.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, time.Until(w.until)/2)
	defer cancel()
	conn, err := w.dial(dialing, network, address)
	if err != nil {
		w.failed(err)
		return nil, err
	}
	deadline, _ := dialing.Deadline()
	_ = conn.SetDeadline(deadline)
	s := spied{Conn: conn, witness: w, release: bind(ctx, conn)}
	if packets, ok := conn.(net.PacketConn); ok {
		return &spiedPackets{s, packets}, nil
	}
	return &spiedStream{spied: s}, nil
}

func (w *witness) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.local == nil && cause(err).Verdict == Inconclusive {
		w.local = err
	}
}

// note reads a response. A TTL with its first bit set is 0 (RFC 2181, section 8).
func (w *witness) note(response []byte) {
	var m dns.Msg
	if err := m.Unpack(response); err != nil && !m.Truncated || !m.Response {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, rr := range m.Answer {
		ttl := rr.Header().Ttl
		if ttl > math.MaxInt32 {
			ttl = 0
		}
		if !w.seen || ttl < w.ttl {
			w.seen, w.ttl = true, ttl
		}
	}
}

// spied is a connection to a DNS server.
type spied struct {
	net.Conn
	witness *witness
	release func() bool // from the context of the exchange, which ends with the look-up
}

func (s *spied) Close() error {
	s.release()
	return s.Conn.Close()
}

// SetDeadline does nothing: the deadline is set, and no later one.
func (s *spied) SetDeadline(time.Time) error { return nil }

func (s *spied) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	if err != nil {
		s.witness.failed(err)
		return n, err
	}
	s.witness.mu.Lock()
	s.witness.sent = true
	s.witness.mu.Unlock()
	return n, nil
}

// spiedPackets is one over UDP. The resolver knows it by its being a
// net.PacketConn; it reads whole messages.
type spiedPackets struct {
	spied
	packets net.PacketConn
}

func (s *spiedPackets) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if err == nil {
		s.witness.note(b[:n])
	}
	return n, err
}

func (s *spiedPackets) ReadFrom(b []byte) (int, net.Addr, error) { return s.packets.ReadFrom(b) }

func (s *spiedPackets) WriteTo(b []byte, a net.Addr) (int, error) { return s.packets.WriteTo(b, a) }

// spiedStream is one over TCP: each message has its length before it, in two
// bytes.
type spiedStream struct {
	spied
	got []byte // of the message that is being read, with its length
}

func (s *spiedStream) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.got = append(s.got, b[:n]...)
	for len(s.got) >= 2 {
		end := 2 + int(binary.BigEndian.Uint16(s.got))
		if len(s.got) < end {
			break
		}
		s.witness.note(s.got[2:end])
		s.got = s.got[end:]
	}
	return n, err
}
