package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gaissmai/bart"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// lookupCase is a policy that clients are looked up for.
type lookupCase struct {
	name  string
	files []string // of geodata
	rules func(data []*geodata) string
}

// lookupCases are a policy of a few countries, one with a rule for each country
// that there is, and one of countries, ASNs and CIDRs.
var lookupCases = []lookupCase{
	{"few countries", []string{"country"}, func([]*geodata) string {
		return "country:CN country:HK use a; country:DE country:FR use b; continent:NA use a; default use b"
	}},
	{"every country", []string{"country"}, func(data []*geodata) string {
		var rules strings.Builder
		for _, p := range data[0].places {
			fmt.Fprintf(&rules, "%s use a; ", p)
		}
		return rules.String() + "default use b"
	}},
	{"countries, ASNs and CIDRs", []string{"country", "asn"}, func(data []*geodata) string {
		var rules strings.Builder
		random := rand.New(rand.NewPCG(3, 4))
		take := func(g *geodata) geo.Place {
			i := random.IntN(len(g.places))
			defer func() { g.places = slices.Delete(g.places, i, i+1) }()
			return g.places[i]
		}
		for range 20 {
			for _, six := range []bool{false, true} {
				a := data[0].clients(1<<10, six)[random.IntN(1<<10)]
				fmt.Fprintf(&rules, "%s use a; ", netip.PrefixFrom(a, a.BitLen()*2/3).Masked())
			}
			fmt.Fprintf(&rules, "%s %s use b; %s use a; ", take(data[1]), take(data[1]), take(data[0]))
		}
		return rules.String() + "default use b"
	}},
}

// BenchmarkLookup is the look-up of a client's rule and scope, on real files where
// there are some. In the same rounds are measured what maxminddb takes to find and
// decode the client's record in each of the files, and bart to find the rule, without
// the scope, in a table of all their networks.
func BenchmarkLookup(b *testing.B) {
	for _, c := range lookupCases {
		b.Run(c.name, func(b *testing.B) {
			var data []*geodata
			w := newWorld(b)
			w.failover("a: a", "u")
			w.failover("b: b", "u")
			for _, kind := range c.files {
				data = append(data, readGeodata(b, kind))
				w.know.Files = append(w.know.Files, data[len(data)-1].file)
			}
			w.policy("p", c.rules(data))
			l := &lookups{policy: w.policies["p"], data: data, atlas: w.atlas()}
			l.fill(b)
			l.measure(b)
		})
	}
}

// lookups are the ways to look clients up.
type lookups struct {
	policy *Policy
	atlas  *Atlas
	data   []*geodata
	table  bart.Table[int32]
}

// fill fills the table of bart: with every prefix that the files or the rules have.
func (l *lookups) fill(b *testing.B) {
	b.Helper()
	prefixes := append(slices.Clone(l.policy.interest().Prefixes), netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	for _, g := range l.data {
		prefixes = slices.Concat(prefixes, g.networks, g.others)
	}
	for _, p := range prefixes {
		l.table.Insert(p, l.gtm(p.Addr()))
	}
}

func (l *lookups) gtm(a netip.Addr) int32 {
	rule, _ := l.atlas.rule(l.policy, pool.Client{Addr: a, Bits: a.BitLen()})
	return int32(rule)
}

func (l *lookups) bart(a netip.Addr) int32 {
	rule, _ := l.table.Lookup(a)
	return rule
}

func (l *lookups) mmdb(a netip.Addr) int32 {
	var p place
	for _, g := range l.data {
		if err := g.db.Lookup(a).Decode(&p); err != nil {
			return -1
		}
	}
	return int32(p.ASN)
}

// measure lets them take turns, and reports the medians. A turn begins without being
// timed, with all clients, so that the caches are as under load, and not as the other
// way has left them.
func (l *lookups) measure(b *testing.B) {
	b.Helper()
	const turn, all = 1 << 14, 1 << 16
	ways := []struct {
		name string
		find func(netip.Addr) int32
	}{{"gtm", l.gtm}, {"bart", l.bart}, {"maxminddb", l.mmdb}}
	clients := map[string][]netip.Addr{"IPv4": l.data[0].clients(all, false), "IPv6": l.data[0].clients(all, true)}
	for _, list := range clients {
		for _, a := range list {
			if l.gtm(a) != l.bart(a) {
				b.Fatalf("%s: bart finds rule %d, and gtm %d", a, l.bart(a), l.gtm(a))
			}
		}
		if n := testing.AllocsPerRun(1, func() {
			for _, a := range list {
				l.gtm(a)
			}
		}); n != 0 {
			b.Fatalf("%g allocations", n)
		}
	}
	times := map[string][]float64{}
	for n := 0; b.Loop(); n += turn {
		for _, way := range ways {
			for family, list := range clients {
				for _, a := range list {
					way.find(a)
				}
				start := time.Now()
				for _, a := range list[n%all : n%all+turn] {
					way.find(a)
				}
				unit := "ns/" + way.name + "-" + family
				times[unit] = append(times[unit], float64(time.Since(start))/turn)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for unit, list := range times {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], unit)
	}
}
