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
	return r.values[i], r.bits(k, i)
}

// Values are those of all addresses and of nobody; some come more than once.
func (t *Table) Values() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		if !yield(t.nobody) {
			return
		}
		for _, r := range t.families {
			for _, v := range r.values {
				if !yield(v) {
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

// Compile makes a table of what is decided about clients. Every kind of client
// that is different to the interest is decided once; nobody is an invalid address
// without facts.
func Compile(files Files, interest *Interest, decide func(netip.Addr, Facts) int32) *Table {
	t := &Table{nobody: decide(netip.Addr{}, Facts{})}
	for i := range t.families {
		facts, known := files.facts(i, interest)
		cells := cells(interest.Prefixes, i == 1)
		if len(cells.values) == 1 { // no prefix: the facts alone decide
			t.families[i] = known.replace(remember(func(f int32) int32 {
				return decide(anywhere[i], facts[f])
			}))
			continue
		}
		inCell := rememberPairs(func(cell, f int32) int32 {
			return decide(cells.start(int(cell)).addr(i == 1), facts[f])
		})
		t.families[i] = overlay(cells, known, inCell)
	}
	return t
}

// Cells is a table of what prefixes cut: no two of its parts have one value.
func Cells(prefixes []netip.Prefix) *Table {
	return &Table{families: [2]*ranges{cells(prefixes, false), cells(prefixes, true)}}
}

// anywhere is an address of each family where no prefix is cut.
var anywhere = [2]netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}

// remember is f, asked once for every x.
func remember(f func(int32) int32) func(int32) int32 {
	known := map[int32]int32{}
	return func(x int32) int32 {
		y, ok := known[x]
		if !ok {
			y = f(x)
			known[x] = y
		}
		return y
	}
}

// rememberPairs is f, asked once for every pair.
func rememberPairs(f func(x, y int32) int32) func(x, y int32) int32 {
	type pair struct{ x, y int32 }
	known := map[pair]int32{}
	return func(x, y int32) int32 {
		z, ok := known[pair{x, y}]
		if !ok {
			z = f(x, y)
			known[pair{x, y}] = z
		}
		return z
	}
}
