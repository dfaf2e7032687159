package gtm

import (
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/fastpath"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// process is what outlives a reload: the checks with their states, and which
// generations of which blocks are alive. It is the package's only global state.
var process = registered(newLife())

// after is time.AfterFunc for a function whose fault must not end the process.
func after(d time.Duration, do func()) *time.Timer {
	return time.AfterFunc(d, func() {
		defer survive()
		do()
	})
}

// survive, deferred, keeps a fault from ending the process.
func survive() {
	if fault := recover(); fault != nil {
		log.Errorf("a fault, please report it: %v\n%s", fault, debug.Stack())
	}
}

// readyDeadline is how long ready waits for the checks' first results.
const readyDeadline = 30 * time.Second

// life is the blocks of one process. During a reload two generations live: the
// old one answers until the new one does. What Caddy tells, and when:
//
//	reload:        old restart -> new start -> old replaced
//	failed reload: old restart -> (new start) -> old restartFailed
//	the end:       old replaced -> (health's lameduck) -> old stop
//
// A generation that was started by a reload that failed hears nothing, so its
// parent drops it; one without a parent ends with its instance (see claim).
type life struct {
	registry   *healthcheck.Registry
	shelf      geo.Shelf
	complaints complaints
	journal    *journal
	began      time.Time
	admins     admins
	alarms     alarms
	doors      fastpath.Doors

	mu         sync.Mutex // guards following
	alive      []*instance
	started    time.Time   // when a block last came to life
	restarting *generation // or nil
}

// generation is the blocks of one CoreDNS instance.
type generation struct {
	parent *generation          // that it is to replace, or nil
	fast   map[string][]*wired  // listener -> those behind it; complete before servers start
	doors  *fastpath.Generation // where there is a fast path
}

func newLife() *life {
	l := &life{began: time.Now()}
	l.doors.Warn, l.doors.Panicked = log.Warningf, fastPanicked
	l.journal = newJournal(l.alert)
	l.registry = healthcheck.NewRegistry(healthcheck.Config{
		OnResult: l.result,
		OnChange: func(c healthcheck.Change) { l.journal.note(noteChange(c)) },
		OnFreeze: func(f healthcheck.Freezing) { l.journal.note(noteFreeze(f)) },
	})
	return l
}

// result takes note of a probe.
func (l *life) result(c healthcheck.Check, r healthcheck.Result) {
	countResult(c, r)
	l.complaints.note(c, r)
}

// registered exports the metrics of a life, of which a process has one.
func registered(l *life) *life {
	startAtZero()
	prometheus.MustRegister(probes, durations, checkChanges, freezes, adminPanics, fastQueries, fastPanics, l)
	return l
}

// ready says whether every check has had a first result, or has had its time.
func (l *life) ready() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.registry.Unprobed() == 0 || time.Since(l.started) > readyDeadline
}

