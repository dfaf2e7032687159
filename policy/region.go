package policy

import (
	"net/netip"
	"slices"
)

// Term is a source whose region, if it names one, is known.
type Term struct {
	Source

	In *Region // where Source.Region is set
}

// Region is a named source: its lines are ORed, the terms of a line ANDed.
type Region struct {
	Name  string
	lines [][]Term
	plain prefixSet // of the lines that are a prefix alone; the others are in more
	more  [][]Term
}

// Add adds a line to the region.
func (r *Region) Add(line ...Term) {
	r.lines = append(r.lines, line)
	if len(line) == 1 && line[0].plain() {
		r.plain.add(line[0].Prefix)
		return
	}
	r.more = append(r.more, line)
}

// plain says whether the term is a prefix, and not negated.
func (t Term) plain() bool { return t.In == nil && !t.Not }

// names says whether the term's source, negated or not, is what a client is.
// What is not known of a client names nothing.
func (t Term) names(addr netip.Addr) bool {
	if t.In != nil {
		return t.In.names(addr)
	}
	return t.Prefix.Contains(addr)
}

func (r *Region) names(addr netip.Addr) bool {
	return r.plain.contains(addr) || slices.ContainsFunc(r.more, func(line []Term) bool { return allHold(line, addr) })
}

// allHold is the meaning of a match line: every term holds.
func allHold(terms []Term, addr netip.Addr) bool {
	for _, t := range terms {
		if t.names(addr) == t.Not {
			return false
		}
	}
	return true
}

// from is a from line, made for many questions: none of the negated terms names
// the client, and one of the others does, or there are no others.
type from struct {
	plain prefixSet
	more  []Term
	open  bool // there are no others
}

func newFrom(terms []Term) *from {
	f := &from{open: true}
	for _, t := range terms {
		f.open = f.open && t.Not
		if t.plain() {
			f.plain.add(t.Prefix)
		} else {
			f.more = append(f.more, t)
		}
	}
	return f
}

func (f *from) names(addr netip.Addr) bool {
	named := f.open || f.plain.contains(addr)
	for _, t := range f.more {
		switch {
		case t.Not && t.names(addr):
			return false
		case !t.Not:
			named = named || t.names(addr)
		}
	}
	return named
}

// prefixes appends every prefix that the terms speak of.
func prefixes(dst []netip.Prefix, terms []Term) []netip.Prefix {
	for _, t := range terms {
		if t.In == nil {
			dst = append(dst, t.Prefix)
			continue
		}
		for _, line := range t.In.lines {
			dst = prefixes(dst, line)
		}
	}
	return dst
}
