package gtm

import (
	"time"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// past is what a block's new generation takes over from its old one (rule 12),
// found by name: a reload may have moved everything.
type past struct {
	served    map[string]bool           // pool -> it was there
	available map[memberKey]bool        // member -> it was available
	failovers map[string]failoverMemory // by name
}

type memberKey struct{ pool, member string }

type failoverMemory struct {
	failover *pool.Failover
	memory   pool.Memory
	switches uint64
}

// past is what is to be taken over from this publisher.
func (pub *publisher) past() *past {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	p := &past{
		served:    map[string]bool{},
		available: map[memberKey]bool{},
		failovers: map[string]failoverMemory{},
	}
	for i, m := range pub.plan.members {
		p.served[m.Pool.Name] = true
		p.available[memberKey{m.Pool.Name, m.ID}] = pub.health[i]&pool.Available != 0
	}
	now := time.Now()
	for i, f := range pub.plan.failovers {
		s := &pub.failovers[i]
		memory, _ := f.Next(s.memory, f.States(pub.health), now.Sub(s.at)) // as of now
		p.failovers[f.Name] = failoverMemory{f, memory, pub.switches[i].Load()}
	}
	return p
}

// adopt takes over a past. A member that was unavailable stays so until its new
// or changed check's first verdict, and one that is new in a pool that already
// serves waits for it.
func (pub *publisher) adopt(p *past) {
	for i, m := range pub.plan.members {
		was, known := p.available[memberKey{m.Pool.Name, m.ID}]
		pub.waiting[i] = known && !was || !known && p.served[m.Pool.Name]
	}
	for i, f := range pub.plan.failovers {
		if old, ok := p.failovers[f.Name]; ok {
			pub.failovers[i].memory = f.Adopt(old.failover, old.memory)
			pub.switches[i].Store(old.switches)
		}
	}
}
