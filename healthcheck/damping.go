package healthcheck

import (
	"slices"
	"time"
)

// Flap is when a check counts as flapping, and how long it is then held down:
// once it has gone down Falls times within a time. Where that happens again
// soon after a hold, the next one is twice as long, up to eight times Hold. The
// zero value is off.
type Flap struct {
	Falls  int // at least 2
	Within time.Duration
	Hold   time.Duration
}

// maxDoublings bounds a hold to eight times the first one.
const maxDoublings = 3

// damping is what a State remembers for flap damping. It is never written to
// once made, so that States can be copied and compared.
type damping struct {
	falls     []time.Time // up to Flap.Falls-1 of them, the oldest first
	until     time.Time   // the end of the last hold; zero: there was none
	quiet     time.Duration
	doublings int // of the last hold
}

// fallen is the state of a check that goes down now.
func (s State) fallen(at time.Time, f Flap) State {
	down := State{Status: Down}
	if f.Falls == 0 {
		return down
	}
	var was damping
	if s.damping != nil {
		was = *s.damping
	}
	recent := slices.DeleteFunc(slices.Clone(was.falls), func(fall time.Time) bool { return at.Sub(fall) > f.Within })
	recent = append(recent, at)
	if len(recent) < f.Falls {
		was.falls = recent
		down.damping = &was
		return down
	}
	doublings := 0
	if !was.until.IsZero() && at.Sub(was.until) <= was.quiet {
		doublings = min(was.doublings+1, maxDoublings)
	}
	down = down.held(at, f.Hold<<doublings, f)
	down.damping.doublings = doublings
	return down
}

// held is the state, held from now on.
func (s State) held(now time.Time, hold time.Duration, f Flap) State {
	s.Hold = hold
	s.damping = &damping{until: now.Add(hold), quiet: max(f.Within, hold)}
	return s
}

// released is the state without its hold, if that is over.
func (s State) released(now time.Time) State {
	if s.Hold > 0 && !now.Before(s.damping.until) {
		s.Hold = 0
	}
	return s
}
