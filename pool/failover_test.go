package pool

import (
	"testing"
	"time"
)

// lifeCase is what happens to a failover, in the lines of a script.
type lifeCase struct {
	name     string
	recovery Recovery
	delays   func(*Failover)
	lines    []string
}

// delays are a failover's failover_delay and failback_delay.
func delays(over, back time.Duration) func(*Failover) {
	return func(f *Failover) { f.FailoverDelay, f.FailbackDelay = over, back }
}

func runLives(t *testing.T, cases []lifeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			sets := "a b6"
			for range len(firstStates(c.lines)) - 1 {
				sets += " | a b6"
			}
			f := sketch(t, sets, c.delays)
			f.Recovery = c.recovery
			runScript(t, f, c.lines)
		})
	}
}

// The life of the active set of one family:
//
//	         first available
//	none -------------------------> active <--------------------+
//	                                 |   ^                      |
//	                     unavailable |   | available again      |
//	                                 v   |                      |
//	nothing else available: stays <- down                       |
//	                                 |                          |
//	   failover_delay over, at start | or by an operator's order|
//	                                 v                          |
//	                                left  --- preempt: available for failback_delay
//	                                 |    --- hold: the active one is unavailable
//	                   manual,       |    --- manual: never locked, as preempt
//	                   by checks     v                          |
//	                               locked --- resume, pin ------+
//
// Among locked sets alone, manual behaves as hold.
func TestFailover(t *testing.T) {
	const s = time.Second
	runLives(t, []lifeCase{
		{"the first available one, at start", Preempt, delays(30*s, 30*s), []string{
			"0s ddd -> none",
			"1s ddu -> 2",
		}},
		{"unknown counts as up", Preempt, delays(0, 0), []string{
			"0s ??? -> 0",
			"1s d?? -> 1",
			"1s du? -> 1",
			"1s uu? -> 0",
		}},
		{"families apart", Preempt, delays(0, 0), []string{
			"0s uuu/duu -> 0/1",
			"0s duu/ddu -> 1/2",
			"0s uuu/ddd -> 0/2",
			"0s uuu/uuu -> 0",
		}},
		{"preempt without delays", Preempt, delays(0, 0), []string{
			"0s uuuu -> 0",
			"1s duuu -> 1",
			"1s dduu -> 2",
			"1s dddu -> 3",
			"1s dddd -> 3",
			"1s dudd -> 1",
			"1s dudu -> 1",
			"1s uudu -> 0",
		}},
		{"all down and back: the active one stays until another is up", Preempt, delays(0, 10*s), []string{
			"0s uuu -> 0",
			"1s duu -> 1",
			"1s ddd -> 1",
			"100s dud -> 1",
			"1s uud -> 1 wake 10s",
			"10s uud -> 0",
		}},
		{"failback_delay", Preempt, delays(0, 10*s), []string{
			"0s uu -> 0",
			"5s du -> 1",
			"60s uu -> 1 wake 10s",
			"4s uu -> 1 wake 6s",
			"6s uu -> 0",
		}},
		{"an outage starts failback_delay anew", Preempt, delays(0, 10*s), []string{
			"0s uu -> 0",
			"0s du -> 1",
			"0s uu -> 1 wake 10s",
			"9s du -> 1",
			"9s uu -> 1 wake 10s",
			"9s uu -> 1 wake 1s",
			"1s uu -> 0",
		}},
		{"failback_delay does not keep from the only available one", Preempt, delays(0, 10*s), []string{
			"0s ud -> 0",
			"0s du -> 1",
			"0s ud -> 0",
		}},
		{"each earlier set has its own failback_delay", Preempt, delays(0, 10*s), []string{
			"0s ddu -> 2",
			"5s duu -> 2 wake 10s",
			"5s uuu -> 2 wake 5s",
			"5s uuu -> 1 wake 5s",
			"5s uuu -> 0",
		}},
		{"the first of several that are back", Preempt, delays(0, 10*s), []string{
			"0s dddu -> 3",
			"0s uduu -> 3 wake 10s",
			"10s uduu -> 0",
		}},
		{"a backup's outage on the way back", Preempt, delays(0, 10*s), []string{
			"0s uuu -> 0",
			"0s duu -> 1",
			"0s uuu -> 1 wake 10s",
			"1s udu -> 0",
		}},

		{"failover_delay", Preempt, delays(10*s, 0), []string{
			"0s uu -> 0",
			"5s du -> 0 wake 10s",
			"4s du -> 0 wake 6s",
			"6s du -> 1",
		}},
		{"a recovery ends failover_delay", Preempt, delays(10*s, 0), []string{
			"0s uu -> 0",
			"0s du -> 0 wake 10s",
			"9s uu -> 0",
			"9s du -> 0 wake 10s",
			"10s du -> 1",
		}},
		{"failover_delay of a backup, which an earlier set may end", Preempt, delays(30*s, 5*s), []string{
			"0s uuu -> 0",
			"0s duu -> 0 wake 30s",
			"30s duu -> 1",
			"0s ddu -> 1 wake 30s",
			"1s udu -> 1 wake 5s",
			"5s udu -> 0",
		}},
		{"the shorter of two delays, failover_delay", Preempt, delays(4*s, 10*s), []string{
			"0s uuu -> 0",
			"0s duu -> 0 wake 4s",
			"4s duu -> 1",
			"0s uuu -> 1 wake 10s",
			"1s udu -> 1 wake 4s",
			"4s udu -> 0",
		}},
		{"failover_delay ends when an earlier set is back, without failback_delay", Preempt, delays(30*s, 0), []string{
			"0s uuu -> 0",
			"0s duu -> 0 wake 30s",
			"30s duu -> 1",
			"0s ddu -> 1 wake 30s",
			"1s udu -> 0",
		}},
		{"no failover_delay at start: first verdicts", Preempt, delays(10*s, 0), []string{
			"0s ?? -> 0",
			"1s d? -> 1",
			"1s du -> 1",
		}},
		{"no failover_delay at start: before the active set was confirmed", Preempt, delays(10*s, 0), []string{
			"0s du -> 1",
			"1s ?u -> 0",
			"1s du -> 1",
		}},
		{"no failover_delay for an operator's order", Preempt, delays(10*s, 0), []string{
			"0s uu -> 0",
			"1s ou -> 1",
		}},
		{"an order while failover_delay runs", Preempt, delays(10*s, 0), []string{
			"0s uu -> 0",
			"1s du -> 0 wake 10s",
			"1s ou -> 1",
		}},
		{"no failover_delay where nothing else is available", Preempt, delays(10*s, 0), []string{
			"0s ud -> 0",
			"1s dd -> 0",
			"3s du -> 0 wake 7s",
			"7s du -> 1",
		}},
		{"failover_delay was over before another one came", Preempt, delays(10*s, 0), []string{
			"0s ud -> 0",
			"1s dd -> 0",
			"60s du -> 1",
		}},
		{"failover_delay, families apart", Preempt, delays(10*s, 0), []string{
			"0s uu/uu -> 0",
			"1s du/uu -> 0 wake 10s",
			"4s du/du -> 0 wake 6s",
			"6s du/du -> 1/0 wake 4s",
			"4s du/du -> 1",
		}},

		{"hold", Hold, delays(0, 10*s), []string{
			"0s uuu -> 0",
			"1s duu -> 1",
			"1s uuu -> 1",
			"600s uuu -> 1",
			"1s udu -> 0",
			"1s ddu -> 2",
			"1s ddd -> 2",
			"1s udu -> 2",
			"1s uud -> 0",
		}},
		{"hold takes the first available one, whatever its delay", Hold, delays(0, 60*s), []string{
			"0s uuu -> 0",
			"1s duu -> 1",
			"1s uuu -> 1",
			"1s udu -> 0",
		}},
		{"hold after failover_delay", Hold, delays(10*s, 0), []string{
			"0s uu -> 0",
			"1s du -> 0 wake 10s",
			"10s du -> 1",
			"1s uu -> 1",
			"1s ud -> 1 wake 10s",
			"2s uu -> 1",
		}},
	})
}
