package healthcheck

import (
	"slices"
	"time"
	"unique"
)

// probeKey is what a state belongs to: thresholds only say how to read it.
type probeKey struct {
	target  Target
	options unique.Handle[Options]
}

// entry is a check that is leased at least once.
type entry struct {
	task
	next *entry // in the chain

	// The registry's mutex guards following.
	name   string
	state  State
	since  time.Time // when it got its status
	probed bool      // it had a result, or took over from one that had
	bad    bool      // its last conclusive result is a fail
	turned time.Time // when it turned bad; zero: before it was here
	brake  *brake    // or nil
	dead   bool
	users  []user

	file file
}

// user is one place in one lease.
type user struct {
	lease *Lease
	index int
}

// inherit takes over from an entry that differs in thresholds alone.
func (e *entry) inherit(like *entry) {
	e.state, e.probed, e.since = State{Status: like.state.Status}, like.probed, like.since
	if e.check.Thresholds.Flap == like.check.Thresholds.Flap {
		e.state.Hold, e.state.damping = like.state.Hold, like.state.damping
	}
	e.file.results.values, e.file.reason = like.file.all()
	e.bad, e.turned = like.bad, like.turned
	switch {
	case like.frozen() && like.brake.targets[like.check.Target.Host].turned:
		e.turned = time.Now() // for the next brake it is as if it turned now
	case time.Since(e.turned) > like.check.Thresholds.window():
		e.turned = time.Time{} // long ago
	}
}

// recall takes over from an earlier life of the process.
func (e *entry) recall(p Past) {
	e.state, e.since = State{Status: p.Status}, e.since.Add(-p.Lasted)
	e.bad = p.Status == Down
	if p.Held > 0 && p.Status == Down && e.check.Thresholds.Flap != (Flap{}) {
		e.state = e.state.held(time.Now(), min(p.Held, e.check.Thresholds.Flap.Hold<<maxDoublings), e.check.Thresholds.Flap)
	}
}

// watch puts an entry under the brake of its kin, if they have one.
func (r *Registry) watch(e *entry) {
	if e.check.Thresholds.Freeze == (Freeze{}) {
		return
	}
	kin := e.check.Kin()
	if r.brakes[kin] == nil {
		r.brakes[kin] = newBrake(e.check.Thresholds)
	}
	e.brake = r.brakes[kin]
	e.brake.add(e.check.Target.Host, e.bad, e.turned)
}

// unwatch takes an entry out of its brake. A brake that ends while it holds says
// that it lets go.
func (r *Registry) unwatch(e *entry) *Freezing {
	b := e.brake
	if b == nil {
		return nil
	}
	b.remove(e.check.Target.Host, e.bad)
	if b.checks > 0 {
		return nil
	}
	delete(r.brakes, e.check.Kin())
	if !b.frozen {
		return nil
	}
	b.freezes(false)
	return e.freezing(time.Now())
}

func (e *entry) frozen() bool { return e.brake != nil && e.brake.frozen }

// freezing is what there is to say of an entry's brake.
func (e *entry) freezing(now time.Time) *Freezing {
	b := e.brake
	f := &Freezing{Name: e.name, Options: e.check.Options.Value(), Freeze: b.freeze, Frozen: b.frozen, Bad: b.turned, Able: b.able()}
	if !b.frozen {
		f.Lasted, f.Bad, f.Able = now.Sub(b.since), b.old+b.turned, len(b.targets)
	}
	return f
}

// drop forgets an entry without users. What is left to do then is noted in rest.
func (r *Registry) drop(e *entry, rest *leftovers) {
	e.dead = true
	r.sched.remove(&e.task)
	key := probeKey{e.check.Target, e.check.Options}
	head := r.entries[key]
	for at := &head; *at != nil; at = &(*at).next {
		if *at == e {
			*at = e.next
			break
		}
	}
	if head != nil {
		r.entries[key] = head
	} else {
		delete(r.entries, key)
	}
	r.size--
	if !e.probed {
		r.unprobed--
	}
	if f := r.unwatch(e); f != nil {
		rest.freezings = append(rest.freezings, *f)
	}
	shared := r.probers[e.check.Options]
	if shared.users--; shared.users == 0 {
		delete(r.probers, e.check.Options)
		rest.probers = append(rest.probers, shared.prober)
	}
}

