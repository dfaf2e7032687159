package policy

import (
	"net/netip"
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// visitor is a client as sources see it. The zero value is one of whom nothing is
// known.
type visitor struct {
	addr  netip.Addr
	facts geo.Facts
}

// Term is a source whose region, if it names one, is known.
type Term struct {
	Source

	In *Region // where Source.Region is set
}

// Region is a named source: its lines are ORed, the terms of a line ANDed.
type Region struct {
	Name  string
	lines [][]Term
	plain plainSet // of the lines that are a prefix or a place alone; the others are in more
	more  [][]Term
}

// Add adds a line to the region.
func (r *Region) Add(line ...Term) {
	r.lines = append(r.lines, line)
	if len(line) == 1 && line[0].plain() {
		r.plain.add(line[0])
		return
	}
	r.more = append(r.more, line)
}

// plain says whether the term is a prefix or a place, and not negated.
func (t Term) plain() bool { return t.In == nil && !t.Not }

// names says whether the term's source, negated or not, is what a client is.
// What is not known of a client names nothing.
func (t Term) names(v visitor) bool {
	switch {
	case t.In != nil:
		return t.In.names(v)
	case t.Prefix.IsValid():
		return t.Prefix.Contains(v.addr)
	}
	return t.Place.Names(v.facts)
}

func (r *Region) names(v visitor) bool {
	return r.plain.names(v) || slices.ContainsFunc(r.more, func(line []Term) bool { return allHold(line, v) })
}

// allHold is the meaning of a match line: every term holds.
func allHold(terms []Term, v visitor) bool {
	for _, t := range terms {
		if t.names(v) == t.Not {
			return false
		}
	}
	return true
}

// from is a from line, made for many questions: none of the negated terms names
// the client, and one of the others does, or there are no others.
type from struct {
	plain plainSet
	more  []Term
	open  bool // there are no others
}

func newFrom(terms []Term) *from {
	f := &from{open: true}
	for _, t := range terms {
		f.open = f.open && t.Not
		if t.plain() {
			f.plain.add(t)
		} else {
			f.more = append(f.more, t)
		}
	}
	return f
}

func (f *from) names(v visitor) bool {
	named := f.open || f.plain.names(v)
	for _, t := range f.more {
		switch {
		case t.Not && t.names(v):
			return false
		case !t.Not:
			named = named || t.names(v)
		}
	}
	return named
}

// interest adds all that the terms speak of.
func interest(n *geo.Interest, terms []Term) {
	for _, t := range terms {
		switch {
		case t.In != nil:
			for _, line := range t.In.lines {
				interest(n, line)
			}
		case t.Prefix.IsValid():
			n.Prefixes = append(n.Prefixes, t.Prefix)
		default:
			n.Add(t.Place)
		}
	}
}
