package gtm

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// publisher is the single writer of a block's snapshots: it turns changes of
// check states, the end of delays, and the steps of slow starts, into what
// queries see.
type publisher struct {
	plan     *plan
	snapshot atomic.Pointer[snapshot]
	switches []atomic.Uint64             // failover -> changes of its active set
	switched []atomic.Pointer[time.Time] // failover -> when it last did; nil: never
	keeper   *keeper                     // of the state file; or nil
	journal  *journal                    // or nil before the block comes to life
	alarms   muter                       // the block\'s; or nil before it comes to life
	board    board
	cached   map[string]time.Time // pool -> until when answers of earlier generations may be cached; written before the first snapshot
	census   census
	ordering sync.Mutex                        // held by operators while they look, then act; taken before mu
	lease    atomic.Pointer[healthcheck.Lease] // nil before start

	mu        sync.Mutex // guards following
	closed    bool
	atlas     *policy.Atlas // of the next snapshot
	standing  *standing
	layer     *layer      // of standing
	expiry    *time.Timer // to the next end of an order, or nil
	down      [][2]bool   // group of domains -> family: nothing is available
	poolsUp   [][2]bool   // pool -> family: it is available
	states    []healthcheck.State
	waiting   []bool // member: unknown checks count as down (rule 12); written before the start alone
	health    []pool.Health
	failovers []failoverState
	slow      map[*pool.Pool]*slowStart // of the pools that have one
}

// muter has the mutes of a block's alerts, which outlive a restart.
type muter interface {
	mutes() []keptMute
	muteAgain(list []keptMute)
}

// failoverState is what the publisher keeps of a failover.
type failoverState struct {
	memory pool.Memory
	at     time.Time   // of its last step
	timer  *time.Timer // to its next step, or nil
}

// newPublisher makes a publisher to which nothing is known yet: checks without a
// verdict count as up.
func newPublisher(p *plan, a *policy.Atlas) *publisher {
	pub := &publisher{
		plan:      p,
		atlas:     a,
		board:     newBoard(p),
		standing:  &standing{drills: maps.Clone(p.drills)},
		layer:     p.layer(nil),
		down:      make([][2]bool, len(p.directory.groups)),
		poolsUp:   make([][2]bool, len(p.pools)),
		states:    make([]healthcheck.State, len(p.checks)),
		waiting:   make([]bool, len(p.members)),
		health:    make([]pool.Health, len(p.members)),
		failovers: make([]failoverState, len(p.failovers)),
		slow:      slowStarts(p),
		switches:  make([]atomic.Uint64, len(p.failovers)),
		switched:  make([]atomic.Pointer[time.Time], len(p.failovers)),
	}
	for i, f := range p.failovers {
		pub.failovers[i].memory = f.Fresh()
	}
	return pub
}

// start has the plan's checks probed and publishes the first snapshot. What the
// block's earlier generation knew is taken over; where there is none, what the
// state file says.
func (pub *publisher) start(r *healthcheck.Registry, earlier *past) error {
	if pub.plan.state != "" {
		pub.keeper = &keeper{file: pub.plan.state, name: pub.plan.name}
		if earlier == nil {
			earlier = pub.keeper.read()
			if earlier != nil && pub.alarms != nil {
				pub.alarms.muteAgain(earlier.standing.Mutes)
			}
		}
	}
	pub.mu.Lock()
	defer pub.mu.Unlock()
	terms := healthcheck.Terms{Checks: pub.plan.checks, Names: pub.plan.labels, Changed: pub.check}
	if earlier != nil {
		terms.Past = earlier.check()
	}
	lease, err := r.Lease(terms) // its callbacks wait for mu
	if err != nil {
		return err
	}
	pub.lease.Store(lease)
	for i := range pub.states {
		pub.setState(i, lease.State(i))
	}
	now := time.Now()
	if earlier != nil {
		pub.adopt(earlier)
		pub.remember(earlier, now)
		pub.standing = pub.inherit(earlier, now)
		pub.layer = pub.plan.layer(pub.standing.changes())
	}
	for i := range pub.plan.members {
		pub.setHealth(i, pub.judge(i))
	}
	if earlier != nil {
		pub.resume(earlier, now)
	}
	var before *told // or nil: by no earlier generation
	if earlier != nil && earlier.told != nil {
		before = earlier.told
		pub.noteMembers(earlier)
	}
	first := make([]*pool.View, len(pub.failovers))
	for i := range first {
		pub.failovers[i].at = now
		memory := pub.failovers[i].memory // before the start
		first[i] = pub.step(i, now)
		pub.noteSwitches(before.before(first[i], memory), first[i])
	}
	pub.show(pool.NewViews(first))
	pub.survey(first, before)
	if earlier != nil && before == nil {
		pub.remind(earlier)
	}
	pub.awaitExpiry(now)
	pub.keep()
	return nil
}

