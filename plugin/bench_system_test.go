package gtm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// shown is a block that the API shows.
func shown(b *testing.B, corefile string) admin.System {
	b.Helper()
	quiet(b)
	plan := compiled(b, corefile)
	l := &life{journal: newJournal(nil), registry: healthcheck.NewRegistry(healthcheck.Config{})}
	one := &instance{plan: plan, publisher: publisherOf(plan), generation: new(generation)}
	if err := l.start(one); err != nil {
		b.Fatal(err)
	}
	one.publisher.lease.Load().Close() // nothing is probed
	b.Cleanup(func() { l.stop(one.generation) })
	return l.system("")
}

// BenchmarkList lists 10,000 domains and 50,000 members in pages of 1,000.
func BenchmarkList(b *testing.B) {
	s := shown(b, largeCorefile(10_000, 2_000, 50_000))
	for b.Loop() {
		for offset, more := 0, true; more; {
			p, err := s.Domains(admin.List{Offset: offset, Limit: 1000})
			if err != nil {
				b.Fatal(err)
			}
			offset, more = p.Next, p.Next > 0
		}
		for offset, more := 0, true; more; {
			p, err := s.Members(admin.List{Offset: offset, Limit: 1000})
			if err != nil {
				b.Fatal(err)
			}
			offset, more = p.Next, p.Next > 0
		}
	}
}

// BenchmarkStatus counts all of these.
func BenchmarkStatus(b *testing.B) {
	s := shown(b, largeCorefile(10_000, 2_000, 50_000))
	for b.Loop() {
		s.Status()
	}
}

// BenchmarkWhatIf supposes that a pool is down which 240 rules lead to.
func BenchmarkWhatIf(b *testing.B) {
	var text strings.Builder
	text.WriteString("example.org {\ngtm {\npool web {\naddress 192.0.2.1\n}\npool far {\naddress 192.0.2.2\n}\nfailover f {\nset web\nset far\n}\npolicy p geo {\n")
	for i := range 240 {
		fmt.Fprintf(&text, "from 10.%d.0.0/16 use f\n", i)
	}
	text.WriteString("default use far\n}\ndomain www.example.org use p\n}\n}")
	s := shown(b, text.String())
	for b.Loop() {
		d, err := s.WhatIf(admin.Supposition{Suppose: []string{"down pool web"}})
		if err != nil || len(d.Domains[0].Rules) != 241 {
			b.Fatal(err, len(d.Domains[0].Rules))
		}
	}
}
