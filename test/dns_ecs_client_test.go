package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// byNet is a block where the clients of 10.0.0.0/8 get a, of 127.0.0.2 b, of
// 2001:db8::/32 c, and others z.
func byNet(options string) string {
	return block("example.org", "gtm {\n"+options+letters+`
		policy by-net geo {
			from 10.0.0.0/8 use a
			from 127.0.0.2 use b
			from 2001:db8::/32 use c
			default use z
		}
		pool six {
			address 2001:db8::1
		}
		pool elsewhere {
			address edge.example.net
		}
		policy by-family geo {
			from 10.0.0.0/8 use six
			default use z
		}
		policy by-host geo {
			from 10.0.0.0/8 use elsewhere
			default use elsewhere
		}
		domain www.example.org use by-net
		domain ns.example.org use by-net
		domain family.example.org use by-family
		domain cdn.example.org use by-host
	}`)
}

// rawECS sends the bytes of an ECS option: FAMILY, SOURCE, SCOPE and ADDRESS.
func rawECS(bytes ...byte) option {
	return func(q *query) {
		o := q.opt()
		o.Option = append(o.Option, &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: bytes})
	}
}

// TestClient: who the client is, and what is said back about it.
func TestClient(t *testing.T) {
	const local2, local3 = "127.0.0.2", "127.0.0.3"
	tests := []struct {
		name    string
		options string
		from    string
		subnet  option
		want    string // address
		ecs     string // ADDRESS/SOURCE/SCOPE that comes back, or "none"
	}{
		{"source address", "", local2, edns, inB, "none"},
		{"another source address", "", local3, edns, inZ, "none"},
		{"ECS", "", local2, ecs("10.1.0.0/16"), inA, "10.1.0.0/16/8"},
		{"ECS of IPv6 over IPv4", "", local2, ecs("2001:db8:1::/48"), inC, "2001:db8:1::/48/32"},
		{"/0: the source address decides, for everyone", "", local2, ecs("0.0.0.0/0"), inB, "0.0.0.0/0/0"},
		{"/0 from elsewhere", "", local3, ecs("0.0.0.0/0"), inZ, "0.0.0.0/0/0"},
		{"/0 of IPv6", "", local2, ecs("::/0"), inB, "::/0/0"},
		{"/0 without a family", "", local2, rawECS(0, 0, 0, 0), inB, "0.0.0.0/0/0"},
		{"/0 without an address", "", local2, rawECS(0, 1, 0, 0), inB, "0.0.0.0/0/0"},
		{"/1", "", local2, ecs("0.0.0.0/1"), inZ, "0.0.0.0/1/5"},
		{"IPv4 in IPv6 is IPv4", "", local2, ecs("::ffff:10.0.0.0/104"), inA, "10.0.0.0/104/104"},

		{"ecs on", "ecs on\n", local2, ecs("10.1.0.0/16"), inA, "10.1.0.0/16/8"},
		{"ecs off", "ecs off\n", local2, ecs("10.1.0.0/16"), inB, "none"},
		{"ecs from this resolver", "ecs from 127.0.0.2\n", local2, ecs("10.1.0.0/16"), inA, "10.1.0.0/16/8"},
		{"ecs from this network", "ecs from 192.0.2.0/24 127.0.0.0/29\n", local3, ecs("10.1.0.0/16"), inA, "10.1.0.0/16/8"},
		{"ecs from another resolver", "ecs from 127.0.0.3\n", local2, ecs("10.1.0.0/16"), inB, "10.1.0.0/16/0"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, byNet(tc.options+"\n"))
			for _, more := range []option{edns, overTCP, do} {
				m := s.ask(t, "www.example.org", dns.TypeA, from(tc.from), tc.subnet, more)
				if got := data(m.Answer); len(got) != 1 || got[0] != tc.want {
					t.Errorf("answer %q, want %s", got, tc.want)
				}
				if got := scope(t, m); got != tc.ecs {
					t.Errorf("ECS %s, want %s", got, tc.ecs)
				}
			}
		})
	}
}

