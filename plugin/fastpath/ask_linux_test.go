package fastpath

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// ask asks for an A record. Replies from elsewhere than where it was sent to are
// not received.
func ask(t testing.TB, addr, name string) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &dns.Conn{Conn: conn}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteMsg(q); err != nil {
		t.Fatal(err)
	}
	m, err := c.ReadMsg()
	if err != nil {
		t.Fatalf("%s at %s: %v", name, addr, err)
	}
	if m.Id != q.Id {
		t.Fatalf("%s at %s: a reply to another query: %v", name, addr, m)
	}
	return m
}

// wantFast asks so often, and wants all answers from lanes.
func (s *server) wantFast(t testing.TB, addr string, times int64) {
	t.Helper()
	before := s.answered.Load()
	for range times {
		m := ask(t, addr, "fast.example.org.")
		if len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != "192.0.2.1" {
			t.Fatalf("at %s: %v", addr, m)
		}
	}
	if n := s.answered.Load() - before; n != times {
		t.Errorf("%s: lanes answered %d of %d queries", addr, n, times)
	}
	s.mu <- struct{}{}
	defer func() { <-s.mu }()
	for _, w := range s.warnings {
		t.Error(w)
	}
}

// wantHanded wants CoreDNS's answer.
func wantHanded(t testing.TB, addr string) {
	t.Helper()
	m := ask(t, addr, "slow.example.org.")
	if len(m.Extra) != 2 {
		t.Errorf("at %s: not whoami's answer: %v", addr, m)
	}
}