// leftovers are what is to be done about dropped entries outside the lock.
type leftovers struct {
	probers   []Prober
	freezings []Freezing
}

func (r *Registry) dispose(rest leftovers) {
	for _, p := range rest.probers {
		closeProber(p)
	}
	defer r.sched.survive()
	if r.cfg.OnFreeze != nil {
		for _, f := range rest.freezings {
			r.cfg.OnFreeze(f)
		}
	}
}

// report takes a result and tells everyone. It says when to look again: so long
// after the probe's start, or with 0 when it is time.
func (r *Registry) report(e *entry, res Result) (again time.Duration) {
	n, ok := r.take(e, res)
	if !ok {
		return 0
	}
	for _, u := range n.users {
		u.lease.deliver(u.index)
	}
	r.observe(e.check, res, n)
	return n.again
}

// news is what follows from one result.
type news struct {
	again    time.Duration // see report
	users    []user        // to whom the State is another one
	change   *Change       // of the status
	freezing *Freezing
}

// take works out what follows from a result; it is not ok where nobody leases the
// check any more.
func (r *Registry) take(e *entry, res Result) (n news, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.dead {
		return n, false
	}
	defer e.enter(res)
	if !e.probed {
		e.probed = true
		r.unprobed--
	}
	e.turn(res)
	if b := e.brake; b != nil && b.judge(res.At) {
		n.freezing = e.freezing(res.At)
	}
	to, recheck := e.state.Next(res, e.check.Thresholds), e.check.Thresholds.Recheck
	switch {
	case e.frozen():
		to = e.state
		to.Streak = 0 // what is in a row is so without a freeze between
	case to.Status == Down && e.state.Status != Down && e.brake != nil && !e.brake.allows(e.turned, res.At.Add(-res.RTT), res.At):
		// It goes down with a later fail, if the brake does not take hold. Many may
		// wait so: each looks less and less often.
		if recheck > 0 {
			n.again = max(recheck, res.At.Sub(e.turned)/2)
		}
		return n, true
	case !to.Settled():
		n.again = recheck
	}
	r.set(e, to, res, &n)
	return n, true
}

// turn notes whether the check is good or bad now, and since when.
func (e *entry) turn(res Result) {
	host, b := e.check.Target.Host, e.brake
	switch {
	case res.Verdict == Pass && e.bad:
		e.bad = false
		if b != nil {
			b.mend(host)
		}
	case res.Verdict == Fail && !e.bad:
		e.bad, e.turned = true, res.At
		if b != nil {
			b.fail(host, res.At)
		}
	}
	if b != nil && res.Verdict == Pass {
		b.pass(host, res.At)
	}
}

// set gives a check a state.
func (r *Registry) set(e *entry, to State, res Result, n *news) {
	from := e.state
	if from == to {
		return
	}
	e.state = to
	n.users = slices.Clone(e.users)
	if from.Status == to.Status {
		return
	}
	n.change = &Change{
		Check: e.check, Name: e.name, From: from, To: to, At: res.At, Lasted: res.At.Sub(e.since), Result: res,
	}
	e.since = res.At
	r.changes.add(*n.change, keptChanges)
}

func (r *Registry) observe(c Check, res Result, n news) {
	defer r.sched.survive()
	if r.cfg.OnResult != nil {
		r.cfg.OnResult(c, res)
	}
	if r.cfg.OnChange != nil && n.change != nil {
		r.cfg.OnChange(*n.change)
	}
	if r.cfg.OnFreeze != nil && n.freezing != nil {
		r.cfg.OnFreeze(*n.freezing)
	}
}