// TestECSFamilyComesBack: FAMILY is echoed like the rest, also the 0 of dig +subnet=0.
func TestECSFamilyComesBack(t *testing.T) {
	s := start(t, byNet(""))
	for _, sent := range [][]byte{{0, 0, 0, 0}, {0, 1, 0, 0}, {0, 2, 0, 0}, {0, 1, 8, 0, 10}, {0, 2, 16, 0, 0x20, 0x01}} {
		m := s.ask(t, "www.example.org", dns.TypeA, rawECS(sent...))
		e, ok := m.IsEdns0().Option[0].(*dns.EDNS0_SUBNET)
		if !ok || e.Family != uint16(sent[1]) || e.SourceNetmask != sent[2] {
			t.Errorf("%v came back as %v", sent, m.IsEdns0())
		}
	}
}

// TestECSOfNegatives: the scope is that of what was looked at.
func TestECSOfNegatives(t *testing.T) {
	s := start(t, byNet("authority ns.example.org\n"))
	tests := []struct {
		name   string
		qname  string
		qtype  uint16
		subnet string
		want   string // scope
	}{
		{"a type that no client has", "www.example.org", dns.TypeTXT, "10.1.0.0/16", "10.1.0.0/16/0"},
		{"ANY", "www.example.org", dns.TypeANY, "10.1.0.0/16", "10.1.0.0/16/0"},
		{"NXDOMAIN", "no.example.org", dns.TypeA, "10.1.0.0/16", "10.1.0.0/16/0"},
		{"SOA", "example.org", dns.TypeSOA, "10.1.0.0/16", "10.1.0.0/16/0"},
		{"a family that these clients lack", "family.example.org", dns.TypeA, "10.1.0.0/16", "10.1.0.0/16/8"},
		{"every type of a CNAME", "cdn.example.org", dns.TypeTXT, "10.1.0.0/16", "10.1.0.0/16/8"},
		{"NS with a client's glue", "example.org", dns.TypeNS, "10.1.0.0/16", "10.1.0.0/16/8"},
		{"NS for a /0", "example.org", dns.TypeNS, "0.0.0.0/0", "0.0.0.0/0/0"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := s.ask(t, tc.qname, tc.qtype, ecs(tc.subnet), iterative)
			if got := scope(t, m); got != tc.want {
				t.Errorf("ECS %s, want %s: %s", got, tc.want, summary(m))
			}
		})
	}
	t.Run("NS for a resolver that may not tell", func(t *testing.T) {
		s := start(t, byNet("authority ns.example.org\necs from 127.0.0.9\n"))
		m := s.ask(t, "example.org", dns.TypeNS, ecs("10.1.0.0/16"), from("127.0.0.2"))
		if got := scope(t, m); got != "10.1.0.0/16/0" {
			t.Errorf("ECS %s, and the option was not looked at", got)
		}
	})
}

