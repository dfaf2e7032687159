package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// benchCase is a way to balance the failover that the benchmarks decide on: two
// sets of two pools of four members, behind a geo policy of a few CIDR rules.
type benchCase struct {
	name    string
	balance pool.Balance // of the pools
	answers int
	set     pool.Balance // among the pools
	weights bool         // unequal ones
}

// benchCases are every balance, alone and among the pools too, with equal and
// with unequal weights, with the default number of answers and with two.
func benchCases() []benchCase {
	var cases []benchCase
	for i, name := range pool.Balances() {
		b := pool.Balance(i)
		for _, weights := range []string{"", "/weights"} {
			cases = append(cases,
				benchCase{name + weights, b, b.DefaultAnswers(), pool.RoundRobin, weights != ""},
				benchCase{name + weights + "/2_answers", b, 2, pool.RoundRobin, weights != ""},
				benchCase{name + weights + "/among_pools", b, b.DefaultAnswers(), b, weights != ""},
			)
		}
	}
	return cases
}

// benchWorld is the domain and its views.
func benchWorld(tb testing.TB, c benchCase) (*Domain, pool.Views, *Atlas) {
	tb.Helper()
	w := newWorld(tb)
	line := "a b c d + e g h i | j k l m + n o p q"
	if c.weights {
		line = "a*1 b*2 c*3 d*5 + e*4 g*3 h*2 i*1 | j*1 k*2 l*3 m*4 + n o p*2 q"
	}
	w.failover("main: "+line, strings.Repeat("u", 16), func(f *pool.Failover) {
		for _, s := range f.Sets {
			s.Balance, s.Answers = c.set, c.set.DefaultAnswers()
			s.Near = w.neighbours("10.1.0.0/16", "")
			if c.weights {
				s.Pools[1].Weight = 3
			}
			for _, part := range s.Pools {
				part.Balance, part.Answers = c.balance, c.answers
				if c.balance == pool.Nearest {
					part.Near = w.neighbours("10.1.0.0/16", "10.0.0.0/8", "192.0.2.0/24", "")
				}
			}
		}
	})
	w.failover("world: r s t", "uuu")
	w.policy("geo", `198.51.100.0/24 203.0.113.0/24 use world fence; 10.0.0.0/8 !10.9.0.0/16 use main;
		2001:db8::/32 use main; 172.16.0.0/12 use world; default use world`)
	return w.domain("geo"), w.views(), w.atlas()
}

// placeCases are policies by place, latency and distance, as world.declare has
// them. The clients of benchQuery are in two countries.
var placeCases = []struct{ name, policies string }{
	{"country", "p = country:US use main; country:CN use world; default use world"},
	{"countries ASNs and CIDRs", `p = 198.51.100.0/24 use world; asn:64500 asn:64501 use main; subdivision:CN-GD use main; region:r use main fence;
		10.1.128.0/20 use main; !country:CN use main; default use world`},
	{"latency by table", "p = latency main world; default use world"},
	{"latency by distance", "p = latency main@50,8.75 world@40.75,-74; tolerance 10; default use world"},
	{"latency among equals", "p = latency main@50,8.75 world@50,8.75; tolerance 10; answers 2; default use world"},
	{"latency within country", "fast = latency main world; default use world | p = country:CN use fast; default use main"},
	{"nearest by distance", "p = 0.0.0.0/0 use near; default use near"},
}

// placeWorld is the domain and its views, with geo files.
func placeWorld(tb testing.TB, policies string) (*Domain, pool.Views, *Atlas) {
	tb.Helper()
	w := newWorld(tb)
	w.failover("main: a b c d", "uuuu", func(f *pool.Failover) { f.Sets[0].Pools[0].Balance = pool.RoundRobin })
	w.failover("world: e g h", "uuu", func(f *pool.Failover) { f.Sets[0].Pools[0].Balance = pool.Random })
	w.failover("near: i j k l + m n", "uuuuuu", func(f *pool.Failover) {
		set := f.Sets[0]
		set.Balance, set.Near = pool.Nearest, w.neighbours("at:50,8.75", "at:40.75,-74")
		set.Pools[0].Balance, set.Pools[0].Near = pool.Nearest, w.neighbours("at:50,8.75", "at:50,8.75 country:CN", "at:40.75,-74", "")
	})
	w.file("10.1.0.0/17 AS/CN/GD at:22.5,114; 10.1.128.0/17 EU/DE/BY at:48.25,11.5; 198.51.100.0/24 NA/US at:40.75,-74")
	w.file("10.1.64.0/18 asn:4134; 10.1.128.0/18 asn:64500")
	w.table("country:CN main 30; country:CN world 35; 10.1.128.0/20 main 1; 10.1.128.0/17 world 2")
	w.region("r", "country:CN !asn:4134; 10.9.0.0/16")
	return w.domain(w.declare(policies)), w.views(), w.atlas()
}

