package healthcheck

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unique"
)

// Config says how a Registry works. Its zero value is a good one.
type Config struct {
	// MaxInFlight bounds the probes in flight; 0: by the descriptor limit.
	MaxInFlight int
	// New makes a prober; nil: the package's New.
	New func(Options) (Prober, error)
	// OnResult sees every result that counts, OnChange every change of a Status,
	// OnFreeze when a brake takes hold or lets go. Each may be nil.
	OnResult func(Check, Result)
	OnChange func(Change)
	OnFreeze func(Freezing)
}

// Registry probes the checks that are leased, each once, however often it is
// leased.
//
// All callbacks (of leases and of Config) run outside its locks, on the
// goroutine of the probe, and may take any lock of the caller and call any
// method but two: Lease.Close and Registry.Close wait for running callbacks, so
// they may neither be called from one, nor while holding a lock that one takes.
// The next probe of a check waits for the callbacks of the last: they ought to
// be short. The callbacks of one lease never overlap, and the last one for a check
// brings its last state. For each result come first the leases', then OnResult,
// then OnChange, then OnFreeze.
type Registry struct {
	cfg   Config
	sched *scheduler

	mu       sync.Mutex // guards following; taken before the scheduler's
	closed   bool
	entries  map[probeKey]*entry // head of a chain: those that differ in thresholds alone
	size     int                 // entries in all chains
	unprobed int
	probers  map[unique.Handle[Options]]*sharedProber
	brakes   map[brakeKey]*brake // of checks with a Freeze
	changes  ring[Change]
}

// probeKey is what a state belongs to: thresholds only say how to read it.
type probeKey struct {
	target  Target
	options unique.Handle[Options]
}

// brakeKey is what checks have in common that are made alike.
type brakeKey struct {
	options    unique.Handle[Options]
	thresholds Thresholds
}

