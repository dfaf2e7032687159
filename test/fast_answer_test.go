//go:build linux

package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// fastZone has of everything one, and a plugin below.
const fastZone = `gtm {
		fast_path
		authority ns1.example.net
		ttl 60 min 20
		pool dual {
			address 192.0.2.10
			address 2001:db8::10
		}
		pool four {
			address 192.0.2.20
		}
		pool near {
			address 192.0.2.30
		}
		pool alias {
			address www.example.net
		}
		policy who geo {
			from 198.51.100.0/24 use near
			default use four
		}
		domain www.example.org *.apps.example.org use dual
		domain four.example.org use four
		domain who.example.org use who
		domain alias.example.org use alias
	}
	whoami`

// fastQuestions are those of the usual kind, with their one right answer.
var fastQuestions = []answerCase{
	{"A", "www.example.org", dns.TypeA, nil, "NOERROR aa | www.example.org. 60 A 192.0.2.10"},
	{"AAAA", "www.example.org", dns.TypeAAAA, nil, "NOERROR aa | www.example.org. 60 AAAA 2001:db8::10"},
	{"any case", "wWw.eXample.ORG", dns.TypeA, nil, "NOERROR aa | wWw.eXample.ORG. 60 A 192.0.2.10"},
	{"a wildcard", "x.y.apps.example.org", dns.TypeA, nil, "NOERROR aa | x.y.apps.example.org. 60 A 192.0.2.10"},
	{"EDNS", "www.example.org", dns.TypeA, []option{edns}, "NOERROR aa | www.example.org. 60 A 192.0.2.10"},
	{"DO", "WWW.example.org", dns.TypeA, []option{do}, "NOERROR aa | www.example.org. 60 A 192.0.2.10"},
	{"iterative", "www.example.org", dns.TypeA, []option{iterative}, "NOERROR aa | www.example.org. 60 A 192.0.2.10"},
	{"ECS", "who.example.org", dns.TypeA, []option{ecs("198.51.100.7/32")}, "NOERROR aa | who.example.org. 60 A 192.0.2.30"},
	{"ECS of others", "who.example.org", dns.TypeA, []option{ecs("203.0.113.7/32")}, "NOERROR aa | who.example.org. 60 A 192.0.2.20"},
	{"no such family", "four.example.org", dns.TypeAAAA, nil, "NOERROR aa | authority example.org. 20 SOA 20"},
	{"no such type", "www.example.org", dns.TypeHTTPS, nil, "NOERROR aa | authority example.org. 20 SOA 20"},
	{"no such name", "no.example.org", dns.TypeA, nil, "NXDOMAIN aa | authority example.org. 20 SOA 20"},
	{"nothing but names below", "apps.example.org", dns.TypeA, nil, "NOERROR aa | authority example.org. 20 SOA 20"},
}

// otherQuestions are those that the fast path does not answer.
var otherQuestions = []struct {
	name  string
	qname string
	qtype uint16
	opts  []option
	rcode int
}{
	{"the zone's SOA", "example.org", dns.TypeSOA, nil, dns.RcodeSuccess},
	{"the zone's NS", "example.org", dns.TypeNS, nil, dns.RcodeSuccess},
	{"a CNAME", "alias.example.org", dns.TypeA, []option{iterative}, dns.RcodeSuccess},
	{"ANY", "www.example.org", dns.TypeANY, nil, dns.RcodeSuccess},
	{"DS", "www.example.org", dns.TypeDS, nil, dns.RcodeSuccess},
	{"NSID", "www.example.org", dns.TypeA, []option{nsid}, dns.RcodeSuccess},
	{"another class", "version.bind", dns.TypeTXT, []option{chaos}, dns.RcodeRefused},
	{"another's name", "www.example.net", dns.TypeA, nil, dns.RcodeRefused},
	{"a transfer", "example.org", dns.TypeAXFR, nil, dns.RcodeRefused},
	{"a version of EDNS", "www.example.org", dns.TypeA, []option{ednsVersion1}, dns.RcodeBadVers},
	{"another opcode", "www.example.org", dns.TypeA, []option{status}, dns.RcodeNotImplemented},
}

func nsid(q *query) {
	o := q.opt()
	o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
}

func chaos(q *query)        { q.Question[0].Qclass = dns.ClassCHAOS }
func ednsVersion1(q *query) { q.opt().SetVersion(1) }
func status(q *query)       { q.Opcode = dns.OpcodeStatus }

// TestFast is that the usual questions are answered on the fast path, as they are over
// TCP, and that all others are answered, too.
func TestFast(t *testing.T) {
	s := startFast(t, block("example.org", fastZone))
	before := fastCounts(t, s.udp)
	s.run(t, fastQuestions) // over UDP and over TCP
	wantCounts(t, s.udp, before, counts{answered: len(fastQuestions)})
	for _, tc := range otherQuestions {
		if m := s.raw(t, question(tc.qname, tc.qtype, tc.opts...)); m.Rcode != tc.rcode {
			t.Errorf("%s: %s", tc.name, summary(m))
		}
	}
	wantCounts(t, s.udp, before, counts{len(fastQuestions), len(otherQuestions)})
}

