package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

const (
	siteA = "192.0.2.10"
	siteB = "198.51.100.10"
	siteC = "203.0.113.10"
)

// sites is a failover over three sites with a web server each; a.example.org and
// so on show each pool alone. The failover and the domain have more options.
type sites struct {
	*server
	a, b, c *fake.HTTP
}

func startSites(t *testing.T, failover string) sites {
	t.Helper()
	web := fake.NewHTTPs(t, 3)
	s := sites{a: web[0], b: web[1], c: web[2]}
	pools := ""
	for i, addr := range []string{siteA, siteB, siteC} {
		name := string(rune('a' + i))
		pools += fmt.Sprintf("pool %[1]s {\naddress %s probe %s\ncheck web\n}\ndomain %[1]s.example.org {\nuse %[1]s\non_all_down nodata\n}\n", name, addr, web[i].Host())
	}
	s.server = start(t, block("example.org", fmt.Sprintf(`gtm {
		ttl 60 min 5
		%s
		%s
		failover sites {
			set a
			set b
			set c
			%s
		}
		domain www.example.org use sites
	}`, pools, quickCheck("web", "http", web[0].Port()), failover)))
	s.all(t)
	return s
}

// all waits until every site is known to be up. What is unknown counts as up, so
// that they are seen to have been probed.
func (s sites) all(t *testing.T) {
	t.Helper()
	eventually(t, func() string {
		for _, h := range []*fake.HTTP{s.a, s.b, s.c} {
			if h.Hits() == 0 {
				return "not probed yet"
			}
		}
		return ""
	})
	s.up(t, "a", siteA)
	s.up(t, "b", siteB)
	s.up(t, "c", siteC)
}

// up and down wait until a pool is known to be so.
func (s sites) up(t *testing.T, pool, addr string) {
	t.Helper()
	s.eventuallyAnswers(t, pool+".example.org", dns.TypeA, addr)
}

func (s sites) down(t *testing.T, pool string) {
	t.Helper()
	s.eventuallyAnswers(t, pool+".example.org", dns.TypeA)
}

// serves waits for the site that serves. Where the pools stand it may be a
// moment behind them, for each failover is published on its own.
func (s sites) serves(t *testing.T, addr string, ttl int) {
	t.Helper()
	want := fmt.Sprintf("NOERROR aa | www.example.org. %d A %s", ttl, addr)
	eventually(t, func() string {
		if got := summary(s.ask(t, "www.example.org", dns.TypeA)); got != want {
			return fmt.Sprintf("got %s, want %s", got, want)
		}
		return ""
	})
}

// stays sees that a site goes on serving over a change.
func (s sites) stays(t *testing.T, addr string, change func()) {
	t.Helper()
	before := s.a.Hits() + s.b.Hits() + s.c.Hits()
	change()
	eventually(t, func() string { // some probes later
		if got := data(s.ask(t, "www.example.org", dns.TypeA).Answer); len(got) != 1 || got[0] != addr {
			t.Fatalf("got %q, and %s was to go on", got, addr)
		}
		if n := s.a.Hits() + s.b.Hits() + s.c.Hits() - before; n < 4 {
			return fmt.Sprintf("%d probes", n)
		}
		return ""
	})
}

// The TTL is that of settled times, but min where the answer may soon change.
const (
	settled  = 60
	unsettle = 5
)

func TestPreempt(t *testing.T) {
	s := startSites(t, "")
	s.serves(t, siteA, settled)
	s.a.Down()
	s.serves(t, siteB, unsettle)
	s.b.Answer(500)
	s.serves(t, siteC, unsettle)
	s.b.Answer(200)
	s.serves(t, siteB, unsettle)
	s.a.Up(t)
	s.serves(t, siteA, settled)
	s.c.Down()
	s.down(t, "c")
	s.serves(t, siteA, settled)
	s.a.Down()
	s.b.Down()
	s.down(t, "a")
	s.down(t, "b")
	s.serves(t, siteA, unsettle) // serve_all over the first set
	s.c.Up(t)
	s.serves(t, siteC, unsettle)
}

func TestHold(t *testing.T) {
	s := startSites(t, "recovery hold")
	s.serves(t, siteA, settled)
	s.a.Down()
	s.serves(t, siteB, settled)
	s.stays(t, siteB, func() {
		s.a.Up(t)
		s.up(t, "a", siteA)
	})
	s.serves(t, siteB, settled)
	s.b.Down()
	s.serves(t, siteA, settled) // the first available one
	s.a.Down()
	s.serves(t, siteC, settled)
	s.c.Down()
	s.down(t, "c")
	s.serves(t, siteC, unsettle) // serve_all over the active set
}

func TestManual(t *testing.T) {
	s := startSites(t, "recovery manual")
	s.serves(t, siteA, settled)
	s.a.Down()
	s.serves(t, siteB, settled)
	s.stays(t, siteB, func() {
		s.a.Up(t)
		s.up(t, "a", siteA)
	})
	s.b.Down()
	s.serves(t, siteC, settled) // a is locked, and not taken although it is up
	s.stays(t, siteC, func() {
		s.b.Up(t)
		s.up(t, "b", siteB)
	})
	s.c.Down()
	s.serves(t, siteA, settled) // among locked ones alone, as hold
	s.a.Down()
	s.serves(t, siteB, settled)
}

