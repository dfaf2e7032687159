package policy

import (
	"cmp"
	"math"
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// Neighbourhood is the members of a pool, or the pools of a set, among which the
// nearest balance picks, in their order.
type Neighbourhood []Neighbour

// Neighbour is a member or a pool.
type Neighbour struct {
	From []Term     // the clients that it is near to; or none
	At   *geo.Point // or nil
}

// Flat says that nobody is nearer than another, whoever asks.
func (n Neighbourhood) Flat() bool {
	return !slices.ContainsFunc(n, func(one Neighbour) bool { return len(one.From) > 0 || one.At != nil })
}

// The ranks by from, which come before distance.
const (
	rankNamed  = iota // its from names the client
	rankAnyone        // it has no from
	rankOthers        // its from names others
)

// nearChart is the Atlas's part for a neighbourhood: its table's values are
// indices of ranks.
type nearChart struct {
	chart

	rank  func(v visitor, room []uint16) []uint16
	ranks [][]uint16
}

func newNearChart(k Knowledge, n Neighbourhood) nearChart {
	m := nearChart{rank: n.ranker()}
	known := map[string]int32{} // ranks -> their index
	m.chart = newChart(k.Files, n.interest(), func(v visitor) int32 {
		ranks := m.rank(v, nil)
		text := make([]byte, 0, 2*len(ranks))
		for _, r := range ranks {
			text = append(text, byte(r>>8), byte(r))
		}
		return number(known, &m.ranks, string(text), ranks)
	})
	return m
}

func (n Neighbourhood) interest() *geo.Interest {
	all := geo.NewInterest()
	for _, one := range n {
		interest(all, one.From)
		all.Location = all.Location || one.At != nil
	}
	return all
}

// ranker ranks the neighbours for a client, appended to some room: by from, then
// by distance, those without one last. Those of one place are equals.
func (n Neighbourhood) ranker() func(v visitor, room []uint16) []uint16 {
	lines := make([]*from, len(n))
	for i, one := range n {
		lines[i] = newFrom(one.From)
	}
	return func(v visitor, room []uint16) []uint16 {
		type place struct {
			by       int // from
			distance float64
		}
		places := make([]place, len(n))
		for i, one := range n {
			p := &places[i]
			switch {
			case len(one.From) == 0:
				p.by = rankAnyone
			case !lines[i].names(v):
				p.by = rankOthers
			}
			p.distance = math.Inf(1)
			if one.At != nil && v.facts.Located {
				p.distance = geo.Distance(v.facts.Point(), *one.At)
			}
		}
		order := make([]int, len(n))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int {
			a, b := places[i], places[j]
			return cmp.Or(cmp.Compare(a.by, b.by), cmp.Compare(a.distance, b.distance))
		})
		from, rank := len(room), uint16(0)
		room = append(room, make([]uint16, len(n))...)
		for at, i := range order {
			if at > 0 && places[i] != places[order[at-1]] {
				rank++
			}
			room[from+i] = rank
		}
		return room
	}
}

// Ranks implements pool.Atlas.
func (a *Atlas) Ranks(near int, c pool.Client, room []uint16) []uint16 {
	m := &a.nears[near]
	i, _, ok := a.lookup(&m.chart, c)
	if !ok {
		return m.rank(a.abroad(c), room)
	}
	return append(room, m.ranks[i]...) // a copy: the room is written to again
}

// Scope implements pool.Atlas.
func (a *Atlas) Scope(near int, c pool.Client) int {
	m := &a.nears[near]
	_, bits, ok := a.lookup(&m.chart, c)
	if !ok {
		bits = m.cell(c)
	}
	return a.scope(&m.chart, c, bits)
}