// TestFastMessage is what a summary does not tell.
func TestFastMessage(t *testing.T) {
	s := startFast(t, block("example.org", fastZone))
	cookie := func(q *query) {
		o := q.opt()
		o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"})
	}
	before := fastCounts(t, s.udp)
	for _, tc := range []struct {
		name string
		opts []option
		want string // the flags, and the OPT record
	}{
		{"no EDNS", nil, "rd=true ra=false"},
		{"iterative", []option{iterative}, "rd=false ra=false"},
		{"EDNS", []option{edns}, "rd=true ra=false size=4096 do=false options=0"},
		{"DO and a size", []option{udpSize(1400), do}, "rd=true ra=false size=1400 do=true options=0"},
		{"ECS", []option{ecs("198.51.100.7/32")}, "rd=true ra=false size=4096 do=false options=1 198.51.100.7/32/24"},
		{"ECS that no rule names", []option{ecs("203.0.113.0/24")}, "rd=true ra=false size=4096 do=false options=1 203.0.113.0/24/5"},
		{"ECS of no bits", []option{ecs("0.0.0.0/0")}, "rd=true ra=false size=4096 do=false options=1 0.0.0.0/0/0"},
		{"a cookie", []option{cookie}, "rd=true ra=false size=4096 do=false options=0"},
	} {
		m := s.ask(t, "who.example.org", dns.TypeA, tc.opts...)
		over := s.ask(t, "who.example.org", dns.TypeA, append(tc.opts, overTCP)...)
		if got := flagsAndOPT(m); got != tc.want || got != flagsAndOPT(over) {
			t.Errorf("%s:\n got %s\nwant %s\n TCP %s", tc.name, got, tc.want, flagsAndOPT(over))
		}
	}
	wantCounts(t, s.udp, before, counts{answered: 8})
}

// flagsAndOPT are the flags that a query may ask for, and the OPT record.
func flagsAndOPT(m *dns.Msg) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rd=%v ra=%v", m.RecursionDesired, m.RecursionAvailable)
	if opt := m.IsEdns0(); opt != nil {
		fmt.Fprintf(&b, " size=%d do=%v options=%d", opt.UDPSize(), opt.Do(), len(opt.Option))
		for _, o := range opt.Option {
			fmt.Fprintf(&b, " %v", o)
		}
	}
	return b.String()
}

// TestFastTruncates is that what a client does not take is not sent, and comes over TCP.
func TestFastTruncates(t *testing.T) {
	var members strings.Builder
	for i := range 60 {
		fmt.Fprintf(&members, "address 192.0.2.%d\n", i+1)
	}
	s := startFast(t, block("example.org", "gtm {\nfast_path\npool big {\n"+members.String()+"}\ndomain big.example.org use big\n}"))
	before := fastCounts(t, s.udp)
	for _, tc := range []struct {
		opts      []option
		truncated bool
	}{{nil, true}, {[]option{udpSize(512)}, true}, {[]option{udpSize(900)}, true}, {[]option{udpSize(1232)}, false}, {[]option{overTCP}, false}} {
		if m := s.ask(t, "big.example.org", dns.TypeA, tc.opts...); m.Truncated != tc.truncated || !tc.truncated && len(m.Answer) != 60 {
			t.Errorf("truncated is %v with %d records", m.Truncated, len(m.Answer))
		}
	}
	wantCounts(t, s.udp, before, counts{answered: 1, handed: 3})
}

// TestFastFlip is that a member which goes down, and comes back, is seen there.
func TestFastFlip(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	s := startFast(t, block("example.org", "gtm {\nfast_path\n"+quickCheck("web", "http", web[0].Port())+
		"\npool web {\n"+fake.Members(web, "192.0.2.10", "192.0.2.11")+"\ncheck web\n}\ndomain www.example.org use web\n}"))
	packet, err := question("www.example.org", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{{"192.0.2.10", "192.0.2.11"}, {"192.0.2.10"}, {"192.0.2.10", "192.0.2.11"}} {
		switch len(want) {
		case 1:
			web[1].Down()
		case 2:
			web[1].Up(t)
		}
		s.eventuallyAnswers(t, "www.example.org", dns.TypeA, want...)
		if !isFast(raw(t, s.udp, packet)) {
			t.Errorf("%q was not answered on the fast path", want)
		}
	}
}

// TestFastOrders is that an operator's order takes effect there: a disabled domain is
// the next plugin's.
func TestFastOrders(t *testing.T) {
	addr := spare(t)
	s := startFast(t, block("example.org", "gtm {\nfast_path\nadmin "+addr+`
		pool web {
			address 192.0.2.10
			address 192.0.2.11
		}
		domain www.example.org use web
	}
	hosts {
		192.0.2.1 www.example.org
	}`))
	o := operate(t, addr, "")
	for _, step := range []struct {
		change string
		want   []string
		more   counts
	}{
		{"disable domain www.example.org.", []string{"192.0.2.1"}, counts{handed: 1}},
		{"enable domain www.example.org.", []string{"192.0.2.10", "192.0.2.11"}, counts{answered: 1}},
		{"mode web/192.0.2.11 offline", []string{"192.0.2.10"}, counts{answered: 1}},
	} {
		if wrong := o.order(t, step.change); wrong != "" {
			t.Fatal(wrong)
		}
		s.eventuallyAnswers(t, "www.example.org", dns.TypeA, step.want...)
		before := fastCounts(t, s.udp)
		if got := sorted(data(s.ask(t, "www.example.org", dns.TypeA).Answer)); !slices.Equal(got, step.want) {
			t.Errorf("after %q: %q, want %q", step.change, got, step.want)
		}
		wantCounts(t, s.udp, before, step.more)
	}
}

// TestFastDebug is that the debug plugin has the steps of a decision logged there, too.
func TestFastDebug(t *testing.T) {
	log := capture(t)
	s := startFast(t, block("example.org", "debug\n"+fastZone))
	before := fastCounts(t, s.udp)
	s.ask(t, "who.example.org", dns.TypeA, ecs("198.51.100.0/24"))
	log.wants(t, "198.51.100.0/24")
	wantCounts(t, s.udp, before, counts{answered: 1})
}
