package pool

import "fmt"

// Balance is how members are picked in a pool, or pools in a set.
type Balance uint8

// The balances.
const (
	RoundRobin Balance = iota // all, from a random offset
	Weighted                  // drawn by weight, without repetition
	Sequence                  // in the order written
	Hash                      // rendezvous by weight over the client's prefix
	Nearest                   // by the members' from, ties from a random offset
	Random                    // shuffled
)

var balances = [...]string{"round_robin", "weighted", "sequence", "hash", "nearest", "random"}

// Balances are the words of the Corefile for the balances, in their order.
func Balances() []string { return balances[:] }

func (b Balance) String() string { return balances[b] }

// ParseBalance reads a balance's word.
func ParseBalance(word string) (Balance, error) {
	for i, name := range balances {
		if name == word {
			return Balance(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a balance", word)
}

// All, as a number of answers, means every one there is.
const All = 0

// DefaultAnswers is how many answers a balance gives when nothing is said.
func (b Balance) DefaultAnswers() int {
	if b == RoundRobin {
		return All
	}
	return 1
}
