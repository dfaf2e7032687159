package gtm

import (
	"fmt"
	"slices"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// troubles are those of the block as it is now, each as the event that begins it.
// What the Corefile itself takes away is none. It takes no lock.
func (pub *publisher) troubles() (list []admin.Event) {
	p, snap := pub.plan, pub.snapshot.Load()
	for i, c := range p.checks {
		if pub.board.state(i).Status == healthcheck.Down {
			list = append(list, checkTrouble(p.labels[i], c))
		}
	}
	for i, m := range p.members {
		if h := pub.board.health(i); m.Mode != pool.Offline {
			if e, ok := memberEvent(m, h|pool.Available, h); ok {
				list = append(list, e)
			}
		}
	}
	for i, one := range p.pools {
		up := pub.poolState(snap.layer, i)
		for f, fam := range familiesOf(one) {
			if !up[f] && one.Available(fam, func(*pool.Member) pool.Health { return pool.SupposedUp }) {
				list = append(list, poolEvent(one, fam, false))
			}
		}
	}
	well := slices.Repeat([]pool.Health{pool.SupposedUp}, len(p.members))
	for i, f := range p.failovers {
		list = append(list, failoverTroubles(snap.views.At(i), f.Pin, f.States(well))...)
	}
	for i := range p.directory.groups {
		for _, fam := range families {
			if g := &p.directory.groups[i]; g.down(fam, snap.views.At) {
				list = append(list, domainEvent(g, fam, true))
			}
		}
	}
	for _, d := range snap.standing.drills {
		if d.state == admin.PlanExecuted {
			list = append(list, pub.drillEvent(d))
		}
	}
	return list
}

// failoverTroubles are those of a failover. Of its sets well says how they would
// stand if all checks were up.
func failoverTroubles(v *pool.View, pin int, well pool.States) (list []admin.Event) {
	f := v.Failover
	first := &pool.View{Failover: f, Memory: f.Fresh()}
	for i := range first.Memory.Families {
		first.Memory.Families[i].Active = 0
	}
	for _, fam := range f.Judged() {
		if e, ok := switchEvent(first, v, fam); ok && v.Active(fam) != pin {
			list = append(list, e)
		}
		for i, state := range v.SetStates(fam) {
			if !state.Available && well[fam&1][i].Available {
				list = append(list, setEvent(f, i, fam, false))
			}
		}
	}
	for i, locked := range v.Memory.Locked {
		if locked {
			list = append(list, lockEvent(f, i, true))
		}
	}
	return list
}

// checkTrouble is that a check is down, of which no more is known than that.
func checkTrouble(name string, c healthcheck.Check) admin.Event {
	kind, target := c.Options.Value().Kind, at(c.Target)
	return admin.Event{
		Kind: "check_down", Severity: warning, Check: name, Target: target, Trouble: fmt.Sprintf("check %s %s %s", name, kind, target),
		Text: fmt.Sprintf("check %s (%s %s) is down", name, kind, target),
	}
}

// remind notes what was a trouble before a restart, and lasts: nobody else would tell
// of it again, nor of its end. Domains are told of by survey.
func (pub *publisher) remind(earlier *past) {
	down := map[memberKey]bool{}
	for _, m := range pub.layer.members {
		key := memberKey{m.Pool.Name, m.ID}
		was, known := earlier.available[key]
		down[key] = known && !was && m.Mode != pool.Offline // that is no trouble, but an order
	}
	for _, e := range pub.troubles() {
		if e.Member == "" && len(e.Domains) == 0 || down[memberKey{e.Pool, e.Member}] {
			pub.note(e)
		}
	}
}
