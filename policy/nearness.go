package policy

import (
	"net/netip"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// The ranks of a pool's members for the nearest balance.
const (
	rankNamed  = iota // its from names the client
	rankAnyone        // it has no from
	rankOthers        // its from names others
)

// nearness ranks the members of a pool by their from.
type nearness struct {
	table *table
	ranks [][]uint8 // table value -> rank by member
}

// NewNearness is the nearness of a pool whose members have these from terms, in
// the pool's order; nil where none has any.
func NewNearness(members [][]Term) pool.Nearness {
	var cuts []netip.Prefix
	for _, terms := range members {
		cuts = prefixes(cuts, terms)
	}
	if len(cuts) == 0 {
		return nil
	}
	n := &nearness{}
	lines := make([]*from, len(members))
	for i, terms := range members {
		lines[i] = newFrom(terms)
	}
	known := map[string]int32{} // ranks -> their index
	n.table = newTable(cuts, func(addr netip.Addr) int32 {
		ranks := make([]uint8, len(members))
		for i, terms := range members {
			switch {
			case len(terms) == 0:
				ranks[i] = rankAnyone
			case !lines[i].names(addr):
				ranks[i] = rankOthers
			}
		}
		i, ok := known[string(ranks)]
		if !ok {
			i = int32(len(n.ranks))
			known[string(ranks)] = i
			n.ranks = append(n.ranks, ranks)
		}
		return i
	})
	return n
}

// Ranks implements pool.Nearness.
func (n *nearness) Ranks(c pool.Client) []uint8 {
	i, _ := n.table.lookup(c.Addr)
	return n.ranks[i]
}

// Scope implements pool.Nearness.
func (n *nearness) Scope(c pool.Client) int {
	_, bits := n.table.lookup(c.Addr)
	return bits
}
