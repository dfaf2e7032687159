package healthcheck

import (
	"slices"
	"sync"
	"time"
)

// Lease is a claim on checks.
type Lease struct {
	registry *Registry
	changed  func(i int, s State) // or nil
	entries  []*entry             // by index; set once

	deliverMu sync.Mutex // guards following; held while changed runs
	closed    bool
}

// deliver tells the lease's owner of a check's state, as it is by now: where two
// goroutines have news of a check, the later call brings the later state.
func (l *Lease) deliver(i int) {
	l.deliverMu.Lock()
	defer l.deliverMu.Unlock()
	defer l.registry.sched.survive()
	if !l.closed && l.changed != nil {
		l.changed(i, l.State(i))
	}
}

// State is the state of the i-th check. It may be newer than what changed has
// been called with.
func (l *Lease) State(i int) State {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	return l.entries[i].state
}

// Pasts are what a later life of the process ought to know of the checks.
func (l *Lease) Pasts() []Past {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	now := time.Now()
	list := make([]Past, len(l.entries))
	for i, e := range l.entries {
		list[i] = Past{Status: e.state.Status, Lasted: now.Sub(e.since)}
		if e.state.Hold > 0 {
			list[i].Held = max(0, e.state.damping.until.Sub(now))
		}
	}
	return list
}

// Record is what is known of the i-th check. No probe and no change of a state waits
// for it.
func (l *Lease) Record(i int) Record {
	e := l.entries[i]
	rec := l.Glance(i)
	results, _ := e.file.all()
	for _, k := range results {
		rec.Results = append(rec.Results, k.result())
	}
	return rec
}

// Glance is Record without the results.
func (l *Lease) Glance(i int) Record {
	e := l.entries[i]
	e.file.mu.Lock()
	defer e.file.mu.Unlock()
	return Record{Check: e.check, State: e.file.state, Since: e.file.since, Reason: e.file.reason, Frozen: e.brake != nil && e.brake.shown.Load()}
}

// Close ends the lease; calling it again does nothing. A check that nobody else
// leases stops being probed: its probe in flight is called off and its result
// dropped.
func (l *Lease) Close() {
	l.deliverMu.Lock()
	was := l.closed
	l.closed = true
	l.deliverMu.Unlock()
	if was {
		return
	}
	r := l.registry
	r.mu.Lock()
	var rest leftovers
	for _, e := range l.entries {
		if e.dead {
			continue // a double that went with its first place, or the registry is closed
		}
		e.users = slices.DeleteFunc(e.users, func(u user) bool { return u.lease == l })
		if len(e.users) > 0 {
			continue
		}
		r.drop(e, &rest)
	}
	r.mu.Unlock()
	r.dispose(rest)
}
