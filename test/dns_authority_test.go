package test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestOutside: a name outside gtm's domains is the next plugin's.
func TestOutside(t *testing.T) {
	s := start(t, block("example.org example.com", `gtm example.org {
		pool web {
			address 192.0.2.10
		}
		domain www.example.org use web
		domain a.b.example.org use web
	}
	hosts {
		203.0.113.1 www.example.org example.org b.example.org other.example.org x.www.example.org www.example.com
		2001:db8::1 www.example.org
	}`))
	below := func(name string) string { return "NOERROR aa | " + name + ". 3600 A 203.0.113.1" }
	s.run(t, []answerCase{
		{"a domain", "www.example.org", dns.TypeA, nil, "NOERROR aa | www.example.org. 30 A 192.0.2.10"},
		{"a domain's missing family stays", "www.example.org", dns.TypeAAAA, nil, "NOERROR aa | authority example.org. 30 SOA 30"},
		{"the apex", "example.org", dns.TypeA, nil, below("example.org")},
		{"a sibling", "other.example.org", dns.TypeA, nil, below("other.example.org")},
		{"below a domain", "x.www.example.org", dns.TypeA, nil, below("x.www.example.org")},
		{"an empty non-terminal", "b.example.org", dns.TypeA, nil, below("b.example.org")},
		{"another zone", "www.example.com", dns.TypeA, nil, below("www.example.com")},
		{"another zone, other type", "www.example.com", dns.TypeAAAA, nil, "NOERROR aa"},
	})
	if got := s.ask(t, "no.example.org", dns.TypeA).Rcode; got != dns.RcodeServerFailure {
		t.Errorf("a name that nobody has: %s, and hosts without fallthrough says SERVFAIL", dns.RcodeToString[got])
	}
}

const authoritative = `
	gtm {
		ttl 300 min 60
		authority ns1.example.org ns2.example.net ns3.example.org mbox dns-admin.example.net
		pool web {
			address 192.0.2.10
		}
		pool ns {
			address 192.0.2.53
			address 2001:db8::53
		}
		domain ns1.example.org use ns
		domain example.org use web
		domain www.example.org a.b.example.org use web
		%s
	}
	hosts {
		203.0.113.1 other.example.org x.sub.example.org sub.example.org
		fallthrough
	}`

// TestAuthority is a zone that gtm alone answers for.
func TestAuthority(t *testing.T) {
	s := start(t, block("example.org", strings.Replace(authoritative, "%s", "", 1)))
	const (
		ns = "example.org. 300 NS ns1.example.org. | example.org. 300 NS ns2.example.net. | example.org. 300 NS ns3.example.org."

		nodata   = "NOERROR aa | authority example.org. 60 SOA 60"
		nxdomain = "NXDOMAIN aa | authority example.org. 60 SOA 60"
	)
	s.run(t, []answerCase{
		{"SOA", "example.org", dns.TypeSOA, nil, "NOERROR aa | example.org. 300 SOA 60"},
		{"NS with glue", "example.org", dns.TypeNS, nil, "NOERROR aa | " + ns +
			" | additional ns1.example.org. 300 A 192.0.2.53 | additional ns1.example.org. 300 AAAA 2001:db8::53"},
		{"a domain at the apex", "example.org", dns.TypeA, nil, "NOERROR aa | example.org. 300 A 192.0.2.10"},
		{"ANY at the apex", "example.org", dns.TypeANY, nil, `NOERROR aa | example.org. 300 HINFO "RFC8482" ""`},
		{"other type at the apex", "example.org", dns.TypeMX, nil, nodata},
		{"DNSKEY at the apex of an unsigned zone", "example.org", dns.TypeDNSKEY, nil, nodata},
		{"a name server's address", "ns1.example.org", dns.TypeAAAA, nil, "NOERROR aa | ns1.example.org. 300 AAAA 2001:db8::53"},
		{"a domain", "www.example.org", dns.TypeA, nil, "NOERROR aa | www.example.org. 300 A 192.0.2.10"},
		{"a domain's other type", "www.example.org", dns.TypeAAAA, nil, nodata},
		{"NS of a domain", "www.example.org", dns.TypeNS, nil, nodata},
		{"an unknown name", "no.example.org", dns.TypeA, nil, nxdomain},
		{"an unknown name, whatever stands below", "other.example.org", dns.TypeA, nil, nxdomain},
		{"an unknown name, other type", "no.example.org", dns.TypeTXT, nil, nxdomain},
		{"an unknown name, ANY", "no.example.org", dns.TypeANY, nil, nxdomain},
		{"below a domain", "x.www.example.org", dns.TypeA, nil, nxdomain},
		{"an empty non-terminal", "b.example.org", dns.TypeA, nil, nodata},
		{"an empty non-terminal, ANY", "b.example.org", dns.TypeANY, nil, nodata},
		{"a name server without a domain", "ns3.example.org", dns.TypeA, nil, nxdomain},
	})
	soa := s.ask(t, "example.org", dns.TypeSOA).Answer[0].(*dns.SOA)
	if soa.Ns != "ns1.example.org." || soa.Mbox != "dns-admin.example.net." {
		t.Errorf("SOA has %s %s", soa.Ns, soa.Mbox)
	}
	negative := s.ask(t, "no.example.org", dns.TypeA).Ns[0].(*dns.SOA)
	if negative.Ns != soa.Ns || negative.Mbox != soa.Mbox || negative.Serial != soa.Serial {
		t.Errorf("SOA of the apex %v, of NXDOMAIN %v", soa, negative)
	}
}

