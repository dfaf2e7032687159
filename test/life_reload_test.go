package test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// serving waits until every listener serves. CoreDNS does not stop one that has
// not begun to when the next generation comes: it would answer for good.
func (s *server) serving(t testing.TB) {
	t.Helper()
	for _, l := range s.instance.Servers() {
		for network, addr := range map[string]net.Addr{"udp": l.LocalAddr(), "tcp": l.Addr()} {
			q := question(".", dns.TypeNS)
			q.network = network
			if _, err := exchange(addr.String(), q); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// reloadTo is reload once the old generation serves.
func (s *server) reloadTo(t testing.TB, corefile string) error {
	t.Helper()
	s.serving(t)
	done := make(chan struct{})
	defer close(done)
	go nudge(s.tcp, done)
	return s.reload(t, corefile)
}

// nudge connects to a server whose reload takes long. For the new generation's
// listener Go makes the socket, which the old one shares, blocking for a moment:
// an accept that begins in it waits for a connection, and the old one's end for
// the accept.
func nudge(addr string, done <-chan struct{}) {
	tick := time.NewTicker(stuck)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if conn, err := dial("tcp", "", addr); err == nil {
				_ = conn.Close()
			}
		}
	}
}

// sturdyCheck is quickCheck for a machine that is very busy.
func sturdyCheck(name string, port int) string {
	return strings.NewReplacer("300ms", "400ms", "fall 2", "fall 3").Replace(quickCheck(name, "http", port))
}

// mustReload is reloadTo with a Corefile that is right.
func (s *server) mustReload(t testing.TB, corefile string) {
	t.Helper()
	if err := s.reloadTo(t, corefile); err != nil {
		t.Fatalf("reload: %v\nCorefile:\n%s", err, corefile)
	}
}

// restless is a Corefile that differs from one i to the next in all but what
// www.example.org answers.
func restless(web []*fake.HTTP, i int) string {
	above, inside, below := "", "", ""
	switch i % 5 {
	case 0:
		above = "cache 30\nminimal"
	case 1:
		inside = "authority ns1.example.net"
		below = "whoami"
	case 2:
		inside = `pool more {
			address 192.0.2.90
			check http ` + fmt.Sprint(web[0].Port()) + ` /more
		}
		domain more.example.org use more`
	case 3:
		above = "nsid here\nmetadata"
		inside = `domain second.example.org *.apps.example.org use web`
	case 4:
		inside = `failover chain {
			set web
		}
		policy who geo {
			from 192.0.2.0/24 use chain
			default use web
		}
		domain who.example.org use who`
		below = "template IN TXT {\nrcode NXDOMAIN\n}"
	}
	return block("example.org", fmt.Sprintf(`%s
	gtm {
		name restless
		ecs off
		ttl %d
		%s
		%s
		pool web {
			%s
			check web
		}
		domain www.example.org use web
	}
	%s`, above, 100+i, inside, sturdyCheck("web", web[0].Port()),
		fake.Members(web, "192.0.2.10", "192.0.2.11", "192.0.2.12"), below))
}

// TestReloadUnderLoad is ten reloads under constant queries: none is lost, none
// is answered wrongly, and the member that is down is in none.
func TestReloadUnderLoad(t *testing.T) {
	web := fake.NewHTTPs(t, 3)
	web[2].Down()
	s := start(t, restless(web, 0))
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")

	const domain = `domain="www.example.org."`
	before := metrics(t).sum("coredns_gtm_answers_total", `gtm="restless"`, domain)
	load := s.load(t, "www.example.org", exactly("192.0.2.10", "192.0.2.11"))
	for i := 1; i <= 10; i++ {
		s.mustReload(t, restless(web, i))
		if got, want := s.ask(t, "www.example.org", dns.TypeA).Answer[0].Header().Ttl, uint32(100+i); got != want {
			t.Errorf("after reload %d the TTL is %d, want %d", i, got, want)
		}
		load.more(t)
	}
	load.end(t)

	asked := float64(load.answered.Load()) + 10 // after each reload
	counted := metrics(t).sum("coredns_gtm_answers_total", `gtm="restless"`, domain) - before
	// A connection that is closed under a query may have been so after the decision.
	if counted < asked || counted > asked+float64(load.closed.Load()) {
		t.Errorf("%v answers were counted over the reloads, %v were given", counted, asked)
	}
	if up := metrics(t)[`coredns_gtm_member_available{gtm="restless",member="192.0.2.12",pool="web"}`]; up != 0 {
		t.Error("the metric says that the member that is down is available")
	}
}

// TestReloadKeepsProbing is that checks go on through reloads, each once.
func TestReloadKeepsProbing(t *testing.T) {
	web := fake.NewHTTPs(t, 3)
	s := start(t, restless(web, 0))
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11", "192.0.2.12")
	for i := 1; i <= 5; i++ {
		s.mustReload(t, restless(web, i))
		want := 3
		if i%5 == 2 { // one more pool
			want = 4
		}
		wantChecks(t, want)
	}
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11", "192.0.2.12")
	s.mustReload(t, restless(web, 6))
	s.wantAnswer(t, "www.example.org", "192.0.2.11", "192.0.2.12")
	web[0].Up(t)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11", "192.0.2.12")
	s.stop(t)
	wantChecks(t, 0)
}

// TestReloadOfEverything is what a reload may change about the names themselves.
func TestReloadOfEverything(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	web[1].Down()
	pools := func(name, more string) string {
		return fmt.Sprintf(`pool %s {
			%s
			check web
			%s
		}`, name, fake.Members(web, "192.0.2.10", "192.0.2.11"), more)
	}
	check := sturdyCheck("web", web[0].Port())
	corefile := func(lines ...string) string {
		return block("example.org", "gtm {\nname all\n"+check+"\n"+strings.Join(lines, "\n")+"\n}")
	}
	s := start(t, corefile(pools("web", ""), "domain www.example.org use web"))
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10")
	load := s.load(t, "www.example.org", exactly("192.0.2.10"))
	for _, tc := range []struct{ name, corefile string }{
		{"pool renamed", corefile(pools("other", ""), "domain www.example.org use other")},
		{"behind a failover", corefile(pools("other", ""), "failover chain {\nset other\n}", "domain www.example.org use chain")},
		{"set renamed", corefile(pools("other", ""), "failover chain {\nset first {\npool other\n}\n}", "domain www.example.org use chain")},
		{"failover renamed", corefile(pools("other", ""), "failover row {\nset first {\npool other\n}\n}", "domain www.example.org use row")},
		{"balance changed", corefile(pools("other", "balance sequence"), "domain www.example.org use other")},
		{"two pools of the same members", corefile(pools("other", ""), pools("web", ""), "domain www.example.org use web", "domain o.example.org use other")},
		{"block renamed", strings.Replace(corefile(pools("web", ""), "domain www.example.org use web"), "name all", "name everything", 1)},
		{"zone moved up", strings.Replace(corefile(pools("web", ""), "domain www.example.org use web"), "example.org:0", "org:0", 1)},
	} {
		s.mustReload(t, tc.corefile)
		load.more(t)
		if len(load.faulty()) > 0 {
			t.Errorf("after %s", tc.name)
			break
		}
	}
	load.end(t)
	wantChecks(t, 2)
}

// TestReloadChangesAnswers is that every kind of change shows.
func TestReloadChangesAnswers(t *testing.T) {
	const base = `gtm {
		pool one {
			address 192.0.2.10 weight 1
			address 192.0.2.11 weight 0
		}
		pool two {
			address 192.0.2.20
		}
		policy who geo {
			from 127.0.0.2 use two
			default use one
		}
		domain www.example.org use who
	}`
	s := start(t, block("example.org", base))
	s.wantAnswer(t, "www.example.org", "192.0.2.10")
	for _, tc := range []struct {
		name, old, new string
		want           []string
	}{
		{"weight", "192.0.2.11 weight 0", "192.0.2.11 weight 1", []string{"192.0.2.10", "192.0.2.11"}},
		{"mode", "192.0.2.10 weight 1", "192.0.2.10 mode offline", []string{"192.0.2.11"}},
		{"address", "address 192.0.2.10 weight 1", "address 192.0.2.12", []string{"192.0.2.12"}},
		{"source", "127.0.0.2", "127.0.0.1", []string{"192.0.2.20"}},
		{"default", "default use one", "default use two", []string{"192.0.2.20"}},
		{"target", "www.example.org use who", "www.example.org use two", []string{"192.0.2.20"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.mustReload(t, block("example.org", strings.Replace(base, tc.old, tc.new, 1)))
			s.wantAnswer(t, "www.example.org", tc.want...)
			s.mustReload(t, block("example.org", base))
			s.wantAnswer(t, "www.example.org", "192.0.2.10")
		})
	}
	s.mustReload(t, block("example.org", strings.Replace(base, "domain www", "domain web", 1)))
	if m := s.ask(t, "www.example.org", dns.TypeA); m.Rcode != dns.RcodeServerFailure && m.Rcode != dns.RcodeRefused {
		t.Errorf("a domain that is gone answers %s", summary(m))
	}
	s.wantAnswer(t, "web.example.org", "192.0.2.10")
}
