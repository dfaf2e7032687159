package pool

import (
	"fmt"
	"strconv"
	"strings"
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
