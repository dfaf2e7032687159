package pool

import (
	"testing"
	"time"
)

// TestFailoverOrders goes on where operators take part: manual and its locks,
// resume, pin and unpin. The chart stands above TestFailover.
func TestFailoverOrders(t *testing.T) {
	const s = time.Second
	runLives(t, []lifeCase{
		{"manual: locked until resumed", Manual, delays(0, 0), []string{
			"0s uu -> 0",
			"1s du -> 1 lock 0",
			"1s uu -> 1 lock 0",
			"9000s uu -> 1 lock 0",
			"1s uu resume 0 -> 0",
		}},
		{"manual: resumed while it is down", Manual, delays(0, 0), []string{
			"0s uu -> 0",
			"1s du -> 1 lock 0",
			"1s du resume 0 -> 1",
			"1s uu -> 0",
		}},
		{"manual: failback_delay counts while it is locked", Manual, delays(0, 10*s), []string{
			"0s uu -> 0",
			"1s du -> 1 lock 0",
			"1s uu -> 1 lock 0",
			"4s uu resume 0 -> 1 wake 6s",
			"6s uu -> 0",
		}},
		{"manual: no lock by an operator's order", Manual, delays(0, 0), []string{
			"0s uu -> 0",
			"1s ou -> 1",
			"1s uu -> 0",
		}},
		{"manual: no lock before the first verdict", Manual, delays(0, 0), []string{
			"0s ?? -> 0",
			"1s du -> 1",
			"1s uu -> 0",
		}},
		{"manual: no lock where nothing else is available", Manual, delays(0, 0), []string{
			"0s ud -> 0",
			"1s dd -> 0",
			"1s ud -> 0",
		}},
		{"manual: no lock while failover_delay runs", Manual, delays(10*s, 0), []string{
			"0s uu -> 0",
			"1s du -> 0 wake 10s",
			"5s uu -> 0",
			"1s du -> 0 wake 10s",
			"10s du -> 1 lock 0",
		}},
		{"manual: among locked sets alone as hold", Manual, delays(0, 0), []string{
			"0s uuu -> 0",
			"1s duu -> 1 lock 0",
			"1s udu -> 2 lock 0,1",
			"1s uud -> 0 lock 0,1,2",
			"1s uuu -> 0 lock 0,1,2",
			"1s duu -> 1 lock 0,1,2",
			"1s uuu -> 1 lock 0,1,2",
			"1s uuu resume 2 -> 2 lock 0,1",
			"1s uuu resume 0 -> 0 lock 1",
		}},
		{"manual: an unlocked one ends the need for a locked one", Manual, delays(0, 10*s), []string{
			"0s uud -> 0",
			"1s dud -> 1 lock 0",
			"1s udd -> 0 lock 0,1",
			"1s udu -> 2 lock 0,1",
		}},
		{"manual: one lock covers both families", Manual, delays(0, 0), []string{
			"0s uu/uu -> 0",
			"1s du/uu -> 1 lock 0",
			"1s uu/uu -> 1 lock 0",
			"1s uu/uu resume 0 -> 0",
		}},
		{"manual: one lock covers both families, the second one's too", Manual, delays(0, 0), []string{
			"0s uu/uu -> 0",
			"1s uu/du -> 1 lock 0",
			"1s uu/uu -> 1 lock 0",
			"1s uu/uu resume 0 -> 0",
		}},
		{"manual: locked for both, and only one has another", Manual, delays(0, 0), []string{
			"0s ud/uu -> 0",
			"1s ud/du -> 0/1 lock 0",
			"1s uu/uu -> 1 lock 0",
		}},
		{"manual: a later set that failed on its own", Manual, delays(0, 0), []string{
			"0s uuu -> 0",
			"1s duu -> 1 lock 0",
			"1s ddu -> 2 lock 0,1",
			"1s duu resume 1 -> 1 lock 0",
		}},

		{"pin, whatever its health", Preempt, delays(10*s, 10*s), []string{
			"0s uuu -> 0",
			"1s uuu pin 2 -> 2",
			"1s uud -> 2",
			"60s ddd -> 2",
			"1s uuu -> 2",
		}},
		{"unpinned: preempt goes back", Preempt, delays(0, 10*s), []string{
			"0s uu -> 0",
			"1s uu pin 1 -> 1",
			"60s uu unpin -> 0",
		}},
		{"unpinned: failback_delay counted under the pin", Preempt, delays(0, 10*s), []string{
			"0s du pin 1 -> 1",
			"1s uu -> 1",
			"4s uu unpin -> 1 wake 6s",
			"6s uu -> 0",
		}},
		{"unpinned: hold stays", Hold, delays(0, 0), []string{
			"0s uu -> 0",
			"1s uu pin 1 -> 1",
			"1s uu unpin -> 1",
			"1s ud -> 0",
		}},
		{"unpinned from a set that is down", Hold, delays(0, 0), []string{
			"0s uu -> 0",
			"1s ud pin 1 -> 1",
			"1s ud unpin -> 0",
		}},
		{"unpinned: manual goes back to what is not locked", Manual, delays(0, 0), []string{
			"0s uuu -> 0",
			"1s uuu pin 2 -> 2",
			"1s uuu unpin -> 0",
		}},
		{"manual: no lock under a pin", Manual, delays(0, 0), []string{
			"0s uu pin 0 -> 0",
			"1s du -> 0",
			"1s du pin 1 -> 1",
			"1s uu unpin -> 0",
		}},
		{"manual: no lock for a set that was left by a pin", Manual, delays(0, 0), []string{
			"0s uu -> 0",
			"1s uu pin 1 -> 1",
			"1s du -> 1",
			"1s du unpin -> 1",
			"1s uu -> 0",
		}},
		{"manual: a pin lifts the lock, for once unpinned it is the active set", Manual, delays(0, 0), []string{
			"0s uu -> 0",
			"1s du -> 1 lock 0",
			"1s uu -> 1 lock 0",
			"1s uu pin 0 -> 0",
			"1s uu unpin -> 0",
		}},
		{"pin at start", Preempt, delays(0, 0), []string{
			"0s uu pin 1 -> 1",
			"0s uu unpin -> 0",
		}},
	})
}
