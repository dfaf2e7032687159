package gtm

import (
	"fmt"
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// directory finds a plan's things by name, and tells what depends on what.
type directory struct {
	pools     map[string]int // -> of plan.pools
	failovers map[string]int // -> of plan.failovers
	domains   map[string]*domain
	groups    []group
	sets      []int // failover -> the first of its sets, of all
	setCount  int
	ttls      []uint32 // pool -> the longest TTL of answers that have its members, seconds
	uses      [][]int  // failover -> the groups that can lead to it
}

// group is domains that are decided alike.
type group struct {
	domains   []*domain
	failovers []int // all that they can lead to, in order
}

// register fills in what the plan's things are found by.
func (p *plan) register() {
	d := directory{
		pools: make(map[string]int, len(p.pools)), failovers: make(map[string]int, len(p.failovers)),
		domains: make(map[string]*domain, len(p.domains)),
		uses:    make([][]int, len(p.failovers)),
	}
	p.poolOf = make([]int, len(p.members))
	for i, pl := range p.pools {
		d.pools[pl.Name] = i
		for _, m := range pl.Members {
			p.poolOf[m.Index] = i
		}
	}
	for i, f := range p.failovers {
		d.failovers[f.Name] = i
		d.sets = append(d.sets, d.setCount)
		d.setCount += len(f.Sets)
	}
	type kind struct {
		target   policy.Target
		ttl, min uint32
		allDown  string
	}
	known := map[kind]int{}
	for _, one := range p.domains {
		d.domains[one.Name] = one
		k := kind{one.Target, one.TTL, one.Min, fmt.Sprint(one.AllDown)}
		i, ok := known[k]
		if !ok {
			i = len(d.groups)
			known[k] = i
			d.groups = append(d.groups, group{failovers: slices.Sorted(one.Target.Failovers())})
			for _, f := range d.groups[i].failovers {
				d.uses[f] = append(d.uses[f], i)
			}
		}
		d.groups[i].domains = append(d.groups[i].domains, one)
		one.group = i
	}
	d.ttls = make([]uint32, len(p.pools))
	for _, g := range d.groups {
		for _, f := range g.failovers {
			for _, set := range p.failovers[f].Sets {
				for _, part := range set.Pools {
					ttl := &d.ttls[d.pools[part.Name]]
					*ttl = max(*ttl, g.domains[0].TTL)
				}
			}
		}
	}
	p.directory = d
	p.given = newGiven(p)
}
