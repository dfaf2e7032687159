package policy

import (
	"math"
	"net/netip"
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// findDead finds the rules that no client can match, whatever the geo files say.
func findDead(rules []Rule) []int {
	dead := deadPrefixes(rules)
	dead = append(dead, deadPlaces(rules)...)
	slices.Sort(dead)
	return slices.Compact(dead)
}

// deadPrefixes finds those among the rules that speak of prefixes alone, exactly:
// by trying every part of the address space that they cut.
func deadPrefixes(rules []Rule) []int {
	var some []Rule
	var index []int // in rules
	all := geo.NewInterest()
	for i, r := range rules {
		n := geo.NewInterest()
		interest(n, r.From)
		if len(n.Places) > 0 {
			continue
		}
		some, index = append(some, r), append(index, i)
		all.Prefixes = append(all.Prefixes, n.Prefixes...)
	}
	first := newFinder(some)
	alive := make([]bool, len(some)+1)
	geo.Compile(nil, all, func(a netip.Addr, _ geo.Facts) int32 {
		i := first.rule(visitor{addr: a})
		alive[i] = true
		return i
	})
	var dead []int
	for i := range some {
		if !alive[i] {
			dead = append(dead, index[i])
		}
	}
	return dead
}

// deadPlaces finds those all of whose sources are covered by one source of an
// earlier rule, or excluded on their own line.
func deadPlaces(rules []Rule) []int {
	var dead []int
	earlier := newFirsts() // of the rules without a negated term
	negated := func(t Term) bool { return t.Not }
	for i, r := range rules {
		excluded := newFirsts()
		open := true
		for _, t := range r.From {
			if t.Not {
				excluded.addAll(t, 0)
			}
			open = open && t.Not
		}
		alive := func(t Term) bool { return !t.Not && !earlier.cover(t) && !excluded.cover(t) }
		if !open && !slices.ContainsFunc(r.From, alive) {
			dead = append(dead, i)
		}
		if slices.ContainsFunc(r.From, negated) {
			continue
		}
		for _, t := range r.From {
			earlier.addAll(t, int32(i))
		}
	}
	return dead
}

// addAll adds a term, and of a region also those of its lines that are one term
// alone.
func (f *firsts) addAll(t Term, rule int32) {
	if _, there := f.regions[t.In]; t.In != nil && !there {
		for _, line := range t.In.lines {
			if len(line) == 1 && !line[0].Not {
				f.addAll(line[0], rule)
			}
		}
	}
	f.add(t, rule)
}

// cover says whether one of the terms that were added names every client that t
// does, negated or not.
func (f *firsts) cover(t Term) bool {
	switch {
	case t.In != nil:
		if _, ok := f.regions[t.In]; ok {
			return true
		}
		covered := func(line []Term) bool {
			return slices.ContainsFunc(line, func(t Term) bool { return !t.Not && f.cover(t) })
		}
		return !slices.ContainsFunc(t.In.lines, func(line []Term) bool { return !covered(line) })
	case t.Prefix.IsValid():
		return f.around(t.Prefix, math.MaxInt32) < math.MaxInt32
	}
	_, same := f.places[t.Place]
	_, country := f.places[geo.Place{Kind: geo.Country, Code: t.Place.Code}]
	return same || country && t.Place.Kind == geo.Subdivision
}
