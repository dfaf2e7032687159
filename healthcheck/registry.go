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
// goroutine of the probe (OnFreeze also on that of Lease.Close), and may take any
// lock of the caller and call any method but two: Lease.Close and Registry.Close
// wait for running callbacks, so they may neither be called from one, nor while
// holding a lock that one takes.
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
	e.report = func(res Result) time.Duration { return r.report(e, res) }
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
	e.file.state, e.file.since = e.state, e.since
	r.watch(e)
	r.entries[key] = e
	r.probers[c.Options].users++
	r.size++
	return e, true
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
