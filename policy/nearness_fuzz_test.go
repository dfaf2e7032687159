package policy

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// FuzzNearness makes geo files and neighbours from bytes. It must hold that the
// rank of each, for every address of a small space, is how many different ones are
// nearer, and the bits the shortest prefix that has the same ranks.
func FuzzNearness(f *testing.F) {
	addRandom(f, 150, 120)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		s := []space{newSpace("0.0.0.0", 0), newSpace("192.0.2.0", 24), newSpace("2001:db8::", 40)}[d.below(3)]
		w := newWorld(t)
		for range d.below(3) {
			w.someFile(s.networks(&d))
		}
		w.region("r", d.pick("continent:EU; asn:4134", "country:CN !subdivision:CN-GD", "!country:DE"))
		var members []string
		for range 1 + d.below(5) {
			text := d.pick("", "at:50,8.75", "at:40.75,-74", "at:-33.75,151.25", "at:35.75,139.75") + " "
			for range d.below(3) {
				text += d.pick("", "!") + d.pick(s.prefix(&d).String(), "0.0.0.0/0", "country:CN", "continent:EU", "asn:4134", "region:r") + " "
			}
			members = append(members, text)
		}
		near := w.neighbours(members...)
		atlas := w.atlas()
		check(t, s, func(a netip.Addr) (string, int) {
			c := pool.Client{Addr: a, Bits: a.BitLen()}
			return fmt.Sprint(atlas.Ranks(near, c, nil)), atlas.Scope(near, c)
		}, func(a netip.Addr) string { return ranksOf(w.near[near-1], visitor{a, w.facts(a)}) })
	})
}

// ranksOf are those of neighbours for a client, by the rules as they are written.
func ranksOf(n Neighbourhood, v visitor) string {
	type place struct {
		by       int
		distance float64
	}
	places := make([]place, len(n))
	for i, one := range n {
		p := &places[i]
		*p = place{1, math.Inf(1)}
		if len(one.From) > 0 {
			p.by = 2 * int(scan([]Rule{{From: one.From}}, v))
		}
		if one.At != nil && v.facts.Located {
			p.distance = roundTrip(float64(v.facts.Lat)/100, float64(v.facts.Lon)/100, one.At.Lat, one.At.Lon)
		}
	}
	ranks := make([]string, len(n))
	for i, p := range places {
		nearer := map[string]bool{}
		for _, other := range places {
			if other.by < p.by || other.by == p.by && other.distance < p.distance-1e-9 {
				nearer[fmt.Sprintf("%d %.6f", other.by, other.distance)] = true
			}
		}
		ranks[i] = fmt.Sprint(len(nearer))
	}
	return "[" + strings.Join(ranks, " ") + "]"
}
