package test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestSlowStart: a member that recovered gets answers by a tenth of its weight at
// first, and by all of it where it never was down; through a reload, too.
func TestSlowStart(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	corefile := func(more string) string {
		return block("example.org", fmt.Sprintf(`gtm {
			%s
			pool web {
				%s
				check web
				balance weighted
				slow_start 24h
			}
			%s
			domain www.example.org use web
		}`, quickCheck("web", "http", web[0].Port()), fake.Members(web, inA, inB), more))
	}
	s := start(t, corefile(""))
	shares := func(when string, b float64) {
		t.Helper()
		got := s.counts(t, draws, "www.example.org", nil, first)
		t.Log(when, got)
		even(t, got, map[string]float64{inA: 1, inB: b})
	}
	answered := func(want ...string) { // each answer has one of them
		t.Helper()
		eventually(t, func() string {
			got := s.counts(t, 200, "www.example.org", nil, first)
			return unless(slices.Equal(slices.Sorted(maps.Keys(got)), want), fmt.Sprintf("answered: %v", got))
		})
	}
	eventually(t, func() string { return unless(web[0].Hits() > 0 && web[1].Hits() > 0, "not probed yet") })
	shares("at first", 1)
	web[1].Down()
	answered(inA)
	web[1].Up(t)
	answered(inA, inB)
	shares("recovered", .1)
	s.mustReload(t, corefile("pool idle {\naddress 192.0.2.99\n}"))
	shares("reloaded", .1)
}
