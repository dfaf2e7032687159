package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestCNAMEAnswersEveryType: while a domain's answer is a CNAME, it is so for
// every type.
func TestCNAMEAnswersEveryType(t *testing.T) {
	s := start(t, block("example.org", `gtm {
		pool cdn {
			address edge.example.net
		}
		domain www.example.org use cdn
		domain *.w.example.org use cdn
	}`))
	const want = "NOERROR aa | www.example.org. 30 CNAME edge.example.net."
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeCNAME, dns.TypeNS, dns.TypeSOA, dns.TypeHTTPS, dns.TypeANY} {
		s.run(t, []answerCase{
			{dns.TypeToString[qtype], "www.example.org", qtype, []option{iterative}, want},
		})
	}
	s.run(t, []answerCase{
		{"case", "wWw.eXample.org", dns.TypeA, []option{iterative}, "NOERROR aa | wWw.eXample.org. 30 CNAME edge.example.net."},
		{"case with DO", "wWw.eXample.org", dns.TypeA, []option{iterative, do}, want},
		{"wildcard", "x.w.example.org", dns.TypeTXT, []option{iterative}, "NOERROR aa | x.w.example.org. 30 CNAME edge.example.net."},
		{"RD without anything to ask", "www.example.org", dns.TypeA, nil, want},
	})
}

// TestCNAMEWithinBlock: a CNAME to a domain of the same block is followed, for
// the same client.
func TestCNAMEWithinBlock(t *testing.T) {
	s := start(t, block("example.org example.com", `gtm {
		name inside
		ttl 60
		authority ns.example.net
		pool near {
			address 192.0.2.10
		}
		pool far {
			address 192.0.2.20
			address 2001:db8::20
		}
		policy by-net geo {
			from 127.0.0.2 use near
			default use far
		}
		domain lb.example.com {
			use by-net
			ttl 20
		}
		domain *.wild.example.org use by-net
		pool to-lb {
			address lb.example.com
		}
		pool to-wild {
			address a.wild.example.org
		}
		pool to-ent {
			address wild.example.org
		}
		pool to-nothing {
			address no.example.org
		}
		pool to-apex {
			address example.org
		}
		domain www.example.org use to-lb
		domain www2.example.org use to-wild
		domain ent.example.org use to-ent
		domain dead.example.org use to-nothing
		domain up.example.org use to-apex
	}`))
	const (
		www = "NOERROR aa | www.example.org. 60 CNAME lb.example.com."
		soa = " | authority example.com. %d SOA 60"
	)
	near, far := []option{from("127.0.0.2")}, []option{from("127.0.0.3")}
	s.run(t, []answerCase{
		{"a client", "www.example.org", dns.TypeA, near, www + " | lb.example.com. 20 A 192.0.2.10"},
		{"another client", "www.example.org", dns.TypeA, far, www + " | lb.example.com. 20 A 192.0.2.20"},
		{"without RD too", "www.example.org", dns.TypeA, []option{iterative}, www + " | lb.example.com. 20 A 192.0.2.20"},
		{"IPv6", "www.example.org", dns.TypeAAAA, far, www + " | lb.example.com. 20 AAAA 2001:db8::20"},
		{"NODATA of the target", "www.example.org", dns.TypeAAAA, near, www + fmt.Sprintf(soa, 20)},
		{"other type of the target", "www.example.org", dns.TypeTXT, far, www + fmt.Sprintf(soa, 20)},
		{"CNAME is not followed", "www.example.org", dns.TypeCNAME, far, www},
		{"ANY is not followed", "www.example.org", dns.TypeANY, far, www},
		{"a wildcard", "www2.example.org", dns.TypeA, far,
			"NOERROR aa | www2.example.org. 60 CNAME a.wild.example.org. | a.wild.example.org. 60 A 192.0.2.20"},
		{"an empty non-terminal", "ent.example.org", dns.TypeA, nil,
			"NOERROR aa | ent.example.org. 60 CNAME wild.example.org. | authority example.org. 60 SOA 60"},
		{"a name that is not there (RFC 6604)", "dead.example.org", dns.TypeA, nil,
			"NXDOMAIN aa | dead.example.org. 60 CNAME no.example.org. | authority example.org. 60 SOA 60"},
		{"the apex without data", "up.example.org", dns.TypeA, nil,
			"NOERROR aa | up.example.org. 60 CNAME example.org. | authority example.org. 60 SOA 60"},
	})
	t.Run("ECS", func(t *testing.T) {
		m := s.ask(t, "www.example.org", dns.TypeA, ecs("127.0.0.2/32"))
		if got := summary(m); got != www+" | lb.example.com. 20 A 192.0.2.10" {
			t.Error(got)
		}
		if got := scope(t, m); got != "127.0.0.2/32/32" {
			t.Errorf("ECS %s: the second name's rule looked at the client", got)
		}
	})
}

