package healthcheck

import (
	"sync"
	"time"
)

// How much is kept in memory.
const (
	keptResults = 32   // of each check
	keptChanges = 1000 // of all checks together
)

// Change is one change of a check's status.
type Change struct {
	Check    Check
	Name     string // of Terms.Names, or ""
	From, To State
	At       time.Time
	Lasted   time.Duration // how long the status of From lasted
	Result   Result        // that made it
}

// Freezing says that the brake took hold of the states of checks that are made
// alike, or let go of them.
type Freezing struct {
	Name    string // of one of them
	Options Options
	Freeze  Freeze
	Frozen  bool
	Lasted  time.Duration // how long it has been frozen, where it is no more
	Bad     int           // targets that turned bad together, or are bad where it is frozen no more
	Able    int           // targets that could turn; all of them where it is frozen no more, 0: the checks are gone
}

// Record is what is known of one check.
type Record struct {
	Check   Check
	State   State
	Since   time.Time // when it got its status, or was leased
	Reason  Reason    // of the last result that was no pass
	Frozen  bool      // the brake holds its state
	Results []Result  // the last ones, the oldest first; without Late
}

// ring keeps the last few values that were added. Its memory grows with them.
type ring[T any] struct {
	values []T
	next   int // where the oldest one is, once it is full
}

func (r *ring[T]) add(v T, most int) {
	if len(r.values) < most {
		r.values = append(r.values, v)
		return
	}
	r.values[r.next] = v
	r.next = (r.next + 1) % most
}

// all are the values, the oldest first.
func (r *ring[T]) all() []T {
	return append(append(make([]T, 0, len(r.values)), r.values[r.next:]...), r.values[:r.next]...)
}

// kept is a Result in half of its room.
type kept struct {
	at      int64 // Unix time, nanoseconds
	rtt     time.Duration
	reason  Reason
	verdict Verdict
}

func keep(r Result) kept {
	return kept{at: r.At.UnixNano(), rtt: r.RTT, reason: r.Reason, verdict: r.Verdict}
}

func (k kept) result() Result {
	return Result{Verdict: k.verdict, Reason: k.reason, RTT: k.rtt, At: time.Unix(0, k.at)}
}

// file is what a Record shows of a check. It has a lock of its own, so that who
// reads it keeps nobody else waiting.
type file struct {
	mu      sync.Mutex // guards following
	state   State
	since   time.Time
	reason  Reason // of the last result that was no pass
	results ring[kept]
}

// all are the results, the oldest first, and the last reason.
func (f *file) all() ([]kept, Reason) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.results.all(), f.reason
}

// enter notes a result, and the state that it led to.
func (e *entry) enter(res Result) {
	e.file.mu.Lock()
	defer e.file.mu.Unlock()
	e.file.results.add(keep(res), keptResults)
	e.file.state, e.file.since = e.state, e.since
	if res.Reason != NoReason {
		e.file.reason = res.Reason
	}
}
