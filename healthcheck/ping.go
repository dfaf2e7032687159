package healthcheck

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// pingProber sends a few echo requests and counts the replies. The sockets are
// the pinger's, which it holds from its first probe until Close.
type pingProber struct {
	pinger *pinger
	count  int
	loss   int // percent

	mu     sync.Mutex // guards following
	holds  bool
	closed bool
}

// maxPingGap is the time between two requests: far enough apart that a full
// queue on the way does not lose them together.
const maxPingGap = 100 * time.Millisecond

func newPing(o Options) (Prober, error) {
	if o != (Options{Kind: o.Kind, Count: o.Count, Loss: o.Loss}) {
		return nil, errors.New("takes count and loss")
	}
	if o.Count < 1 || o.Count > 100 {
		return nil, fmt.Errorf("count %d is not within 1 to 100", o.Count)
	}
	if o.Loss < 1 || o.Loss > 100 {
		return nil, fmt.Errorf("loss %d%% is not within 1%% to 100%%", o.Loss)
	}
	return &pingProber{pinger: sharedPinger, count: o.Count, loss: o.Loss}, nil
}

// Close gives the sockets up; a probe in flight becomes inconclusive.
func (p *pingProber) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.holds {
		p.pinger.release()
	}
	p.holds, p.closed = false, true
	return nil
}

func (p *pingProber) hold() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.holds && !p.closed {
		p.pinger.acquire()
		p.holds = true
	}
	return p.holds
}

func (p *pingProber) Probe(ctx context.Context, t Target) Result {
	return measured(ctx, t, func(addrs []netip.Addr) Result { return p.probe(ctx, addrs) })
}

// probe asks the addresses of a host in turn, until one replies; see tryEach.
func (p *pingProber) probe(ctx context.Context, addrs []netip.Addr) (first Result) {
	if !p.hold() {
		return couldNot(ReasonCanceled)
	}
	for i, a := range addrs {
		r, _ := tryOne(ctx, a, len(addrs)-i, func(ctx context.Context, a netip.Addr) (Result, error) { return p.ping(ctx, a), nil })
		if r.Verdict == Pass {
			return r
		}
		if first.Verdict == Inconclusive {
			first = r
		}
		if ctx.Err() != nil {
			break
		}
	}
	return first
}

func (p *pingProber) ping(ctx context.Context, to netip.Addr) Result {
	s, err := p.pinger.socket(to.Is6())
	if err != nil {
		if r := cause(err); r.Verdict == Inconclusive {
			return r
		}
		return couldNot(ReasonNoSocket)
	}
	e := s.expect(to, p.count)
	defer s.forget(e)
	sent, got, sum, err := p.exchange(ctx, s, e)
	switch {
	case err != nil:
		return judge(ctx, err)
	case sent == 0: // the time was over before it had begun
		return couldNot(ReasonCanceled)
	}
	r := pass()
	if lost := sent - got; lost*100 >= p.loss*sent {
		r = failLoss(lost, sent)
	}
	if got == 0 && e.unreachable.Load() {
		r = fail(ReasonUnreachable)
	}
	if got > 0 {
		r.RTT = sum / time.Duration(got)
	}
	return r
}

// exchange sends all requests within the first half of the time there is, and
// waits for the replies in the rest. The error is that of the first request that
// could not be sent; a socket that died meanwhile is one, too.
func (p *pingProber) exchange(ctx context.Context, s *pingSocket, e *echoes) (sent, got int, sum time.Duration, err error) {
	gap := maxPingGap
	if deadline, ok := ctx.Deadline(); ok {
		gap = min(gap, time.Until(deadline)/time.Duration(2*p.count))
	}
	next := time.NewTimer(0) // the first one goes at once
	defer next.Stop()
	for got < p.count {
		select {
		case <-next.C:
			if err := s.send(e, sent); err != nil {
				return sent, got, sum, err
			}
			if sent++; sent < p.count {
				next.Reset(gap)
			}
		case rtt := <-e.rtts:
			got++
			sum += rtt
		case <-s.dead:
			return sent, got, sum, errPingSocket
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return sent, got, sum, ctx.Err()
			}
			return sent, got, sum, nil
		}
	}
	return sent, got, sum, nil
}

