package fastpath

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// TestGenerations is who answers when generations come and go in any order.
func TestGenerations(t *testing.T) {
	s := start(t, block("bind 127.0.0.1", "door 0"))
	addr := s.at("127.0.0.1")
	open := func(g *Generation, answerer byte) {
		t.Helper()
		if _, err := g.Open(s.server.Load(), signature{answerer}, 2); err != nil {
			t.Fatal(err)
		}
	}
	want := func(answerer byte) {
		t.Helper()
		for range 5 {
			if m := ask(t, addr, "fast.example.org."); m.Rcode != int(answerer) {
				t.Fatalf("%d answered, want %d", m.Rcode, answerer)
			}
		}
	}
	first, second, third := s.Enter(), s.Enter(), s.Enter()
	open(first, 1)
	want(1)
	open(third, 3)
	want(3)
	open(second, 2) // late, and so it only shares
	want(3)
	second.Leave()
	first.Leave()
	want(3)
	wantHanded(t, addr)
	third.Leave()
	want(0) // CoreDNS
	if _, err := third.Open(s.server.Load(), signature{3}, 1); err == nil {
		t.Error("a generation that has left opened a door")
	}
	fourth := s.Enter()
	open(fourth, 4)
	want(4)
	fourth.Leave()
}

// A signature is a handler that answers all by a code of its own.
type signature struct{ rcode byte }

func (s signature) Lane() Lane { return s }

func (s signature) Answer(dst, packet []byte, _ netip.AddrPort) ([]byte, bool) {
	if packet[shortestPacket+1] != 'f' {
		return nil, false
	}
	start := len(dst)
	dst = append(dst, packet...)
	dst[start+2] |= 0x80
	dst[start+3] = s.rcode
	return dst, true
}

func (signature) Sent() {}

// TestLeaveWaitsForLanes is that nothing of a generation is in use once it has left,
// whether its door closes or is another's.
func TestLeaveWaitsForLanes(t *testing.T) {
	for _, taken := range []bool{false, true} {
		s := start(t, block("bind 127.0.0.1", "door 0"))
		slow := slow{entered: make(chan struct{}), release: make(chan struct{})}
		g := s.Enter()
		if _, err := g.Open(s.server.Load(), slow, 1); err != nil {
			t.Fatal(err)
		}
		conn := dial(t, s.at("127.0.0.1"))
		q := new(dns.Msg).SetQuestion("fast.example.org.", dns.TypeA)
		if err := conn.WriteMsg(q); err != nil {
			t.Fatal(err)
		}
		<-slow.entered
		next := s.Enter()
		left := make(chan struct{})
		go func() {
			defer close(left)
			if taken {
				if _, err := next.Open(s.server.Load(), signature{2}, 1); err != nil {
					t.Error(err)
				}
			}
			g.Leave()
		}()
		eventually(t, func() string {
			select {
			case <-left:
				t.Error("a generation has left while a lane was in use")
			default:
				if d := s.doors[s.at("127.0.0.1")]; d.mu.TryLock() {
					d.mu.Unlock()
					return "the door is neither being closed nor taken"
				}
			}
			return ""
		})
		close(slow.release)
		<-left
		if m, err := conn.ReadMsg(); err != nil || m.Rcode != 9 {
			t.Errorf("%v, %v", m, err)
		}
		next.Leave()
	}
}

// A slow lane waits to be released.
type slow struct{ entered, release chan struct{} }

func (s slow) Lane() Lane { return s }

func (s slow) Answer(dst, packet []byte, from netip.AddrPort) ([]byte, bool) {
	s.entered <- struct{}{}
	<-s.release
	return signature{9}.Answer(dst, packet, from)
}

func (slow) Sent() {}

func dial(t *testing.T, addr string) *dns.Conn {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &dns.Conn{Conn: conn}
}

// TestPortZero is refused: each socket would have a port of its own.
func TestPortZero(t *testing.T) {
	s := start(t, block("bind 127.0.0.1", "door 0"))
	server := &dnsserver.Server{Addr: "dns://127.0.0.1:0"}
	if _, err := s.Enter().Open(server, lanes{s.house}, 1); err == nil {
		t.Error("a door was opened")
	}
}

