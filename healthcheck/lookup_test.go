package healthcheck

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// at is a look-up whose servers are all at one place.
func at(to Target) systemLookup {
	return systemLookup{func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, net.JoinHostPort(to.Host, portText(to)))
	}}
}

func lookedUp(t *testing.T, s systemLookup, host string, timeout time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	got, err := s.lookup(ctx, host)
	if err != nil {
		return said(judge(ctx, err))
	}
	return fmt.Sprint(got.addrs, " ", got.ttl)
}

// zone answers with the records of the question's type, or NXDOMAIN.
func zone(records ...string) dns.HandlerFunc {
	return reply(func(m *dns.Msg) {
		m.RecursionAvailable = true
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			if h := rr.Header(); h.Rrtype == m.Question[0].Qtype || h.Rrtype == dns.TypeCNAME {
				m.Answer = append(m.Answer, rr)
			}
		}
		if len(m.Answer) == 0 {
			m.Rcode = dns.RcodeNameError
		}
	})
}

func TestLookup(t *testing.T) {
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("www.test. 60 A 127.0.1.%d", i))
	}
	for _, c := range []struct {
		name    string
		records []string
		want    string
	}{
		{"one address", []string{"www.test. 60 A 192.0.2.1"}, "[192.0.2.1] 1m0s"},
		{"the smaller of two families", []string{"www.test. 60 A 127.0.0.1", "www.test. 30 AAAA ::1"}, "[::1 127.0.0.1] 30s"},
		{"the smaller of two records", []string{"www.test. 60 A 192.0.2.1", "www.test. 20 A 192.0.2.1"}, "[192.0.2.1 192.0.2.1] 20s"},
		{"through a CNAME", []string{"www.test. 10 CNAME x.test.", "x.test. 60 A 192.0.2.1"}, "[192.0.2.1] 10s"},
		{"TTL 0", []string{"www.test. 0 A 192.0.2.1"}, "[192.0.2.1] 0s"},
		{"TTL 2^31-1", []string{"www.test. 2147483647 A 192.0.2.1"}, "[192.0.2.1] 596523h14m7s"},
		{"TTL 2^31", []string{"www.test. 2147483648 A 192.0.2.1"}, "[192.0.2.1] 0s"},
		{"TTL 2^32-1", []string{"www.test. 4294967295 A 192.0.2.1"}, "[192.0.2.1] 0s"},
		{"mapped", []string{"www.test. 60 AAAA ::ffff:192.0.2.1"}, "[192.0.2.1] 1m0s"},
		{"no such name", nil, "fail: resolution"},
		{"no address", []string{"www.test. 60 CNAME x.test."}, "fail: resolution"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := serveDNS(t, "127.0.0.1", zone(c.records...))
			if got := lookedUp(t, at(to), "www.test.", longEnough); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("many addresses", func(t *testing.T) {
		to := serveDNS(t, "127.0.0.1", zone(many...))
		got, err := at(to).lookup(t.Context(), "www.test.")
		if err != nil || len(got.addrs) != maxAddrs {
			t.Errorf("%d addresses, %v", len(got.addrs), err)
		}
	})
}

// An answer that does not fit is asked for over TCP, and its TTL noted.
func TestLookupTCP(t *testing.T) {
	full := zone("www.test. 60 A 192.0.2.1")
	to := serveDNS(t, "127.0.0.1", func(w dns.ResponseWriter, q *dns.Msg) {
		if w.LocalAddr().Network() == "tcp" {
			full(w, q)
			return
		}
		m := new(dns.Msg).SetReply(q)
		m.Truncated = true
		_ = w.WriteMsg(m)
	})
	if got := lookedUp(t, at(to), "www.test.", longEnough); got != "[192.0.2.1] 1m0s" {
		t.Errorf("got %q", got)
	}
}

// A stream may hand out its messages in any pieces.
func TestLookupPieces(t *testing.T) {
	m := new(dns.Msg).SetQuestion("www.test.", dns.TypeA)
	m.Response = true
	for _, ttl := range []int{50, 40, 60} {
		rr, _ := dns.NewRR(fmt.Sprintf("www.test. %d A 192.0.2.1", ttl))
		m.Answer = append(m.Answer, rr)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 2, 3, 7, len(b) + 2, 1000} {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			for range 2 {
				_, _ = there.Write(framed(b))
			}
		}()
		w := &witness{}
		s := &spiedStream{spied: spied{Conn: here, witness: w, release: func() bool { return true }}}
		buf := make([]byte, size)
		for err = nil; err == nil; {
			_, err = s.Read(buf)
		}
		if ttl, _ := w.result(); ttl != 40*time.Second {
			t.Errorf("pieces of %d: %v", size, ttl)
		}
		if cap(s.got) > 2*(len(b)+2+size) {
			t.Errorf("pieces of %d: kept %d bytes", size, cap(s.got))
		}
		s.Close()
	}
}

