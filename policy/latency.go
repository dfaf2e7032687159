package policy

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// Latency chooses among pools by estimates of how long their answers take.
type Latency struct {
	Pools     []Candidate // at most MaxCandidates
	Table     string      // file of the table that is asked first; or ""
	Tolerance float64     // milliseconds: pools so close to the best are equals
	Answers   int         // members of the chosen pool, 1 to MaxLatencyAnswers
}

// The bounds of a latency policy.
const (
	MaxCandidates     = 64
	MaxLatencyAnswers = 8
)

// Candidate is a pool of a latency policy.
type Candidate struct {
	Pool     *pool.Pool
	Failover int        // index of the View of the pool on its own
	At       *geo.Point // or nil
}

// NewLatencyPolicy makes a latency policy and its default, for clients of whom
// nothing is known.
func NewLatencyPolicy(name string, l *Latency, fallback Target) *Policy {
	return &Policy{Name: name, Rules: []Rule{{Target: fallback}}, Latency: l}
}

// interest is what the estimates depend on.
func (l *Latency) interest(t *LatencyTable) *geo.Interest {
	n := geo.NewInterest()
	for _, c := range l.Pools {
		n.Location = n.Location || c.At != nil
		t.interest(n, c.Pool.Name)
	}
	return n
}

// estimate is how long answers of a pool take for a client, in milliseconds: by
// the table, else by distance; infinity where nothing is known.
func (c *Candidate) estimate(t *LatencyTable, v visitor) float64 {
	if ms, ok := t.estimate(c.Pool.Name, v); ok {
		return ms
	}
	if c.At == nil || !v.facts.Located {
		return math.Inf(1)
	}
	return geo.Milliseconds(geo.Distance(v.facts.Point(), *c.At))
}

// ranking is what a latency policy decides about a client, whatever is up: its
// pools by their estimates, and which of them are equals where one is the best.
type ranking struct {
	order  []uint8  // of the pools that have an estimate, best first
	equals []uint64 // pool -> the pools that are within tolerance of it, a bit each
	shared bool     // some are equals
}

// rounding is more than sums of estimates are off by, and less than they tell: in
// binary 1.13 and 10 are not quite 11.13.
const rounding = 1e-9

func (l *Latency) rank(t *LatencyTable, v visitor) ranking {
	var estimates [MaxCandidates]float64
	r := ranking{order: make([]uint8, 0, len(l.Pools)), equals: make([]uint64, len(l.Pools))}
	for i := range l.Pools {
		if estimates[i] = l.Pools[i].estimate(t, v); !math.IsInf(estimates[i], 1) {
			r.order = append(r.order, uint8(i))
		}
	}
	slices.SortStableFunc(r.order, func(a, b uint8) int { return cmp.Compare(estimates[a], estimates[b]) })
	for at, i := range r.order {
		for n, j := range r.order[at:] {
			if estimates[j] <= estimates[i]+l.Tolerance+rounding {
				r.equals[i] |= 1 << j
				r.shared = r.shared || n > 0
			}
		}
	}
	return r
}

// text is the ranking as a key.
func (r *ranking) text() string {
	var room [(1 + 8) * MaxCandidates]byte
	b := append(room[:0], r.order...)
	for _, set := range r.equals {
		b = binary.BigEndian.AppendUint64(b, set)
	}
	return string(b)
}

// best is the client's pool among those that are free: of the equals of the best
// one, its own by lot. It is not ok where none is free.
func (l *Latency) best(r *ranking, c pool.Client, free uint64) (i int, ok bool) {
	for _, first := range r.order {
		if free&(1<<first) == 0 {
			continue
		}
		best, lot := 0, uint64(0)
		for i := range l.Pools {
			if r.equals[first]&free&(1<<i) == 0 {
				continue
			}
			if own := l.Pools[i].Pool.Lot(c); !ok || own > lot {
				best, lot, ok = i, own, true
			}
		}
		return best, true
	}
	return 0, false
}
