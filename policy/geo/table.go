package geo

import (
	"iter"
	"math"
	"net/netip"
)

// Table gives every address a value. It knows the shortest prefix around an
// address within which the value is the same: the scope of an answer that depends
// on nothing else (RFC 7871, section 7.2.1). It is never written to once made.
type Table struct {
	families [2]*ranges // IPv4, IPv6
	nobody   int32
}

// Lookup is the value for an address, and how many of its bits decided it. An
// invalid address is that of a client of whom nothing is known.
func (t *Table) Lookup(a netip.Addr) (value int32, bits int) {
	if !a.IsValid() {
		return t.nobody, 0
	}
	r := t.families[0]
	if !a.Is4() {
		r = t.families[1]
	}
	k := keyOf(a)
	i := r.find(k)
	return r.value(i), r.bits(k, i)
}

// Uniform says that all addresses, of either family, have one value.
func (t *Table) Uniform() bool {
	v4, v6 := t.families[0], t.families[1]
	return len(v4.values) == 1 && len(v6.values) == 1 && v4.values[0] == v6.values[0]
}

// Values are those of all addresses and of nobody; some come more than once.
func (t *Table) Values() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		if !yield(t.nobody) {
			return
		}
		for _, r := range t.families {
			for i := range r.values {
				if !yield(r.value(i)) {
					return
				}
			}
		}
	}
}

// Len is in how many ranges of addresses the table cuts a family.
func (t *Table) Len() (v4, v6 int) { return len(t.families[0].values), len(t.families[1].values) }

// Interest is what some rules speak of: clients that differ in other facts alone
// are the same to them.
type Interest struct {
	Places    map[Place]bool
	Location  bool
	Prefixes  []netip.Prefix
	countries map[Code]bool // that are places, or have some
}

// NewInterest is an interest in nothing yet.
func NewInterest() *Interest { return &Interest{Places: map[Place]bool{}, countries: map[Code]bool{}} }

// Add adds a place.
func (n *Interest) Add(p Place) {
	n.Places[p] = true
	if p.Kind == Country || p.Kind == Subdivision {
		n.countries[p.Code] = true
	}
}

// Kinds are the kinds of facts that matter.
func (n *Interest) Kinds() []Kind {
	var list []Kind
	for _, k := range Kinds() {
		for p := range n.Places {
			if p.Kind == k {
				list = append(list, k)
				break
			}
		}
	}
	if n.Location {
		list = append(list, Location)
	}
	return list
}

// Blind says that only prefixes matter.
func (n *Interest) Blind() bool { return len(n.Places) == 0 && !n.Location }

// other stands for all that nothing is said of, though it is known.
var other = Facts{Continent: Code{'?'}, Country: Code{'?'}, Parts: [2]Part{{'?'}, {'?'}}, ASN: math.MaxUint32}

// of is what matters of some facts.
func (n *Interest) of(f Facts) Facts {
	if !n.Location {
		f.Located, f.Lat, f.Lon = false, 0, 0
		if f.Country != (Code{}) && !n.countries[f.Country] {
			f.Country, f.Parts = other.Country, [2]Part{}
		}
	}
	if f.Continent != (Code{}) && !n.Places[Place{Kind: Continent, Code: f.Continent}] {
		f.Continent = other.Continent
	}
	for i, part := range f.Parts {
		if part != (Part{}) && !n.Places[Place{Kind: Subdivision, Code: f.Country, Part: part}] {
			f.Parts[i] = other.Parts[i]
		}
	}
	if f.ASN != 0 && !n.Places[Place{Kind: ASN, ASN: f.ASN}] {
		f.ASN = other.ASN
	}
	return f
}
