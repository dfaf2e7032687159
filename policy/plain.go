package policy

import (
	"net/netip"

	"github.com/gaissmai/bart"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// prefixMap maps prefixes to values.
type prefixMap[V any] struct{ table bart.Table[V] }

// put adds a prefix, unless it is there already.
func (m *prefixMap[V]) put(p netip.Prefix, v V) (added bool) {
	if _, taken := m.table.Get(p); taken {
		return false
	}
	m.table.Insert(p, v)
	return true
}

// longest is the value of the longest prefix that an address is in.
func (m *prefixMap[V]) longest(a netip.Addr) (V, bool) {
	if !a.IsValid() {
		var none V
		return none, false
	}
	return m.table.Lookup(a)
}

// plainSet is a set of prefixes and places.
type plainSet struct {
	prefixes bart.Lite
	places   map[geo.Place]bool
}

func (s *plainSet) add(t Term) {
	if t.Prefix.IsValid() {
		s.prefixes.Insert(t.Prefix)
		return
	}
	if s.places == nil {
		s.places = map[geo.Place]bool{}
	}
	s.places[t.Place] = true
}

// names says whether one of the set is what a client is.
func (s *plainSet) names(v visitor) bool {
	if v.addr.IsValid() && s.prefixes.Contains(v.addr) {
		return true
	}
	if len(s.places) == 0 {
		return false
	}
	for place := range v.facts.Places() {
		if s.places[place] {
			return true
		}
	}
	return false
}

// firsts knows, for each of many prefixes, places and regions, the first of the
// rules that name it.
type firsts struct {
	prefixes prefixMap[int32]
	places   map[geo.Place]int32
	regions  map[*Region]int32
}

func newFirsts() *firsts {
	return &firsts{places: map[geo.Place]int32{}, regions: map[*Region]int32{}}
}

// add adds a term that is not negated. Rules come in order.
func (f *firsts) add(t Term, rule int32) {
	switch {
	case t.In != nil:
		if _, ok := f.regions[t.In]; !ok {
			f.regions[t.In] = rule
		}
	case t.Prefix.IsValid():
		f.prefixes.put(t.Prefix, rule)
	default:
		if _, ok := f.places[t.Place]; !ok {
			f.places[t.Place] = rule
		}
	}
}

// of is the first rule that names a client by a prefix or a place, or none.
func (f *firsts) of(v visitor, none int32) int32 {
	if v.addr.IsValid() {
		none = f.around(netip.PrefixFrom(v.addr, v.addr.BitLen()), none)
	}
	if len(f.places) == 0 {
		return none
	}
	for place := range v.facts.Places() {
		if rule, ok := f.places[place]; ok {
			none = min(none, rule)
		}
	}
	return none
}

// around is the first rule that names all of a prefix.
func (f *firsts) around(p netip.Prefix, none int32) int32 {
	for _, rule := range f.prefixes.table.Supernets(p) {
		none = min(none, rule)
	}
	return none
}
