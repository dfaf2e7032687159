package policy

import "net/netip"

// Term is a source whose region, if it names one, is known.
type Term struct {
	Source

	In *Region // where Source.Region is set
}

// Region is a named source: its lines are ORed, the terms of a line ANDed.
type Region struct {
	Name  string
	Lines [][]Term
}

// names says whether the term's source, negated or not, is what a client is.
// What is not known of a client names nothing.
func (t Term) names(addr netip.Addr) bool {
	if t.In != nil {
		return t.In.names(addr)
	}
	return t.Prefix.Contains(addr)
}

func (r *Region) names(addr netip.Addr) bool {
	for _, line := range r.Lines {
		if allHold(line, addr) {
			return true
		}
	}
	return false
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

// anyHolds is the meaning of a from line: none of the negated terms names the
// client, and one of the others does, or there are no others.
func anyHolds(terms []Term, addr netip.Addr) bool {
	positive, named := false, false
	for _, t := range terms {
		switch {
		case !t.Not:
			positive = true
			named = named || t.names(addr)
		case t.names(addr):
			return false
		}
	}
	return named || !positive
}

// prefixes appends every prefix that the terms speak of.
func prefixes(dst []netip.Prefix, terms []Term) []netip.Prefix {
	for _, t := range terms {
		if t.In == nil {
			dst = append(dst, t.Prefix)
			continue
		}
		for _, line := range t.In.Lines {
			dst = prefixes(dst, line)
		}
	}
	return dst
}