// benchQuery is one of those that benchmarks ask in turn.
func benchQuery(a *Atlas, i int) Query {
	addr := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
	return Query{Atlas: a, Family: pool.IPv4, Client: pool.Client{Addr: addr, Bits: 32}, Draw: pool.Draw(i) * 0x9e3779b97f4a7c15}
}

func BenchmarkDecide(b *testing.B) {
	for _, c := range benchCases() {
		b.Run(c.name, func(b *testing.B) {
			d, views, atlas := benchWorld(b, c)
			benchDecide(b, d, views, atlas)
		})
	}
	for _, c := range placeCases {
		b.Run(c.name, func(b *testing.B) {
			d, views, atlas := placeWorld(b, c.policies)
			benchDecide(b, d, views, atlas)
		})
	}
}

func benchDecide(b *testing.B, d *Domain, views pool.Views, atlas *Atlas) {
	var s Room
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if got := d.Decide(views, new(benchQuery(atlas, i)), &s, nil); got.Outcome != Members {
			b.Fatal(describe(got))
		}
	}
}

// TestDecideAllocatesNothing: at no balance, and whatever it comes to.
func TestDecideAllocatesNothing(t *testing.T) {
	for _, c := range benchCases() {
		d, views, atlas := benchWorld(t, c)
		allocatesNothing(t, c.name, d, views, atlas)
	}
	for _, c := range placeCases {
		d, views, atlas := placeWorld(t, c.policies)
		allocatesNothing(t, c.name, d, views, atlas)
	}
	for _, health := range []string{"dd", "du", "ud"} {
		for kind := range AllDowns() {
			w := newWorld(t)
			w.failover("us: a b6", health)
			w.failover("world: c d6", "dd")
			w.policy("geo", "10.0.0.0/8 use us; default use world")
			w.table("10.0.0.0/8 us 10; 10.0.0.0/8 world 20")
			w.policy("fast", "latency us world; default use us")
			for _, use := range []string{"geo", "fast"} {
				d, views, atlas := w.domain(use, AllDown{Kind: AllDownKind(kind), Addrs: address.Addrs}), w.views(), w.atlas()
				allocatesNothing(t, fmt.Sprintf("%s: %s of %s", use, AllDownKind(kind), health), d, views, atlas)
			}
		}
	}
}

func allocatesNothing(t *testing.T, what string, d *Domain, views pool.Views, atlas *Atlas) {
	t.Helper()
	var s Room
	i := 0
	if n := testing.AllocsPerRun(200, func() {
		q := benchQuery(atlas, i*331) // of both countries
		d.Decide(views, &q, &s, nil)
		d.Scope(views, atlas, q.Client, nil)
		i++
	}); n != 0 {
		t.Errorf("%s: %g allocations", what, n)
	}
}

// BenchmarkScope is what an answer with EDNS Client Subnet costs besides.
func BenchmarkScope(b *testing.B) {
	d, views, atlas := benchWorld(b, benchCases()[0])
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if d.Scope(views, atlas, benchQuery(atlas, i).Client, nil) == 0 {
			b.Fatal("nothing looks at the client")
		}
	}
}

// BenchmarkNewPolicy is the cost of a policy at load, by the number of rules.
func BenchmarkNewPolicy(b *testing.B) {
	for _, n := range []int{10, 1000, 20_000} {
		prefixes := make([]Term, n)
		var rules []Rule // of a prefix each
		region := &Region{Name: "r"}
		for i := range prefixes {
			at := uint32(i) * 40503 << 8 // spread, each once
			addr := netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), 0})
			prefixes[i] = Term{Source: Source{Prefix: netip.PrefixFrom(addr, 24)}}
			rules = append(rules, Rule{From: prefixes[i : i+1]})
			region.Add(prefixes[i])
		}
		for _, bm := range []struct {
			name  string
			rules []Rule
		}{
			{"rules", rules},
			{"of a rule", []Rule{{From: prefixes}}},
			{"of a rule with a negation", []Rule{{From: append([]Term{{Source: Source{Not: true, Prefix: netip.MustParsePrefix("10.0.0.0/8")}}}, prefixes...)}}},
			{"of a region", []Rule{{From: []Term{{Source: Source{Region: "r"}, In: region}}}}},
		} {
			b.Run(fmt.Sprintf("%d prefixes/%s", n, bm.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p, dead := NewPolicy("p", bm.rules, Target{})
					if dead != nil {
						b.Fatal("dead rules")
					}
					NewAtlas(Knowledge{}, []*Policy{p}, nil)
				}
			})
		}
	}
}