// TestMalformedECS is FORMERR, and nothing else comes with it.
func TestMalformedECS(t *testing.T) {
	s := start(t, byNet("\n"))
	twoOPT := func(q *query) {
		q.SetEdns0(1232, false)
		q.SetEdns0(1232, false)
	}
	both := func(a, b option) option {
		return func(q *query) {
			a(q)
			b(q)
		}
	}
	for _, tc := range []struct {
		name string
		opt  option
	}{
		{"bits past SOURCE", rawECS(0, 1, 20, 0, 10, 1, 0xff)},
		{"one bit past SOURCE", rawECS(0, 1, 23, 0, 10, 1, 1)},
		{"bits past SOURCE 0", rawECS(0, 1, 0, 0, 10)},
		{"bits past SOURCE in IPv6", rawECS(0, 2, 31, 0, 0x20, 0x01, 0x0d, 0xb9)},
		{"SCOPE in a query", rawECS(0, 1, 24, 24, 10, 1, 2)},
		{"SCOPE in a query with SOURCE 0", rawECS(0, 1, 0, 1)},
		{"SCOPE without a family", rawECS(0, 0, 0, 1)},
		{"an unknown family", rawECS(0, 3, 24, 0, 10, 1, 2)},
		{"an unknown family with SOURCE 0", rawECS(0, 3, 0, 0)},
		{"no family, but a SOURCE", rawECS(0, 0, 24, 0, 10, 1, 2)},
		{"SOURCE past IPv4", rawECS(0, 1, 33, 0, 10, 1, 2, 3, 0)},
		{"SOURCE past IPv6", rawECS(0, 2, 129, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
		{"no bytes", rawECS()},
		{"three bytes", rawECS(0, 1, 24)},
		{"two ECS options", both(ecs("10.1.0.0/16"), ecs("10.2.0.0/16"))},
		{"two equal ECS options", both(ecs("10.1.0.0/16"), ecs("10.1.0.0/16"))},
		{"two OPT records", twoOPT},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, more := range []option{edns, overTCP, do} {
				if tc.name == "two OPT records" {
					more = iterative
				}
				m, err := s.try(question("www.example.org", dns.TypeA, tc.opt, more))
				if m == nil { // the question of what cannot be unpacked may be lost
					t.Fatal(err)
				}
				if m.Rcode != dns.RcodeFormatError || len(m.Answer) > 0 {
					t.Error(summary(m))
				}
			}
		})
	}
	t.Run("with a name that gtm denies", func(t *testing.T) {
		s := start(t, byNet("authority ns.example.net\n"))
		for _, name := range []string{"no.example.org", "example.org"} {
			if m := s.ask(t, name, dns.TypeSOA, rawECS(0, 1, 24, 24, 10, 1, 2)); m.Rcode != dns.RcodeFormatError {
				t.Error(summary(m))
			}
		}
	})
	t.Run("too few or too many bytes do no harm", func(t *testing.T) {
		for _, bytes := range [][]byte{{0, 1, 24, 0, 10}, {0, 1, 24, 0}, {0, 1, 8, 0, 10, 0, 0, 0}, {0, 1, 8, 0, 10, 0, 0, 0, 0, 0}, {0, 2, 48, 0, 0x20}} {
			m, err := s.try(question("www.example.org", dns.TypeA, rawECS(bytes...)))
			if m == nil {
				t.Fatalf("%v: %v", bytes, err)
			}
			if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeFormatError {
				t.Errorf("%v: %s", bytes, summary(m))
			}
		}
	})
}

// TestCacheKeepsClientsApart: a cache above knows nothing of clients, and must
// leave gtm's names alone, and them only.
func TestCacheKeepsClientsApart(t *testing.T) {
	for _, domains := range []int{1, 40} { // few names, and more than cache is to look through
		t.Run(fmt.Sprint(domains, " domains"), func(t *testing.T) {
			more := ""
			for i := range domains {
				more += fmt.Sprintf("domain d%d.example.org *.w%d.example.org use by-net\n", i, i)
			}
			s := start(t, block("example.org", `cache
			gtm {`+letters+`
				policy by-net geo {
					from 127.0.0.2 use a
					from 10.0.0.0/8 use b
					default use z
				}
				`+more+`
			}`))
			for range 3 {
				for _, name := range []string{"d0.example.org", "x.w0.example.org", "D0.example.org"} {
					for _, c := range []struct {
						opts []option
						want string
					}{
						{[]option{from("127.0.0.2")}, inA},
						{[]option{from("127.0.0.3")}, inZ},
						{[]option{from("127.0.0.2"), ecs("10.0.0.0/24")}, inB},
						{[]option{from("127.0.0.3"), ecs("127.0.0.2/32")}, inA},
						{[]option{from("127.0.0.3"), edns}, inZ},
						{[]option{from("127.0.0.2"), do}, inA},
						{[]option{from("127.0.0.3"), do}, inZ},
					} {
						m := s.ask(t, name, dns.TypeA, c.opts...)
						if got := data(m.Answer); len(got) != 1 || got[0] != c.want {
							t.Fatalf("%s: got %q, want %s", name, got, c.want)
						}
						if ttl := m.Answer[0].Header().Ttl; ttl != 30 {
							t.Errorf("%s: TTL %d comes from a cache", name, ttl)
						}
					}
				}
			}
		})
	}
}
