package policy

import (
	"fmt"
	"math"
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// estimates are those of a latency policy's pools for a client, by reading the
// table's rows as they are written, and else by distance; infinite where nothing
// is known.
func (w *world) estimates(l *Latency, v visitor) []float64 {
	var list []float64
	for _, c := range l.Pools {
		ms, ok := w.estimate(c.Failover, v)
		if !ok {
			ms = math.Inf(1)
			if c.At != nil && v.facts.Located {
				ms = roundTrip(float64(v.facts.Lat)/100, float64(v.facts.Lon)/100, c.At.Lat, c.At.Lon)
			}
		}
		list = append(list, ms)
	}
	return list
}

// estimate is by the row of a failover's pool that says most of the client.
func (w *world) estimate(failover int, v visitor) (ms float64, ok bool) {
	most := -1
	for _, r := range w.rows {
		if r.failover != failover || !names(r.source, v) {
			continue
		}
		says := map[geo.Kind]int{geo.Country: 1, geo.Subdivision: 2, geo.ASN: 4}[r.source.Place.Kind]
		switch {
		case r.source.Prefix.IsValid():
			says = 5 + r.source.Prefix.Bits()
		case says == 2 && r.source.Place.Part == v.facts.Parts[1]:
			says = 3
		}
		if says > most {
			most, ms = says, r.ms
		}
	}
	return ms, most >= 0
}

// roundTrip is how long light in fibre takes there and back, by the angle between
// two vectors.
func roundTrip(lat1, lon1, lat2, lon2 float64) float64 {
	vector := func(lat, lon float64) [3]float64 {
		sin, cos := math.Sincos(lat * math.Pi / 180)
		y, x := math.Sincos(lon * math.Pi / 180)
		return [3]float64{cos * x, cos * y, sin}
	}
	a, b := vector(lat1, lon1), vector(lat2, lon2)
	cross := [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
	angle := math.Atan2(math.Sqrt(cross[0]*cross[0]+cross[1]*cross[1]+cross[2]*cross[2]), a[0]*b[0]+a[1]*b[1]+a[2]*b[2])
	return 2 * 6371.0088 * angle / (299.792458 * 4 / 9)
}

// ranked are the pools of which something is known, the best first, and of equal
// estimates the first one.
func ranked(estimates []float64) []int {
	var order []int
	for i, ms := range estimates {
		if !math.IsInf(ms, 1) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case estimates[a] < estimates[b]-1e-9:
			return -1
		case estimates[a] > estimates[b]+1e-9:
			return 1
		}
		return 0
	})
	return order
}

// within says whether a pool is as good as the best one, within tolerance.
func (l *Latency) within(estimates []float64, i, best int) bool {
	return estimates[i]-estimates[best] < l.Tolerance+1e-6
}

// chosen is the client's pool among those that are free: of those within tolerance
// of the best, the one with the highest lot; or -1.
func (l *Latency) chosen(estimates []float64, c pool.Client, free func(int) bool) int {
	all := slices.DeleteFunc(ranked(estimates), func(i int) bool { return !free(i) })
	if len(all) == 0 {
		return -1
	}
	equals := slices.DeleteFunc(slices.Clone(all), func(i int) bool { return !l.within(estimates, i, all[0]) })
	return slices.MaxFunc(equals, func(a, b int) int {
		if l.Pools[a].Pool.Lot(c) > l.Pools[b].Pool.Lot(c) {
			return 1
		}
		return -1
	})
}

// order is all that a latency policy says of a client, whatever is up: its pools
// in their order, and for each one those that are its equals.
func (l *Latency) order(estimates []float64) (text string, shared bool) {
	order := ranked(estimates)
	for n, i := range order {
		text += fmt.Sprintf(" %d:", i)
		for _, j := range order[n+1:] {
			if l.within(estimates, j, i) {
				text += fmt.Sprintf("%d,", j)
				shared = true
			}
		}
	}
	return text, shared
}