// chain is a block whose c0 leads to c1 and so on, n times; the last has an
// address.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "pool p%d {\naddress c%d.example.org\n}\ndomain c%d.example.org use p%d\n", i, i+1, i, i)
	}
	fmt.Fprintf(&b, "pool end {\naddress 192.0.2.10\n}\ndomain c%d.example.org use end\n", n)
	return block("example.org", "gtm {\n"+b.String()+"}")
}

// TestCNAMESteps: 8 steps are followed at most.
func TestCNAMESteps(t *testing.T) {
	for _, n := range []int{1, 7, 8, 9, 12} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			m := start(t, chain(n)).ask(t, "c0.example.org", dns.TypeA)
			if m.Rcode != dns.RcodeSuccess {
				t.Fatal(summary(m))
			}
			addresses := 0
			for i, rr := range m.Answer {
				if want := fmt.Sprintf("c%d.example.org.", i); rr.Header().Name != want {
					t.Fatalf("record %d is of %s, want %s: %s", i, rr.Header().Name, want, summary(m))
				}
				if rr.Header().Rrtype == dns.TypeA {
					addresses++
				}
			}
			followed := len(m.Answer) - 1
			if n <= 8 && (addresses != 1 || followed != n) {
				t.Errorf("%d steps were not followed to the address: %s", n, summary(m))
			}
			if n > 8 && (addresses != 0 || followed > 8) {
				t.Errorf("%d steps were followed: %s", n, summary(m))
			}
		})
	}
}

// TestCNAMELoop ends, and says nothing twice.
func TestCNAMELoop(t *testing.T) {
	s := start(t, block("example.org", `gtm {
		pool to-a {
			address a.example.org
		}
		pool to-b {
			address b.example.org
		}
		pool to-c {
			address c.example.org
		}
		domain a.example.org use to-b
		domain b.example.org use to-a
		domain start.example.org use to-a
		domain x.example.org use to-c
		domain c.example.org use to-a
	}`))
	for _, name := range []string{"a.example.org", "start.example.org", "x.example.org"} {
		for _, o := range []option{edns, iterative, overTCP} {
			m := s.ask(t, name, dns.TypeA, o)
			if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeServerFailure {
				t.Errorf("%s: %s", name, summary(m))
			}
			noTwins(t, m)
		}
	}
}

// noTwins sees a record that is in an answer twice (RFC 2181, section 5).
func noTwins(t *testing.T, m *dns.Msg) {
	t.Helper()
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for i, rr := range section {
			same := func(o dns.RR) bool { return dns.IsDuplicate(rr, o) }
			if slices.ContainsFunc(section[i+1:], same) {
				t.Errorf("%v is there twice: %s", rr, summary(m))
				return
			}
		}
	}
}

const external = `gtm {
	pool cdn {
		address edge.example.net
	}
	pool chained {
		address alias.example.net
	}
	pool gone {
		address gone.example.net
	}
	pool sibling {
		address sibling.example.org
	}
	domain www.example.org use cdn
	domain chained.example.org use chained
	domain gone.example.org use gone
	domain near.example.org use sibling
}
`

// TestCNAMEElsewhere: with RD set, a CNAME to elsewhere is looked up through
// CoreDNS; failing that it goes out bare.
func TestCNAMEElsewhere(t *testing.T) {
	const www = "NOERROR aa | www.example.org. 30 CNAME edge.example.net."
	upstream := fake.NewDNS(t,
		"edge.example.net. 77 A 203.0.113.5", "edge.example.net. 77 A 203.0.113.6", "edge.example.net. 78 TXT edge",
		"alias.example.net. 79 CNAME edge.example.net.", "sibling.example.org. 80 A 203.0.113.7")
	s := start(t, block(".", strings.Replace(external, "gtm {", "gtm example.org {", 1)+"forward . "+upstream.Addr()))
	s.run(t, []answerCase{
		{"A", "www.example.org", dns.TypeA, nil, www + " | edge.example.net. 77 A 203.0.113.5 | edge.example.net. 77 A 203.0.113.6"},
		{"TXT", "www.example.org", dns.TypeTXT, nil, www + ` | edge.example.net. 78 TXT "edge"`},
		{"case", "wWw.example.org", dns.TypeTXT, nil, `NOERROR aa | wWw.example.org. 30 CNAME edge.example.net. | edge.example.net. 78 TXT "edge"`},
		{"a type that it lacks", "www.example.org", dns.TypeAAAA, nil, www},
		{"CNAME", "www.example.org", dns.TypeCNAME, nil, www},
		{"a chain there", "chained.example.org", dns.TypeTXT, nil,
			`NOERROR aa | chained.example.org. 30 CNAME alias.example.net. | alias.example.net. 79 CNAME edge.example.net. | edge.example.net. 78 TXT "edge"`},
		{"a name that is not there (RFC 6604)", "gone.example.org", dns.TypeA, nil,
			"NXDOMAIN aa | gone.example.org. 30 CNAME gone.example.net."},
		{"a name in the zone that is no domain", "near.example.org", dns.TypeA, nil,
			"NOERROR aa | near.example.org. 30 CNAME sibling.example.org. | sibling.example.org. 80 A 203.0.113.7"},
	})
	t.Run("RD clear", func(t *testing.T) {
		before := upstream.Hits()
		s.run(t, []answerCase{
			{"bare", "www.example.org", dns.TypeA, []option{iterative}, www},
			{"bare, whatever became of the name", "gone.example.org", dns.TypeA, []option{iterative}, "NOERROR aa | gone.example.org. 30 CNAME gone.example.net."},
		})
		if upstream.Hits() != before {
			t.Error("it was looked up")
		}
	})
	for _, rcode := range []int{dns.RcodeServerFailure, dns.RcodeRefused, dns.RcodeNotImplemented} {
		t.Run("upstream says "+dns.RcodeToString[rcode], func(t *testing.T) {
			upstream.Answer(rcode)
			s.run(t, []answerCase{{"bare", "www.example.org", dns.TypeA, nil, www}})
		})
	}
}

