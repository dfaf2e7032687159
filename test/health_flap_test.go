package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestFlapping is a backend that fails and passes in turn, under load: with fall
// 3 and rise 2, two fails in a row or one pass move no answer; three fails do, and
// two passes.
func TestFlapping(t *testing.T) {
	good, bad := fake.Script{fake.Answer("200 OK", "")}, fake.Script{fake.Answer("503 Busy", "")}
	web, flapping := fake.NewHTTP(t), fake.NewBox(t)
	more := func(n int64) { // probes
		t.Helper()
		until := flapping.Hits() + n
		eventually(t, func() string {
			if got := flapping.Hits(); got < until {
				return fmt.Sprintf("%d probes, want %d", got, until)
			}
			return ""
		})
	}

	flapping.Flap(good, bad, bad)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {
		check quick http {
			interval 250ms
			timeout 250ms
			recheck 100ms
			fall 3
			rise 2
		}
		pool web {
			%s
			check quick
		}
		domain www.example.org use web
	}`, at(steady, web.Addr())+at(newcome, flapping.Addr()))))
	load := s.load(t, "www.example.org", exactly(steady, newcome))
	more(8)
	load.end(t)

	flapping.Flap(bad, bad, bad, good)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady)
	load = s.load(t, "www.example.org", exactly(steady))
	more(8)
	load.end(t)

	flapping.Flap(good, good, bad)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady, newcome)
	load = s.load(t, "www.example.org", exactly(steady, newcome))
	more(6)
	load.end(t)
}
