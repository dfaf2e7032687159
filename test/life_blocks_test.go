package test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// simple is a gtm block with one domain and one member, which is not checked.
func simple(head, domain, addr string) string {
	return fmt.Sprintf(`gtm %s
		pool web {
			address %s
		}
		domain %s use web
	}`, head, addr, domain)
}

// TestBlocksInServerBlocks is two gtm blocks that know nothing of each other but
// probe a common target once.
func TestBlocksInServerBlocks(t *testing.T) {
	web := fake.NewHTTP(t)
	corefile := func(one, two string) string {
		return block("example.org", oneMember("one", one, web, "")) +
			block("example.com", strings.ReplaceAll(oneMember("two", two, web, ""), "example.org", "example.com"))
	}
	s := start(t, corefile("192.0.2.10", "192.0.2.20"))
	s.wantAnswer(t, "www.example.org", "192.0.2.10")
	s.wantAnswer(t, "www.example.com", "192.0.2.20")
	wantChecks(t, 1)
	checksUp(t, 2) // each block says it
	web.Down()
	for _, name := range []string{"one", "two"} {
		wantAvailable(t, name, 0)
	}

	// One of them goes, and the other goes on.
	s.mustReload(t, block("example.com", strings.ReplaceAll(oneMember("two", "192.0.2.21", web, ""), "example.org", "example.com")))
	s.wantAnswer(t, "www.example.com", "192.0.2.21")
	wantChecks(t, 1)
	if got := metrics(t).sum("coredns_gtm_member_available", `gtm="two"`); got != 0 {
		t.Error("the state was lost")
	}
	s.mustReload(t, corefile("192.0.2.10", "192.0.2.20"))
	s.wantAnswer(t, "www.example.org", "192.0.2.10")
	wantChecks(t, 1)
}

// TestBlocksInOneServerBlock is two gtm blocks in one server block: the second
// has what is no domain of the first.
func TestBlocksInOneServerBlock(t *testing.T) {
	s := start(t, block("example.org example.com",
		simple("example.org {\nname one", "www.example.org", "192.0.2.10")+"\n"+
			simple("example.com {\nname two", "www.example.com", "192.0.2.20")))
	s.wantAnswer(t, "www.example.org", "192.0.2.10")
	s.wantAnswer(t, "www.example.com", "192.0.2.20")

	s.mustReload(t, block("example.org",
		simple("{\nname one", "www.example.org", "192.0.2.11")+"\n"+simple("{\nname two", "api.example.org", "192.0.2.21")))
	s.wantAnswer(t, "www.example.org", "192.0.2.11")
	s.wantAnswer(t, "api.example.org", "192.0.2.21")
}

// TestBlocksOfOneName is that names are unique in the process, the default too.
func TestBlocksOfOneName(t *testing.T) {
	for _, tc := range []struct{ name, corefile, block string }{
		{"in one server block", block("example.org", simple("{", "www.example.org", "192.0.2.10")+"\n"+simple("{", "api.example.org", "192.0.2.11")), "example.org"},
		{"by default in two", block("example.org", simple("{", "www.example.org", "192.0.2.10")) +
			strings.Replace(block("example.org", simple("{", "www.example.org", "192.0.2.10")), "127.0.0.1", "127.0.0.2", 1), "example.org"},
		{"by name in two", block("example.org", simple("{\nname same", "www.example.org", "192.0.2.10")) +
			block("example.com", simple("{\nname same", "www.example.com", "192.0.2.10")), "same"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, block(".", "whoami"))
			err := s.reloadTo(t, tc.corefile)
			if err == nil {
				t.Fatal("it was taken")
			}
			if got := err.Error(); !strings.Contains(got, `"`+tc.block) || !strings.Contains(got, "Corefile:") {
				t.Errorf("the error does not tell the name and the place: %s", got)
			}
		})
	}
}

// TestZonesOfOneBlock is a gtm block for all the zones of its server block, and
// for those that it names.
func TestZonesOfOneBlock(t *testing.T) {
	const domains = "www.example.org www.example.com"
	for _, tc := range []struct{ name, zones, head string }{
		{"the server block's", "example.org example.com", "{"},
		{"its own", ".", "example.org example.com {"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, block(tc.zones, strings.Replace(simple(tc.head, domains, "192.0.2.10"), "{", "{\nauthority ns1.example.net", 1)))
			for _, zone := range []string{"example.org", "example.com"} {
				s.wantAnswer(t, "www."+zone, "192.0.2.10")
				m := s.ask(t, "no."+zone, dns.TypeA)
				if m.Rcode != dns.RcodeNameError || len(m.Ns) != 1 || m.Ns[0].Header().Name != zone+"." {
					t.Errorf("no.%s: %s", zone, summary(m))
				}
			}
			if got := len(s.instance.Servers()); got != 1 {
				t.Errorf("%d servers", got)
			}
		})
	}
}

