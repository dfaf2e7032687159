package policy

import (
	"net/netip"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// Knowledge is what files say of clients.
type Knowledge struct {
	Files  geo.Files
	Tables map[string]*LatencyTable // file of a latency policy -> what it says
}

// Atlas is what policies and nearest balances decide about every client, worked
// out from one state of Knowledge. It is never written to once made.
type Atlas struct {
	Knowledge

	rules     []chart        // by Policy.Index, of rules; empty for latency policies
	latencies []latencyChart // by Policy.Index; empty for geo policies
	nears     []nearChart    // by a pool's or set's Near; the first is nobody's
	placeless *geo.Table     // of addresses in whose stead a Via counts: 1
}

// NewAtlas works out what the policies, by their Index, and the neighbourhoods,
// whose Near is their index and 1, decide.
func NewAtlas(k Knowledge, policies []*Policy, near []Neighbourhood) *Atlas {
	a := &Atlas{
		Knowledge: k, rules: make([]chart, len(policies)),
		latencies: make([]latencyChart, len(policies)), nears: make([]nearChart, len(near)+1),
		placeless: k.Files.Placeless(),
	}
	for i, p := range policies {
		if p.Latency != nil {
			a.latencies[i] = newLatencyChart(k, p.Latency)
		} else {
			a.rules[i] = newChart(k.Files, p.interest(), p.first.rule)
		}
	}
	for i, n := range near {
		a.nears[i+1] = newNearChart(k, n)
	}
	return a
}

// Unmatched are the rules of a geo policy that no client matches, by what the
// files know now.
func (a *Atlas) Unmatched(p *Policy) []int {
	matched := make([]bool, len(p.Rules))
	for i := range a.rules[p.Index].table.Values() {
		matched[i] = true
	}
	var list []int
	for i := range p.Rules[:len(p.Rules)-1] {
		if !matched[i] {
			list = append(list, i)
		}
	}
	return list
}

// chart is a table of what is decided about clients, by their address.
type chart struct {
	table *geo.Table
	cells *geo.Table // what prefixes alone cut; nil where places do not matter
	named *geo.Table // 1 for the addresses in one of the prefixes; nil with cells
}

func newChart(files geo.Files, n *geo.Interest, decide func(visitor) int32) chart {
	c := chart{table: geo.Compile(files, n, func(a netip.Addr, f geo.Facts) int32 { return decide(visitor{a, f}) })}
	if !n.Blind() {
		c.cells = geo.Cells(n.Prefixes)
		var all plainSet
		for _, p := range n.Prefixes {
			all.add(Term{Source: Source{Prefix: p}})
		}
		c.named = geo.Compile(nil, &geo.Interest{Prefixes: n.Prefixes}, func(a netip.Addr, _ geo.Facts) int32 {
			if all.names(visitor{addr: a}) {
				return 1
			}
			return 0
		})
	}
	return c
}

// lookup is the value of the table for a client, and how many bits tell it. A
// client abroad has that of its Via, unless prefixes name one of the two: then it is
// not ok, and to be decided anew.
func (a *Atlas) lookup(m *chart, c pool.Client) (value int32, bits int, ok bool) {
	if !c.Via.IsValid() || m.cells == nil {
		value, bits = m.table.Lookup(c.Addr)
		return value, bits, true
	}
	if blank, _ := a.placeless.Lookup(c.Addr); blank == 0 {
		value, bits = m.table.Lookup(c.Addr)
		return value, bits, true
	}
	client, bits := m.named.Lookup(c.Addr)
	via, _ := m.named.Lookup(c.Via)
	value, _ = m.table.Lookup(c.Via)
	return value, bits, client == 0 && via == 0
}

// place is what the files know of a client, and whether it is that of its Via.
func (a *Atlas) place(c pool.Client) (f geo.Facts, via bool) {
	if f = a.Files.Facts(c.Addr); f == (geo.Facts{}) && c.Via.IsValid() {
		return a.Files.Facts(c.Via), true
	}
	return f, false
}

// abroad is a client of whose address no file knows the place, as it is for use
// within a network, and who is where its Via is.
func (a *Atlas) abroad(c pool.Client) visitor {
	return visitor{c.Addr, a.Files.Facts(c.Via)}
}

// cell is how many bits of a client the prefixes look at, wherever it is.
func (m *chart) cell(c pool.Client) int {
	_, bits := m.cells.Lookup(c.Addr)
	return bits
}

// scope is that of what so many bits of a client tell by a chart. Of an address
// for use within a network, it ends where a Via counts, or counts no more.
func (a *Atlas) scope(m *chart, c pool.Client, bits int) int {
	if !c.Via.IsValid() || m.cells == nil {
		return bits
	}
	_, own := a.placeless.Lookup(c.Addr)
	return max(bits, own)
}

// rule is the one of a geo policy that a client matches, and how many bits tell it.
func (a *Atlas) rule(p *Policy, c pool.Client) (rule, bits int) {
	m := &a.rules[p.Index]
	i, bits, ok := a.lookup(m, c)
	if !ok {
		return int(p.first.rule(a.abroad(c))), m.cell(c)
	}
	return int(i), bits
}

// latencyChart is the Atlas's part for a latency policy: its table's values are
// indices of rankings.
type latencyChart struct {
	chart

	table    *LatencyTable
	rankings []ranking
}

func newLatencyChart(k Knowledge, l *Latency) latencyChart {
	m := latencyChart{table: k.Tables[l.Table]}
	known := map[string]int32{} // ranking -> its index
	m.chart = newChart(k.Files, l.interest(m.table), func(v visitor) int32 {
		r := l.rank(m.table, v)
		return number(known, &m.rankings, r.text(), r)
	})
	return m
}

// number is the index in a list of what has such a text; a new one is added.
func number[T any](known map[string]int32, list *[]T, text string, one T) int32 {
	i, ok := known[text]
	if !ok {
		i = int32(len(*list))
		known[text] = i
		*list = append(*list, one)
	}
	return i
}

// ranking is that of a latency policy for a client, and how many bits tell it.
func (a *Atlas) ranking(p *Policy, c pool.Client) (r ranking, bits int) {
	m := &a.latencies[p.Index]
	i, bits, ok := a.lookup(&m.chart, c)
	if !ok {
		return p.Latency.rank(m.table, a.abroad(c)), m.cell(c)
	}
	return m.rankings[i], bits
}

// estimates are those of a latency policy's pools for a client, in milliseconds.
func (a *Atlas) estimates(p *Policy, c pool.Client) []float64 {
	facts, _ := a.place(c)
	list := make([]float64, len(p.Latency.Pools))
	for i := range list {
		list[i] = p.Latency.Pools[i].estimate(a.latencies[p.Index].table, visitor{c.Addr, facts})
	}
	return list
}
