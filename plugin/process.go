package gtm

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// process is what outlives a reload: the checks with their states, and which
// generations of which blocks are alive. It is the package's only global state.
var process = newLife()

// readyDeadline is how long ready waits for the checks' first results.
const readyDeadline = 30 * time.Second

// life is the blocks of one process. During a reload two generations live: the
// old one answers until the new one does. What Caddy tells, and when:
//
//	start:         start -> confirm
//	reload:        old restart -> new start -> old replaced -> new confirm
//	failed reload: old restart -> (new start) -> old restartFailed
//	the end:       old replaced -> (health's lameduck) -> old stop
//
// A generation that was started by a reload that failed hears nothing, so its
// parent drops it.
type life struct {
	registry *healthcheck.Registry

	mu         sync.Mutex // guards following
	alive      []*instance
	started    time.Time   // when a block last came to life
	restarting *generation // or nil
}

// generation is the blocks of one CoreDNS instance.
type generation struct {
	parent    *generation // that it is to replace, or nil
	confirmed bool        // it has started; the life's mutex guards it
}

func newLife() *life {
	l := &life{}
	l.registry = healthcheck.NewRegistry(healthcheck.Config{OnResult: countResult, OnChange: noteChange})
	startAtZero()
	prometheus.MustRegister(probes, checkChanges, l)
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
// generation that it replaces.
func (l *life) start(b *instance) error {
	orphans, err := l.join(b)
	for _, o := range orphans {
		o.publisher.stop(false)
	}
	return err
}

// join does start's work under the lock. It returns blocks that nobody will ever
// end: their reload failed, and the generation before them had no gtm block to
// hear of it.
func (l *life) join(b *instance) (orphans []*instance, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	parent := l.restarting
	b.generation.parent = parent
	var earlier *past
	for _, other := range l.alive {
		twin := other.plan.name == b.plan.name
		switch {
		case twin && other.generation == b.generation:
			return nil, fmt.Errorf("two gtm blocks are named %q: give one of them another name", b.plan.name)
		case twin:
			earlier = other.publisher.past()
			b.plan.shareCounters(other.plan)
		case other.generation == b.generation, parent != nil, other.generation.confirmed:
			continue
		}
		if other.generation != parent {
			orphans = append(orphans, other)
		}
	}
	if err := b.publisher.start(l.registry, earlier); err != nil {
		return nil, err
	}
	l.alive = slices.DeleteFunc(l.alive, func(other *instance) bool { return slices.Contains(orphans, other) })
	l.alive = append(l.alive, b)
	l.started = time.Now()
	return orphans, nil
}

// confirm is told when a generation's start, or the reload that led to it, has
// succeeded.
func (l *life) confirm(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g.confirmed = true
}

// restart is told by a generation that a reload begins.
func (l *life) restart(g *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restarting = g
}

// restartFailed is told by the generation that goes on.
func (l *life) restartFailed(g *generation) {
	l.end(func(other *generation) bool { return other.parent == g })
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
	l.end(func(other *generation) bool { return other == g })
}

func (l *life) end(which func(*generation) bool) {
	l.mu.Lock()
	var ended []*instance
	l.alive = slices.DeleteFunc(l.alive, func(b *instance) bool {
		if which(b.generation) {
			ended = append(ended, b)
			return true
		}
		return false
	})
	l.restarting = nil
	lives := map[string]bool{} // name of a block -> another generation of it goes on
	for _, b := range l.alive {
		lives[b.plan.name] = true
	}
	l.mu.Unlock()
	for _, b := range ended {
		b.publisher.stop(!lives[b.plan.name])
	}
}
