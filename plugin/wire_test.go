package gtm

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

// wires answers packets on both paths: as the fast path does, and as CoreDNS's own
// server does with the same block, from the packet on.
type wires struct {
	*zooKeeper

	conn   *memory
	server *dns.Server
	normal atomic.Pointer[dnsserver.Server]
	seed   atomic.Uint64 // of every draw, on both paths
}

func newWires(tb testing.TB) *wires {
	tb.Helper()
	w := &wires{zooKeeper: newZoo(tb), conn: &memory{in: make(chan datagram), out: make(chan []byte), closed: make(chan struct{})}}
	w.plan.chance = &w.seed
	w.server = &dns.Server{PacketConn: w.conn, Net: "udp", Handler: dns.HandlerFunc(func(rw dns.ResponseWriter, r *dns.Msg) {
		w.normal.Load().ServeDNS(context.Background(), rw, r)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.server.ActivateAndServe() // it ends with its socket
	}()
	tb.Cleanup(func() {
		close(w.conn.closed)
		<-ended
	})
	return w
}

// in is the zoo in a state of health, on both paths.
func (w *wires) in(t *testing.T, states uint64) (*lane, *publisher) {
	t.Helper()
	pub := w.zooKeeper.in(t, states)
	b := &instance{plan: w.plan, publisher: pub}
	cfg := &dnsserver.Config{Zone: ".", Transport: "dns"}
	cfg.AddPlugin(func(plugin.Handler) plugin.Handler { return &GTM{Next: new(below), instance: b} })
	s, err := dnsserver.NewServer("dns://:53", []*dnsserver.Config{cfg})
	if err != nil {
		t.Fatal(err)
	}
	w.normal.Store(s)
	f := newFront(s.Addr, []*wired{{instance: b, zones: []string{"."}}})
	return f.Lane().(*lane), pub
}

// both answers a packet on the fast path and, if that has an answer, on CoreDNS's
// own, which must be the same. It says whether the fast path had one.
func (w *wires) both(t *testing.T, l *lane, who byte, seed uint64, packet []byte) bool {
	t.Helper()
	w.seed.Store(seed)
	from := netip.AddrPortFrom(remote(clients[int(who)%len(clients)]), 4321)
	before := slices.Clone(packet)
	prefix := []byte("what stands before")
	fast, ok := l.Answer(prefix, packet, from)
	if string(fast[:len(prefix)]) != string(prefix) || string(packet) != string(before) {
		t.Fatal("the fast path wrote where it must not")
	}
	if !ok {
		return false
	}
	fast = fast[len(prefix):]
	w.conn.in <- datagram{packet, net.UDPAddrFromAddrPort(from)}
	var slow []byte
	select {
	case slow = <-w.conn.out:
	case <-time.After(time.Minute):
		t.Fatalf("only the fast path answers\n% x", packet)
	}
	var q, f, s dns.Msg
	err := errors.Join(q.Unpack(packet), f.Unpack(fast), s.Unpack(slow))
	if q.Len() != len(packet) {
		t.Errorf("bytes behind the query, %d instead of %d", len(packet), q.Len())
	}
	s.Compress, f.Compress = false, false
	if err != nil || f.String() != s.String() || f.MsgHdr != s.MsgHdr || len(fast) > max(dns.MinMsgSize, sizeOf(&q)) {
		t.Errorf("%v\nclient %v asks\n%v\nfast path, %d bytes\n%v\nmessage path, %d bytes\n%v", err, from, &q, len(fast), &f, len(slow), &s)
	}
	return true
}

// sizeOf is how large a reply may be, as the query says.
func sizeOf(q *dns.Msg) int {
	if opt := q.IsEdns0(); opt != nil {
		return int(opt.UDPSize())
	}
	return 0
}

// twist makes a packet a little unusual.
func twist(r *rand.Rand, packet []byte) []byte {
	packet = slices.Clone(packet)
	switch r.IntN(8) {
	case 0: // any bit
		packet[r.IntN(len(packet))] ^= 1 << r.IntN(8)
	case 1: // other flags
		packet[2+r.IntN(2)] = byte(r.Uint32())
	case 2: // cut
		packet = packet[:r.IntN(len(packet))]
	case 3: // too long
		packet = append(packet, byte(r.Uint32()))
	case 4, 5: // letters in another case
		for i := 12; i < len(packet) && packet[i] != 0; i++ {
			if c := packet[i] | 0x20; 'a' <= c && c <= 'z' && r.IntN(2) == 0 {
				packet[i] ^= 0x20
			}
		}
	case 6: // an option more: a cookie, NSID, padding, or nobody knows what
		if packet[11] == 1 {
			at := len(packet) - 2
			for packet[at-9] != 0 || packet[at-8] != 0 || packet[at-7] != byte(dns.TypeOPT) {
				at--
			}
			code := []byte{dns.EDNS0COOKIE, dns.EDNS0NSID, dns.EDNS0PADDING, 200}[r.IntN(4)]
			packet = append(packet, 0, code, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8)
			packet[at+1] += 12
		}
	}
	return packet
}

// TestWire asks many queries in many states of health on both paths.
func TestWire(t *testing.T) {
	w := newWires(t)
	r := rand.New(rand.NewPCG(5, 6))
	names := zooNames()
	fast, all := 0, 0
	for range 300 {
		states := r.Uint64()
		if r.IntN(4) == 0 {
			states = 0xaaaaaaaaaaaaaaaa // all is down
		}
		l, pub := w.in(t, states)
		for range 50 {
			all++
			if w.both(t, l, byte(r.IntN(256)), r.Uint64(), twist(r, randomPacket(t, r, names))) {
				fast++
			}
		}
		if pub.stop(false); t.Failed() {
			return
		}
	}
	if fast < all/5 {
		t.Errorf("%d of %d are answered on the fast path, want a fifth", fast, all)
	}
}

// FuzzWire takes any bytes for a packet.
func FuzzWire(f *testing.F) {
	r, names := rand.New(rand.NewPCG(7, 8)), zooNames()
	for range 100 {
		f.Add(r.Uint64(), byte(r.IntN(256)), r.Uint64(), twist(r, randomPacket(f, r, names)))
	}
	w := newWires(f)
	f.Fuzz(func(t *testing.T, states uint64, who byte, seed uint64, packet []byte) {
		l, pub := w.in(t, states)
		defer pub.stop(false)
		w.both(t, l, who, seed, packet)
	})
}

// TestWireUsual says what must be answered on the fast path, and what must not.
func TestWireUsual(t *testing.T) {
	w := newWires(t)
	l, pub := w.in(t, 0)
	defer pub.stop(false)
	ask := func(name string, qtype uint16, change ...func(*dns.Msg)) []byte {
		m := new(dns.Msg).SetQuestion(name, qtype)
		for _, c := range change {
			c(m)
		}
		packet, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return packet
	}
	edns := func(size uint16, do bool, options ...dns.EDNS0) func(*dns.Msg) {
		return func(m *dns.Msg) {
			m.SetEdns0(size, do)
			m.IsEdns0().Option = options
		}
	}
	last := func(b byte, packet []byte) []byte {
		packet[len(packet)-1] = b
		return packet
	}
	cookie := &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"}
	for _, tc := range []struct {
		what   string
		fast   bool
		packet []byte
	}{
		{"A", true, ask("www.example.org.", dns.TypeA)},
		{"AAAA", true, ask("www.example.org.", dns.TypeAAAA)},
		{"any case", true, ask("WwW.ExAmple.oRg.", dns.TypeA)},
		{"any case with DO", true, ask("WwW.ExAmple.oRg.", dns.TypeA, edns(1232, true))},
		{"a wildcard", true, ask("a.b.apps.example.org.", dns.TypeA)},
		{"ECS", true, ask("www.example.org.", dns.TypeA, edns(1232, false, subnet(1, "10.1.2.0", 24, 0)))},
		{"ECS of no bits", true, ask("www.example.org.", dns.TypeA, edns(1232, false, subnet(1, "0.0.0.0", 0, 0)))},
		{"a cookie", true, ask("www.example.org.", dns.TypeA, edns(1232, false, cookie))},
		{"another type", true, ask("www.example.org.", dns.TypeHTTPS)},
		{"a family that is not there", true, ask("ns1.example.org.", dns.TypeAAAA)},
		{"no such name", true, ask("nope.example.org.", dns.TypeA)},
		{"many addresses", true, ask("big.example.org.", dns.TypeA, edns(4096, false))},
		{"too many addresses", false, ask("big.example.org.", dns.TypeA)},
		{"a CNAME", false, ask("cdn.example.org.", dns.TypeA)},
		{"another's name", false, ask("www.example.net.", dns.TypeA)},
		{"ANY", false, ask("www.example.org.", dns.TypeANY)},
		{"DS", false, ask("www.example.org.", dns.TypeDS)},
		{"the zone's SOA", false, ask("example.org.", dns.TypeSOA)},
		{"fallthrough", false, ask("nope.thru.example.org.", dns.TypeA)},
		{"NSID", false, ask("www.example.org.", dns.TypeA, edns(1232, false, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}))},
		{"another class", false, ask("www.example.org.", dns.TypeA, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS })},
		{"a name with escapes", false, ask(`a\.b.apps.example.org.`, dns.TypeA)},
		{"ECS with bits past SOURCE", false, last(1, ask("www.example.org.", dns.TypeA, edns(1232, false, subnet(1, "10.1.0.0", 20, 0))))},
		{"two questions", false, ask("www.example.org.", dns.TypeA, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) })},
	} {
		if got := w.both(t, l, 0, 1, tc.packet); got != tc.fast {
			t.Errorf("%s: fast is %v, want %v", tc.what, got, tc.fast)
		}
	}
}

