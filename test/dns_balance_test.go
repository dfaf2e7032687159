package test

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// draws is how many answers a statistic is made of.
const draws = 2000

// counts asks n times on one connection, and counts what the answers come to.
// The i-th query is changed by vary, or nil.
func (s *server) counts(t *testing.T, n int, name string, vary func(i int, q *query), of func(*dns.Msg) string) map[string]int {
	t.Helper()
	conn, err := dial("udp", "", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	counts := map[string]int{}
	for i := range n {
		q := question(name, dns.TypeA)
		if vary != nil {
			vary(i, &q)
		}
		m, err := converse(conn, q.Msg)
		if err != nil {
			t.Fatal(err)
		}
		if m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
			t.Fatal(summary(m))
		}
		noTwins(t, m)
		counts[of(m)]++
	}
	return counts
}

func first(m *dns.Msg) string { return data(m.Answer)[0] }

func all(m *dns.Msg) string { return strings.Join(data(m.Answer), " ") }

// even checks counts against shares by chi-square. The bound is one that chance
// passes less than once in a million runs.
func even(t *testing.T, got map[string]int, shares map[string]float64) {
	t.Helper()
	n, whole := 0, 0.0
	for _, c := range got {
		n += c
	}
	for _, share := range shares {
		whole += share
	}
	chi := 0.0
	for what, share := range shares {
		want := float64(n) * share / whole
		chi += (float64(got[what]) - want) * (float64(got[what]) - want) / want
	}
	for what := range got {
		if shares[what] == 0 {
			t.Errorf("%q must never come: %v", what, got)
		}
	}
	df := float64(len(shares) - 1)
	const sigmas = 5
	if bound := df * math.Pow(1-2/(9*df)+sigmas*math.Sqrt(2/(9*df)), 3); chi > bound { // Wilson, Hilferty, 1931
		t.Errorf("chi-square is %.1f, and the bound %.1f: %v for shares %v", chi, bound, got, shares)
	}
}

// equal are equal shares.
func equal(what ...string) map[string]float64 {
	shares := map[string]float64{}
	for _, w := range what {
		shares[w] = 1
	}
	return shares
}

const balances = `gtm {
	pool rr {
		address 192.0.2.1
		address 192.0.2.2
		address 192.0.2.3
	}
	pool rr2 {
		address 192.0.2.1
		address 192.0.2.2
		address 192.0.2.3
		answers 2
	}
	pool by-weighted {
		address 192.0.2.1 weight 1
		address 192.0.2.2 weight 3
		address 192.0.2.3 weight 6
		address 192.0.2.4 weight 0
		balance weighted
	}
	pool weighted2 {
		address 192.0.2.1 weight 1
		address 192.0.2.2 weight 2
		address 192.0.2.3 weight 3
		balance weighted
		answers 2
	}
	pool by-sequence {
		address 192.0.2.3
		address 192.0.2.1
		address 192.0.2.2
		balance sequence
		answers 2
	}
	pool sequence1 {
		address 192.0.2.3
		address 192.0.2.1
		balance sequence
	}
	pool by-hash {
		address 192.0.2.1 weight 1
		address 192.0.2.2 weight 2
		address 192.0.2.3 weight 5
		balance hash
	}
	pool by-random {
		address 192.0.2.1
		address 192.0.2.2
		address 192.0.2.3
		balance random
		answers all
	}
	pool random1 {
		address 192.0.2.1
		address 192.0.2.2
		address 192.0.2.3 weight 9
		balance random
	}
	pool near {
		address 192.0.2.1
		address 192.0.2.2 from 10.0.0.0/8
		address 192.0.2.3 from 11.0.0.0/8
		address 192.0.2.4
		balance nearest
		answers all
	}
	pool one {
		address 192.0.2.1
	}
	pool two {
		address 192.0.2.2
		address 192.0.2.3
	}
	failover pools {
		set both {
			pool one weight 3
			pool two
			balance weighted
		}
	}
	failover names {
		set cdns {
			pool cdn1 weight 3
			pool cdn2
			balance weighted
			answers all
		}
	}
	pool cdn1 {
		address one.example.net
		address two.example.net
	}
	pool cdn2 {
		address three.example.net
	}
	domain rr.example.org use rr
	domain rr2.example.org use rr2
	domain weighted.example.org use by-weighted
	domain weighted2.example.org use weighted2
	domain sequence.example.org use by-sequence
	domain sequence1.example.org use sequence1
	domain hash.example.org use by-hash
	domain random.example.org use by-random
	domain random1.example.org use random1
	domain near.example.org use near
	domain pools.example.org use pools
	domain names.example.org use names
}`