// entry is a check that is leased at least once.
type entry struct {
	task
	next *entry // in the chain

	// The registry's mutex guards following.
	name    string
	state   State
	since   time.Time // when it got its status
	probed  bool      // it had a result, or took over from one that had
	bad     bool      // its last conclusive result is a fail
	turned  time.Time // when it turned bad
	before  State     // and what it was then
	brake   *brake    // or nil
	results ring[kept]
	dead    bool
	users   []user
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

// Stats are counts: of now, and of what has happened since the start.
type Stats struct {
	Checks   int    // different checks that are leased
	Held     int    // checks that flap damping holds down
	Frozen   int    // checks whose states a brake holds
	InFlight int    // probes
	Most     int    // probes that may be in flight
	Late     uint64 // probes that began 100 ms or more after their time, ever
	Panics   uint64 // faults of probers and callbacks that were caught, ever
}

// Past is what is known of a check from an earlier life of the process.
type Past struct {
	Status Status
	Lasted time.Duration // how long it has had that status
}

// NewRegistry makes a Registry. It does nothing until a Lease.
func NewRegistry(cfg Config) *Registry {
	if cfg.New == nil {
		cfg.New = New
	}
	return &Registry{
		cfg: cfg, sched: newScheduler(cfg.MaxInFlight),
		entries: map[probeKey]*entry{}, probers: map[unique.Handle[Options]]*sharedProber{},
		brakes: map[brakeKey]*brake{},
	}
}

// Terms are what a Lease is for. All but Checks may be nil.
type Terms struct {
	// Checks are probed until the Lease is closed. The same one may stand there
	// more than once.
	Checks []Check
	// Names are what the checks are called in a Change; the latest Lease names them.
	Names []string
	// Past says what is known of a check from before.
	Past func(Check) (Past, bool)
	// Changed is called with the index of a check whose State has changed, possibly
	// before the registry's Lease has returned, and never after Close has.
	Changed func(i int, s State)
}

// Lease has checks probed until it is closed. On an error nothing is leased.
//
// A check that is leased already keeps its state. A new one takes over the
// status of a leased one that differs in thresholds alone, or else that of its
// past, with no streak: it needs the full rise or fall to leave it. Any other is
// Unknown.
func (r *Registry) Lease(terms Terms) (*Lease, error) {
	checks := terms.Checks
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
	l := &Lease{registry: r, changed: terms.Changed, entries: make([]*entry, len(checks))}
	var added []*task
	for i, c := range checks {
		e, isNew := r.entry(c, terms.Past)
		if isNew {
			added = append(added, &e.task)
		}
		e.users = append(e.users, user{l, i})
		if terms.Names != nil {
			e.name = terms.Names[i]
		}
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
func (r *Registry) entry(c Check, past func(Check) (Past, bool)) (e *entry, isNew bool) {
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
	e = &entry{task: task{check: c, prober: r.probers[c.Options].prober, index: -1}, next: head, since: time.Now()}
	e.report = func(res Result) bool { return r.report(e, res) }
	if like != nil {
		e.state, e.probed, e.since = State{Status: like.state.Status}, like.probed, like.since
		e.results.values = like.results.all()
	} else if past != nil {
		if p, ok := past(c); ok {
			e.state, e.since = State{Status: p.Status}, e.since.Add(-p.Lasted)
		}
	}
	if !e.probed {
		r.unprobed++
	}
	r.watch(e)
	r.entries[key] = e
	r.probers[c.Options].users++
	r.size++
	return e, true
}

// watch puts an entry under the brake of those that are made like it, if they
// have one.
func (r *Registry) watch(e *entry) {
	if e.check.Thresholds.Freeze == (Freeze{}) {
		return
	}
	key := brakeKey{e.check.Options, e.check.Thresholds}
	if r.brakes[key] == nil {
		r.brakes[key] = newBrake(e.check.Thresholds)
	}
	e.brake = r.brakes[key]
	e.brake.add(e)
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
	if e.brake != nil {
		if e.brake.remove(e); len(e.brake.entries) == 0 {
			delete(r.brakes, brakeKey{e.check.Options, e.check.Thresholds})
		}
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
	e.results.add(keep(res), keptResults)
	if !e.probed {
		e.probed = true
		r.unprobed--
	}
	n := r.take(e, res)
	open := !e.state.Settled()
	r.mu.Unlock()

	for _, u := range n.users {
		u.lease.deliver(u.index)
	}
	r.observe(e.check, res, n)
	return open
}

// news is what follows from one result.
type news struct {
	users    []user   // of the checks whose state has changed
	changes  []Change // those of a status
	freezing *Freezing
}

// take works out what follows from a result.
func (r *Registry) take(e *entry, res Result) (n news) {
	e.turn(res)
	if b := e.brake; b != nil {
		if b.judge(res.At) {
			n.freezing = &Freezing{Name: e.name, Options: e.check.Options.Value(), Freeze: b.freeze, Frozen: b.frozen, Bad: b.turned, Able: b.able()}
			if b.frozen {
				for other := range b.entries {
					r.takeBack(other, res.At, &n)
				}
			}
		}
		if b.frozen {
			return n
		}
	}
	r.set(e, e.state.Next(res, e.check.Thresholds), Change{At: res.At, Result: res}, &n)
	return n
}

// turn notes whether the check is good or bad now, and what it was before.
func (e *entry) turn(res Result) {
	bad := res.Verdict == Fail
	if res.Verdict == Inconclusive || e.bad == bad {
		return
	}
	e.bad = bad
	if bad {
		e.turned, e.before = res.At, e.state
	}
	switch {
	case e.brake == nil:
	case bad:
		e.brake.fail(e.check.Target.Host, res.At)
	default:
		e.brake.pass(e.check.Target.Host)
	}
}

// takeBack gives a check the state that it had before it turned bad, if that was
// within the brake's window.
func (r *Registry) takeBack(e *entry, at time.Time, n *news) {
	if e.bad && at.Sub(e.turned) <= e.brake.window {
		r.set(e, e.before, Change{At: at, Frozen: true}, n)
	}
}

// set gives a check a state.
func (r *Registry) set(e *entry, to State, c Change, n *news) {
	from := e.state
	if from == to {
		return
	}
	e.state = to
	n.users = append(n.users, e.users...)
	if from.Status == to.Status {
		return
	}
	c.Check, c.Name, c.From, c.To, c.Lasted = e.check, e.name, from, to, c.At.Sub(e.since)
	e.since = c.At
	n.changes = append(n.changes, c)
	r.changes.add(c, keptChanges)
}

func (r *Registry) observe(c Check, res Result, n news) {
	defer r.sched.survive()
	if r.cfg.OnResult != nil {
		r.cfg.OnResult(c, res)
	}
	if r.cfg.OnChange != nil {
		for _, change := range n.changes {
			r.cfg.OnChange(change)
		}
	}
	if r.cfg.OnFreeze != nil && n.freezing != nil {
		r.cfg.OnFreeze(*n.freezing)
	}
}

// Changes are the last changes of a status, the oldest first, at most 1,000.
func (r *Registry) Changes() []Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changes.all()
}

// Unprobed is how many leased checks have had no result yet, not even an
// inconclusive one, and took over no state.
func (r *Registry) Unprobed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unprobed
}

// Stats are the counts of now.
func (r *Registry) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sched.stats()
	s.Checks = r.size
	for _, e := range r.entries {
		for ; e != nil; e = e.next {
			if e.state.Hold > 0 {
				s.Held++
			}
			if e.frozen() {
				s.Frozen++
			}
		}
	}
	return s
}

func (e *entry) frozen() bool { return e.brake != nil && e.brake.frozen }

// SetMaxInFlight bounds the probes in flight from now on; 0: by the descriptor
// limit.
func (r *Registry) SetMaxInFlight(n int) { r.sched.setMax(n) }

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
