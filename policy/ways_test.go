package policy

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// FuzzWays makes policies and files: the rules that a decision tells of any client are
// those of one way; so are those of every example of it; the networks that are
// examples have no client in common; and the ways share all addresses.
func FuzzWays(f *testing.F) {
	addRandom(f, 400, 300)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &roll{dice: dice{data}, world: newWorld(t)}
		for range 1 + r.below(3) {
			r.failover()
		}
		r.files()
		use := r.failovers[0].Name
		for range r.below(5) {
			use = r.policy()
		}
		d := r.domain(use, AllDown{})
		views := r.live(1)
		atlas := r.query(pool.IPv4, "").Atlas
		for _, fam := range []pool.Family{pool.IPv4, pool.IPv6} {
			texts, share := map[string]bool{}, 0.0
			var networks []netip.Prefix
			for _, way := range atlas.Ways(d.Target, fam) {
				if texts[way.Text] || len(way.Examples) == 0 || len(way.Examples) > MaxExamples {
					t.Fatalf("%s: there twice, or with %d examples", way.Text, len(way.Examples))
				}
				texts[way.Text] = true
				share += way.Share
				for _, e := range way.Examples {
					for _, addr := range []netip.Addr{e.Prefix.Addr(), r.neighbour(e.Prefix.Addr(), e.Prefix.Bits()), lastOf(e.Prefix)} {
						if got := r.toldWay(d, views, Query{Client: client(addr.String(), ""), Atlas: atlas, Family: fam}); got != way.Text {
							t.Fatalf("%s of %s takes %q, not %q", addr, e.Prefix, got, way.Text)
						}
					}
					for _, other := range networks {
						if other.Overlaps(e.Prefix) {
							t.Fatalf("%s and %s", other, e.Prefix)
						}
					}
					networks = append(networks, e.Prefix)
				}
			}
			if math.Abs(share-1) > 1e-9 {
				t.Fatalf("%s: all ways together have %v of all addresses", fam, share)
			}
			for range 8 {
				addr := r.neighbour(client(r.pick("10.1.2.3", "10.9.9.9", "192.0.2.55", "198.51.100.7", "2001:db8::1", "2001:db8:1::1"), "").Addr, r.below(33))
				if addr.Is4() != (fam == pool.IPv4) {
					continue
				}
				if got := r.toldWay(d, views, Query{Client: client(addr.String(), ""), Atlas: atlas, Family: fam}); !texts[got] {
					t.Fatalf("%s takes %q, which is none of %v", addr, got, texts)
				}
			}
		}
	})
}

// toldWay is the way that a decision tells it has gone at first.
func (r *roll) toldWay(d *Domain, views pool.Views, q Query) string {
	var trace Trace
	d.Decide(views, &q, new(Room), &trace)
	var way []string
	for _, s := range trace.Steps {
		switch s.Kind {
		case "failover", "set":
			return cmp.Or(strings.Join(way, ", "), "everyone")
		case "latency":
			p := r.policies[s.Name]
			estimates := r.estimates(p.Latency, visitor{q.Client.Addr, q.Atlas.Files.Facts(q.Client.Addr)})
			if order := ranked(estimates); len(order) > 0 {
				return strings.Join(append(way, s.Name+": "+p.Latency.Pools[order[0]].Pool.Name+" is best"), ", ")
			}
		case "rule":
			if s.Text == "the default" {
				way = append(way, s.Name+": default")
				continue
			}
			var n int
			var from string
			_, _ = fmt.Sscanf(s.Text, "number %d matches:", &n)
			_, from, _ = strings.Cut(strings.TrimSuffix(s.Text, ", fenced"), ": from ")
			way = append(way, fmt.Sprintf("%s: rule %d (%s)", s.Name, n, from))
		}
	}
	return cmp.Or(strings.Join(way, ", "), "everyone")
}
