package gtm

import (
	"slices"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

var families = [...]pool.Family{pool.IPv4, pool.IPv6}

// told is what a generation has noted last of what goes on being so.
type told struct {
	pools map[string]toldPool
	sets  map[string]*pool.View // by failover
	down  map[string][2]bool    // first domain of a group -> family: nothing is available
}

type toldPool struct {
	families int // how many it is judged in
	up       [2]bool
}

// told is that of this publisher.
func (pub *publisher) told() *told {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	t := &told{pools: map[string]toldPool{}, sets: map[string]*pool.View{}, down: map[string][2]bool{}}
	for i, p := range pub.plan.pools {
		t.pools[p.Name] = toldPool{len(familiesOf(p)), pub.poolsUp[i]}
	}
	for i, f := range pub.plan.failovers {
		t.sets[f.Name] = pub.snapshot.Load().views.At(i)
	}
	for i, g := range pub.plan.directory.groups {
		t.down[g.domains[0].Name] = pub.down[i] // the trouble is called by it
	}
	return t
}

// before is how a failover stood before the start: with the memory that it has
// taken over, and the states of its sets where they were told. Of others it is as
// if they had been as they are.
func (t *told) before(is *pool.View, m pool.Memory) *pool.View {
	was := &pool.View{Failover: is.Failover, Memory: m}
	if t == nil || t.sets[is.Failover.Name] == nil {
		return was
	}
	old := t.sets[is.Failover.Name]
	if old.Failover.Joint != is.Failover.Joint {
		return was
	}
	for _, fam := range is.Failover.Judged() {
		states := slices.Clone(is.SetStates(fam))
		for i, set := range is.Failover.Sets {
			named := func(s *pool.Set) bool { return s.Name == set.Name }
			if n := slices.IndexFunc(old.Failover.Sets, named); n >= 0 {
				states[i] = old.SetStates(fam)[n]
			}
		}
		was.States[fam&1] = states
	}
	return was
}

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
	if is&pool.Available != 0 || pub.layer.members[member].Mode != pool.Offline { // that is no trouble, but an order
		e.GTM = pub.plan.name
		pub.note(logEvent(e))
	}
	pub.notePool(pub.plan.poolOf[member])
}

// noteMembers notes of which members another availability was told.
func (pub *publisher) noteMembers(earlier *past) {
	for i, m := range pub.plan.members {
		was, known := earlier.available[memberKey{m.Pool.Name, m.ID}]
		if is := pub.health[i]; known && was != (is&pool.Available != 0) {
			if e, ok := memberEvent(m, is^pool.Available, is); ok {
				e.GTM = pub.plan.name
				pub.note(logEvent(e))
			}
		}
	}
}

// notePool notes in which families a pool became available or unavailable.
func (pub *publisher) notePool(i int) {
	p := pub.plan.pools[i]
	for f, up := range pub.poolState(pub.layer, i) {
		if up != pub.poolsUp[i][f] {
			pub.poolsUp[i][f] = up
			pub.note(poolEvent(p, familiesOf(p)[f], up))
		}
	}
}

// familiesOf are those that a pool is judged in: one of host names as a whole.
func familiesOf(p *pool.Pool) []pool.Family {
	if p.Members[0].Host != "" {
		return []pool.Family{pool.Joint}
	}
	return families[:]
}

// poolState says in which of its families a pool is available, in a layer.
func (pub *publisher) poolState(l *layer, i int) (up [2]bool) {
	own := l.members[pub.plan.pools[i].Members[0].Index].Pool
	for f, fam := range familiesOf(own) {
		up[f] = own.Available(fam, func(m *pool.Member) pool.Health { return pub.board.health(m.Index) })
	}
	return up
}

// survey notes how pools and domains stand at the start. A domain that has nothing
// then is told, unless an earlier generation did so; and what stands otherwise than
// in its time is told like any change.
func (pub *publisher) survey(views []*pool.View, earlier *told) {
	if earlier == nil {
		earlier = &told{}
	}
	for i, p := range pub.plan.pools {
		pub.poolsUp[i] = pub.poolState(pub.layer, i)
		if was, ok := earlier.pools[p.Name]; ok && was.families == len(familiesOf(p)) {
			pub.poolsUp[i] = was.up
			pub.notePool(i)
		}
	}
	for i := range pub.plan.directory.groups {
		pub.down[i] = earlier.down[pub.plan.directory.groups[i].domains[0].Name]
		pub.judgeGroup(i, func(f int) *pool.View { return views[f] })
	}
}

// noteSwitches counts, logs and notes what became of a failover in its next step.
func (pub *publisher) noteSwitches(from, to *pool.View) {
	f := to.Failover
	moved := from.Failover.Pin != to.Failover.Pin
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
	if now := pub.snapshot.Load(); moved && now != nil {
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
		down := g.down(fam, view)
		if down == pub.down[i][f] {
			continue
		}
		pub.down[i][f] = down
		e := domainEvent(g, fam, down)
		e.GTM = pub.plan.name
		pub.note(logEvent(e))
	}
}

// down says whether the domains have members in a family, and none is available.
func (g *group) down(fam pool.Family, view func(failover int) *pool.View) bool {
	d := g.domains[0]
	return (d.families[fam] || d.cnames && fam == d.family()) && !g.alive(fam, view)
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
