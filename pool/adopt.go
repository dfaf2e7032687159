package pool

import "slices"

// Resume lifts the lock of a set.
func (m Memory) Resume(set int) Memory {
	m.Locked = slices.Clone(m.Locked)
	m.Locked[set] = false
	return m
}

// Adopt is this failover's memory where old is another configuration's: what is
// remembered of a set is found by the set's name (rule 6).
func (f *Failover) Adopt(from *Failover, old Memory) Memory {
	m := f.Fresh()
	was := make([]int, len(f.Sets)) // set -> its index in from, or NoSet
	for i, set := range f.Sets {
		was[i] = slices.IndexFunc(from.Sets, func(s *Set) bool { return s.Name == set.Name })
		if was[i] != NoSet {
			m.Locked[i] = old.Locked[was[i]] && f.Recovery == Manual
		}
	}
	for _, fam := range f.Judged() {
		to := &m.Families[f.judgedIn(fam)]
		o := old.Families[from.judgedIn(f.told(fam))]
		for i, w := range was {
			if w == NoSet {
				continue
			}
			to.Up[i] = o.Up[w]
			if w == o.Active {
				to.Active, to.Settled, to.Down = i, o.Settled, o.Down
			}
		}
	}
	return m
}

// told is the family that a judged family's memory is to be found under where
// each has its own: of a joint one, the family that it has members of.
func (f *Failover) told(fam Family) Family {
	has := func(s *Set) bool { return s.Declares(IPv4) }
	switch {
	case fam != Joint:
		return fam
	case slices.ContainsFunc(f.Sets, has):
		return IPv4
	}
	return IPv6
}
