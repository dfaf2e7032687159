package gtm

import (
	"slices"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

var failovers = listing[admin.Failover]{
	count: func(b *sight) int { return len(b.plan.failovers) },
	texts: func(b *sight, i int, yield func(string) bool) bool { return yield(b.plan.failovers[i].Name) },
	state: (*sight).failoverState,
	show:  (*sight).failover,
}

// Failovers implements admin.System.
func (s *system) Failovers(l admin.List) (admin.Page[admin.Failover], error) {
	return page(s, l, failovers)
}

// failoverState is up where the first set answers in each family, down where
// nothing is available.
func (b *sight) failoverState(i int) string {
	v := b.snap.views.At(i)
	first, alive := true, 0
	judged := v.Failover.Judged()
	for _, fam := range judged {
		if v.Alive(fam) {
			alive++
		}
		first = first && v.Active(fam) == 0 && v.SetStates(fam)[0].Available
	}
	switch {
	case alive == 0:
		return admin.StateDown
	case alive < len(judged) || !first:
		return admin.StateDegraded
	}
	return admin.StateUp
}

// active are the active sets of a failover.
func (b *sight) active(i int) []admin.Active {
	v := b.snap.views.At(i)
	var list []admin.Active
	for _, fam := range v.Failover.Judged() {
		a := admin.Active{Failover: v.Failover.Name, Family: fam.String(), Why: "unavailable"}
		if set := v.Active(fam); set != pool.NoSet {
			a.Set = v.Failover.Sets[set].Name
		}
		if why, ok := v.Why(fam); ok {
			a.Why = why.String()
		}
		list = append(list, a)
	}
	return list
}

func (b *sight) failover(i int) admin.Failover {
	v := b.snap.views.At(i)
	f := v.Failover
	shown := admin.Failover{
		GTM: b.plan.name, Name: f.Name, State: b.failoverState(i), Sets: setNames(f), Active: b.active(i),
		Recovery: f.Recovery.String(), FailoverDelay: short(f.FailoverDelay), FailbackDelay: short(f.FailbackDelay),
		Switches: b.publisher.switches[i].Load(), LastSwitch: b.publisher.switched[i].Load(),
		Order: b.orderOn(func(c *change) bool { return c.verb == verbPin && c.at == i }),
	}
	if f.Pin != pool.NoSet {
		shown.Pinned = f.Sets[f.Pin].Name
	}
	for set, locked := range v.Memory.Locked {
		if locked {
			shown.Locked = append(shown.Locked, f.Sets[set].Name)
		}
	}
	return shown
}

func setNames(f *pool.Failover) []string {
	names := make([]string, len(f.Sets))
	for i, set := range f.Sets {
		names[i] = set.Name
	}
	return names
}

func (b *sight) failoverTree(i int) admin.FailoverTree {
	t := admin.FailoverTree{Failover: b.failover(i)}
	for n, set := range b.snap.views.At(i).Failover.Sets {
		st := admin.SetTree{Set: b.set(i, n)}
		for _, part := range set.Pools {
			st.Tree = append(st.Tree, b.poolTree(b.plan.directory.pools[part.Name]))
		}
		t.Tree = append(t.Tree, st)
	}
	return t
}

// setAt is the i-th of all sets: its failover, and its place there.
func (b *sight) setAt(i int) (failover, set int) {
	starts := b.plan.directory.sets
	f, found := slices.BinarySearch(starts, i)
	if !found {
		f--
	}
	return f, i - starts[f]
}

var sets = listing[admin.Set]{
	count: func(b *sight) int { return b.plan.directory.setCount },
	texts: func(b *sight, i int, yield func(string) bool) bool {
		f, n := b.setAt(i)
		return yield(b.plan.failovers[f].Name + "/" + b.plan.failovers[f].Sets[n].Name)
	},
	state: func(b *sight, i int) string { return b.setState(b.setAt(i)) },
	show:  func(b *sight, i int) admin.Set { return b.set(b.setAt(i)) },
}

// Sets implements admin.System.
func (s *system) Sets(l admin.List) (admin.Page[admin.Set], error) { return page(s, l, sets) }

func (b *sight) setState(failover, set int) string {
	v := b.snap.views.At(failover)
	up, down := 0, 0
	for _, fam := range v.Failover.Judged() {
		if v.SetStates(fam)[set].Available {
			up++
		} else {
			down++
		}
	}
	if state := overall(up, down); state != admin.StateUp {
		return state
	}
	for _, part := range v.Failover.Sets[set].Pools {
		if b.poolState(b.plan.directory.pools[part.Name]) != admin.StateUp {
			return admin.StateDegraded
		}
	}
	return admin.StateUp
}

func (b *sight) set(failover, set int) admin.Set {
	v := b.snap.views.At(failover)
	from := v.Failover.Sets[set]
	shown := admin.Set{
		GTM: b.plan.name, Failover: v.Failover.Name, Name: from.Name, State: b.setState(failover, set), Balance: from.Balance.String(),
		MinAvailable: from.MinAvailable, Locked: v.Memory.Locked[set],
	}
	for _, fam := range v.Failover.Judged() {
		shown.Active = shown.Active || v.Active(fam) == set
		shown.Families = append(shown.Families, admin.FamilyState{
			Family: fam.String(), Available: v.SetStates(fam)[set].Available, Text: v.SetText(fam, set),
		})
	}
	for _, part := range from.Pools {
		shown.Pools = append(shown.Pools, admin.SetPool{Pool: part.Name, Weight: part.Weight})
	}
	return shown
}