// show publishes a snapshot with such views.
func (pub *publisher) show(views pool.Views) {
	pub.snapshot.Store(&snapshot{plan: pub.plan, views: views, atlas: pub.atlas, layer: pub.layer, standing: pub.standing})
}

// stop ends probes and timers. The last snapshot keeps answering. With last,
// no later generation of the block writes its state.
func (pub *publisher) stop(last bool) {
	if pub.keeper != nil {
		pub.keeper.stop(pub.past, last)
	}
	pub.mu.Lock()
	pub.closed = true
	lease := pub.lease.Load()
	if pub.expiry != nil {
		pub.expiry.Stop()
	}
	for i := range pub.failovers {
		if t := pub.failovers[i].timer; t != nil {
			t.Stop()
		}
	}
	for _, s := range pub.slow {
		s.stop()
	}
	pub.mu.Unlock()
	if lease != nil { // outside mu: it waits for callbacks that take it
		lease.Close()
	}
}

// check takes a new state of one of the plan's checks.
func (pub *publisher) check(i int, s healthcheck.State) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.closed {
		return
	}
	turned := pub.states[i].Status != s.Status
	pub.setState(i, s)
	if turned {
		pub.keep()
	}
	member := pub.plan.ownerOf[i]
	was := pub.health[member]
	is := pub.grow(member, was, pub.judge(member), time.Now())
	if was == is {
		return
	}
	pub.setHealth(member, is)
	pub.publish(func() { pub.noteMember(member, was, is) }, pub.plan.holders[member]...)
}

// judge is a member's health by the states of its checks.
func (pub *publisher) judge(member int) pool.Health {
	m, checks := pub.layer.members[member], pub.plan.checksOf[member]
	if supposed, ok := pub.layer.supposed[member]; ok && m.Mode != pool.Offline {
		return supposed
	}
	return m.Judge(m.Pool.Require, pub.states[checks.from:checks.to], pub.waiting[member])
}

// publish lets the failovers step, and publishes their new views together. Then it
// tells of the cause, if there is one to tell of, and of what came of it.
func (pub *publisher) publish(cause func(), failovers ...int) {
	old, now := pub.snapshot.Load(), time.Now()
	views := make([]*pool.View, len(failovers))
	for n, i := range failovers {
		views[n] = pub.step(i, now)
	}
	pub.show(old.views.With(views...))
	if cause != nil {
		cause()
	}
	for n, i := range failovers {
		pub.noteSwitches(old.views.At(i), views[n])
	}
	pub.keep()
}

// files are the geo files at work.
func (pub *publisher) files() geo.Files {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	return pub.atlas.Files
}

// chart publishes a new atlas.
func (pub *publisher) chart(a *policy.Atlas) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if !pub.closed {
		pub.atlas = a
		pub.show(pub.snapshot.Load().views)
	}
}

// keep has what is now written to the state file soon, if there is one.
func (pub *publisher) keep() {
	if pub.keeper != nil {
		pub.keeper.keep(pub.past)
	}
}

// step is a failover's view after its next step, for which it also sets the
// timer if time alone will make one.
func (pub *publisher) step(i int, now time.Time) *pool.View {
	f, s := pub.layer.failovers[i], &pub.failovers[i]
	states := f.States(pub.health)
	memory, wake := f.Next(s.memory, states, now.Sub(s.at))
	s.memory, s.at = memory, now
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if wake != pool.Never {
		s.timer = after(wake, func() { pub.wake(i) })
	}
	return f.View(memory, states, pub.health)
}

// wake lets one failover step because a delay has run out.
func (pub *publisher) wake(i int) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if !pub.closed {
		pub.publish(nil, i)
	}
}
