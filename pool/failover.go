package pool

import "fmt"

// Recovery is how a failover goes back to an earlier set.
type Recovery uint8

// The recoveries.
const (
	Preempt Recovery = iota // an earlier set takes over once it is back
	Hold                    // the active set stays until it is unavailable
	Manual                  // a set that failed is locked until an operator resumes it
)

var recoveries = [...]string{"preempt", "hold", "manual"}

// Recoveries are the words of the Corefile for the recoveries, in their order.
func Recoveries() []string { return recoveries[:] }

func (r Recovery) String() string { return recoveries[r] }

// ParseRecovery reads a recovery's word.
func ParseRecovery(word string) (Recovery, error) {
	for i, name := range recoveries {
		if name == word {
			return Recovery(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a recovery", word)
}