// What the hosts file says needs no server, and is looked at again soon.
func TestLookupHosts(t *testing.T) {
	asked := func(context.Context, string, string) (net.Conn, error) {
		t.Error("a server was asked")
		return nil, os.ErrInvalid
	}
	for _, host := range []string{"localhost", "localhost."} { // as canonical names are
		got, err := systemLookup{asked}.lookup(t.Context(), host)
		if err != nil || len(got.addrs) == 0 || !got.addrs[0].IsLoopback() || got.ttl != hostsTTL {
			t.Errorf("%s: %v, %v", host, got, err)
		}
	}
}

// A silent server ends with the probe, and so does all that was begun.
func TestLookupSilent(t *testing.T) {
	to := serveDNS(t, "127.0.0.1", func(dns.ResponseWriter, *dns.Msg) {})
	if got := lookedUp(t, at(to), "www.test.", soon); got != "fail: resolution" {
		t.Errorf("got %q", got)
	}
	asked := make(chan struct{}, 100)
	to = serveDNS(t, "127.0.0.1", func(dns.ResponseWriter, *dns.Msg) { asked <- struct{}{} })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := at(to).lookup(ctx, "www.test.")
	if r := judge(ctx, err); said(r) != "inconclusive: canceled" {
		t.Errorf("%v", said(r))
	}
}

// The first server of resolv.conf does not use up all the time.
func TestLookupSecondServer(t *testing.T) {
	dead := serveDNS(t, "127.0.0.1", func(dns.ResponseWriter, *dns.Msg) {})
	good := serveDNS(t, "127.0.0.1", zone("www.test. 60 A 192.0.2.1"))
	var dialed atomic.Int32
	s := systemLookup{func(ctx context.Context, network, _ string) (net.Conn, error) {
		to := good
		if dialed.Add(1) <= 2 { // for each family
			to = dead
		}
		return dialer.DialContext(ctx, network, net.JoinHostPort(to.Host, portText(to)))
	}}
	if got := lookedUp(t, s, "www.test.", time.Second); got != "[192.0.2.1] 1m0s" {
		t.Errorf("got %q", got)
	}
}

// Where no server could be asked, and this host is at fault, it says so.
func TestLookupInconclusive(t *testing.T) {
	fails := func(errnos ...syscall.Errno) systemLookup {
		var n atomic.Int32
		return systemLookup{func(_ context.Context, network, address string) (net.Conn, error) {
			errno := errnos[int(n.Add(1)-1)%len(errnos)]
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", errno)}
		}}
	}
	for _, c := range []struct {
		s    systemLookup
		want string
	}{
		{fails(syscall.EMFILE), "inconclusive: descriptors"},
		{fails(syscall.ENOBUFS), "inconclusive: no socket"},
		{fails(syscall.ENETUNREACH), "inconclusive: no route"},
		{fails(syscall.ECONNREFUSED), "fail: resolution"},
		{at(closedPort(t, "127.0.0.1")), "fail: resolution"},
		{at(Target{Host: "fe80::1", Port: 53}), "inconclusive: no route"},
	} {
		if got := lookedUp(t, c.s, "www.test.", longEnough); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	// One server that answers is enough to know: the name does not exist.
	to := serveDNS(t, "127.0.0.1", zone())
	var n atomic.Int32
	mixed := systemLookup{func(ctx context.Context, network, _ string) (net.Conn, error) {
		if n.Add(1) == 1 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ENETUNREACH}
		}
		return dialer.DialContext(ctx, network, net.JoinHostPort(to.Host, portText(to)))
	}}
	if got := lookedUp(t, mixed, "www.test.", longEnough); got != "fail: resolution" {
		t.Errorf("got %q", got)
	}
}

// What is hostile or odd is no answer with a TTL.
func TestLookupMalformed(t *testing.T) {
	for name, handle := range map[string]func(query []byte, say func([]byte)){
		"cut":     func(query []byte, say func([]byte)) { say(cutShort(query, false)) },
		"nothing": func(_ []byte, say func([]byte)) { say(nil) },
		"echo":    func(query []byte, say func([]byte)) { say(query) },
	} {
		to := servePackets(t, "127.0.0.1", handle)
		if got := lookedUp(t, at(to), "www.test.", soon); got != "fail: resolution" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// All kinds reach a name through the resolver: its TTL, and not the clock of the
// checks, says when it is asked.
func TestLookupEveryKind(t *testing.T) {
	var asked atomic.Int32
	answers := zone("www.test. 60 A 127.0.0.1")
	to := serveDNS(t, "127.0.0.1", func(w dns.ResponseWriter, q *dns.Msg) {
		if strings.HasSuffix(q.Question[0].Name, "www.test.") {
			asked.Add(1)
		}
		answers(w, q)
	})
	withResolver(t, at(to).lookup)
	for range 3 {
		for _, o := range everyKind() {
			r := probe(t, o, Target{Host: "www.test.", Port: 1}, longEnough)
			if r.Verdict == Inconclusive || r.Reason == ReasonResolution {
				t.Errorf("%s: %s", o.Kind, said(r))
			}
		}
	}
	if asked.Load() != 2 { // A and AAAA, once
		t.Errorf("asked %d times", asked.Load())
	}
	if h := sharedResolver.hosts["www.test."]; h == nil || h.addrs[0] != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("%+v", h)
	}
}
