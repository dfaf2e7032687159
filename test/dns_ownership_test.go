package test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// asker asks on one connection, again and again.
type asker struct {
	qname string
	qtype uint16
	opts  []option
	want  string // summary
}

// askAtOnce has every asker ask n times, all at the same time.
func (s *server) askAtOnce(t *testing.T, n int, askers []asker) {
	t.Helper()
	var wg sync.WaitGroup
	for _, a := range askers {
		wg.Go(func() {
			conn, err := dial("udp", question(a.qname, a.qtype, a.opts...).from, s.udp)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for range n {
				m, err := converse(conn, question(a.qname, a.qtype, a.opts...).Msg)
				if err != nil {
					t.Errorf("%s: %v", a.qname, err)
					return
				}
				if got := summary(m); got != a.want {
					t.Errorf("%s %s:\n got %s\nwant %s", a.qname, dns.TypeToString[a.qtype], got, a.want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestRepliesOwnTheirRecords has plugins above that change what gtm answered,
// while others ask for the same: nothing may leak from one reply into another.
// The race detector sees the rest.
func TestRepliesOwnTheirRecords(t *testing.T) {
	s := start(t, block("example.org", `
		rewrite stop {
			name exact alias.example.org www.example.org answer auto
		}
		rewrite continue ttl exact seven.example.org. 7
		rewrite continue ttl exact no.example.org. 8
		rewrite continue ttl exact cdn.example.org. 9
		cache
		header {
			response set ra
		}
		gtm {
			authority ns1.example.org
			pool web {
				address 192.0.2.10
				address 192.0.2.11
				address 2001:db8::10
				balance sequence
				answers all
			}
			pool cdn {
				address www.example.org
			}
			policy by-net geo {
				from 127.0.0.2 use web
				default use web
			}
			domain www.example.org seven.example.org ns1.example.org use by-net
			domain cdn.example.org cdn2.example.org use cdn
		}`))
	a := func(owner string, ttl int) string {
		return fmt.Sprintf("NOERROR aa | %[1]s. %[2]d A 192.0.2.10 | %[1]s. %[2]d A 192.0.2.11", owner, ttl)
	}
	chain := func(owner string, ttl int) string {
		return fmt.Sprintf("NOERROR aa | %[1]s. %[2]d CNAME www.example.org. | www.example.org. %[2]d A 192.0.2.10 | www.example.org. %[2]d A 192.0.2.11", owner, ttl)
	}
	s.askAtOnce(t, 150, []asker{
		{qname: "www.example.org", qtype: dns.TypeA, want: a("www.example.org", 30)},
		{qname: "www.example.org", qtype: dns.TypeA, opts: []option{ecs("10.0.0.0/24")}, want: a("www.example.org", 30)},
		{qname: "WWW.example.org", qtype: dns.TypeA, opts: []option{do}, want: a("www.example.org", 30)},
		{qname: "wwW.example.org", qtype: dns.TypeA, opts: []option{from("127.0.0.2")}, want: a("wwW.example.org", 30)},
		{qname: "seven.example.org", qtype: dns.TypeA, want: a("seven.example.org", 7)},
		{qname: "alias.example.org", qtype: dns.TypeA, want: a("alias.example.org", 30)},
		{qname: "cdn.example.org", qtype: dns.TypeA, want: chain("cdn.example.org", 9)},
		{qname: "cdn2.example.org", qtype: dns.TypeA, want: chain("cdn2.example.org", 30)},
		{qname: "no.example.org", qtype: dns.TypeA, want: "NXDOMAIN aa | authority example.org. 8 SOA 30"},
		{qname: "no2.example.org", qtype: dns.TypeA, want: "NXDOMAIN aa | authority example.org. 30 SOA 30"},
		{qname: "www.example.org", qtype: dns.TypeMX, want: "NOERROR aa | authority example.org. 30 SOA 30"},
		{qname: "example.org", qtype: dns.TypeSOA, want: "NOERROR aa | example.org. 30 SOA 30"},
		{qname: "example.org", qtype: dns.TypeNS, want: "NOERROR aa | example.org. 30 NS ns1.example.org. | additional ns1.example.org. 30 A 192.0.2.10 | additional ns1.example.org. 30 A 192.0.2.11 | additional ns1.example.org. 30 AAAA 2001:db8::10"},
		{qname: "www.example.org", qtype: dns.TypeANY, want: `NOERROR aa | www.example.org. 30 HINFO "RFC8482" ""`},
	})
}

// TestCacheAbove: a cache above sees every change at once in gtm's names, and
// keeps what comes from below gtm.
func TestCacheAbove(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	upstream := fake.NewDNS(t)
	s := start(t, block("example.org", fmt.Sprintf(`cache 300
		gtm {
			ttl 300
			pool web {
				%s
				check web
			}
			%s
			domain www.example.org use web
		}
		forward . %s`, fake.Members(web, "192.0.2.10", "192.0.2.11"), quickCheck("web", "http", web[0].Port()), upstream.Addr())))
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11")

	for range 3 {
		if got := data(s.ask(t, "other.example.org", dns.TypeA).Answer); fmt.Sprint(got) != "["+fake.Anything+"]" {
			t.Fatal(got)
		}
	}
	if got := upstream.Hits(); got != 1 {
		t.Errorf("the name server below was asked %d times: its answers are not cached", got)
	}
}

// TestNoTwins: an address that two pools share is there once.
func TestNoTwins(t *testing.T) {
	s := start(t, block("example.org", `gtm {
		pool a {
			address 192.0.2.10
			address 192.0.2.11
			address 192.0.2.10 name again
		}
		pool b {
			address 192.0.2.11
			address 192.0.2.12
			balance sequence
			answers all
		}
		pool c {
			address 192.0.2.12
			balance weighted
		}
		failover sharing {
			set together {
				pool a
				pool b
				pool c
				balance sequence
				answers all
			}
		}
		pool down {
			address 192.0.2.20 mode offline
		}
		domain www.example.org use sharing
		domain fallback.example.org {
			use down
			on_all_down address 192.0.2.30 192.0.2.31
		}
	}`))
	for range 50 {
		m := s.ask(t, "www.example.org", dns.TypeA)
		noTwins(t, m)
		if got, want := fmt.Sprint(sorted(data(m.Answer))), "[192.0.2.10 192.0.2.11 192.0.2.12]"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		noTwins(t, s.ask(t, "fallback.example.org", dns.TypeA))
	}
}

// TestOrderSurvives: nothing above shuffles what gtm put in order; loadbalance,
// which would, is an error at start.
func TestOrderSurvives(t *testing.T) {
	_, err := tryStart(t, block("example.org", "loadbalance\n"+refusing+"}"))
	if err == nil || !strings.Contains(err.Error(), "loadbalance") {
		t.Errorf("loadbalance above gtm: %v", err)
	}
}
