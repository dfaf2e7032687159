package gtm

import (
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

var families = [...]pool.Family{pool.IPv4, pool.IPv6}

// note tells the journal of an event of this block.
func (pub *publisher) note(e admin.Event) {
	if pub.journal != nil {
		e.GTM = pub.plan.name
		pub.journal.note(e)
	}
}

// noteMember logs and notes that a member became available or unavailable, and
// what that means for its pool.
func (pub *publisher) noteMember(member int, was, is pool.Health) {
	e, ok := memberEvent(pub.plan.members[member], was, is)
	if !ok {
		return
	}
	e.GTM = pub.plan.name
	pub.note(logEvent(e))
	i := pub.plan.poolOf[member]
	for f, up := range pub.poolState(i) {
		if up != pub.poolsUp[i][f] {
			pub.poolsUp[i][f] = up
			pub.note(poolEvent(pub.plan.pools[i], families[f], up))
		}
	}
}

// poolState says in which families a pool is available.
func (pub *publisher) poolState(i int) (up [2]bool) {
	p := pub.plan.pools[i]
	first := p.Members[0].Index
	own := pub.layer.members[first].Pool
	for f, fam := range families {
		up[f] = own.Available(fam, func(m *pool.Member) pool.Health { return pub.health[m.Index] })
	}
	return up
}

// survey notes how pools and domains stand at the start. What is down then is told.
func (pub *publisher) survey(views []*pool.View) {
	for i := range pub.plan.pools {
		pub.poolsUp[i] = pub.poolState(i)
	}
	for i := range pub.plan.directory.groups {
		pub.judgeGroup(i, func(f int) *pool.View { return views[f] })
	}
}

// noteSwitches counts, logs and notes what became of a failover in its next step.
func (pub *publisher) noteSwitches(from, to *pool.View) {
	f := to.Failover
	moved := false
	for _, fam := range f.Judged() {
		if e, ok := switchEvent(from, to, fam); ok {
			pub.switches[f.Index].Add(1)
			now := time.Now()
			pub.switched[f.Index].Store(&now)
			e.GTM = pub.plan.name
			pub.note(logEvent(e))
		}
		if from.States[fam&1] == nil { // before the start
			continue
		}
		for i, state := range to.SetStates(fam) {
			if was := from.SetStates(fam)[i]; was.Available != state.Available {
				moved = true
				pub.note(setEvent(f, i, fam, state.Available))
			}
		}
	}
	for i, locked := range to.Memory.Locked {
		if from.Memory.Locked[i] != locked {
			e := lockEvent(f, i, locked)
			e.GTM = pub.plan.name
			pub.note(logEvent(e))
		}
	}
	if moved {
		now := pub.snapshot.Load()
		for _, g := range pub.plan.directory.uses[f.Index] {
			pub.judgeGroup(g, now.views.At)
		}
	}
}

// judgeGroup notes that domains have nothing available in a family any more, or
// have again.
func (pub *publisher) judgeGroup(i int, view func(failover int) *pool.View) {
	g := &pub.plan.directory.groups[i]
	for f, fam := range families {
		down := g.domains[0].families[f] && !g.alive(fam, view)
		if down == pub.down[i][f] {
			continue
		}
		pub.down[i][f] = down
		e := domainEvent(g, fam, down)
		e.GTM = pub.plan.name
		pub.note(logEvent(e))
	}
}

// alive says whether anything that the domains can lead to is available in a
// family.
func (g *group) alive(fam pool.Family, view func(failover int) *pool.View) bool {
	for _, f := range g.failovers {
		if view(f).Alive(fam) {
			return true
		}
	}
	return false
}
