//go:build linux

package test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// placed is a question over UDP, with who answers and whether on the fast path.
type placed struct {
	name string
	want string // an address, or a response code
	fast bool
}

// places asks a listener.
func places(t *testing.T, listener string, questions []placed) {
	t.Helper()
	fastAt(t, listener)
	before := fastCounts(t, listener)
	var want counts
	for _, q := range questions {
		m, err := exchange(listener, question(q.name, dns.TypeA))
		if err != nil {
			t.Fatal(err)
		}
		got := dns.RcodeToString[m.Rcode]
		if len(m.Answer) > 0 {
			got = data(m.Answer)[0]
		}
		if got != q.want {
			t.Errorf("%s: %s, want %s", q.name, got, q.want)
		}
		if q.fast {
			want.answered++
		} else {
			want.handed++
		}
	}
	wantCounts(t, listener, before, want)
}

// zoneOf is a gtm block that is an authority, and answers names with an address.
func zoneOf(head, names, addr string) string {
	return fmt.Sprintf("gtm %s\nauthority ns1.example.net\npool web {\naddress %s\n}\ndomain %s use web\n}", head, addr, names)
}

// hostsOf is a hosts block for one name.
func hostsOf(addr, name string) string { return fmt.Sprintf("hosts {\n%s %s\n}", addr, name) }

// TestFastServerBlocks is several server blocks on one listener: each has its names.
func TestFastServerBlocks(t *testing.T) {
	const zone, sub = "example.org", "sub.example.org"
	for _, tc := range []struct {
		name, corefile string
		questions      []placed
	}{
		{"a zone below in another block",
			block(zone, zoneOf("{\nfast_path", "www.example.org x.sub.example.org", "192.0.2.1")) + block(sub, hostsOf("192.0.2.2", "www.sub.example.org")),
			[]placed{
				{"www.example.org", "192.0.2.1", true},
				{"no.example.org", "NXDOMAIN", true},
				{"no-sub.example.org", "NXDOMAIN", true},
				{"www.sub.example.org", "192.0.2.2", false},
				{"x.sub.example.org", "SERVFAIL", false},
				{"sub.example.org", "SERVFAIL", false},
			}},
		{"a zone above in another block",
			block(".", hostsOf("192.0.2.2", "www.example.net")) + block(zone, zoneOf("{\nfast_path", "www.example.org", "192.0.2.1")),
			[]placed{{"www.example.org", "192.0.2.1", true}, {"www.example.net", "192.0.2.2", false}}},
		{"the same zone under a view",
			block(zone, "view inside {\nexpr client_ip() == '127.0.0.1'\n}\n"+hostsOf("192.0.2.2", "www.example.org")) +
				block(zone, zoneOf("{\nfast_path", "www.example.org", "192.0.2.1")),
			[]placed{{"www.example.org", "192.0.2.2", false}, {"no.example.org", "SERVFAIL", false}}},
		{"the same zone under a view of others",
			block(zone, "view inside {\nexpr client_ip() == '192.0.2.99'\n}\n"+hostsOf("192.0.2.2", "www.example.org")) +
				block(zone, zoneOf("{\nfast_path", "www.example.org", "192.0.2.1")),
			[]placed{{"www.example.org", "192.0.2.1", false}, {"no.example.org", "NXDOMAIN", false}}},
		{"two blocks with it",
			block(zone, zoneOf("{\nfast_path", "www.example.org", "192.0.2.1")) + block(sub, zoneOf("{\nfast_path", "www.sub.example.org", "192.0.2.2")),
			[]placed{
				{"www.example.org", "192.0.2.1", true},
				{"www.sub.example.org", "192.0.2.2", true},
				{"no.sub.example.org", "NXDOMAIN", true},
				{"www.example.net", "REFUSED", false},
			}},
		{"one with it, and one without",
			block(sub, zoneOf("{", "www.sub.example.org", "192.0.2.2")) + block(zone, zoneOf("{\nfast_path", "www.example.org", "192.0.2.1")),
			[]placed{{"www.example.org", "192.0.2.1", true}, {"www.sub.example.org", "192.0.2.2", false}}},
		{"several gtm blocks in one server block",
			block(".", zoneOf("sub.example.org {\nfast_path", "www.sub.example.org", "192.0.2.2")+"\n"+
				zoneOf("example.org {\nfast_path", "www.example.org x.sub.example.org", "192.0.2.1")+"\n"+
				zoneOf("example.net {", "www.example.net", "192.0.2.3")),
			[]placed{
				{"www.example.org", "192.0.2.1", true},
				{"www.sub.example.org", "192.0.2.2", true},
				{"x.sub.example.org", "NXDOMAIN", true},
				{"no.example.org", "NXDOMAIN", true},
				{"www.example.net", "192.0.2.3", false},
			}},
		{"a gtm zone that the server block has not",
			block(zone, zoneOf("example.org example.net {\nfast_path", "www.example.org www.example.net", "192.0.2.1")),
			[]placed{{"www.example.org", "192.0.2.1", true}, {"www.example.net", "REFUSED", false}}},
		{"a gtm zone that another server block has",
			block(zone, zoneOf("example.org example.net {\nfast_path", "www.example.org www.example.net", "192.0.2.1")) +
				block("example.net", hostsOf("192.0.2.2", "www.example.net")),
			[]placed{{"www.example.org", "192.0.2.1", true}, {"www.example.net", "192.0.2.2", false}}},
		{"a zone below at another port",
			block(zone, zoneOf("{\nfast_path", "www.example.org www.sub.example.org", "192.0.2.1")) +
				strings.Replace(block(sub, hostsOf("192.0.2.2", "www.sub.example.org")), ":0", ":"+freePort(t), 1),
			[]placed{{"www.example.org", "192.0.2.1", true}, {"www.sub.example.org", "192.0.2.1", true}}},
		{"a zone below by an encrypted listener",
			block(zone, zoneOf("{\nfast_path", "www.example.org www.sub.example.org", "192.0.2.1")) + encrypted(t, sub),
			[]placed{{"www.sub.example.org", "192.0.2.1", true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, tc.corefile)
			places(t, "127.0.0.1:"+s.port, tc.questions)
		})
	}
}