// newest are the blocks alive, of each name the newest one.
func (l *life) newest() []*instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	var blocks []*instance
	for i, b := range l.alive {
		newer := func(other *instance) bool { return other.plan.name == b.plan.name }
		if !slices.ContainsFunc(l.alive[i+1:], newer) {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// start brings a block to life. It takes over from the same block of the
// generation that it replaces. Where another one has its name, that one's reload
// failed and nobody ended it.
func (l *life) start(b *instance) error {
	l.tune(b) // before its first event
	orphan, err := l.join(b)
	if orphan != nil {
		orphan.watcher.stop()
		orphan.publisher.stop(false)
	}
	l.tune()
	l.admins.follow(l)
	return err
}

// join does start's work under the lock.
func (l *life) join(b *instance) (orphan *instance, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b.generation.parent = l.restarting
	var earlier *past
	for _, other := range l.alive {
		if other.generation == b.generation {
			if err := b.plan.clash(other.plan); err != nil {
				return nil, err
			}
		}
		switch {
		case other.plan.name != b.plan.name:
			continue
		case other.generation != l.restarting:
			orphan = other
		}
		earlier = other.publisher.past()
		earlier.told = other.publisher.told()
		b.plan.shareCounters(other.plan)
	}
	b.publisher.journal, b.publisher.alarms = l.journal, b
	if err := b.publisher.start(l.registry, earlier); err != nil {
		return nil, err
	}
	l.journal.start()
	b.publisher.note(lifeEvent("started", fmt.Sprintf("%d domains, %d pools and %d checks are at work", len(b.plan.domains), len(b.plan.pools), len(b.plan.checks))))
	l.alive = slices.DeleteFunc(l.alive, func(other *instance) bool { return other == orphan })
	l.alive = append(l.alive, b)
	b.watcher.start()
	l.bound()
	l.started = time.Now()
	return orphan, nil
}

// clash says why two blocks of one CoreDNS cannot live together.
func (p *plan) clash(other *plan) error {
	switch {
	case p.name == other.name:
		return fmt.Errorf("two gtm blocks are named %q: give one of them another name", p.name)
	case sameFile(p.state, other.state):
		return fmt.Errorf("gtm %q and gtm %q have the same state file %s: give each one of its own", other.name, p.name, p.state)
	}
	return p.sharesAdmin(other)
}

// sameFile says whether two names, or "", are of one file.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	wholeA, errA := filepath.Abs(a)
	wholeB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && wholeA == wholeB
}

// bound bounds the probes in flight: by the least that a block alive asks for.
func (l *life) bound() {
	least := 0
	for _, b := range l.alive {
		if n := b.plan.maxProbes; n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	l.registry.SetMaxInFlight(least)
}

// restart is told by a generation that a reload begins.
func (l *life) restart(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restarting = g
}

// restartFailed is told by the generation that goes on.
func (l *life) restartFailed(g *generation) {
	l.end(g, func(other *generation) bool { return other.parent == g })
}

// replaced is told by a generation whose servers have stopped: by a reload, or
// at the end of the process, where it goes on for the time of health's lameduck.
func (l *life) replaced(g *generation) {
	l.mu.Lock()
	reload := l.restarting == g
	l.mu.Unlock()
	if reload {
		l.stop(g)
	}
}

// stop is told by a generation at its end.
func (l *life) stop(g *generation) {
	l.end(g, func(other *generation) bool { return other == g })
}

// end ends generations at the word of g, whose reload, if any, is over.
func (l *life) end(g *generation, which func(*generation) bool) {
	l.mu.Lock()
	if l.restarting == g {
		l.restarting = nil
	}
	var ended []*instance
	l.alive = slices.DeleteFunc(l.alive, func(b *instance) bool {
		if which(b.generation) {
			ended = append(ended, b)
			return true
		}
		return false
	})
	l.bound()
	lives := map[string]bool{} // name of a block -> another generation of it goes on
	heirs := slices.Clone(l.alive)
	for _, b := range l.alive {
		lives[b.plan.name] = true
		if p := b.generation.parent; p != nil && which(p) {
			b.generation.parent = nil // it has no more to say
		}
	}
	fronts := l.fronts()
	l.mu.Unlock()
	for _, b := range ended {
		b.generation.close(fronts)
	}
	for _, b := range ended {
		b.watcher.stop()
		b.publisher.stop(!lives[b.plan.name])
		if !lives[b.plan.name] {
			b.publisher.note(lifeEvent("stopped", "the block is at work no more"))
		}
	}
	for _, b := range heirs {
		b.publisher.keep() // the last word in the state file is not that of the ended
	}
	l.admins.follow(l)
	l.rest()
	l.tune()
	for _, b := range heirs {
		l.settleAlerts(b)
	}
}

// rest ends what nobody needs when no block is alive.
func (l *life) rest() {
	wait := func() {}
	l.mu.Lock()
	if len(l.alive) == 0 {
		wait = l.journal.stop()
	}
	l.mu.Unlock()
	wait()
}

// act does something to a block that must outlive a reload. It is refused where the
// block has ended, and where two generations of it live: which of them goes on is not
// known yet.
func (l *life) act(b *instance, do func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := false
	for _, other := range l.alive {
		if other != b && other.plan.name == b.plan.name {
			return errReplaced
		}
		found = found || other == b
	}
	if !found {
		return errReplaced
	}
	do()
	return nil
}