// TestMultisocket is several sockets on one address: the block is one, and a
// reload takes all of them over.
func TestMultisocket(t *testing.T) {
	web := fake.NewHTTPs(t, 3)
	web[2].Down()
	host, port := hostPort(spare(t))
	corefile := func(i int) string {
		c := restless(web, i)
		c = strings.Replace(c, "example.org:0", "example.org:"+port, 1)
		return strings.Replace(c, "bind 127.0.0.1", "bind "+host+"\nmultisocket 4", 1)
	}
	s := start(t, corefile(0))
	if got := len(s.instance.Servers()); got != 4 {
		t.Fatalf("%d servers, want 4", got)
	}
	wantChecks(t, 3)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	const answers, labels = "coredns_gtm_answers_total", `domain="www.example.org."`
	before := metrics(t).sum(answers, labels)
	load := s.load(t, "www.example.org", exactly("192.0.2.10", "192.0.2.11"))
	for range 64 { // from so many sockets that all of the server's are asked
		s.wantAnswer(t, "www.example.org", "192.0.2.10", "192.0.2.11")
	}
	for i := 1; i <= 4; i++ {
		s.mustReload(t, corefile(i))
		load.more(t)
	}
	load.end(t)
	given := float64(load.answered.Load()) + 64
	if counted := metrics(t).sum(answers, labels) - before; counted < given || counted > given+float64(load.closed.Load()) {
		t.Errorf("%v answers were counted, %v were given", counted, given)
	}
}

// TestListeners is one server block on several addresses.
func TestListeners(t *testing.T) {
	web := fake.NewHTTP(t)
	other, _ := hostPort(spare(t))
	corefile := func(addr string) string {
		return strings.Replace(block("example.org", oneMember("listeners", addr, web, "")), "127.0.0.1", "127.0.0.1 "+other, 1)
	}
	s := start(t, corefile("192.0.2.10"))
	wantEverywhere := func(want string) {
		t.Helper()
		hosts := map[string]bool{}
		for _, l := range s.instance.Servers() {
			host, _ := hostPort(l.LocalAddr().String())
			hosts[host] = true
			for network, addr := range map[string]net.Addr{"udp": l.LocalAddr(), "tcp": l.Addr()} {
				q := question("www.example.org", dns.TypeA)
				q.network = network
				m, err := exchange(addr.String(), q)
				if err != nil {
					t.Fatal(err)
				}
				if wrong := exactly(want)(m); wrong != "" {
					t.Errorf("%s %s: %s", network, addr, wrong)
				}
			}
		}
		if !hosts["127.0.0.1"] || !hosts[other] {
			t.Errorf("the listeners are at %v", hosts)
		}
	}
	wantEverywhere("192.0.2.10")
	wantChecks(t, 1)
	s.mustReload(t, corefile("192.0.2.11"))
	wantEverywhere("192.0.2.11")
	wantChecks(t, 1)
}

// TestBesideForward is a gtm block in the root zone, with a cache and a
// forwarder: what is not gtm's goes on, and is cached; what is gtm's is not.
func TestBesideForward(t *testing.T) {
	web, up := fake.NewHTTPs(t, 2), fake.NewDNS(t)
	s := start(t, block(".", fmt.Sprintf(`cache 3600
		gtm example.org {
			%s
			pool web {
				%s
				check web
			}
			domain www.example.org use web
		}
		forward . %s`, quickCheck("web", "http", web[0].Port()), fake.Members(web, "192.0.2.10", "192.0.2.11"), up.Addr())))
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	for _, name := range []string{"other.example.org", "www.example.net"} {
		hits := up.Hits()
		for range 3 {
			if got := data(s.ask(t, name, dns.TypeA).Answer); len(got) != 1 || got[0] != fake.Anything {
				t.Errorf("%s: got %q, want the forwarder's", name, got)
			}
		}
		if asked := up.Hits() - hits; asked != 1 {
			t.Errorf("%s: the name server was asked %d times, not once", name, asked)
		}
	}
	checksUp(t, 2)
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11")
	web[0].Up(t)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
}
