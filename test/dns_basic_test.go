package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestProbeToAnswer is the way of a probe's result into an answer.
func TestProbeToAnswer(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {
		pool web {
			%s
			check web
		}
		%s
		domain www.example.org use web
	}`, fake.Members(web, "192.0.2.10", "192.0.2.11"), quickCheck("web", "http", web[0].Port()))))

	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11")
	web[0].Up(t)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	web[1].Answer(503)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10")
	web[1].Answer(200)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	web[0].Hang()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11")
}

// plain has a domain of each simple sort, and nothing below gtm.
const plain = `gtm {
	ttl 60 min 20
	pool dual {
		address 192.0.2.10
		address 2001:db8::10
	}
	pool four {
		address 192.0.2.20
	}
	pool six {
		address 2001:db8::30
	}
	domain www.example.org use dual
	domain four.example.org use four
	domain six.example.org use six
	domain short.example.org {
		use four
		ttl 10 min 5
	}
	domain long.example.org {
		use four
		ttl 300
	}
	domain www.mixed.example.org second.example.org {
		use four
		ttl 2m min 7s
	}
}`

// TestAnswers is the authority of answers, their TTL, and what stands in
// negative ones.
func TestAnswers(t *testing.T) {
	s := start(t, block("example.org", plain))
	s.run(t, []answerCase{
		{"A has AA", "www.example.org", dns.TypeA, nil,
			"NOERROR aa | www.example.org. 60 A 192.0.2.10"},
		{"AAAA has AA", "www.example.org", dns.TypeAAAA, nil,
			"NOERROR aa | www.example.org. 60 AAAA 2001:db8::10"},
		{"without RD", "www.example.org", dns.TypeA, []option{iterative},
			"NOERROR aa | www.example.org. 60 A 192.0.2.10"},
		{"a domain's own TTL", "short.example.org", dns.TypeA, nil,
			"NOERROR aa | short.example.org. 10 A 192.0.2.20"},
		{"TTL as a duration", "www.mixed.example.org", dns.TypeA, nil,
			"NOERROR aa | www.mixed.example.org. 120 A 192.0.2.20"},
		{"second name of a domain line", "second.example.org", dns.TypeA, nil,
			"NOERROR aa | second.example.org. 120 A 192.0.2.20"},

		{"AAAA of an IPv4-only name is NODATA", "four.example.org", dns.TypeAAAA, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"A of an IPv6-only name is NODATA", "six.example.org", dns.TypeA, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"TXT is NODATA", "www.example.org", dns.TypeTXT, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"HTTPS is NODATA", "www.example.org", dns.TypeHTTPS, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"CNAME is NODATA", "www.example.org", dns.TypeCNAME, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"SOA is NODATA below the apex", "www.example.org", dns.TypeSOA, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"NS is NODATA below the apex", "www.example.org", dns.TypeNS, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"DS is NODATA", "www.example.org", dns.TypeDS, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"an unknown type is NODATA", "www.example.org", 65280, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"NODATA lasts for the domain's min", "short.example.org", dns.TypeTXT, nil,
			"NOERROR aa | authority example.org. 5 SOA 20"},
		{"NODATA lasts no longer than the SOA's minimum", "long.example.org", dns.TypeTXT, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},

		{"ANY is HINFO by RFC 8482", "www.example.org", dns.TypeANY, nil,
			`NOERROR aa | www.example.org. 60 HINFO "RFC8482" ""`},
		{"ANY with DO", "www.example.org", dns.TypeANY, []option{do},
			`NOERROR aa | www.example.org. 60 HINFO "RFC8482" ""`},
	})
}

// TestHeader: RD and CD come back as they were; nobody recurses here.
func TestHeader(t *testing.T) {
	s := start(t, block("example.org", strings.Replace(plain, "{", "{\nauthority ns1.example.net", 1)))
	for _, name := range []string{"www.example.org", "no.example.org", "example.org"} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeSOA, dns.TypeANY} {
			for _, set := range []bool{false, true} {
				m := s.ask(t, name, qtype, func(q *query) {
					q.RecursionDesired, q.CheckingDisabled, q.AuthenticatedData = set, set, set
				})
				if !m.Authoritative || m.RecursionDesired != set || m.CheckingDisabled != set || m.RecursionAvailable || m.AuthenticatedData || m.Zero {
					t.Errorf("with RD and CD %t: %v", set, m.MsgHdr)
				}
			}
		}
	}
}

// TestSOADefaults is the SOA of a block without authority or ttl.
func TestSOADefaults(t *testing.T) {
	s := start(t, block("example.org", `gtm {
		pool web {
			address 192.0.2.10
		}
		domain www.example.org use web
	}`))
	m := s.ask(t, "www.example.org", dns.TypeAAAA)
	if got, want := summary(m), "NOERROR aa | authority example.org. 30 SOA 30"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	soa := m.Ns[0].(*dns.SOA)
	if !dns.IsSubDomain("example.org.", soa.Mbox) || soa.Serial == 0 || soa.Refresh == 0 || soa.Retry == 0 || soa.Expire == 0 {
		t.Errorf("the SOA has empty fields: %v", soa)
	}
}

// TestCase is a resolver that mixes the case of its questions (0x20).
func TestCase(t *testing.T) {
	s := start(t, block("example.org", strings.Replace(plain, "{", "{\nauthority ns1.example.net", 1)))
	s.run(t, []answerCase{ // ask sees that the question came back as it was
		{"owner as in the question", "wWw.ExAmPlE.oRg", dns.TypeA, nil,
			"NOERROR aa | wWw.ExAmPlE.oRg. 60 A 192.0.2.10"},
		{"owner as in the question, with EDNS", "WWW.EXAMPLE.ORG", dns.TypeAAAA, []option{edns},
			"NOERROR aa | WWW.EXAMPLE.ORG. 60 AAAA 2001:db8::10"},
		{"NODATA", "wWw.eXample.org", dns.TypeTXT, nil,
			"NOERROR aa | authority example.org. 20 SOA 20"},
		{"NXDOMAIN", "nO.eXample.org", dns.TypeA, nil,
			"NXDOMAIN aa | authority example.org. 20 SOA 20"},
		{"the apex", "eXample.orG", dns.TypeNS, nil,
			"NOERROR aa | eXample.orG. 60 NS ns1.example.net."},
		{"with DO, owners are in lower case", "wWw.ExAmPlE.oRg", dns.TypeA, []option{do},
			"NOERROR aa | www.example.org. 60 A 192.0.2.10"},
		{"with DO, ANY too", "wWw.ExAmPlE.oRg", dns.TypeANY, []option{do},
			`NOERROR aa | www.example.org. 60 HINFO "RFC8482" ""`},
		{"with DO, the apex too", "eXample.orG", dns.TypeSOA, []option{do},
			"NOERROR aa | example.org. 60 SOA 20"},
	})
}

// TestOPT is EDNS: an OPT answers an OPT, and only that.
func TestOPT(t *testing.T) {
	for _, above := range []string{"", "nsid here"} {
		t.Run("below "+above, func(t *testing.T) {
			s := start(t, block("example.org", above+"\n"+plain))
			for _, qtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeANY} {
				if o := s.ask(t, "www.example.org", qtype).IsEdns0(); o != nil {
					t.Errorf("%s: a query without OPT got %v", dns.TypeToString[qtype], o)
				}
				for _, want := range []struct {
					name string
					opt  option
					do   bool
				}{{"no DO", edns, false}, {"DO", do, true}} {
					m := s.ask(t, "www.example.org", qtype, want.opt)
					opts := 0
					for _, rr := range m.Extra {
						if rr.Header().Rrtype == dns.TypeOPT {
							opts++
						}
					}
					if o := m.IsEdns0(); opts != 1 || o.Do() != want.do || o.Version() != 0 {
						t.Errorf("%s, %s: %d OPT records, the last %v", dns.TypeToString[qtype], want.name, opts, o)
					}
				}
			}
		})
	}
	t.Run("nsid and ECS in one OPT", func(t *testing.T) {
		s := start(t, block("example.org", "nsid here\n"+plain))
		nsid := func(q *query) {
			o := q.opt()
			o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
		}
		m := s.ask(t, "www.example.org", dns.TypeA, nsid, ecs("198.51.100.0/24"))
		if got := len(m.IsEdns0().Option); got != 2 {
			t.Errorf("want two options, got %v", m.IsEdns0())
		}
		if got := scope(t, m); got != "198.51.100.0/24/0" {
			t.Errorf("ECS came back as %s", got)
		}
	})
	t.Run("version 1 is BADVERS", func(t *testing.T) {
		s := start(t, block("example.org", plain))
		m := s.ask(t, "www.example.org", dns.TypeA, func(q *query) { q.opt().SetVersion(1) })
		if got := m.Rcode | m.IsEdns0().ExtendedRcode(); got != dns.RcodeBadVers {
			t.Errorf("got %s", dns.RcodeToString[got])
		}
	})
}
