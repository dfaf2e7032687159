package healthcheck

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func dnsOptions(name string, qtype uint16) Options {
	o := DefaultOptions(DNS)
	o.Query, o.QueryType = name, qtype
	return o
}

// serveDNS is a DNS server on one port of both transports.
func serveDNS(t *testing.T, host string, handle dns.HandlerFunc) Target {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	to := targetOf(t, ln.Addr())
	packets, err := net.ListenPacket("udp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{Listener: ln, Handler: handle}, {PacketConn: packets, Handler: handle}} {
		started, ended := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(ended)
			if err := s.ActivateAndServe(); err != nil {
				t.Error(err)
			}
		}()
		<-started
		t.Cleanup(func() {
			_ = s.Shutdown()
			<-ended
		})
	}
	return to
}

// servePackets hands each datagram to a port of its own to handle, with a way to
// answer.
func servePackets(t *testing.T, host string, handle func(query []byte, say func([]byte))) Target {
	t.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buf := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			handle(buf[:n], func(b []byte) { _, _ = conn.WriteTo(b, from) })
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	return targetOf(t, conn.LocalAddr())
}

// reply answers every question alike.
func reply(change func(m *dns.Msg)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		change(m)
		_ = w.WriteMsg(m)
	}
}

func TestDNS(t *testing.T) {
	asked := make(chan *dns.Msg, 1)
	rcode := func(rcode int) dns.HandlerFunc { return reply(func(m *dns.Msg) { m.Rcode = rcode }) }
	silent := func(dns.ResponseWriter, *dns.Msg) {}
	for _, c := range []struct {
		name    string
		handle  dns.HandlerFunc
		rcode   int
		timeout time.Duration
		want    string
	}{
		{"no error", func(w dns.ResponseWriter, q *dns.Msg) {
			asked <- q
			rcode(dns.RcodeSuccess)(w, q)
		}, dns.RcodeSuccess, longEnough, "pass"},
		{"servfail", rcode(dns.RcodeServerFailure), dns.RcodeSuccess, longEnough, "fail: rcode SERVFAIL"},
		{"nxdomain that is wanted", rcode(dns.RcodeNameError), dns.RcodeNameError, longEnough, "pass"},
		{"no error that is not", rcode(dns.RcodeSuccess), dns.RcodeNameError, longEnough, "fail: rcode NOERROR"},
		{"a code without a name", rcode(15), dns.RcodeSuccess, longEnough, "fail: rcode 15"},
		{"truncated", reply(func(m *dns.Msg) { m.Truncated = true }), dns.RcodeSuccess, longEnough, "pass"},
		{"a refusal without the question", reply(func(m *dns.Msg) { m.Rcode, m.Question = dns.RcodeFormatError, nil }), dns.RcodeSuccess, longEnough, "fail: rcode FORMERR"},
		{"capitals", reply(func(m *dns.Msg) { m.Question[0].Name = "WWW.Example.ORG." }), dns.RcodeSuccess, longEnough, "pass"},
		{"silent", silent, dns.RcodeSuccess, soon, "fail: timeout"},
	} {
		for _, transport := range []string{OverUDP, OverTCP} {
			t.Run(c.name+" over "+transport, func(t *testing.T) {
				for _, host := range loopbacks {
					o := dnsOptions("www.example.org.", dns.TypeAAAA)
					o.Rcode, o.Transport = c.rcode, transport
					wantSaid(t, probe(t, o, serveDNS(t, host, c.handle), c.timeout), c.want)
					if len(asked) == 0 {
						continue
					}
					q := <-asked
					if len(q.Question) != 1 || q.Question[0] != (dns.Question{Name: "www.example.org.", Qtype: dns.TypeAAAA, Qclass: dns.ClassINET}) ||
						!q.RecursionDesired || q.IsEdns0() != nil || q.Opcode != dns.OpcodeQuery {
						t.Errorf("asked %v", q)
					}
				}
			})
		}
	}
}