// encrypted is a server block that serves a zone over TLS alone.
func encrypted(t testing.TB, zone string) string {
	return fmt.Sprintf("tls://%s:%s {\nbind 127.0.0.1\n%s\n%s\n}\n", zone, freePort(t), neighbours(t, key{})["tls"], hostsOf("192.0.2.2", "www."+zone))
}

// TestFastAddresses is the same zone on two addresses in two server blocks: neither
// disturbs the other, and the one without has no fast path.
func TestFastAddresses(t *testing.T) {
	two := func(body string) string {
		return strings.Replace(block("example.org", body), "127.0.0.1", "127.0.0.2", 1)
	}
	s := start(t, block("example.org", zoneOf("{\nfast_path\nname one", "www.example.org", "192.0.2.1"))+
		two(zoneOf("{\nname two", "www.example.org sub.example.org", "192.0.2.2"))+
		strings.Replace(two(hostsOf("192.0.2.3", "www.sub.example.org")), "example.org", "sub.example.org", 1))
	places(t, "127.0.0.1:"+s.port, []placed{{"www.example.org", "192.0.2.1", true}, {"www.sub.example.org", "NXDOMAIN", true}})
	for name, want := range map[string]string{"www.example.org": "192.0.2.2", "www.sub.example.org": "192.0.2.3"} {
		m, err := exchange("127.0.0.2:"+s.port, question(name, dns.TypeA))
		if err != nil || len(m.Answer) != 1 || data(m.Answer)[0] != want {
			t.Errorf("%s: %v %v, want %s", name, err, m, want)
		}
	}
	if got := fastCounts(t, "127.0.0.2:"+s.port); got != (counts{}) {
		t.Errorf("the listener without it counts %+v", got)
	}
}

// TestFastAnswersFrom is that an answer comes from the address that was asked: at a
// wildcard, and at each address of a block, of both families.
func TestFastAnswersFrom(t *testing.T) {
	for _, bind := range []string{"", "bind 127.0.0.1 127.0.0.2 ::1\n"} {
		t.Run(bind, func(t *testing.T) {
			s := start(t, "example.org:0 {\n"+bind+zoneOf("{\nfast_path", "www.example.org", "192.0.2.1")+"\nwhoami\n}\n")
			for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
				at, listener := net.JoinHostPort(host, s.port), net.JoinHostPort(host, s.port)
				if bind == "" {
					listener = ":" + s.port
					fastAt(t, "[::]:"+s.port)
				} else {
					fastAt(t, listener)
				}
				before := fastCounts(t, listener)
				// A connected socket takes nothing from another address.
				for name, want := range map[string]int{"www.example.org": dns.RcodeSuccess, "no.example.org": dns.RcodeNameError, "www.example.net": dns.RcodeRefused} {
					m, err := exchange(at, question(name, dns.TypeA))
					if err != nil || m.Rcode != want {
						t.Errorf("%s asked for %s: %v %v", at, name, err, m)
					}
				}
				wantCounts(t, listener, before, counts{answered: 2, handed: 1})
			}
		})
	}
}
