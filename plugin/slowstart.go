package gtm

import (
	"time"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// slowStart is the members of one pool whose weights grow. Like all of the
// publisher's, it is guarded by its lock.
type slowStart struct {
	pool  *pool.Pool
	since map[int]time.Time // growing member -> when it recovered
	timer *time.Timer       // to the next step, or nil
}

// slowStarts are those of the plan's pools that have one, with no member growing.
func slowStarts(p *plan) map[*pool.Pool]*slowStart {
	all := map[*pool.Pool]*slowStart{}
	for _, p := range p.pools {
		if p.SlowStarts() {
			all[p] = &slowStart{pool: p, since: map[int]time.Time{}}
		}
	}
	return all
}

// grow has a member's slow start begin, go on or end, as its health turns, and
// says what that health is with the weight that has grown.
func (pub *publisher) grow(member int, was, is pool.Health, now time.Time) pool.Health {
	s := pub.slow[pub.plan.members[member].Pool]
	switch {
	case s == nil:
		return is
	case is&pool.Available == 0:
		s.end(member)
		return is
	case was&pool.Available == 0:
		s.since[member] = now
		pub.awaitStep(s, now)
	}
	return s.grown(member, is, now)
}

// end ends a member's slow start, if it is in one.
func (s *slowStart) end(member int) {
	delete(s.since, member)
	if len(s.since) == 0 {
		s.stop()
	}
}

// stop stops the timer, if there is one.
func (s *slowStart) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// grown is a health with as much weight as the member has by now.
func (s *slowStart) grown(member int, h pool.Health, now time.Time) pool.Health {
	since, ok := s.since[member]
	if !ok {
		return h
	}
	have, _ := s.pool.Growth(now.Sub(since))
	return h.Grown(have)
}

// awaitStep sets the timer to the pool's next step. Where it runs already, that
// step is no later than the first one of a member that has just begun.
func (pub *publisher) awaitStep(s *slowStart, now time.Time) {
	if s.timer != nil {
		return
	}
	wake := pool.Never
	for _, since := range s.since {
		if _, next := s.pool.Growth(now.Sub(since)); wake == pool.Never || next < wake {
			wake = next
		}
	}
	if wake != pool.Never {
		s.timer = after(wake, func() { pub.makeStep(s) })
	}
}

// makeStep makes the step that is due, of all members whose step it is: their
// failovers are worked out once. It is no change of anyone's availability.
func (pub *publisher) makeStep(s *slowStart) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.closed {
		return
	}
	now := time.Now()
	stepped := false
	for member, since := range s.since {
		was := pub.health[member]
		is := s.grown(member, was, now)
		pub.setHealth(member, is)
		stepped = stepped || is != was
		if _, next := s.pool.Growth(now.Sub(since)); next == pool.Never {
			delete(s.since, member)
		}
	}
	s.stop() // it may be one that was set after the one that is making this step
	pub.awaitStep(s, now)
	if stepped {
		pub.publish(nil, pub.plan.holders[s.pool.Members[0].Index]...) // who holds one member holds all of its pool
	}
}

// resume begins or takes up the slow starts of a new generation: of members that
// come back, or come to a pool that serves, right at its start; and of those that
// were part-way through.
func (pub *publisher) resume(p *past, now time.Time) {
	for i, m := range pub.plan.members {
		s, checks := pub.slow[m.Pool], pub.plan.checksOf[i]
		if s == nil || pub.layer.members[i].Mode != pool.Auto || checks.from == checks.to || pub.health[i]&pool.Available == 0 {
			continue
		}
		elapsed, growing := p.growing[memberKey{m.Pool.Name, m.ID}]
		if pub.waiting[i] {
			elapsed, growing = 0, true
		}
		if growing && elapsed < s.pool.SlowStart {
			s.since[i] = now.Add(-elapsed)
			pub.setHealth(i, s.grown(i, pub.health[i], now))
		}
	}
	for _, s := range pub.slow {
		pub.awaitStep(s, now)
	}
}
