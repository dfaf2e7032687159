package pool

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// Quorum says how many of a number must hold: all, any, N or P%.
// The zero value is all.
type Quorum struct {
	kind quorumKind
	n    int
}

type quorumKind uint8

const (
	quorumAll quorumKind = iota
	quorumCount
	quorumPercent
)

// The quorums that have a word.
var (
	QuorumAll = Quorum{}
	QuorumAny = Quorum{kind: quorumCount, n: 1}
)

// ParseQuorum reads "all", "any", "N" (at least 1) or "P%" (1 to 100).
func ParseQuorum(word string) (Quorum, error) {
	switch word {
	case "all":
		return QuorumAll, nil
	case "any":
		return QuorumAny, nil
	}
	kind, top := quorumCount, 1<<20
	digits, percent := strings.CutSuffix(word, "%")
	if percent {
		kind, top = quorumPercent, 100
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > top {
		return Quorum{}, fmt.Errorf("%q is not all, any, a number from 1, or a percentage from 1%% to 100%%", word)
	}
	return Quorum{kind, n}, nil
}

func (q Quorum) String() string {
	switch {
	case q == QuorumAll:
		return "all"
	case q == QuorumAny:
		return "any"
	case q.kind == quorumPercent:
		return strconv.Itoa(q.n) + "%"
	}
	return strconv.Itoa(q.n)
}

// Need is how many of total must hold: a percentage rounds up, to at least 1.
func (q Quorum) Need(total int) int {
	switch q.kind {
	case quorumCount:
		return q.n
	case quorumPercent:
		return max(1, (total*q.n+99)/100)
	}
	return max(1, total)
}

// Health is what mode and checks say of a member: a set of bits, each one
// answer to "does it count as available if ..."; and above them, how far its
// weight has grown (see Grown).
type Health uint16

// The bits.
const (
	Available Health = 1 << iota // ... a check without a verdict counts as up (rule 2)
	Confirmed                    // ... a check without a verdict counts as down
	Unfailed                     // ... a check that is down counts as up
	Unsettled                    // not an "if": a check is part-way through its streak
)

// Judge is a member's health by its mode and the states of its checks. With
// waiting, a check without a verdict counts as down: the member was unavailable
// before a reload, or is new in a pool that already serves (rule 12).
func (m *Member) Judge(require Quorum, checks []healthcheck.State, waiting bool) Health {
	if m.Mode == Offline {
		return 0
	}
	if m.Mode == Online || len(checks) == 0 {
		return Available | Confirmed | Unfailed
	}
	var up, down, unknown int
	var h Health
	for _, c := range checks {
		switch c.Status {
		case healthcheck.Up:
			up++
		case healthcheck.Down:
			down++
		case healthcheck.Unknown:
			unknown++
		}
		if !c.Settled() {
			h |= Unsettled
		}
	}
	need := require.Need(len(checks))
	assumed := up + unknown
	if waiting {
		assumed = up
	}
	if assumed >= need {
		h |= Available
	}
	if up >= need {
		h |= Confirmed
	}
	if assumed+down >= need {
		h |= Unfailed
	}
	return h
}

// count is how many members of a pool in a family have a bit, of how many that
// count: neither offline ones nor those of weight 0 do, on either side.
func (p *Pool) count(f Family, health []Health, bit Health) (have, total int) {
	for _, m := range p.Members {
		if !m.counts(f) {
			continue
		}
		total++
		if health[m.Index]&bit != 0 {
			have++
		}
	}
	return have, total
}

// counts says whether a member counts for its pool's availability.
func (m *Member) counts(f Family) bool { return m.in(f) && m.Mode != Offline && m.Weight > 0 }

// available is how many members a pool brings to its set: 0 when healthy_when
// does not hold, for then the whole pool leaves.
func (p *Pool) available(f Family, health []Health, bit Health) int {
	have, total := p.count(f, health, bit)
	if have < p.HealthyWhen.Need(total) {
		return 0
	}
	return have
}

// available says whether the set's pools hold enough members together.
func (s *Set) available(f Family, health []Health, bit Health) bool {
	n := 0
	for _, part := range s.Pools {
		if part.Weight > 0 {
			n += part.available(f, health, bit)
		}
	}
	return n >= s.MinAvailable
}

// SetState is what a failover's next step needs to know of a set in a family.
type SetState struct {
	Available bool
	Confirmed bool // available, and would be if checks without verdict counted as down
	Failed    bool // unavailable, and would not be if checks that are down were up
}

// State is the set's state in a family. A family that the set does not declare
// is missing, not down: it has the state of the other one (rule 5).
func (s *Set) State(f Family, health []Health) SetState {
	if f != Joint && !s.Declares(f) {
		f = f.Other()
	}
	if !s.available(f, health, Available) {
		return SetState{Failed: s.available(f, health, Unfailed)}
	}
	return SetState{Available: true, Confirmed: s.available(f, health, Confirmed)}
}

// Available says whether the pool is available in a family: whether
// healthy_when holds, by its members' health.
func (p *Pool) Available(f Family, health func(*Member) Health) bool {
	have, total := 0, 0
	for _, m := range p.Members {
		if m.counts(f) {
			total++
			if health(m)&Available != 0 {
				have++
			}
		}
	}
	return have >= p.HealthyWhen.Need(total)
}

// Has says whether the pool has members of a family.
func (p *Pool) Has(f Family) bool {
	return slices.ContainsFunc(p.Members, func(m *Member) bool { return m.in(f) })
}
