package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestProbeToAnswer is the way of a probe's result into an answer.
func TestProbeToAnswer(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {
		pool web {
			%s
			check web
		}
		%s
		domain www.example.org use web
	}`, fake.Members(web, "192.0.2.10", "192.0.2.11"), quickCheck("web", "http", web[0].Port()))))

	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11")
	web[0].Up(t)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	web[1].Answer(503)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10")
	web[1].Answer(200)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	web[0].Hang()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11")
}
