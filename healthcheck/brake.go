package healthcheck

import "time"

// Freeze is when a failure of many targets at once counts as one of the prober
// itself: when at least Percent of at least Min distinct targets turn bad within
// one interval. The zero value is off.
type Freeze struct {
	Percent int // 1 to 100
	Min     int // at least 1
}

// brake watches the targets of the checks that are made alike: those with equal
// options and thresholds. A target is an address or host name, and is bad while
// a check of it has a fail as its last conclusive result. Where enough of those
// that were good turn bad within one interval the brake takes hold; it lets go
// when fewer are bad again. A target that is bad for longer counts on neither
// side. The brake reads no clock and has no effects: its owner freezes states.
type brake struct {
	freeze Freeze
	window time.Duration // one interval, and the time that a probe may take
	frozen bool

	entries map[*entry]struct{}
	targets map[string]*braked // host -> it
	old     int                // targets that are bad, and not turned
	turned  int                // targets that turned bad within the window, or since it was frozen
	recent  []turning          // the turned ones by time, and some that are no more
}

// braked is one target.
type braked struct {
	checks int
	bad    int       // of its checks
	at     time.Time // when it turned bad
	turned bool      // it is one of brake.turned
}

type turning struct {
	target *braked
	at     time.Time
}

func newBrake(t Thresholds) *brake {
	return &brake{
		freeze: t.Freeze, window: t.Interval + t.Timeout,
		targets: map[string]*braked{}, entries: map[*entry]struct{}{},
	}
}

func (b *brake) add(e *entry) {
	host := e.check.Target.Host
	if b.targets[host] == nil {
		b.targets[host] = &braked{}
	}
	b.targets[host].checks++
	b.entries[e] = struct{}{}
}

func (b *brake) remove(e *entry) {
	host := e.check.Target.Host
	if e.bad {
		b.pass(host)
	}
	t := b.targets[host]
	if t.checks--; t.checks == 0 {
		delete(b.targets, host)
	}
	delete(b.entries, e)
}

// fail says that a check of a target has turned bad.
func (b *brake) fail(host string, at time.Time) {
	t := b.targets[host]
	if t.bad++; t.bad > 1 {
		return
	}
	t.at, t.turned = at, true
	b.turned++
	b.recent = append(b.recent, turning{t, at})
}

// pass says that a check of a target, which was bad, is good again.
func (b *brake) pass(host string) {
	t := b.targets[host]
	switch t.bad--; {
	case t.bad > 0:
	case t.turned:
		t.turned = false
		b.turned--
	default:
		b.old--
	}
}

// judge takes hold or lets go, and says whether it did either.
func (b *brake) judge(now time.Time) (changed bool) {
	if !b.frozen {
		b.age(now)
	}
	able := b.able()
	many := b.turned > 0 && b.turned*100 >= b.freeze.Percent*able
	switch {
	case b.frozen && !many:
		b.frozen = false
		return true
	case !b.frozen && many && able >= b.freeze.Min:
		b.frozen = true
		return true
	}
	return false
}

// able is how many targets can turn bad, or have turned.
func (b *brake) able() int { return len(b.targets) - b.old }

// age lets the targets that turned bad longer than a window ago count as bad
// ever since.
func (b *brake) age(now time.Time) {
	n := 0
	for ; n < len(b.recent) && now.Sub(b.recent[n].at) > b.window; n++ {
		r := b.recent[n]
		if t := r.target; t.turned && t.at.Equal(r.at) {
			t.turned = false
			b.turned--
			b.old++
		}
	}
	b.recent = b.recent[n:]
}
