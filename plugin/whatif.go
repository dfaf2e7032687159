package gtm

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// world is a snapshot with the health of its members: what is, or what would be.
type world struct {
	*snapshot

	health []pool.Health // by member
}

// world is what is now.
func (pub *publisher) world() *world {
	w := &world{snapshot: pub.snapshot.Load(), health: make([]pool.Health, len(pub.plan.members))}
	for i := range w.health {
		w.health[i] = pub.board.health(i)
	}
	return w
}

// suppose is the world after some changes, once all delays are over; which
// failovers they touch; and how long the delays take. What probes are supposed to
// say stands above all that operators have said.
func (pub *publisher) suppose(now *world, s *standing, supposed, resumes []change) (then *world, touched []int, settles time.Duration) {
	l := now.plan.layer(append(s.changes(), supposed...))
	then = &world{health: slices.Clone(now.health)}
	moved := map[int]bool{}
	for i, m := range l.members {
		supposed, is := l.supposed[i]
		before, was := now.layer.supposed[i]
		if m == now.layer.members[i] && is == was && supposed == before {
			continue
		}
		then.health[i] = pub.judgeIn(l, i)
		for _, f := range now.plan.holders[i] {
			moved[f] = true
		}
	}
	for i, f := range l.failovers {
		if f != now.layer.failovers[i] {
			moved[i] = true
		}
	}
	freed := map[int][]int{} // failover -> sets; nil: all
	for _, c := range resumes {
		moved[c.at] = true
		for set := range now.plan.failovers[c.at].Sets {
			if c.set == pool.NoSet || c.set == set {
				freed[c.at] = append(freed[c.at], set)
			}
		}
	}
	touched = slices.Sorted(maps.Keys(moved))
	views := make([]*pool.View, len(touched))
	for n, i := range touched {
		memory := now.views.At(i).Memory
		for _, set := range freed[i] {
			memory = memory.Resume(set)
		}
		var took time.Duration
		views[n], took = settle(l.failovers[i], memory, then.health)
		settles = max(settles, took)
	}
	then.snapshot = &snapshot{plan: now.plan, views: now.views.With(views...), atlas: now.atlas, layer: l, standing: s}
	return then, touched, settles
}

// judgeIn is a member's health in a layer, by the states that its checks have.
func (pub *publisher) judgeIn(l *layer, member int) pool.Health {
	m, of := l.members[member], pub.plan.checksOf[member]
	if supposed, ok := l.supposed[member]; ok && m.Mode != pool.Offline {
		return supposed
	}
	states := pub.board.statesOf(of)
	return m.Judge(m.Pool.Require, states, pub.waiting[member]) // it is written before the start alone
}

// settle is what a failover comes to when all of its delays are over, and how long
// they take.
func settle(f *pool.Failover, m pool.Memory, health []pool.Health) (*pool.View, time.Duration) {
	states := f.States(health)
	m, wake := f.Next(m, states, 0)
	took := time.Duration(0)
	for range 4 * len(f.Sets) { // each delay moves something, or is over
		if wake == pool.Never {
			break
		}
		took += wake
		m, wake = f.Next(m, states, wake)
	}
	return f.View(m, states, health), took
}

// whatIf is the difference that changes would make to answers. Only says which
// domains are looked at: nil, all.
func (pub *publisher) whatIf(changes []change, only map[*domain]bool) (admin.Difference, *world, *world) {
	now := pub.world()
	s := now.standing
	var supposed, resumes []change
	texts := make([]string, len(changes))
	for i := range changes {
		c := &changes[i]
		texts[i] = c.text(pub.plan)
		switch {
		case c.verb == verbResume:
			resumes = append(resumes, *c)
		case c.supposed():
			supposed = append(supposed, *c)
		default:
			s = s.with(order{change: *c})
		}
	}
	then, touched, settles := pub.suppose(now, s, supposed, resumes)
	diff := compare(now, then, &pub.census, touched, only)
	diff.Changes = texts
	if settles > 0 {
		diff.Settles = lasting(settles)
	}
	return diff, now, then
}

// whatIfStanding is the difference that another standing would make.
func (pub *publisher) whatIfStanding(s *standing) admin.Difference {
	now := pub.world()
	then, touched, settles := pub.suppose(now, s, nil, nil)
	diff := compare(now, then, &pub.census, touched, nil)
	if settles > 0 {
		diff.Settles = lasting(settles)
	}
	return diff
}

// changesOf reads the changes of a request.
func (p *plan) changesOf(texts []string) ([]change, error) {
	list := make([]change, len(texts))
	for i, text := range texts {
		c, err := parseChange(p, text)
		if err != nil {
			return nil, refusal(err)
		}
		list[i] = c
	}
	return list, nil
}

// refusal is an error as the API says it: what names nothing is not found.
func refusal(err error) error {
	if isMissing(err) {
		return admin.Refuse(http.StatusNotFound, "%v", err)
	}
	return admin.Refuse(http.StatusUnprocessableEntity, "%v", err)
}
