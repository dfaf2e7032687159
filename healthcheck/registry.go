package healthcheck

import (
	"errors"
	"fmt"
	"io"
	"slices"
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
	brakes   map[Kin]*brake // of checks with a Freeze
	changes  ring[Change]
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
	name    string
	state   State
	since   time.Time // when it got its status
	probed  bool      // it had a result, or took over from one that had
	bad     bool      // its last conclusive result is a fail
	turned  time.Time // when it turned bad; zero: before it was here
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
	Held   time.Duration // how long flap damping holds it down yet
}

// NewRegistry makes a Registry. It does nothing until a Lease.
func NewRegistry(cfg Config) *Registry {
	if cfg.New == nil {
		cfg.New = New
	}
	return &Registry{
		cfg: cfg, sched: newScheduler(cfg.MaxInFlight),
		entries: map[probeKey]*entry{}, probers: map[unique.Handle[Options]]*sharedProber{},
		brakes: map[Kin]*brake{},
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
		e, isNew := r.entry(c, terms)
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
func (r *Registry) entry(c Check, terms Terms) (e *entry, isNew bool) {
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
		e.inherit(like)
	} else if terms.Past != nil {
		if p, ok := terms.Past(c); ok {
			e.recall(p)
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

// inherit takes over from an entry that differs in thresholds alone.
func (e *entry) inherit(like *entry) {
	e.state, e.probed, e.since = State{Status: like.state.Status}, like.probed, like.since
	if e.check.Thresholds.Flap == like.check.Thresholds.Flap {
		e.state.Hold, e.state.damping = like.state.Hold, like.state.damping
	}
	e.results.values = like.results.all()
	e.bad, e.turned = like.bad, like.turned
	switch window := like.check.Thresholds.Interval + like.check.Thresholds.Timeout; {
	case like.frozen():
		e.turned = time.Now() // for the next brake it is as if it turned now
	case time.Since(e.turned) > window:
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
	b.frozen = false
	return e.freezing(time.Now())
}

// freezing is what there is to say of an entry's brake.
func (e *entry) freezing(now time.Time) *Freezing {
	b := e.brake
	f := &Freezing{Name: e.name, Options: e.check.Options.Value(), Freeze: b.freeze, Frozen: b.frozen, Bad: b.turned, Able: b.able()}
	if !b.frozen {
		f.Lasted = now.Sub(b.since)
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

// report takes a result and tells everyone. It says whether to look again soon.
func (r *Registry) report(e *entry, res Result) (soon bool) {
	n, ok := r.take(e, res)
	if !ok {
		return false
	}
	for _, u := range n.users {
		u.lease.deliver(u.index)
	}
	r.observe(e.check, res, n)
	return n.soon
}

// news is what follows from one result.
type news struct {
	soon     bool    // a streak is open
	users    []user  // to whom the State is another one
	change   *Change // of the status
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
	e.results.add(keep(res), keptResults)
	if !e.probed {
		e.probed = true
		r.unprobed--
	}
	e.turn(res)
	if b := e.brake; b != nil && b.judge(res.At) {
		n.freezing = e.freezing(res.At)
		if !b.frozen {
			b.settle()
		}
	}
	if e.frozen() {
		return n, true
	}
	to := e.state.Next(res, e.check.Thresholds)
	if to.Status == Down && e.state.Status != Down && e.brake != nil && !e.brake.allows(e.turned, res.At) {
		n.soon = true // it goes down with a later fail, if the brake does not take hold
		return n, true
	}
	r.set(e, to, res, &n)
	n.soon = !to.Settled()
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
	var rest leftovers
	for _, e := range r.entries {
		for ; e != nil; e = e.next {
			r.drop(e, &rest)
		}
	}
	r.mu.Unlock()
	rest.freezings = nil // what is over needs no telling
	r.dispose(rest)
	r.sched.wg.Wait()
}

func closeProber(p Prober) {
	if c, ok := p.(io.Closer); ok {
		_ = c.Close() // nothing to be done about it
	}
}
