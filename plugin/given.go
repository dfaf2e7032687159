package gtm

import (
	"sync/atomic"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// given counts what was answered, of this and earlier generations together.
type given struct {
	pools   []*atomic.Uint64 // answers whose first member is of it
	members []*atomic.Uint64 // answers that have it
}

func newGiven(p *plan) given {
	counters := make([]atomic.Uint64, len(p.pools)+len(p.members))
	g := given{pools: make([]*atomic.Uint64, len(p.pools)), members: make([]*atomic.Uint64, len(p.members))}
	for i := range p.pools {
		g.pools[i] = &counters[i]
	}
	for i := range p.members {
		g.members[i] = &counters[len(p.pools)+i]
	}
	return g
}

// count counts members that are answered.
func (g *given) count(p *plan, members []*pool.Member) {
	for i, m := range members {
		if i == 0 {
			g.pools[p.poolOf[m.Index]].Add(1)
		}
		g.members[m.Index].Add(1)
	}
}

// goOn lets pools and members that were there before go on counting.
func (g *given) goOn(p, old *plan) {
	before := map[memberKey]*pool.Member{}
	for _, m := range old.members {
		before[memberKey{m.Pool.Name, m.ID}] = m
	}
	for i, m := range p.members {
		if was := before[memberKey{m.Pool.Name, m.ID}]; was != nil {
			g.members[i] = old.given.members[was.Index]
		}
	}
	for i, one := range p.pools {
		if was, ok := old.directory.pools[one.Name]; ok {
			g.pools[i] = old.given.pools[was]
		}
	}
}