// TestAuthorityWithoutApexDomain has nothing at the apex but its own records.
func TestAuthorityWithoutApexDomain(t *testing.T) {
	s := start(t, block("example.org example.com", `gtm {
		authority ns.example.net
		pool web {
			address 192.0.2.10
		}
		domain www.example.org use web
	}`))
	s.run(t, []answerCase{
		{"A", "example.org", dns.TypeA, nil, "NOERROR aa | authority example.org. 30 SOA 30"},
		{"ANY", "example.org", dns.TypeANY, nil, `NOERROR aa | example.org. 30 HINFO "RFC8482" ""`},
		{"SOA", "example.org", dns.TypeSOA, nil, "NOERROR aa | example.org. 30 SOA 30"},
		{"NS, no glue out of zone", "example.org", dns.TypeNS, nil, "NOERROR aa | example.org. 30 NS ns.example.net."},
		{"another zone without domains", "example.com", dns.TypeSOA, nil, "NOERROR aa | example.com. 30 SOA 30"},
		{"NXDOMAIN there", "www.example.com", dns.TypeA, nil, "NXDOMAIN aa | authority example.com. 30 SOA 30"},
	})
}

// TestFallthrough wins over authority, in its zones.
func TestFallthrough(t *testing.T) {
	const (
		nodata   = "NOERROR aa | authority example.org. 60 SOA 60"
		nxdomain = "NXDOMAIN aa | authority example.org. 60 SOA 60"
	)
	below := func(name string) string { return "NOERROR aa | " + name + ". 3600 A 203.0.113.1" }
	txt := func(name string) string { return "NOERROR | " + name + `. 60 TXT "below"` }
	upstream := fake.NewDNS(t, "www.example.org. 60 TXT below", "b.example.org. 60 TXT below", "example.org. 60 TXT below", "example.org. 60 SOA a. b. 1 2 3 4 5", "www.example.org. 60 A 203.0.113.1")
	all := start(t, block("example.org", strings.Replace(authoritative, "%s", "fallthrough", 1)+"\nforward . "+upstream.Addr()))
	t.Run("everywhere", func(t *testing.T) {
		all.run(t, []answerCase{
			{"an unknown name", "other.example.org", dns.TypeA, nil, below("other.example.org")},
			{"a domain stays", "www.example.org", dns.TypeA, nil, "NOERROR aa | www.example.org. 300 A 192.0.2.10"},
			{"a domain's other type", "www.example.org", dns.TypeTXT, nil, txt("www.example.org")},
			{"an empty non-terminal", "b.example.org", dns.TypeTXT, nil, txt("b.example.org")},
			{"SOA stays", "example.org", dns.TypeSOA, nil, "NOERROR aa | example.org. 300 SOA 60"},
			{"the apex' other type", "example.org", dns.TypeTXT, nil, txt("example.org")},
			{"what is not there either", "no.example.org", dns.TypeA, nil, "NXDOMAIN"},
		})
	})
	some := start(t, block("example.org", strings.Replace(authoritative, "%s", "fallthrough sub.example.org", 1)))
	t.Run("in a zone", func(t *testing.T) {
		some.run(t, []answerCase{
			{"in it", "x.sub.example.org", dns.TypeA, nil, below("x.sub.example.org")},
			{"its apex", "sub.example.org", dns.TypeA, nil, below("sub.example.org")},
			{"case", "x.sUb.example.org", dns.TypeA, nil, below("x.sub.example.org")},
			{"outside it", "other.example.org", dns.TypeA, nil, nxdomain},
			{"a name that ends in the same letters", "xsub.example.org", dns.TypeA, nil, nxdomain},
			{"a domain's other type", "www.example.org", dns.TypeTXT, nil, nodata},
		})
	})
	plain := start(t, block("example.org", `gtm {
		fallthrough
		pool web {
			address 192.0.2.10
		}
		domain www.example.org use web
	}
	forward . `+upstream.Addr()))
	t.Run("without authority", func(t *testing.T) {
		plain.run(t, []answerCase{
			{"a domain", "www.example.org", dns.TypeA, nil, "NOERROR aa | www.example.org. 30 A 192.0.2.10"},
			{"a domain's other type", "www.example.org", dns.TypeTXT, nil, txt("www.example.org")},
			{"a domain's other family stays", "www.example.org", dns.TypeAAAA, nil, "NOERROR aa | authority example.org. 30 SOA 30"},
		})
	})
}

