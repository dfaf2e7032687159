package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

const (
	primary = "192.0.2.10"
	backup  = "198.51.100.10"
)

// chainOf is a Corefile with a failover of two sets, and more lines in it. The
// second one is always up.
func chainOf(web []*fake.HTTP, ttl int, lines string) string {
	return block("example.org", fmt.Sprintf(`gtm {
		name chained
		ttl %d
		%s
		pool first {
			%s
			check web
		}
		pool second {
			address %s
		}
		failover chain {
			set first
			set second
			%s
		}
		domain www.example.org use chain
	}`, ttl, quickCheck("web", "http", web[0].Port()),
		fake.Members(web[:1], primary), backup, lines))
}

// passesOf waits until a backend was probed so often since now, with the results taken.
func passesOf(t testing.TB, b *fake.HTTP, n int64) {
	t.Helper()
	passesOfAll(t, []*fake.HTTP{b}, n)
}

// passesOfAll is passesOf for backends that are probed side by side.
func passesOfAll(t testing.TB, backends []*fake.HTTP, n int64) {
	t.Helper()
	until := make([]int64, len(backends))
	for i, b := range backends {
		until[i] = b.Hits() + n + 1 // the next probe starts after the last result was taken
	}
	eventually(t, func() string {
		for i, b := range backends {
			if b.Hits() < until[i] {
				return fmt.Sprintf("backend %d is not probed enough", i)
			}
		}
		return ""
	})
}

// failed starts a failover whose primary fails, and is back.
func failed(t *testing.T, lines string) (*server, []*fake.HTTP) {
	t.Helper()
	web := fake.NewHTTPs(t, 1)
	s := start(t, chainOf(web, 30, lines))
	checksUp(t, 1)
	s.wantAnswer(t, "www.example.org", primary)
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, backup)
	web[0].Up(t)
	passesOf(t, web[0], 2) // the rise
	s.wantAnswer(t, "www.example.org", backup)
	return s, web
}

// TestHoldOverReload is a hold, which a reload does not end, and another
// recovery does.
func TestHoldOverReload(t *testing.T) {
	s, web := failed(t, "recovery hold")
	load := s.load(t, "www.example.org", exactly(backup))
	for i := range 3 {
		s.mustReload(t, chainOf(web, 31+i, "recovery hold"))
		load.more(t)
	}
	load.end(t)
	s.mustReload(t, chainOf(web, 30, "recovery preempt"))
	s.wantAnswer(t, "www.example.org", primary)
	s.mustReload(t, chainOf(web, 30, "recovery hold"))
	s.wantAnswer(t, "www.example.org", primary)
}

// TestManualOverReload is a lock, which a reload does not lift, and a pin does.
func TestManualOverReload(t *testing.T) {
	s, web := failed(t, "recovery manual")
	load := s.load(t, "www.example.org", exactly(backup))
	for i := range 3 {
		s.mustReload(t, chainOf(web, 31+i, "recovery manual"))
		load.more(t)
	}
	load.end(t)
	s.mustReload(t, chainOf(web, 30, "recovery manual\npin first"))
	s.wantAnswer(t, "www.example.org", primary)
	s.mustReload(t, chainOf(web, 30, "recovery manual"))
	s.wantAnswer(t, "www.example.org", primary)
}

// TestSetsReorderedOverReload is that sets are found again by their names, not
// by their places.
func TestSetsReorderedOverReload(t *testing.T) {
	web := fake.NewHTTPs(t, 1)
	corefile := func(sets string) string {
		return block("example.org", fmt.Sprintf(`gtm {
			name reordered
			%s
			pool a {
				%s
				check web
			}
			pool b {
				address %s
			}
			pool c {
				address %s
			}
			failover chain {
				%s
				recovery hold
			}
			domain www.example.org use chain
		}`, quickCheck("web", "http", web[0].Port()), fake.Members(web[:1], primary),
			backup, "203.0.113.10", sets))
	}
	s := start(t, corefile("set a\nset b"))
	checksUp(t, 1)
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, backup)
	web[0].Up(t)
	passesOf(t, web[0], 2)
	load := s.load(t, "www.example.org", exactly(backup))
	for _, sets := range []string{"set c\nset a\nset b", "set b\nset c", "set a\nset c\nset b", "set a\nset b"} {
		s.mustReload(t, corefile(sets))
		load.more(t)
	}
	load.end(t)
	s.mustReload(t, corefile("set a\nset c")) // the active set is gone
	s.wantAnswer(t, "www.example.org", primary)
}

// TestDelaysOverReload is that delays go on over reloads: were each to start
// them anew, they would never run out here, and no reload may shorten them.
func TestDelaysOverReload(t *testing.T) {
	const (
		delay = time.Second
		every = delay / 5
	)
	for _, tc := range []struct {
		name, lines string
		from, to    string
		begin       func(*testing.T, []*fake.HTTP)
	}{
		{"failback_delay", fmt.Sprintf("failback_delay %s", delay), backup, primary,
			func(t *testing.T, web []*fake.HTTP) { web[0].Up(t) }},
		{"failover_delay", fmt.Sprintf("failover_delay %s", delay), primary, backup,
			func(_ *testing.T, web []*fake.HTTP) { web[0].Down() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			web := fake.NewHTTPs(t, 1)
			s := start(t, chainOf(web, 30, tc.lines))
			checksUp(t, 1)
			if tc.from == backup {
				web[0].Down()
				s.eventuallyAnswers(t, "www.example.org", dns.TypeA, backup)
			}
			s.wantAnswer(t, "www.example.org", tc.from)
			began := time.Now()
			tc.begin(t, web)
			reloads, at := 0, began.Add(every)
			eventually(t, func() string {
				if time.Now().After(at) {
					reloads++
					at = at.Add(every)
					s.mustReload(t, chainOf(web, 30+reloads, tc.lines))
				}
				return exactly(tc.to)(s.ask(t, "www.example.org", dns.TypeA))
			})
			if took := time.Since(began); took < delay {
				t.Errorf("%s took %s", tc.name, took)
			}
			if reloads < 3 {
				t.Errorf("there were %d reloads alone", reloads)
			}
		})
	}
}

// TestSwitchesOverReload is that a reload is no switch, and loses none.
func TestSwitchesOverReload(t *testing.T) {
	const switches = `coredns_gtm_failover_switches_total{failover="chain",gtm="chained"}`
	s, web := failed(t, "recovery hold")
	was := metrics(t)[switches]
	if was != 1 {
		t.Errorf("%v switches were counted, not the one", was)
	}
	for i := range 3 {
		s.mustReload(t, chainOf(web, 31+i, "recovery hold"))
	}
	if is := metrics(t)[switches]; is != was {
		t.Errorf("%v switches before the reloads, %v after", was, is)
	}
}
