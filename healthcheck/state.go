package healthcheck

import "time"

// Status is what a check is believed to be.
type Status uint8

// The statuses. A check is unknown before its first verdict.
const (
	Unknown Status = iota
	Up
	Down
)

func (s Status) String() string {
	return [...]string{"unknown", "up", "down"}[s]
}

// State is the hysteresis of one check.
//
//	unknown --pass--> up     unknown --fail--> down      (one result is enough)
//	up   --fall fails in a row-->  down
//	down --rise passes in a row--> up, but not while flap damping holds it
//
// A result that agrees with the status ends the streak; an inconclusive one
// changes nothing.
type State struct {
	Status Status
	Streak int           // contrary results in a row, 0 when settled
	Hold   time.Duration // how long flap damping holds it down, from its fall on; 0: it does not

	damping *damping // what flap damping remembers; nil: nothing
}

// Next is the state after one more result. It is pure: of the result it reads
// the verdict, and for flap damping when that was.
func (s State) Next(r Result, t Thresholds) State {
	var seen Status
	switch r.Verdict {
	case Pass:
		seen = Up
	case Fail:
		seen = Down
	default:
		return s
	}
	s = s.released(r.At)
	switch s.Status {
	case Unknown:
		return State{Status: seen}
	case seen:
		s.Streak = 0
		return s
	}
	s.Streak++
	switch {
	case s.Streak < t.needed(seen):
		return s
	case s.Hold > 0: // it has what it needs, once the hold is over
		return s
	case seen == Down:
		return s.fallen(r.At, t.Flap)
	}
	return State{Status: Up, damping: s.damping}
}

// Settled says that no contrary result is waiting for more of its kind, or that
// none can change the status soon.
func (s State) Settled() bool { return s.Streak == 0 || s.Hold > 0 }

// needed is how many results in a row lead to a status.
func (t Thresholds) needed(to Status) int {
	if to == Up {
		return t.Rise
	}
	return t.Fall
}

// bounded makes a fail of a pass that took longer than max_latency.
func (t Thresholds) bounded(r Result) Result {
	if t.MaxLatency > 0 && r.Verdict == Pass && r.RTT > t.MaxLatency {
		r.Verdict, r.Reason = Fail, ReasonSlow
	}
	return r
}