// TestWarnings are what works, but is hardly meant.
func TestWarnings(t *testing.T) {
	t.Run("an in-zone name of authority needs a domain of its own", func(t *testing.T) {
		said := warnings(t, block("example.org", strings.Replace(authoritative, "%s", "", 1)))
		if !strings.Contains(said, `"ns3.example.org."`) {
			t.Errorf("no warning of ns3.example.org, which has no domain: %s", said)
		}
		if strings.Contains(said, "ns1") || strings.Contains(said, "ns2") {
			t.Errorf("a warning of a name server that needs none: %s", said)
		}
	})
	t.Run("negative answers are cached for everyone", func(t *testing.T) {
		const body = `
			policy by-net geo {
				from 10.0.0.0/8 use a
				default use z
			}
			domain plain.example.org {
				use a
				on_all_down nodata
			}
			domain %s.example.org {
				use by-net
				on_all_down %s
			}
		}`
		said := warnings(t, block("example.org", "gtm {"+letters+fmt.Sprintf(body, "apart", "nodata")))
		if !strings.Contains(said, `"apart.example.org."`) || strings.Contains(said, "plain") {
			t.Errorf("want a warning of apart.example.org alone: %s", said)
		}
		if said := warnings(t, block("example.org", "gtm {"+letters+fmt.Sprintf(body, "apart", "servfail"))); strings.Contains(said, "apart") {
			t.Errorf("a warning of an answer that is not cached: %s", said)
		}
	})
}

// warnings are the log lines of a start.
func warnings(t *testing.T, corefile string) string {
	t.Helper()
	var mu sync.Mutex
	var said bytes.Buffer
	log.SetOutput(writer(func(line []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return said.Write(line)
	}))
	t.Cleanup(func() { log.SetOutput(io.Discard) })
	start(t, corefile)
	mu.Lock()
	defer mu.Unlock()
	var kept []string
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, "[WARNING]") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

type writer func([]byte) (int, error)

func (w writer) Write(line []byte) (int, error) { return w(line) }
