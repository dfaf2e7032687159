package gtm

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// order is an operator's word: a change that stands above the configuration until
// it is taken back, or expires. It is never written to once made.
type order struct {
	change  change
	text    string
	author  string
	reason  string
	at      time.Time
	expires time.Time // zero: never
	safe    time.Time // when caches have forgotten a member that it took away; or zero
}

// standing is what operators have said: their orders, the oldest first, and the
// plans by name. It is never written to once made.
type standing struct {
	orders []order
	drills map[string]*drill
}

// changes are those that are at work. A plan that is executed stands above orders.
func (s *standing) changes() []change {
	var list []change
	for i := range s.orders {
		list = append(list, s.orders[i].change)
	}
	for _, name := range slices.Sorted(maps.Keys(s.drills)) {
		if d := s.drills[name]; d.state == admin.PlanExecuted {
			for _, c := range d.changes {
				c.by = d.name
				list = append(list, c)
			}
		}
	}
	return list
}

// with is what stands with one more order, which replaces an earlier one on the
// same subject, or takes it back.
func (s *standing) with(o order) *standing {
	next := &standing{drills: s.drills}
	for i := range s.orders {
		if s.orders[i].change.subject() != o.change.subject() {
			next.orders = append(next.orders, s.orders[i])
		}
	}
	if !o.change.reset {
		next.orders = append(next.orders, o)
	}
	return next
}

// said is the order on a change's subject, or nil.
func (s *standing) said(c *change) *order {
	for i := range s.orders {
		if s.orders[i].change.subject() == c.subject() {
			return &s.orders[i]
		}
	}
	return nil
}

// changedBy says whether an order is not so already.
func (s *standing) changedBy(o *order) bool {
	was := s.said(&o.change)
	if o.change.reset || was == nil {
		return o.change.reset != (was == nil)
	}
	return was.text != o.text || !was.expires.Equal(o.expires)
}

// now is what stands at a time, without what has expired; what has; and how long
// until more does, or Never.
func (s *standing) now(at time.Time) (next *standing, orders []order, drills []*drill, wake time.Duration) {
	next, wake = &standing{drills: maps.Clone(s.drills)}, pool.Never
	due := func(t time.Time) bool {
		if !t.IsZero() && t.After(at) && (wake == pool.Never || t.Sub(at) < wake) {
			wake = t.Sub(at)
		}
		return !t.IsZero() && !t.After(at)
	}
	for _, o := range s.orders {
		if due(o.expires) {
			orders = append(orders, o)
			continue
		}
		next.orders = append(next.orders, o)
	}
	for _, name := range slices.Sorted(maps.Keys(s.drills)) {
		d := s.drills[name]
		if d.state != admin.PlanExecuted || !due(d.until) {
			continue
		}
		over := *d
		over.state, over.rolledBack, over.until = admin.PlanRolledBack, at, time.Time{}
		over.author, over.reason = "", "its time was over"
		next.drills[name] = &over
		drills = append(drills, &over)
	}
	return next, orders, drills, wake
}

// stand has operators' words take effect, and what they change published.
func (pub *publisher) stand(s *standing) {
	old := pub.layer
	pub.standing, pub.layer = s, pub.plan.layer(s.changes())
	touched := map[int]bool{}
	for i, f := range pub.layer.failovers {
		if f != old.failovers[i] {
			touched[i] = true
		}
	}
	type turn struct {
		member  int
		was, is pool.Health
	}
	var turned []turn
	now := time.Now()
	moved := map[int]bool{} // pools
	for i := range pub.layer.members {
		supposed, is := pub.layer.supposed[i]
		before, was := old.supposed[i]
		if pub.layer.members[i] == old.members[i] && is == was && supposed == before {
			continue
		}
		moved[pub.plan.poolOf[i]] = true
		t := turn{i, pub.health[i], 0}
		if t.is = pub.grow(i, t.was, pub.judge(i), now); t.is != t.was {
			pub.setHealth(i, t.is)
			turned = append(turned, t)
			for _, f := range pub.plan.holders[i] {
				touched[f] = true
			}
		}
	}
	pub.publish(func() {
		for _, t := range turned {
			pub.noteMember(t.member, t.was, t.is)
		}
		for _, i := range slices.Sorted(maps.Keys(moved)) { // a mode or weight moves a pool, too
			pub.notePool(i)
		}
	}, slices.Sorted(maps.Keys(touched))...)
	pub.awaitExpiry(now)
}