// TestWireCounts says that what is handed over has not been counted, and that what
// is answered has, once.
func TestWireCounts(t *testing.T) {
	w := newWires(t)
	l, pub := w.in(t, 0)
	defer pub.stop(false)
	total := func() (n uint64) {
		for _, d := range w.plan.domains {
			for i := range d.counters.byReason {
				n += d.counters.byReason[i].Load()
			}
		}
		return n
	}
	for name, want := range map[string]uint64{"www": 1, "cdn": 0, "big": 0} {
		packet, err := new(dns.Msg).SetQuestion(name+".example.org.", dns.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		before := total()
		l.Answer(nil, packet, netip.MustParseAddrPort("192.0.2.200:53"))
		if got := total() - before; got != want {
			t.Errorf("%s: counted %d times, want %d", name, got, want)
		}
	}
}

// TestWireZones says whose a name is where there are several server blocks.
func TestWireZones(t *testing.T) {
	b := &wired{zones: []string{"org.", "example.org."}, others: []string{"sub.example.org."}}
	for name, want := range map[string]string{
		"example.org.": "example.org.", "www.example.org.": "example.org.", "org.": "org.", "badexample.org.": "org.", "example.net.": "", ".": "",
		"sub.example.org.": "", "a.sub.example.org.": "", "asub.example.org.": "example.org.",
	} {
		if got := b.has([]byte(name)); got != (want != "") {
			t.Errorf("%s: %v, want %q", name, got, want)
		}
		if got := longest(b.zones, []byte(name)); want != "" && got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if root := (&wired{zones: []string{"."}}); !root.has([]byte("www.example.org.")) {
		t.Error("the root has not all names")
	}
}

// datagram is a packet and whose it is.
type datagram struct {
	packet []byte
	from   net.Addr
}

// memory is a net.PacketConn within the process.
type memory struct {
	in     chan datagram
	out    chan []byte
	closed chan struct{}
}

func (m *memory) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case d := <-m.in:
		return copy(p, d.packet), d.from, nil
	case <-m.closed:
		return 0, nil, net.ErrClosed
	}
}

func (m *memory) WriteTo(p []byte, _ net.Addr) (int, error) {
	select {
	case m.out <- slices.Clone(p):
	case <-m.closed:
	}
	return len(p), nil
}

func (*memory) Close() error                     { return nil }
func (*memory) LocalAddr() net.Addr              { return &net.UDPAddr{IP: net.IPv6zero, Port: 53} }
func (*memory) SetDeadline(time.Time) error      { return nil }
func (*memory) SetReadDeadline(time.Time) error  { return nil }
func (*memory) SetWriteDeadline(time.Time) error { return nil }
