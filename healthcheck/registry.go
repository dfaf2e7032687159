package healthcheck

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"unique"
)

// Config says how a Registry works. Its zero value is a good one.
type Config struct {
	// MaxInFlight bounds the probes in flight; 0: by the descriptor limit.
	MaxInFlight int
	// New makes a prober; nil: the package's New.
	New func(Options) (Prober, error)
	// OnResult sees every result that counts, OnChange every change of a State.
	// Both may be nil.
	OnResult func(Check, Result)
	OnChange func(c Check, from, to State, r Result)
}

// Registry probes the checks that are leased, each once, however often it is
// leased.
//
// All callbacks (of leases and of Config) run outside its locks, on the
// goroutine of the probe, and may take any lock of the caller and call any
// method but two: Lease.Close and Registry.Close wait for running callbacks, so
// they may neither be called from one, nor while holding a lock that one takes.
// The next probe of a check waits for the callbacks of the last: they ought to
// be short. The callbacks of one lease never overlap; those of one check come in
// the order of its results, first the leases', then OnResult, then OnChange.
type Registry struct {
	cfg   Config
	sched *scheduler

	mu       sync.Mutex // guards following; taken before the scheduler's
	closed   bool
	entries  map[probeKey]*entry // head of a chain: those that differ in thresholds alone
	size     int                 // entries in all chains
	unprobed int
	probers  map[unique.Handle[Options]]*sharedProber
}

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
	state  State
	probed bool // it had a result, or adopted the state of one that had
	dead   bool
	users  []user
}

// user is one place in one lease.
type user struct {
	lease *Lease
	index int
}

type sharedProber struct {
	prober Prober
	users  int
}

// Stats are counts since the start, but for InFlight.
type Stats struct {
	InFlight int    // probes now
	Late     uint64 // probes that began 100 ms or more after their time
	Panics   uint64 // faults of probers and callbacks that were caught
}

// NewRegistry makes a Registry. It does nothing until a Lease.
func NewRegistry(cfg Config) *Registry {
	if cfg.New == nil {
		cfg.New = New
	}
	return &Registry{
		cfg: cfg, sched: newScheduler(cfg.MaxInFlight),
		entries: map[probeKey]*entry{}, probers: map[unique.Handle[Options]]*sharedProber{},
	}
}

// Lease has checks probed until it is closed. The same check may stand in it
// more than once. On an error nothing is leased.
//
// A check that is leased already keeps its state. A new one takes over the
// status of a leased one that differs in thresholds alone, with no streak: it
// needs the full rise or fall to leave it. Any other is Unknown.
//
// changed is called with the index of a check whose State has changed, possibly
// before Lease has returned, and never after Close has. It may be nil.
func (r *Registry) Lease(checks []Check, changed func(i int, s State)) (*Lease, error) {
	for i, c := range checks {
		if err := c.Thresholds.validate(); err != nil {
			return nil, fmt.Errorf("check %d, %s %s: %w", i, c.Options.Value().Kind, c.Target.Host, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errors.New("the registry is closed")
	}
	if err := r.makeProbers(checks); err != nil {
		return nil, err
	}
	l := &Lease{registry: r, changed: changed, entries: make([]*entry, len(checks))}
	var added []*task
	for i, c := range checks {
		e, isNew := r.entry(c)
		if isNew {
			added = append(added, &e.task)
		}
		e.users = append(e.users, user{l, i})
		l.entries[i] = e
	}
	r.sched.add(added)
	return l, nil
}

// makeProbers makes those that are missing, all or none. They have no users yet.
func (r *Registry) makeProbers(checks []Check) error {
	var made []unique.Handle[Options]
	for _, c := range checks {
		if r.probers[c.Options] != nil {
			continue
		}
		p, err := r.cfg.New(c.Options.Value())
		if err != nil {
			for _, h := range made {
				closeProber(r.probers[h].prober)
				delete(r.probers, h)
			}
			return err
		}
		r.probers[c.Options] = &sharedProber{prober: p}
		made = append(made, c.Options)
	}
	return nil
}

// entry finds or makes the entry of a check.
func (r *Registry) entry(c Check) (e *entry, isNew bool) {
	key := probeKey{c.Target, c.Options}
	head := r.entries[key]
	var like *entry // one with another threshold, best one that knows something
	for e := head; e != nil; e = e.next {
		if e.check.Thresholds == c.Thresholds {
			return e, false
		}
		if like == nil || !like.probed {
			like = e
		}
	}
	e = &entry{task: task{check: c, prober: r.probers[c.Options].prober, index: -1}, next: head}
	e.report = func(res Result) bool { return r.report(e, res) }
	if like != nil {
		e.state, e.probed = State{Status: like.state.Status}, like.probed
	}
	if !e.probed {
		r.unprobed++
	}
	r.entries[key] = e
	r.probers[c.Options].users++
	r.size++
	return e, true
}

// drop forgets an entry without users. It returns its prober if that was the
// last use of it.
func (r *Registry) drop(e *entry) Prober {
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
	shared := r.probers[e.check.Options]
	if shared.users--; shared.users > 0 {
		return nil
	}
	delete(r.probers, e.check.Options)
	return shared.prober
}

// report takes a result and tells everyone. It says whether a streak is open.
func (r *Registry) report(e *entry, res Result) bool {
	r.mu.Lock()
	if e.dead {
		r.mu.Unlock()
		return false
	}
	from := e.state
	to := from.Next(res.Verdict, e.check.Thresholds)
	e.state = to
	if !e.probed {
		e.probed = true
		r.unprobed--
	}
	var users []user
	if from != to {
		users = slices.Clone(e.users)
	}
	r.mu.Unlock()

	for _, u := range users {
		u.lease.deliver(u.index, to)
	}
	r.observe(e.check, from, to, res)
	return !to.Settled()
}

func (r *Registry) observe(c Check, from, to State, res Result) {
	defer r.sched.survive()
	if r.cfg.OnResult != nil {
		r.cfg.OnResult(c, res)
	}
	if r.cfg.OnChange != nil && from != to {
		r.cfg.OnChange(c, from, to, res)
	}
}

// Unprobed is how many leased checks have had no result yet, not even an
// inconclusive one, and took over no state.
func (r *Registry) Unprobed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unprobed
}

// Len is how many different checks are leased.
func (r *Registry) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size
}

// Stats are the scheduler's counts.
func (r *Registry) Stats() Stats {
	r.sched.mu.Lock()
	defer r.sched.mu.Unlock()
	return Stats{InFlight: r.sched.inFlight, Late: r.sched.late.Load(), Panics: r.sched.panics.Load()}
}

// Close stops all probes for good and waits for them and their callbacks.
// Leases keep their last states and need not be closed.
func (r *Registry) Close() {
	r.mu.Lock()
	r.closed = true
	var unused []Prober
	for _, e := range r.entries {
		for ; e != nil; e = e.next {
			if p := r.drop(e); p != nil {
				unused = append(unused, p)
			}
		}
	}
	r.mu.Unlock()
	for _, p := range unused {
		closeProber(p)
	}
	r.sched.wg.Wait()
}

func closeProber(p Prober) {
	if c, ok := p.(io.Closer); ok {
		_ = c.Close() // nothing to be done about it
	}
}
