package policy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// FuzzRules makes geo files, regions and a policy from bytes, and tries out a
// small space of addresses. It must hold that
//
//   - the rule of every address is what a scan of the rules as written finds, and
//     its bits are the shortest prefix that has one rule;
//   - nobody gets a rule that is said to be dead, whatever files may say; and all
//     rules of prefixes alone that nobody gets are said to be;
//   - the rules and the regions that are said to be nobody's now are just those.
func FuzzRules(f *testing.F) {
	addRandom(f, 250, 120)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		s := []space{
			newSpace("0.0.0.0", 0), newSpace("192.0.0.0", 16), newSpace("192.0.2.0", 24),
			newSpace("2001:db8::", 40), newSpace("2001:db8::7700", 120),
		}[d.below(5)]
		w := newWorld(t)
		for range d.below(4) {
			w.someFile(s.networks(&d))
		}
		var regions []*Region
		for range d.below(4) {
			r := &Region{}
			for range 1 + d.below(3) {
				r.Add(s.terms(&d, w, regions)...)
			}
			regions = append(regions, r)
		}
		var rules []Rule
		for range []int{d.below(5), 40}[d.below(8)/7] {
			rules = append(rules, Rule{From: s.terms(&d, w, regions)})
		}
		p, dead := NewPolicy("p", rules, Target{})
		atlas := NewAtlas(w.know, []*Policy{p}, nil)
		check(t, s, atlas.rules[0].table.Lookup, func(a netip.Addr) int32 { return scan(rules, visitor{a, w.facts(a)}) })

		unmatched, empty := w.nobodys(s, rules, regions)
		if got := atlas.Unmatched(p); !slices.Equal(got, unmatched) {
			t.Errorf("nobody matches rules %v, want %v", got, unmatched)
		}
		if got := Empty(w.know.Files, regions); !slices.Equal(got, empty) {
			t.Errorf("nobody is in regions %v, want %v", got, empty)
		}
		blind := !slices.ContainsFunc(rules, func(r Rule) bool { return slices.ContainsFunc(r.From, asksPlace) })
		if blind && !slices.Equal(dead, unmatched) {
			t.Errorf("rules %v of prefixes alone are dead, want %v", dead, unmatched)
		}
		if len(dead) > 0 {
			alive(t, s, rules, dead)
		}
	})
}

// someFile is file, where what the lines say is not nothing at all.
func (w *world) someFile(lines string) {
	if err := w.addFile(lines); err != nil && !strings.Contains(err.Error(), "none of its records") {
		w.t.Fatal(err)
	}
}

// terms are some sources: prefixes in the space, all of a family, places, regions.
func (s space) terms(d *dice, w *world, regions []*Region) []Term {
	var terms []Term
	for range 1 + d.below(3) {
		var t Term
		switch n := d.below(12); {
		case n < 2:
			t = w.terms(d.pick("0.0.0.0/0", "::/0"))[0]
		case n < 4 && len(regions) > 0:
			t.In = regions[d.below(len(regions))]
			t.Region = "r"
		case n < 8:
			t.Prefix = s.prefix(d)
		default:
			t = w.terms(d.pick(
				"continent:EU", "continent:AS", "country:CN", "country:DE", "country:FR", "subdivision:CN-GD", "subdivision:CN-SZ",
				"subdivision:DE-GD", "subdivision:DE-BY", "subdivision:US-CA", "asn:4134", "asn:64500",
			))[0]
		}
		t.Not = d.below(4) == 0
		terms = append(terms, t)
	}
	return terms
}

// asksPlace says whether a term speaks of a place.
func asksPlace(t Term) bool {
	if t.In == nil {
		return t.Place != geo.Place{}
	}
	return slices.ContainsFunc(t.In.lines, func(line []Term) bool { return slices.ContainsFunc(line, asksPlace) })
}

// nobodys are the rules and regions that no client has, by trying out all.
func (w *world) nobodys(s space, rules []Rule, regions []*Region) (unmatched, empty []int) {
	matched, met := make([]bool, len(rules)+1), make([]bool, len(regions))
	for _, a := range s.all() {
		v := visitor{a, w.facts(a)}
		matched[scan(rules, v)] = true
		for i, r := range regions {
			met[i] = met[i] || names(Term{In: r}, v)
		}
	}
	for i := range rules {
		if !matched[i] {
			unmatched = append(unmatched, i)
		}
	}
	for i := range regions {
		if !met[i] {
			empty = append(empty, i)
		}
	}
	return unmatched, empty
}

// alive looks for clients of dead rules, with all facts that a file could tell.
func alive(t *testing.T, s space, rules []Rule, dead []int) {
	t.Helper()
	addrs := s.all()
	for _, place := range []string{"", "EU", "AS", "AS/CN", "AS/CN/GD", "AS/CN/GD/SZ", "AS/CN/SZ", "EU/CN/SZ", "EU/DE", "EU/DE/GD/BY", "NA/US/CA", "/FR"} {
		for _, asn := range []string{"", "asn:4134", "asn:64500", "asn:64501"} {
			_, facts := newWorld(t).record([]string{place, asn})
			for i := 0; i < len(addrs); i += 1 + i%5 {
				v := visitor{addrs[i], facts}
				if rule := int(scan(rules, v)); slices.Contains(dead, rule) {
					t.Fatalf("rule %d is dead, but %s of %q gets it", rule, v.addr, v.facts)
				}
			}
		}
	}
}

// scan is the rule for a client, found by reading the rules as they are written.
func scan(rules []Rule, v visitor) int32 {
	for i, r := range rules {
		excluded, positive, named := false, false, false
		for _, t := range r.From {
			if t.Not {
				excluded = excluded || names(t, v)
			} else {
				positive = true
				named = named || names(t, v)
			}
		}
		if !excluded && (named || !positive) {
			return int32(i)
		}
	}
	return int32(len(rules))
}

// names says whether a term's source, negated or not, is what a client is.
func names(t Term, v visitor) bool {
	switch {
	case t.Prefix.IsValid():
		return v.addr.IsValid() && v.addr.BitLen() == t.Prefix.Addr().BitLen() && t.Prefix.Contains(v.addr)
	case t.Place.Kind == geo.Continent:
		return v.facts.Continent == t.Place.Code
	case t.Place.Kind == geo.Country:
		return v.facts.Country == t.Place.Code
	case t.Place.Kind == geo.Subdivision:
		return v.facts.Country == t.Place.Code && slices.Contains(v.facts.Parts[:], t.Place.Part)
	case t.Place.Kind == geo.ASN:
		return v.facts.ASN == t.Place.ASN
	}
	for _, line := range t.In.lines {
		met := true
		for _, t := range line {
			met = met && names(t, v) != t.Not
		}
		if met {
			return true
		}
	}
	return false
}
