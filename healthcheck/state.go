package healthcheck

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
//	down --rise passes in a row--> up
//
// A result that agrees with the status ends the streak; an inconclusive one
// changes nothing.
type State struct {
	Status Status
	Streak int // contrary results in a row, 0 when settled
}

// Next is the state after one more verdict. It is pure.
func (s State) Next(v Verdict, t Thresholds) State {
	var seen Status
	switch v {
	case Pass:
		seen = Up
	case Fail:
		seen = Down
	default:
		return s
	}
	switch {
	case s.Status == Unknown, s.Status == seen:
		return State{Status: seen}
	case s.Streak+1 >= t.needed(seen):
		return State{Status: seen}
	}
	return State{Status: s.Status, Streak: s.Streak + 1}
}

// Settled says that no contrary result is waiting for more of its kind.
func (s State) Settled() bool { return s.Streak == 0 }

// needed is how many results in a row lead to a status.
func (t Thresholds) needed(to Status) int {
	if to == Up {
		return t.Rise
	}
	return t.Fall
}
