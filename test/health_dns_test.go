package test

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// replying changes the true answer before it is written.
func replying(change func(m *dns.Msg)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		change(m)
		_ = w.WriteMsg(m)
	}
}

// rawPackets writes what is no message, or not only one.
func rawPackets(list ...string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, _ *dns.Msg) {
		for _, p := range list {
			_, _ = w.Write([]byte(p))
		}
	}
}

// elsewhere answers well, but from another port.
func elsewhere(w dns.ResponseWriter, q *dns.Msg) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return
	}
	defer conn.Close()
	if b, err := new(dns.Msg).SetReply(q).Pack(); err == nil {
		_, _ = conn.WriteTo(b, w.RemoteAddr())
	}
}

// flooding writes the same for a while, and then the answer.
func flooding(text string, n int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		for range n {
			if _, err := w.Write([]byte(text)); err != nil {
				return
			}
		}
		_ = w.WriteMsg(new(dns.Msg).SetReply(q))
	}
}

func silent(dns.ResponseWriter, *dns.Msg) {}

// TestFaultyDNS is a DNS check against a server that answers wrongly or not at
// all.
func TestFaultyDNS(t *testing.T) {
	rcode := func(n int) dns.HandlerFunc { return replying(func(m *dns.Msg) { m.Rcode = n }) }
	const short = "fail: timeout" // what is not our answer is not believed: the true one may still come
	for _, c := range []struct {
		name     string
		lie      dns.HandlerFunc
		udp, tcp string // "": not to be had
	}{
		{"the truth", nil, "pass", "pass"},
		{"no answer in it", rcode(dns.RcodeSuccess), "pass", "pass"},
		{"SERVFAIL", rcode(dns.RcodeServerFailure), "fail: rcode SERVFAIL", "fail: rcode SERVFAIL"},
		{"REFUSED", rcode(dns.RcodeRefused), "fail: rcode REFUSED", "fail: rcode REFUSED"},
		{"NXDOMAIN", rcode(dns.RcodeNameError), "fail: rcode NXDOMAIN", "fail: rcode NXDOMAIN"},
		{"truncated", replying(func(m *dns.Msg) { m.Truncated = true }), "pass", "pass"},
		{"silence", silent, short, short},
		{"wrong id", replying(func(m *dns.Msg) { m.Id++ }), short, "fail: protocol"},
		{"wrong name", replying(func(m *dns.Msg) { m.Question[0].Name = "www.example.net." }), short, "fail: protocol"},
		{"wrong type", replying(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX }), short, "fail: protocol"},
		{"no question", replying(func(m *dns.Msg) { m.Question = nil }), short, "fail: protocol"},
		{"no question, FORMERR", replying(func(m *dns.Msg) { m.Question, m.Rcode = nil, dns.RcodeFormatError }), "fail: rcode FORMERR", "fail: rcode FORMERR"},
		{"a query for an answer", replying(func(m *dns.Msg) { m.Response = false }), short, "fail: protocol"},
		{"garbage", rawPackets("\x00\xff\x13garbage garbage"), short, "fail: protocol"},
		{"nothing", rawPackets(""), short, "fail: protocol"},
		{"from elsewhere", elsewhere, short, ""},
		{"garbage before the answer", flooding("garbage garbage", 100), "pass", "fail: protocol"},
	} {
		for transport, want := range map[string]string{healthcheck.OverUDP: c.udp, healthcheck.OverTCP: c.tcp} {
			if want == "" {
				continue
			}
			t.Run(c.name+"/"+transport, func(t *testing.T) {
				t.Parallel()
				d := fake.NewDNS(t, "www.example.org. 60 IN A 192.0.2.1")
				d.Lie(c.lie)
				timeout := patience
				if want == "fail: timeout" {
					timeout = 200 * time.Millisecond
				}
				if got := said(t, queryOptions(transport), targetAt(d.Addr()), timeout); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}

// TestNoDNS is that a closed UDP port is told by the kernel.
func TestNoDNS(t *testing.T) {
	b := fake.NewBox(t)
	if got, want := said(t, queryOptions(healthcheck.OverUDP), targetAt(b.Addr()), patience), "fail: refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
