package healthcheck

import "time"

// Verdict is the outcome of one probe.
type Verdict uint8

// The verdicts. Inconclusive means that the prober itself could not try (no
// socket, no route, out of descriptors): it moves no state, and neither counts
// in a streak nor breaks one.
const (
	Inconclusive Verdict = iota
	Pass
	Fail
)

func (v Verdict) String() string {
	return [...]string{"inconclusive", "pass", "fail"}[v]
}

// Result is what one probe found.
type Result struct {
	Verdict Verdict
	Reason  string        // why it is not a pass, in few words: "timeout", "code 503"; "" on a pass
	RTT     time.Duration // how long the probe took
	At      time.Time     // when it ended
}
