package fastpath

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const tsigKey = `tsig {
	secret key.example. NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=
	require none
}`

// packets are such as only CoreDNS answers, or nobody.
func packets(t *testing.T) map[string][]byte {
	t.Helper()
	query := func(change func(m *dns.Msg)) []byte {
		m := new(dns.Msg).SetQuestion("slow.example.org.", dns.TypeA)
		m.Id = 4711
		change(m)
		p, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	signed := func(secret string) []byte {
		m := new(dns.Msg).SetQuestion("slow.example.org.", dns.TypeA)
		m.Id = 4711
		m.SetTsig("key.example.", dns.HmacSHA256, 300, 1_700_000_000) // a long time ago
		if secret == "now" {
			secret = "NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk="
			m.Extra[0].(*dns.TSIG).TimeSigned = uint64(time.Now().Unix())
		}
		p, _, err := dns.TsigGenerate(m, secret, "", false)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	plain := query(func(*dns.Msg) {})
	return map[string][]byte{
		"plain":             plain,
		"EDNS":              query(func(m *dns.Msg) { m.SetEdns0(1232, true) }),
		"EDNS version 1":    query(func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }),
		"NOTIFY":            query(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
		"UPDATE":            query(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }),
		"opcode 9":          query(func(m *dns.Msg) { m.Opcode = 9 }),
		"two questions":     query(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }),
		"no question":       query(func(m *dns.Msg) { m.Question = nil }),
		"class CH":          query(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
		"a response":        query(func(m *dns.Msg) { m.Response = true }),
		"cut":               plain[:20],
		"a header alone":    plain[:12],
		"11 bytes":          plain[:11],
		"nothing":           {},
		"left-over bytes":   append(bytes.Clone(plain), 1, 2, 3),
		"600 bytes":         append(bytes.Clone(plain), make([]byte, 600-len(plain))...),
		"name that is long": append(bytes.Clone(plain[:12]), bytes.Repeat([]byte{63}, 300)...),
		"TSIG, stale":       signed("NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk="),
		"TSIG, good":        signed("now"),
		"TSIG, bad":         signed("AAAAJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk="),
		"EDNS of 600 bytes": query(func(m *dns.Msg) {
			m.SetEdns0(4096, false)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 600)}}
		}),
	}
}

// TestHandedOver is that what a door hands over is answered as on CoreDNS's own
// socket. The answer of whoami holds the client's address and port.
func TestHandedOver(t *testing.T) {
	for _, bind := range []string{"bind 127.0.0.1", ""} {
		own := start(t, block(bind, tsigKey))
		fast := start(t, block(bind, tsigKey, "door 2"))
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for name, p := range packets(t) {
			want := exchange(t, conn, own.at("127.0.0.1"), p)
			got := exchange(t, conn, fast.at("127.0.0.1"), p)
			if strings.HasPrefix(name, "TSIG") {
				want, got = unsigned(t, want), unsigned(t, got)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%q %s: got %x, want %x", bind, name, got, want)
			}
			if silent := name == "a response" || len(p) < 12; silent != (len(want) == 0) {
				t.Errorf("%q %s: CoreDNS's own answer is %x", bind, name, want)
			}
		}
	}
}

// unsigned is a reply without the time of its signature, and what follows from it.
func unsigned(t *testing.T, reply []byte) []byte {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(reply); err != nil {
		t.Fatal(err)
	}
	if sig := m.IsTsig(); sig != nil {
		sig.TimeSigned, sig.MAC = 0, strings.Repeat("0", len(sig.MAC))
	}
	p, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// exchange sends a packet and returns its reply, or nothing if the one to a query
// that follows it comes alone.
func exchange(t *testing.T, conn net.PacketConn, addr string, p []byte) []byte {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	last, err := new(dns.Msg).SetQuestion("last.example.org.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{p, last} {
		if _, err := conn.WriteTo(p, to); err != nil {
			t.Fatal(err)
		}
	}
	var reply []byte
	b := make([]byte, dns.MaxMsgSize)
	for wait, seen := patience, false; ; {
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		n, _, err := conn.ReadFrom(b)
		switch {
		case seen && errors.Is(err, os.ErrDeadlineExceeded):
			return reply
		case err != nil:
			t.Fatalf("%x: %v", p, err)
		case bytes.HasPrefix(b[:n], last[:2]) && bytes.Contains(b[:n], []byte("\x04last")):
			seen, wait = true, 10*time.Millisecond // goroutines may overtake each other
		default:
			reply = bytes.Clone(b[:n])
		}
		if seen && reply != nil {
			return reply
		}
	}
}

// TestPanic is that a lane's panic costs its packet nothing but the fast path.
func TestPanic(t *testing.T) {
	s := start(t, block("bind 127.0.0.1", "door 1"))
	for i := range int64(3) {
		if m := ask(t, s.at("127.0.0.1"), "panic.example.org."); len(m.Extra) != 2 {
			t.Errorf("not whoami's answer: %v", m)
		}
		if n := s.panics.Load(); n != i+1 {
			t.Errorf("%d panics, want %d", n, i+1)
		}
		s.wantFast(t, s.at("127.0.0.1"), 3)
	}
}

// TestSentPanics is that a panic once replies have been sent costs nothing.
func TestSentPanics(t *testing.T) {
	s := start(t, block("bind 127.0.0.1", "door 0"))
	g := s.Enter()
	if _, err := g.Open(s.server.Load(), clumsy{signature{3}}, 1); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if m := ask(t, s.at("127.0.0.1"), "fast.example.org."); m.Rcode != 3 {
			t.Errorf("not the lane's answer: %v", m)
		}
	}
	g.Leave()
	if n := s.panics.Load(); n < 3 {
		t.Errorf("%d panics, want 3 or, with the batches of packets that find the socket, more", n)
	}
}

// A clumsy handler's lanes panic after each batch.
type clumsy struct{ signature }

func (c clumsy) Lane() Lane { return c }

func (clumsy) Sent() { panic("as asked") }
