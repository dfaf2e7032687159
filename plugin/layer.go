package gtm

import (
	"cmp"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// layer is a plan's members and failovers with changes on top: those that the
// decisions see. It is never written to once made.
type layer struct {
	members   []*pool.Member      // by Index
	failovers []*pool.Failover    // by Index
	supposed  map[int]pool.Health // member -> how it is, whatever its checks say
	disabled  map[*domain]bool    // domains that are not answered
	off       map[int]bool        // pools that are disabled
	drained   map[int]bool        // members
	by        map[string]string   // subject -> the plan that has the last word on it
}

// layer is the plan with changes on top, of which the later ones win.
func (p *plan) layer(changes []change) *layer {
	l := &layer{members: p.members, failovers: p.failovers}
	last := map[string]*change{} // subject -> the last word on it
	for i := range changes {
		last[changes[i].subject()] = &changes[i]
	}
	if len(last) == 0 {
		return l
	}
	l.supposed, l.disabled, l.off, l.drained = map[int]pool.Health{}, map[*domain]bool{}, map[int]bool{}, map[int]bool{}
	l.by = map[string]string{}
	edits := edits{modes: map[int]pool.Mode{}, weights: map[int]uint32{}, pins: map[int]int{}, pools: map[int]bool{}}
	for i := range changes {
		if c := &changes[i]; last[c.subject()] == c && !c.reset {
			l.note(p, c, &edits)
			if c.by != "" {
				l.by[c.subject()] = c.by
			}
		}
	}
	l.edit(p, &edits)
	return l
}

// edits are what changes say of members and failovers.
type edits struct {
	modes   map[int]pool.Mode
	weights map[int]uint32
	pins    map[int]int  // failover -> set, or pool.NoSet
	pools   map[int]bool // that have a member of these
}

func (l *layer) note(p *plan, c *change, e *edits) {
	switch c.verb {
	case verbMode:
		e.modes[c.member] = c.mode
	case verbDrain:
		l.drained[c.member] = true
	case verbWeight:
		e.weights[c.member] = c.weight
	case verbDisablePool:
		l.off[c.pool] = true
	case verbDisableDomain:
		l.disabled[c.domain] = true
		return
	case verbPin:
		e.pins[c.at] = c.set
		return
	case verbDown:
		l.suppose(p, c, pool.SupposedDown)
		return
	case verbUp:
		l.suppose(p, c, pool.SupposedUp)
		return
	case verbResume:
		return
	}
	e.pools[c.pool] = true
}

// suppose notes how a member is, or all of a pool. What is said of a member wins.
func (l *layer) suppose(p *plan, c *change, h pool.Health) {
	if c.member >= 0 {
		l.supposed[c.member] = h
		return
	}
	for _, m := range p.pools[c.pool].Members {
		if _, said := l.supposed[m.Index]; !said {
			l.supposed[m.Index] = h
		}
	}
}

// edit makes copies of what the edits touch.
func (l *layer) edit(p *plan, e *edits) {
	touched := map[int]bool{} // failovers
	for f := range e.pins {
		touched[f] = true
	}
	copies := map[*pool.Pool]*pool.Pool{}
	if len(e.pools) > 0 {
		l.members = append([]*pool.Member(nil), p.members...)
	}
	for i := range e.pools {
		from := p.pools[i]
		to := from.Edited(func(m *pool.Member) {
			if mode, ok := e.modes[m.Index]; ok {
				m.Mode = mode
			}
			if weight, ok := e.weights[m.Index]; ok {
				m.Weight = weight
			}
			if l.off[i] || l.drained[m.Index] {
				m.Mode = pool.Offline
			}
		})
		copies[from] = to
		for _, m := range to.Members {
			l.members[m.Index] = m
			for _, f := range p.holders[m.Index] {
				touched[f] = true
			}
		}
	}
	if len(touched) == 0 {
		return
	}
	l.failovers = append([]*pool.Failover(nil), p.failovers...)
	for f := range touched {
		pin, ok := e.pins[f]
		if !ok {
			pin = p.failovers[f].Pin
		}
		l.failovers[f] = p.failovers[f].Edited(copies, pin)
	}
}

// why is why a member is left out by order, or "".
func (l *layer) why(p *plan, member int) string {
	m := p.members[member]
	own, whole := m.Pool.Name+"/"+m.ID, m.Pool.Name
	switch h, supposed := l.supposed[member]; {
	case l.drained[member]:
		return "left out: drained by " + l.who("drain "+own)
	case l.off[p.poolOf[member]]:
		return "left out: its pool is disabled by " + l.who("pool "+whole)
	case l.members[member].Mode == pool.Offline && m.Mode != pool.Offline:
		return "left out: mode offline by " + l.who("mode "+own)
	case supposed && h == pool.SupposedDown && l.members[member].Mode != pool.Offline:
		if by := cmp.Or(l.by["health "+own], l.by["health "+whole]); by != "" {
			return "left out: down by plan " + by
		}
		return "left out: down, as is supposed"
	case l.members[member].Weight == 0 && m.Weight != 0:
		return "left out: weight 0 by " + l.who("weight "+own)
	}
	return ""
}

// who has the last word on a subject.
func (l *layer) who(subject string) string {
	if plan := l.by[subject]; plan != "" {
		return "plan " + plan
	}
	return "an operator's order"
}
