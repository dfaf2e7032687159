package geo

import (
	"net/netip"
	"slices"
)

// Files are geo files that are used together. Of each kind of fact the first file
// that knows it is believed.
type Files []*File

// Facts are what the files know of an address.
func (fs Files) Facts(a netip.Addr) Facts {
	var known Facts
	for _, f := range fs {
		known = known.with(f.Facts(a))
	}
	return known
}

// Knows says whether any of the files has facts of a kind.
func (fs Files) Knows(k Kind) bool {
	for _, f := range fs {
		if f.Knows(k) {
			return true
		}
	}
	return false
}

// Placeless is a table of the addresses for use within a network of whose place no
// file knows anything: 1 for those, and 0 for all others.
func (fs Files) Placeless() *Table {
	var t Table
	for family := range t.families {
		blanks := []*list{placeless(nil, family)}
		for _, f := range fs {
			blanks = append(blanks, placeless(f, family))
		}
		t.families[family] = newRanges(func(add func(key, int32)) { merge(blanks, slices.Min[[]int32], add) }, nil)
	}
	return &t
}

// placeless is the part of that for one file, or for none.
func placeless(f *File, family int) *list {
	l := new(list)
	end, more := key{}, true // behind the prefixes so far
	for _, p := range special {
		if p.Addr().Is6() != (family == 1) {
			continue
		}
		at := keyOf(p.Addr())
		if at != end {
			l.add(end, 0)
		}
		end, more = behind(p)
		if f == nil {
			l.add(at, 1)
			continue
		}
		known := f.networks[family]
		for i := known.find(at); i < known.starts.n && at.compare(end) < 0; i++ {
			blank := int32(1)
			if f.facts[known.value(i)] != (Facts{}) {
				blank = 0
			}
			l.add(at, blank)
			if i+1 < known.starts.n {
				at = known.start(i + 1)
			}
		}
	}
	if more {
		l.add(end, 0)
	}
	return l
}

// factList numbers different facts. Number 0 is that nothing is known.
type factList struct {
	facts []Facts
	known map[Facts]int32
}

func newFactList() *factList {
	return &factList{facts: []Facts{{}}, known: map[Facts]int32{{}: 0}}
}

func (l *factList) index(f Facts) int32 {
	i, ok := l.known[f]
	if !ok {
		i = int32(len(l.facts))
		l.known[f] = i
		l.facts = append(l.facts, f)
	}
	return i
}