// What is not the answer is not taken for it.
func TestDNSNotOurs(t *testing.T) {
	pack := func(m *dns.Msg) []byte {
		b, err := m.Pack()
		if err != nil {
			t.Error(err)
		}
		return b
	}
	for _, c := range []struct {
		name   string
		change func(m *dns.Msg)
	}{
		{"another id", func(m *dns.Msg) { m.Id++ }},
		{"a query", func(m *dns.Msg) { m.Response = false }},
		{"another name", func(m *dns.Msg) { m.Question[0].Name = "example.net." }},
		{"another type", func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeTXT }},
		{"another class", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }},
		{"two questions", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }},
		{"no question", func(m *dns.Msg) { m.Rcode, m.Question = dns.RcodeSuccess, nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Before each right answer comes a wrong one, which would be a fail.
			answer := func(query []byte) (wrong, right []byte) {
				var q dns.Msg
				if err := q.Unpack(query); err != nil {
					t.Error(err)
				}
				right = pack(new(dns.Msg).SetReply(&q))
				m := new(dns.Msg).SetRcode(&q, dns.RcodeRefused)
				c.change(m)
				return pack(m), right
			}
			packets := servePackets(t, "127.0.0.1", func(query []byte, say func([]byte)) {
				wrong, right := answer(query)
				say(wrong)
				say([]byte("short"))
				say(nil)
				say(right)
			})
			wantSaid(t, probe(t, dnsOptions("example.org.", dns.TypeA), packets, longEnough), "pass")

			stream := serve(t, "127.0.0.1", func(conn net.Conn) {
				wrong, _ := answer(readFramed(conn))
				_, _ = conn.Write(framed(wrong))
				hang(conn)
			})
			o := dnsOptions("example.org.", dns.TypeA)
			o.Transport = OverTCP
			wantSaid(t, probe(t, o, stream, longEnough), "fail: protocol")
		})
	}
}

func framed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func readFramed(conn net.Conn) []byte {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, _ = io.ReadFull(conn, b)
	return b
}

// cutShort is an answer that ends within its only record.
func cutShort(query []byte, truncated bool) []byte {
	b := append(append([]byte(nil), query...), 0xc0, 0x0c, 0, 1)
	b[2] |= 0x80
	if truncated {
		b[2] |= 0x02
	}
	b[7] = 1 // records in the answer
	return b
}

func TestDNSMalformed(t *testing.T) {
	for truncated, want := range map[bool]string{true: "pass", false: "fail: protocol"} {
		to := servePackets(t, "127.0.0.1", func(query []byte, say func([]byte)) { say(cutShort(query, truncated)) })
		wantSaid(t, probe(t, dnsOptions("example.org.", dns.TypeA), to, longEnough), want)
	}
	o := dnsOptions("example.org.", dns.TypeA)
	o.Transport = OverTCP
	for _, c := range []struct {
		name    string
		handle  func(net.Conn)
		timeout time.Duration
		want    string
	}{
		{"malformed", func(conn net.Conn) { _, _ = conn.Write(framed(cutShort(readFramed(conn), false))) }, longEnough, "fail: protocol"},
		{"no length", func(conn net.Conn) { _, _ = conn.Write(make([]byte, 2)); hang(conn) }, longEnough, "fail: protocol"},
		{"half a length", func(conn net.Conn) { readFramed(conn); _, _ = conn.Write(make([]byte, 1)) }, longEnough, "fail: closed"},
		{"less than the length", func(conn net.Conn) { _, _ = conn.Write(append([]byte{0xff, 0xff}, readFramed(conn)...)) }, longEnough, "fail: closed"},
		{"the whole length", func(conn net.Conn) { readFramed(conn); _, _ = conn.Write(framed(make([]byte, 0xffff))); hang(conn) }, longEnough, "fail: protocol"},
		{"closed", func(conn net.Conn) { readFramed(conn) }, longEnough, "fail: closed"},
		{"reset", func(conn net.Conn) { readFramed(conn); reset(conn) }, longEnough, "fail: reset"},
		{"hangs", hang, soon, "fail: timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantSaid(t, probe(t, o, serve(t, "127.0.0.1", c.handle), c.timeout), c.want)
		})
	}
}

func TestDNSRefused(t *testing.T) {
	for _, transport := range []string{OverUDP, OverTCP} {
		for _, host := range loopbacks {
			o := dnsOptions("example.org.", dns.TypeA)
			o.Transport = transport
			wantSaid(t, probe(t, o, closedPort(t, host), longEnough), "fail: refused")
		}
	}
}

// The addresses of one host are tried in turn, over UDP too: one that is silent
// leaves time for the next.
func TestDNSAddresses(t *testing.T) {
	up := serveDNS(t, "127.0.0.1", reply(func(*dns.Msg) {}))
	p := mustNew(t, dnsOptions("example.org.", dns.TypeA)).(*dnsProber)
	good, refuses, cannot := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("fe80::1")
	silent, err := net.ListenPacket("udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), up.Port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, c := range []struct {
		addrs []netip.Addr
		want  string
	}{
		{[]netip.Addr{refuses, good}, "pass"},
		{[]netip.Addr{cannot, good}, "pass"},
		{[]netip.Addr{cannot, refuses}, "fail: refused"},
		{[]netip.Addr{cannot}, "inconclusive: no route"},
		{[]netip.Addr{netip.MustParseAddr("127.0.0.3"), good}, "pass"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		wantSaid(t, p.probe(ctx, c.addrs, up.Port), c.want)
		cancel()
	}
}