// TestCNAMEUpstreamRefuses has a name server to ask that is not there.
func TestCNAMEUpstreamRefuses(t *testing.T) {
	gone := fake.NewTCP(t)
	gone.Down()
	s := start(t, block(".", strings.Replace(external, "gtm {", "gtm example.org {", 1)+
		"forward . "+gone.Addr()+" {\nmax_fails 0\n}"))
	s.run(t, []answerCase{
		{"bare", "www.example.org", dns.TypeTXT, nil, "NOERROR aa | www.example.org. 30 CNAME edge.example.net."},
	})
}

// TestCNAMEToOtherBlock is a target in another server block, and one that comes
// back from there.
func TestCNAMEToOtherBlock(t *testing.T) {
	s := start(t, block("example.org", `gtm {
		pool cdn {
			address www.example.net
		}
		pool back {
			address back.example.net
		}
		pool hosted {
			address h.example.com
		}
		domain www.example.org use cdn
		domain back.example.org use back
		domain h.example.org use hosted
	}`)+block("example.net", `gtm {
		ttl 10
		pool near {
			address 192.0.2.10
		}
		pool far {
			address 192.0.2.20
		}
		pool back {
			address back.example.org
		}
		policy by-net geo {
			from 127.0.0.2 use near
			default use far
		}
		domain www.example.net use by-net
		domain back.example.net use back
	}`)+block("example.com", `hosts {
		203.0.113.1 h.example.com
	}`))
	const www = "NOERROR aa | www.example.org. 30 CNAME www.example.net. | www.example.net. 10 A 192.0.2."
	s.run(t, []answerCase{
		{"gtm, a client", "www.example.org", dns.TypeA, []option{from("127.0.0.2")}, www + "10"},
		{"gtm, another client", "www.example.org", dns.TypeA, []option{from("127.0.0.3")}, www + "20"},
		{"hosts", "h.example.org", dns.TypeA, nil, "NOERROR aa | h.example.org. 30 CNAME h.example.com. | h.example.com. 3600 A 203.0.113.1"},
	})
	t.Run("a loop", func(t *testing.T) {
		m := s.ask(t, "back.example.org", dns.TypeA)
		if got := summary(m); !strings.HasPrefix(got, "NOERROR aa | back.example.org. 30 CNAME back.example.net.") {
			t.Error(got)
		}
		noTwins(t, m)
	})
}

// TestCNAMEToChainThatEnds is a chain whose last name is not there: the code and
// the SOA are that name's (RFC 6604, section 3; RFC 2308, section 2.1).
func TestCNAMEToChainThatEnds(t *testing.T) {
	s := start(t, block(".", `template IN ANY stale.example.net {
		rcode NXDOMAIN
		answer "{{ .Name }} 60 IN CNAME nowhere.example.net."
		authority "example.net. 90 IN SOA ns.example.net. hostmaster.example.net. 1 2 3 4 90"
	}
	gtm example.org {
		pool web {
			address stale.example.net
		}
		domain www.example.org use web
	}`))
	s.run(t, []answerCase{
		{"NXDOMAIN behind a CNAME", "www.example.org", dns.TypeA, nil,
			"NXDOMAIN aa | www.example.org. 30 CNAME stale.example.net. | stale.example.net. 60 CNAME nowhere.example.net. | authority example.net. 90 SOA 90"},
		{"the CNAME itself is there", "www.example.org", dns.TypeCNAME, nil,
			"NOERROR aa | www.example.org. 30 CNAME stale.example.net."},
	})
}
