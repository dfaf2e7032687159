package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// guarded is a primary whose members are probed at backends, by a check with more
// lines, and a backup that is always there.
func guarded(web []*fake.HTTP, lines string) string {
	addrs := []string{"192.0.2.10", "192.0.2.11", "192.0.2.12"}[:len(web)]
	return block("example.org", fmt.Sprintf(`gtm {
		ttl 60 min 5
		check web http {
			port %d
			interval 200ms
			timeout 200ms
			recheck 100ms
			%s
		}
		pool primary {
			%s
			check web
		}
		pool backup {
			address 198.51.100.10
		}
		failover f {
			set primary
			set backup
		}
		domain www.example.org use f
	}`, web[0].Port(), lines, fake.Members(web, addrs...)))
}

// TestTTLBetweenStates is a check that is part-way through its streak: the answer
// is as before, but is to be cached for a short time only.
func TestTTLBetweenStates(t *testing.T) {
	web := fake.NewHTTPs(t, 1)
	s := start(t, guarded(web, "fall 100"))
	ttl := func(want uint32) {
		t.Helper()
		eventually(t, func() string {
			answer := s.ask(t, "www.example.org", dns.TypeA).Answer
			if len(answer) != 1 || data(answer)[0] != "192.0.2.10" {
				t.Fatalf("got %v", answer)
			}
			return unless(answer[0].Header().Ttl == want, fmt.Sprintf("TTL %d, want %d", answer[0].Header().Ttl, want))
		})
	}
	checksUp(t, 1)
	ttl(60)
	web[0].Answer(503)
	ttl(5)
	web[0].Answer(200)
	ttl(60)
}

// TestFreeze is all backends failing at once: with freeze the answers stay, until
// one of them is back.
func TestFreeze(t *testing.T) {
	web := fake.NewHTTPs(t, 3)
	s := start(t, guarded(web, "freeze 100% min 3"))
	checksUp(t, 3)
	frozen := func(want float64) {
		t.Helper()
		eventually(t, func() string {
			got := metrics(t)["coredns_gtm_checks_frozen"]
			return unless(got == want, fmt.Sprintf("%v checks are frozen, want %v", got, want))
		})
	}
	for _, w := range web {
		w.Answer(503)
	}
	frozen(3)
	passesOfAll(t, web, 5) // fails, more than fall
	s.wantAnswer(t, "www.example.org", "192.0.2.10", "192.0.2.11", "192.0.2.12")
	web[1].Answer(200)
	frozen(0)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11")
}

// TestFlapDamping is a backend that comes and goes: it stays out of the answer,
// even while it passes.
func TestFlapDamping(t *testing.T) {
	web := fake.NewHTTPs(t, 1)
	s := start(t, guarded(web, "flap 2 1h hold 1h"))
	checksUp(t, 1)
	for range 2 {
		s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10")
		web[0].Answer(503)
		s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "198.51.100.10")
		web[0].Answer(200)
	}
	passesOf(t, web[0], 5) // more than rise
	s.wantAnswer(t, "www.example.org", "198.51.100.10")
	if held := metrics(t)["coredns_gtm_checks_held"]; held != 1 {
		t.Errorf("%v checks are held", held)
	}
}
