package policy

import (
	"slices"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// model decides by reading the rules slowly, off members' health alone.
type model struct {
	*world
	views  pool.Views // for the active set under hold and manual
	client pool.Client
	fam    pool.Family
	ways   []way // that the client's rule may go, in order
	path   []int // failovers on them, in order
	fenced bool  // a fence ends the path
}

// way is a failover, or what a latency policy chooses among.
type way struct {
	l         *Latency // or nil
	estimates []float64
	failovers []int // the best one first
}

// walk finds the ways from a target: rule 7, and where rule 8 goes from there.
func (m *model) walk(t Target) (fenced bool) {
	p := t.Policy
	if p == nil {
		m.add(way{failovers: []int{t.Failover}})
		return false
	}
	v, last := m.visitor(m.client), len(p.Rules)-1
	if l := p.Latency; l != nil {
		w := way{l: l, estimates: m.estimates(l, v)}
		for _, i := range ranked(w.estimates) {
			w.failovers = append(w.failovers, l.Pools[i].Failover)
		}
		m.add(w)
	} else {
		i := int(scan(p.Rules[:last], v))
		if m.walk(p.Rules[i].Target) || p.Rules[i].Fence {
			return true
		}
		if i == last {
			return false
		}
	}
	return m.walk(p.Rules[last].Target)
}

func (m *model) add(w way) {
	m.ways = append(m.ways, w)
	m.path = append(m.path, w.failovers...)
}

// usable says whether a member is of the path.
func (m *model) usable(member *pool.Member) bool {
	return slices.ContainsFunc(m.path, func(i int) bool {
		return slices.ContainsFunc(m.failovers[i].Sets, func(s *pool.Set) bool {
			return slices.ContainsFunc(s.Pools, func(p pool.Part) bool { return slices.Contains(p.Members, member) })
		})
	})
}

// unavailable says whether a member is so, by its own health or because its pool
// left.
func (m *model) unavailable(d *Decision, member *pool.Member) bool {
	if m.health[member.Index]&pool.Available == 0 {
		return true
	}
	for _, i := range m.path {
		if f := m.failovers[i]; slices.Contains(f.Sets, d.Set) && d.Reason != Reason(pool.Resort.String()) {
			return m.inPool(member.Pool, judgedAs(f, m.fam)) == 0
		}
	}
	return false
}

// decide is what is to come of a query, as outcomeOf tells it; "" where the
// model does not go.
func (m *model) decide(d *Domain) string {
	for _, w := range m.ways {
		if slices.ContainsFunc(w.failovers, func(i int) bool { return m.failovers[i].Pin != pool.NoSet || m.failovers[i].FailoverDelay > 0 }) {
			return ""
		}
		if i := m.serving(w); i >= 0 {
			set := m.active(i, m.fam)
			return m.membersOrNoData(set, m.answerable(m.failovers[i], set, m.fam))
		}
	}
	for _, i := range m.path { // rule 8: weight 0
		for _, set := range m.failovers[i].Sets {
			if m.weightless(set, m.fam) {
				return "members of " + set.Pools[0].Name
			}
		}
	}
	for _, i := range m.path {
		f := m.failovers[i]
		if set := m.active(i, m.fam.Other()); set != nil && m.answerable(f, set, m.fam.Other()) {
			return "nodata"
		}
		for _, set := range f.Sets {
			if m.weightless(set, m.fam.Other()) {
				return ""
			}
		}
	}
	switch kind := d.AllDown.Kind; {
	case kind == AllDownNoData:
		return "nodata"
	case kind == AllDownServFail:
		return "servfail"
	case m.fenced, kind == ServeAll:
		return m.serveAll()
	case kind == AllDownNext:
		return "next"
	case kind == AllDownCNAME:
		return "cname"
	case m.fam == pool.IPv4:
		return "addresses"
	}
	return "nodata"
}

// serving is the failover of a way that serves, or -1.
func (m *model) serving(w way) int {
	serves := func(i int) bool { return m.active(i, m.fam) != nil }
	if w.l == nil {
		if serves(w.failovers[0]) {
			return w.failovers[0]
		}
		return -1
	}
	i := w.l.chosen(w.estimates, m.client, func(i int) bool { return serves(w.l.Pools[i].Failover) })
	if i < 0 {
		return -1
	}
	return w.l.Pools[i].Failover
}

func (m *model) membersOrNoData(set *pool.Set, some bool) string {
	if !some {
		return "nodata"
	}
	return "members of " + set.Pools[0].Name
}

// serveAll is open where a set of the path has the other family alone.
func (m *model) serveAll() string {
	for _, i := range m.path {
		some := false
		for _, set := range m.failovers[i].Sets {
			if !declares(set, m.fam) {
				return ""
			}
			each(set, m.fam, func(_ pool.Part, member *pool.Member) { some = some || member.Mode != pool.Offline })
		}
		if some {
			return "members, health ignored"
		}
	}
	return "nodata"
}

// active is the active set of a failover in a family, or nil where none is
// available.
func (m *model) active(i int, fam pool.Family) *pool.Set {
	f := m.failovers[i]
	first := slices.IndexFunc(f.Sets, func(s *pool.Set) bool { return m.available(f, s, fam) })
	if first < 0 {
		return nil
	}
	if f.Recovery != pool.Preempt || f.FailbackDelay > 0 {
		set := f.Sets[m.views.At(i).Active(fam)]
		if !m.available(f, set, fam) {
			m.t.Fatalf("%s: set %s is active, but %s is available", f.Name, set.Name, f.Sets[first].Name)
		}
		return set
	}
	return f.Sets[first]
}

// available is rule 5.
func (m *model) available(f *pool.Failover, s *pool.Set, fam pool.Family) bool {
	fam = judged(f, s, fam)
	n := 0
	for _, part := range s.Pools {
		if part.Weight > 0 {
			n += m.inPool(part.Pool, fam)
		}
	}
	return n >= s.MinAvailable
}

// inPool is rule 4: how many available members a pool has, 0 when it leaves.
func (m *model) inPool(p *pool.Pool, fam pool.Family) int {
	n, total := 0, 0
	for _, member := range p.Members {
		if of(member, fam) && member.Mode != pool.Offline && member.Weight > 0 {
			total++
			if m.health[member.Index]&pool.Available != 0 {
				n++
			}
		}
	}
	if n < p.HealthyWhen.Need(total) {
		return 0
	}
	return n
}

// answerable says whether an available set has a member to answer.
func (m *model) answerable(f *pool.Failover, s *pool.Set, fam pool.Family) bool {
	some := false
	each(s, fam, func(part pool.Part, member *pool.Member) {
		some = some || part.Weight > 0 && member.Weight > 0 && m.health[member.Index]&pool.Available != 0 &&
			m.inPool(part.Pool, judgedAs(f, fam)) > 0
	})
	return some
}

// weightless says whether a set has a member of weight 0 that is up.
func (m *model) weightless(s *pool.Set, fam pool.Family) bool {
	some := false
	each(s, fam, func(part pool.Part, member *pool.Member) {
		some = some || (part.Weight == 0 || member.Weight == 0) && m.health[member.Index]&pool.Available != 0
	})
	return some
}

// each visits a set's members of a family.
func each(s *pool.Set, fam pool.Family, visit func(pool.Part, *pool.Member)) {
	for _, part := range s.Pools {
		for _, m := range part.Members {
			if of(m, fam) {
				visit(part, m)
			}
		}
	}
}

func of(m *pool.Member, fam pool.Family) bool {
	return fam == pool.Joint || m.Host != "" || m.Addr.Is4() == (fam == pool.IPv4)
}

// declares says whether a set has members of a family.
func declares(s *pool.Set, fam pool.Family) bool {
	some := false
	each(s, fam, func(pool.Part, *pool.Member) { some = true })
	return some
}

// judgedAs is the family by which a failover judges members of one.
func judgedAs(f *pool.Failover, fam pool.Family) pool.Family {
	if f.Joint {
		return pool.Joint
	}
	return fam
}

// judged is the family by which a set is judged: the other one where it has none
// of this one.
func judged(f *pool.Failover, s *pool.Set, fam pool.Family) pool.Family {
	if !f.Joint && !declares(s, fam) {
		return fam.Other()
	}
	return judgedAs(f, fam)
}