// openPing prefers a datagram socket, to which the kernel hands our own replies
// alone; a raw one needs NET_RAW and sees those of the whole host.
func openPing(v6 bool) (pingConn, error) {
	if conn, err := openPingDatagram(v6); err == nil {
		return conn, nil
	}
	return openPingRaw(v6)
}

func openPingDatagram(v6 bool) (pingConn, error) {
	network, local := "udp4", "0.0.0.0"
	if v6 {
		network, local = "udp6", "::"
	}
	conn, err := icmp.ListenPacket(network, local)
	return pingConn{conn, true}, err
}

func openPingRaw(v6 bool) (pingConn, error) {
	network, local := "ip4:icmp", "0.0.0.0"
	if v6 {
		network, local = "ip6:ipv6-icmp", "::"
	}
	conn, err := icmp.ListenPacket(network, local)
	if err != nil {
		return pingConn{}, err
	}
	// Best effort: without the filter we only read more in vain.
	if v6 {
		var f ipv6.ICMPFilter
		f.SetAll(true)
		for _, t := range []ipv6.ICMPType{ipv6.ICMPTypeEchoReply, ipv6.ICMPTypeDestinationUnreachable, ipv6.ICMPTypeTimeExceeded} {
			f.Accept(t)
		}
		_ = conn.IPv6PacketConn().SetICMPFilter(&f)
	} else {
		var f ipv4.ICMPFilter
		f.SetAll(true)
		for _, t := range []ipv4.ICMPType{ipv4.ICMPTypeEchoReply, ipv4.ICMPTypeDestinationUnreachable, ipv4.ICMPTypeTimeExceeded} {
			f.Accept(t)
		}
		_ = conn.IPv4PacketConn().SetICMPFilter(&f)
	}
	return pingConn{conn, false}, nil
}

// echoRequest is the packet that asks. The id tells processes with raw sockets
// apart; the kernel sets that of a datagram socket, and IPv6's checksum.
func echoRequest(v6 bool, seq uint16, t token) ([]byte, error) {
	m := icmp.Message{
		Type: ipv4.ICMPTypeEcho,
		Body: &icmp.Echo{ID: os.Getpid() & 0xffff, Seq: int(seq), Data: t[:]},
	}
	if v6 {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	return m.Marshal(nil)
}

// errUnreachable is what a router says of a request.
var errUnreachable = errors.New("the host cannot be reached")

// echoReply reads a packet: a reply, or with errUnreachable what a router says of
// a request. Any other error means that it is neither.
func echoReply(v6 bool, packet []byte) (seq uint16, t token, err error) {
	proto := ipv4.ICMPTypeEchoReply.Protocol()
	if v6 {
		proto = ipv6.ICMPTypeEchoReply.Protocol()
	}
	m, err := icmp.ParseMessage(proto, packet)
	if err != nil {
		return 0, token{}, err
	}
	switch body := m.Body.(type) {
	case *icmp.Echo:
		if m.Type == ipv4.ICMPTypeEchoReply || m.Type == ipv6.ICMPTypeEchoReply {
			return readEcho(body)
		}
	case *icmp.DstUnreach:
		return quotedEcho(v6, body.Data)
	case *icmp.TimeExceeded:
		return quotedEcho(v6, body.Data)
	}
	return 0, token{}, errNoEcho
}

var errNoEcho = errors.New("nothing about an echo")

func readEcho(e *icmp.Echo) (seq uint16, t token, err error) {
	if len(e.Data) != len(token{}) {
		return 0, token{}, errNoEcho
	}
	return uint16(e.Seq), token(e.Data), nil
}

// quotedEcho reads the packet that a router complains of, which it repeats from
// the IP header on. Nearly all repeat enough (RFC 1812, section 4.3.2.3, and RFC
// 4443, section 2.4): those that cut the token off are not believed.
func quotedEcho(v6 bool, packet []byte) (seq uint16, t token, err error) {
	header := ipv6.HeaderLen // we send no extension headers
	if !v6 && len(packet) > 0 {
		header = int(packet[0]&0xf) * 4
	}
	const echo = 8 // the header of a request: the sequence are its last two bytes
	if len(packet) < header+echo+len(token{}) {
		return 0, token{}, errNoEcho
	}
	packet = packet[header:]
	return binary.BigEndian.Uint16(packet[6:]), token(packet[echo : echo+len(token{})]), errUnreachable
}