// awaitExpiry sets the timer to the next end of an order or plan.
func (pub *publisher) awaitExpiry(now time.Time) {
	if pub.expiry != nil {
		pub.expiry.Stop()
		pub.expiry = nil
	}
	if _, _, _, wake := pub.standing.now(now); wake != pool.Never {
		pub.expiry = after(wake, pub.expire)
	}
}

// expire ends what has had its time.
func (pub *publisher) expire() {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.closed {
		return
	}
	pub.stand(pub.outlived(pub.standing, time.Now()))
}

// outlived is what stands without what has had its time, which is told.
func (pub *publisher) outlived(s *standing, now time.Time) *standing {
	next, orders, drills, _ := s.now(now)
	for i := range orders {
		pub.note(logEvent(pub.orderEnded(&orders[i], "", "it has expired")))
	}
	for _, d := range drills {
		pub.note(logEvent(pub.drillEvent(d)))
	}
	return next
}

// order lets an operator's word stand. It says whether anything changed.
func (pub *publisher) order(o order) (changed bool) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.closed {
		return false
	}
	if o.change.verb == verbResume {
		return pub.resumeSets(o)
	}
	switch {
	case !pub.standing.changedBy(&o):
		return false
	case o.change.reset:
		pub.note(logEvent(pub.orderEnded(pub.standing.said(&o.change), o.author, o.reason)))
	default:
		pub.note(logEvent(pub.orderEvent(&o)))
	}
	pub.stand(pub.standing.with(o))
	return true
}

// resumeSets lifts the locks of a failover's sets, or of one.
func (pub *publisher) resumeSets(o order) (changed bool) {
	f := &pub.failovers[o.change.at]
	for set, locked := range f.memory.Locked {
		if locked && (o.change.set == pool.NoSet || o.change.set == set) {
			f.memory = f.memory.Resume(set)
			changed = true
		}
	}
	if changed {
		pub.note(logEvent(pub.orderEvent(&o)))
		pub.publish(nil, o.change.at)
	}
	return changed
}

// orderEvent says that an order stands, or that a set was resumed.
func (pub *publisher) orderEvent(o *order) admin.Event {
	text := fmt.Sprintf("order by %s: %s (reason: %s)", o.author, o.text, o.reason)
	if !o.expires.IsZero() {
		text += ", until " + o.expires.UTC().Format(time.RFC3339)
	}
	e := pub.about(&o.change)
	e.Kind, e.Severity, e.Text, e.Author, e.Reason, e.Change = "order", info, text, o.author, o.reason, o.text
	return e
}

// orderEnded says that an order stands no more.
func (pub *publisher) orderEnded(o *order, author, reason string) admin.Event {
	text := fmt.Sprintf("order ended: %s, of %s (reason: %s)", o.text, o.author, reason)
	if author != "" {
		text = fmt.Sprintf("order taken back by %s: %s, of %s (reason: %s)", author, o.text, o.author, reason)
	}
	e := pub.about(&o.change)
	e.Kind, e.Severity, e.Text, e.Author, e.Reason, e.Change = "order_ended", info, text, author, reason, o.text
	return e
}

// about is an event with what a change is about.
func (pub *publisher) about(c *change) admin.Event {
	e := admin.Event{GTM: pub.plan.name}
	switch {
	case c.member >= 0:
		m := pub.plan.members[c.member]
		e.Pool, e.Member = m.Pool.Name, m.ID
	case c.pool >= 0:
		e.Pool = pub.plan.pools[c.pool].Name
	case c.domain != nil:
		e.Domains = []string{c.domain.Name}
	case c.at >= 0:
		f := pub.plan.failovers[c.at]
		e.Failover = f.Name
		if c.set != pool.NoSet {
			e.Set = f.Sets[c.set].Name
		}
	}
	return e
}