// TestAwait is that a door stays open for a generation that is to take it over, and
// only for that.
func TestAwait(t *testing.T) {
	s := start(t, block("bind 127.0.0.1", "door 0"))
	server := s.server.Load()
	first, failed, next := s.Enter(), s.Enter(), s.Enter()
	if _, err := first.Open(server, signature{1}, 1); err != nil {
		t.Fatal(err)
	}
	at := s.doors[s.at("127.0.0.1")]
	next.Await(server.Addr)
	failed.Await(server.Addr)
	failed.Leave() // it will not come, and next has said so before it
	next.Await(server.Addr)
	left := make(chan struct{})
	go func() {
		defer close(left)
		first.Leave()
	}()
	select {
	case <-left:
		t.Error("it did not wait for the next one")
	case <-time.After(10 * onTheWay): // it would be gone by now
	}
	if _, err := next.Open(server, signature{2}, 1); err != nil {
		t.Fatal(err)
	}
	<-left
	if s.doors[s.at("127.0.0.1")] != at {
		t.Error("the door was closed, and another one opened")
	}
	next.Leave()
	if n := len(s.doors); n != 0 {
		t.Errorf("%d doors are open in the end", n)
	}
}

// TestIdleReaderLetsGo is that a generation which another one took over from is
// garbage, though no packet has come in since.
func TestIdleReaderLetsGo(t *testing.T) {
	s := start(t, block("bind 127.0.0.1", "door 0"))
	addr := s.at("127.0.0.1")
	first, next := s.Enter(), s.Enter()
	large := func() weak.Pointer[[1 << 16]byte] {
		h := heavy{new([1 << 16]byte)}
		if _, err := first.Open(s.server.Load(), h, 2); err != nil {
			t.Fatal(err)
		}
		for range 20 { // each reader gets some
			ask(t, addr, "fast.example.org.")
		}
		return weak.Make(h.plan)
	}()
	if large.Value() == nil {
		t.Fatal("it is garbage while it answers")
	}
	if _, err := next.Open(s.server.Load(), signature{2}, 2); err != nil {
		t.Fatal(err)
	}
	first.Leave()
	eventually(t, func() string {
		if runtime.GC(); large.Value() != nil {
			return "somebody holds the generation before"
		}
		return ""
	})
	next.Leave()
}

// A heavy handler answers all.
type heavy struct{ plan *[1 << 16]byte }

func (h heavy) Lane() Lane { return h }

func (h heavy) Answer(dst, packet []byte, from netip.AddrPort) ([]byte, bool) {
	return signature{h.plan[0]}.Answer(dst, packet, from)
}

func (heavy) Sent() {}

// TestStuckQuery is that a query which CoreDNS does not get done with holds up the end
// of its generation for the time of grace alone.
func TestStuckQuery(t *testing.T) {
	defer func(before time.Duration) { grace = before }(grace)
	grace = 10 * time.Millisecond
	for _, taken := range []bool{false, true} {
		s := start(t, block("bind 127.0.0.1", "door 0"))
		g, next := s.Enter(), s.Enter()
		if _, err := g.Open(s.server.Load(), signature{1}, 1); err != nil {
			t.Fatal(err)
		}
		q := new(dns.Msg).SetQuestion("stuck.example.org.", dns.TypeA)
		if err := dial(t, s.at("127.0.0.1")).WriteMsg(q); err != nil {
			t.Fatal(err)
		}
		ask(t, s.at("127.0.0.1"), "slow.example.org.") // it came behind the other
		if taken {
			if _, err := next.Open(s.server.Load(), signature{2}, 1); err != nil {
				t.Fatal(err)
			}
		}
		left := make(chan struct{})
		go func() {
			defer close(left)
			g.Leave()
		}()
		select {
		case <-left:
		case <-time.After(patience):
			t.Error("a generation waits for a query that is stuck")
		}
		close(s.stuck)
		<-left
		next.Leave()
	}
}