// TestBalances draws from each balance.
func TestBalances(t *testing.T) {
	s := start(t, block("example.org", balances))
	const a1, a2, a3, a4 = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"
	net := func(prefix string) func(int, *query) { return func(_ int, q *query) { ecs(prefix)(q) } }
	for _, tc := range []struct {
		name   string
		domain string
		vary   func(int, *query)
		of     func(*dns.Msg) string
		want   map[string]float64
	}{
		{"round_robin gives all, each first as often", "rr", nil, all, equal(a1+" "+a2+" "+a3, a2+" "+a3+" "+a1, a3+" "+a1+" "+a2)},
		{"round_robin with 2 answers", "rr2", nil, all, equal(a1+" "+a2, a2+" "+a3, a3+" "+a1)},
		{"weighted, without weight 0", "weighted", nil, all, map[string]float64{a1: 1, a2: 3, a3: 6}},
		{"weighted without repetition", "weighted2", nil, all, map[string]float64{
			a1 + " " + a2: 1. / 6 * 2 / 5, a1 + " " + a3: 1. / 6 * 3 / 5,
			a2 + " " + a1: 2. / 6 * 1 / 4, a2 + " " + a3: 2. / 6 * 3 / 4,
			a3 + " " + a1: 3. / 6 * 1 / 3, a3 + " " + a2: 3. / 6 * 2 / 3,
		}},
		{"sequence as written", "sequence", nil, all, equal(a3 + " " + a1)},
		{"sequence gives one", "sequence1", nil, all, equal(a3)},
		{"random gives every order", "random", nil, all, equal(
			a1+" "+a2+" "+a3, a1+" "+a3+" "+a2, a2+" "+a1+" "+a3, a2+" "+a3+" "+a1, a3+" "+a1+" "+a2, a3+" "+a2+" "+a1)},
		{"random gives one, whatever its weight", "random1", nil, all, equal(a1, a2, a3)},
		{"nearest: named, without from, others", "near", net("10.1.0.0/16"), all, equal(
			a2+" "+a1+" "+a4+" "+a3, a2+" "+a4+" "+a1+" "+a3)},
		{"nearest of another network", "near", net("11.1.0.0/16"), all, equal(
			a3+" "+a1+" "+a4+" "+a2, a3+" "+a4+" "+a1+" "+a2)},
		{"hash by weight, over networks", "hash", func(i int, q *query) {
			ecs(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24).String())(q)
		}, all, map[string]float64{a1: 1, a2: 2, a3: 5}},
		{"hash by weight, over IPv6 networks", "hash", func(i int, q *query) {
			ecs(netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 8), byte(i)}), 48).String())(q)
		}, all, map[string]float64{a1: 1, a2: 2, a3: 5}},
		{"pools by weight", "pools", nil, first, map[string]float64{a1: 3, a2: .5, a3: .5}},
		{"a CNAME is a single answer", "names", nil, all, map[string]float64{
			"one.example.net.": 1.5, "two.example.net.": 1.5, "three.example.net.": 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := s.counts(t, draws, tc.domain+".example.org", tc.vary, tc.of)
			if len(tc.want) == 1 {
				if want := slices.Collect(maps.Keys(tc.want)); len(got) != 1 || got[want[0]] != draws {
					t.Errorf("got %v, want %q alone", got, want)
				}
				return
			}
			even(t, got, tc.want)
		})
	}
}

// TestHashSticks: a network keeps its member; a member's loss moves its own
// networks alone, and its return brings them back.
func TestHashSticks(t *testing.T) {
	web := fake.NewHTTPs(t, 4)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {
		pool web {
			%s
			check web
			balance hash
		}
		%s
		domain www.example.org use web
		domain all.example.org use list
		pool list {
			%[1]s
			check web
		}
	}`, fake.Members(web, "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"), quickCheck("web", "http", web[0].Port()))))
	const networks = 300
	everybody := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}
	members := func(bits int) map[int]string {
		got := map[int]string{}
		for i := range networks {
			addr := netip.AddrFrom4([4]byte{10, byte(i / 256), byte(i), byte(i * 11)})
			got[i] = all(s.ask(t, "www.example.org", dns.TypeA, ecs(netip.PrefixFrom(addr, bits).Masked().String())))
		}
		return got
	}
	s.eventuallyAnswers(t, "all.example.org", dns.TypeA, everybody...)
	before := members(24)
	if again := members(30); !maps.Equal(before, again) {
		t.Error("clients of one /24 get different members")
	}
	web[1].Down()
	s.eventuallyAnswers(t, "all.example.org", dns.TypeA, "192.0.2.1", "192.0.2.3", "192.0.2.4")
	moved := map[string]int{}
	for i, now := range members(24) {
		switch was := before[i]; {
		case was == "192.0.2.2":
			moved[now]++
		case was != now:
			t.Errorf("network %d moved from %s to %s, and both are up", i, was, now)
		}
	}
	if len(moved) != 3 || moved["192.0.2.2"] > 0 {
		t.Errorf("the lost member's networks went to %v, want a share for each of the others", moved)
	}
	web[1].Up(t)
	s.eventuallyAnswers(t, "all.example.org", dns.TypeA, everybody...)
	if again := members(24); !maps.Equal(before, again) {
		t.Error("networks did not come back to their member")
	}
}