func TestFailoverDelay(t *testing.T) {
	t.Run("until it is over, the set goes on", func(t *testing.T) {
		s := startSites(t, "failover_delay 1h")
		s.serves(t, siteA, settled)
		s.a.Down()
		s.down(t, "a")
		s.serves(t, siteA, unsettle) // health ignored, for it has no other member
		s.a.Up(t)
		s.up(t, "a", siteA)
		s.serves(t, siteA, settled)
	})
	t.Run("then it is left", func(t *testing.T) {
		s := startSites(t, "failover_delay 1s")
		s.a.Down()
		s.serves(t, siteA, unsettle)
		s.serves(t, siteB, unsettle)
	})
	t.Run("it does not apply at start", func(t *testing.T) {
		gone := fake.NewHTTP(t)
		gone.Down()
		s := start(t, block("example.org", fmt.Sprintf(`gtm {
			pool a {
				address %s probe %s
				check web
			}
			pool b {
				address %s
			}
			%s
			failover ab {
				set a
				set b
				failover_delay 1h
			}
			domain www.example.org use ab
		}`, siteA, gone.Host(), siteB, quickCheck("web", "http", gone.Port()))))
		s.eventuallyAnswers(t, "www.example.org", dns.TypeA, siteB)
	})
}

func TestFailbackDelay(t *testing.T) {
	t.Run("until it is over, the backup goes on", func(t *testing.T) {
		s := startSites(t, "failback_delay 1h")
		s.a.Down()
		s.serves(t, siteB, unsettle)
		s.stays(t, siteB, func() {
			s.a.Up(t)
			s.up(t, "a", siteA)
		})
		s.serves(t, siteB, unsettle)
		s.b.Down()
		s.serves(t, siteA, settled) // it does not keep the client from what is up
	})
	t.Run("then the primary comes back", func(t *testing.T) {
		s := startSites(t, "failback_delay 1s")
		s.a.Down()
		s.serves(t, siteB, unsettle)
		s.a.Up(t)
		s.up(t, "a", siteA)
		s.serves(t, siteA, settled)
	})
}

func TestPin(t *testing.T) {
	s := startSites(t, "pin b")
	s.serves(t, siteB, settled)
	s.stays(t, siteB, func() {
		s.b.Down()
		s.down(t, "b")
	})
	s.serves(t, siteB, settled)
	if got, want := summary(s.ask(t, "www.example.org", dns.TypeAAAA)), "NOERROR aa | authority example.org. 5 SOA 5"; got != want {
		t.Errorf("a family that the pinned set lacks: got %s, want %s", got, want)
	}
}

// TestFailoverFamilies: IPv4 and IPv6 are judged alone, and a family that the
// primary lacks is missing, not down.
func TestFailoverFamilies(t *testing.T) {
	web := fake.NewHTTPs(t, 4)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {
		pool four {
			address 192.0.2.10 probe %[1]s
			check web
		}
		pool dual {
			address 192.0.2.20 probe %[2]s
			address 2001:db8::20 probe %[3]s
			check web
		}
		pool backup {
			address 198.51.100.30
			address 2001:db8::30
		}
		pool cdn {
			address edge.example.net probe %[4]s
			check web
		}
		%[5]s
		failover four-first {
			set four
			set backup
		}
		failover dual-first {
			set dual
			set backup
		}
		failover cdn-first {
			set cdn
			set other
		}
		pool other {
			address other.example.net
		}
		domain four.example.org use four-first
		domain dual.example.org use dual-first
		domain cdn.example.org use cdn-first
	}`, web[0].Host(), web[1].Host(), web[2].Host(), web[3].Host(), quickCheck("web", "http", web[0].Port()))))

	s.eventuallyAnswers(t, "four.example.org", dns.TypeA, "192.0.2.10")
	if got, want := summary(s.ask(t, "four.example.org", dns.TypeAAAA)), "NOERROR aa | authority example.org. 30 SOA 30"; got != want {
		t.Errorf("AAAA of an IPv4-only primary: got %s, want %s", got, want)
	}
	web[0].Down()
	s.eventuallyAnswers(t, "four.example.org", dns.TypeA, "198.51.100.30")
	s.eventuallyAnswers(t, "four.example.org", dns.TypeAAAA, "2001:db8::30")

	s.eventuallyAnswers(t, "dual.example.org", dns.TypeAAAA, "2001:db8::20")
	web[2].Down()
	s.eventuallyAnswers(t, "dual.example.org", dns.TypeAAAA, "2001:db8::30")
	s.eventuallyAnswers(t, "dual.example.org", dns.TypeA, "192.0.2.20")

	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT} {
		s.eventuallyAnswers(t, "cdn.example.org", qtype, "edge.example.net.")
	}
	web[3].Down()
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeTXT} {
		s.eventuallyAnswers(t, "cdn.example.org", qtype, "other.example.net.")
	}
}
