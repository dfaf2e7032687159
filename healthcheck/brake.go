package healthcheck

import (
	"container/list"
	"slices"
	"sync/atomic"
	"time"
	"unique"
)

// Freeze is when a failure of many targets at once counts as one of the prober
// itself: when at least Percent of at least Min distinct targets turn bad within
// one interval. The zero value is off.
type Freeze struct {
	Percent int // 1 to 100
	Min     int // at least 1
}

// Kin is what checks have in common that are made alike.
type Kin struct {
	Options    unique.Handle[Options]
	Thresholds Thresholds
}

// Kin is the check without its target.
func (c Check) Kin() Kin { return Kin{c.Options, c.Thresholds} }

// brake watches the targets of kindred checks. A target is an address or host
// name, and is bad while a check of it has a fail as its last conclusive result.
// Where enough of those that were good turn bad within one interval, the brake
// takes hold. It lets go once fewer have been bad for as long: by then each has
// shown what it is. A target that is bad for longer counts on neither side. The
// brake reads no clock and has no effects: its owner freezes states, and lets none
// go down that the brake does not allow to.
type brake struct {
	freeze Freeze
	window time.Duration // see Thresholds.window
	frozen bool
	shown  atomic.Bool // frozen, to be read without a lock
	since  time.Time   // when it was frozen
	easing time.Time   // since when fewer are bad, while frozen; or zero
	thawed time.Time   // when it last was frozen no more; or zero

	checks  int
	targets map[string]*braked // host -> it
	old     int                // targets that are bad, and not turned
	turned  int                // targets that turned bad within the window, or since it was frozen
	recent  []turning          // the turned ones by time, and some that are no more; empty while frozen
	passed  *list.List         // of the *braked that are good, the latest pass last
}

// braked is one target.
type braked struct {
	checks int
	bad    int           // of its checks
	at     time.Time     // when it turned bad
	turned bool          // it is one of brake.turned
	pass   time.Time     // its last one; zero where it is good no more
	place  *list.Element // in brake.passed, or nil
}

type turning struct {
	target *braked
	at     time.Time
}

// window is the time in which every target shows what it is: one interval, and
// the time that a probe may take.
func (t Thresholds) window() time.Duration { return t.Interval + t.Timeout }

func newBrake(t Thresholds) *brake {
	return &brake{
		freeze: t.Freeze, window: t.window(),
		targets: map[string]*braked{}, passed: list.New(),
	}
}

// add takes in a check of a target: a good one, one that turned bad not long ago,
// or with the zero time, one that is bad for longer.
func (b *brake) add(host string, bad bool, turned time.Time) {
	t := b.targets[host]
	if t == nil {
		t = &braked{}
		b.targets[host] = t
	}
	b.checks++
	t.checks++
	switch {
	case !bad:
	case !turned.IsZero():
		b.fail(host, turned)
	default:
		if t.bad++; t.bad == 1 {
			b.forget(t)
			b.old++
		}
	}
}

// remove takes out a check of a target.
func (b *brake) remove(host string, bad bool) {
	if bad {
		b.mend(host)
	}
	b.checks--
	t := b.targets[host]
	if t.checks--; t.checks > 0 {
		return
	}
	b.forget(t)
	delete(b.targets, host)
}

// fail says that a check of a target has turned bad.
func (b *brake) fail(host string, at time.Time) {
	t := b.targets[host]
	if t.bad++; t.bad > 1 {
		return
	}
	b.forget(t)
	t.at, t.turned = at, true
	b.turned++
	if b.frozen {
		return
	}
	i := len(b.recent) // they are in order of time, but for what another brake knew
	for i > 0 && b.recent[i-1].at.After(at) {
		i--
	}
	b.recent = slices.Insert(b.recent, i, turning{t, at})
}

// mend says that a check of a target, which was bad, is so no more.
func (b *brake) mend(host string) {
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

// pass notes when a target last passed, if it is good.
func (b *brake) pass(host string, at time.Time) {
	t := b.targets[host]
	if t.bad > 0 {
		return
	}
	t.pass = at
	if t.place == nil {
		t.place = b.passed.PushBack(t)
	} else {
		b.passed.MoveToBack(t.place)
	}
}

// forget drops the pass of a target that is good no more.
func (b *brake) forget(t *braked) {
	if t.place != nil {
		b.passed.Remove(t.place)
		t.place, t.pass = nil, time.Time{}
	}
}

// able is how many targets can turn bad, or have turned.
func (b *brake) able() int { return len(b.targets) - b.old }

// judge takes hold or lets go, and says whether it did either.
func (b *brake) judge(now time.Time) (changed bool) {
	if !b.frozen {
		b.age(now)
	}
	able := b.able()
	many := able >= b.freeze.Min && b.turned > 0 && b.turned*100 >= b.freeze.Percent*able
	switch {
	case many == b.frozen:
		b.easing = time.Time{}
	case many:
		b.since, b.recent = now, nil
		b.freezes(true)
		return true
	case b.easing.IsZero():
		b.easing = now
	case now.Sub(b.easing) > b.window:
		b.thaw(now)
		return true
	}
	return false
}

// thaw goes over to life without a freeze. The targets that are bad have failed
// since fewer were, but that may be the beginning of the next failure: it is as if
// they turned bad now.
func (b *brake) thaw(now time.Time) {
	b.easing, b.thawed = time.Time{}, now
	b.freezes(false)
	for _, t := range b.targets {
		if t.turned {
			t.at = now
			b.recent = append(b.recent, turning{t, now})
		}
	}
}

// age lets the targets that turned bad longer than a window ago count as bad for
// long.
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

// allows says whether a check that turned bad may go down because of a probe that
// began and ended: it waits until the brake can take hold no more because of what
// turned with it. That is when a window has passed, or as soon as more targets have
// passed since than a mass failure would leave, before the probe began: one that
// was under way when all came back may still fail.
func (b *brake) allows(turned, began, ended time.Time) bool {
	able := b.able()
	if turned.Before(b.thawed) {
		turned = b.thawed
	}
	if able < b.freeze.Min || ended.Sub(turned) > b.window {
		return true
	}
	passed := 0
	for e := b.passed.Back(); e != nil; e = e.Prev() {
		switch at := e.Value.(*braked).pass; {
		case !at.After(turned):
			return false
		case at.After(began): // and maybe before, too: but that is not known
		default:
			passed++
		}
		if passed*100 > (100-b.freeze.Percent)*able {
			return true
		}
	}
	return false
}

// freezes takes hold, or lets go.
func (b *brake) freezes(is bool) {
	b.frozen = is
	b.shown.Store(is)
}
