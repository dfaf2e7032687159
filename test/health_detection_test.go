package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestDetectionForReal is how long it takes from a death to a changed answer, and
// back again, on real sockets: with interval 2s, fall 3, rise 2, recheck 1s and
// timeout 1s that is 5 s and 3 s at most by design. plugin/detection_test.go has
// many trials, in simulated time.
func TestDetectionForReal(t *testing.T) {
	web := fake.NewHTTP(t)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {
		check web http {
			port %d
			interval 2s
			timeout 1s
		}
		pool first {
			address 192.0.2.10 probe %s
			check web
		}
		pool second {
			address 192.0.2.20
		}
		failover f {
			set first
			set second
		}
		domain www.example.org use f
	}`, web.Port(), web.Host())))
	checksUp(t, 1)
	took := func(what, want string, change func()) {
		t.Helper()
		begin := time.Now()
		change()
		s.eventuallyAnswers(t, "www.example.org", dns.TypeA, want)
		t.Logf("%s: %v", what, time.Since(begin))
	}
	took("silent, to the backup", "192.0.2.20", web.Hang)
	took("alive, and back", "192.0.2.10", func() { web.Answer(200) })
}
