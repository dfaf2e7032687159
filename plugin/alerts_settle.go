package gtm

import (
	"slices"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/plugin/notify"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// settleAlerts ends the troubles that a reload has ended: of what is no more, or is
// well in the block's new generation, which tells of changes alone.
func (l *life) settleAlerts(b *instance) {
	l.alarms.mu.Lock()
	a := l.alarms.blocks[b.plan.name]
	l.alarms.mu.Unlock()
	if a.notifier == nil {
		return
	}
	a.notifier.Retain(func(e notify.Event) bool {
		was, ok := e.Source.(admin.Event)
		switch {
		case !ok:
			return true
		case was.GTM == "":
			return a.concerns(&was)
		}
		return b.publisher.troubled(&was)
	})
}

// troubled says whether a trouble lasts, by what is now.
func (pub *publisher) troubled(e *admin.Event) bool {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	d := &pub.plan.directory
	fam := slices.IndexFunc(families[:], func(f pool.Family) bool { return f.String() == e.Family })
	switch {
	case e.Member != "":
		i := slices.IndexFunc(pub.plan.members, func(m *pool.Member) bool { return m.Pool.Name == e.Pool && m.ID == e.Member })
		return i >= 0 && pub.health[i]&pool.Available == 0
	case e.Pool != "":
		i, ok := d.pools[e.Pool]
		return ok && fam >= 0 && !pub.poolsUp[i][fam]
	case e.Failover != "":
		i, ok := d.failovers[e.Failover]
		return ok && astray(e, pub.snapshot.Load().views.At(i))
	case len(e.Domains) > 0:
		return fam >= 0 && slices.ContainsFunc(e.Domains, func(name string) bool {
			dom := d.domains[name]
			return dom != nil && pub.down[dom.group][fam]
		})
	case e.File != "":
		return pub.plan.stale[e.File]
	case e.Plan != "":
		drill := pub.standing.drills[e.Plan]
		return drill != nil && drill.state == admin.PlanExecuted
	}
	return true
}

// astray says whether a failover's trouble lasts: a set that is unavailable or
// locked, or one that is not the first is active.
func astray(e *admin.Event, v *pool.View) bool {
	if e.Kind == "failover_switched" || e.Kind == "failover_back" {
		return slices.ContainsFunc(v.Failover.Judged(), func(fam pool.Family) bool { return fam.String() == e.Family && v.Active(fam) > 0 })
	}
	set := slices.IndexFunc(v.Failover.Sets, func(s *pool.Set) bool { return s.Name == e.Set })
	switch {
	case set < 0:
		return false
	case e.Kind == "failover_locked":
		return v.Memory.Locked[set]
	}
	return slices.ContainsFunc(v.Failover.Judged(), func(fam pool.Family) bool {
		return fam.String() == e.Family && !v.SetStates(fam)[set].Available
	})
}
