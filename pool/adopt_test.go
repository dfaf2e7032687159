package pool

import (
	"reflect"
	"testing"
	"time"
)

// TestAdopt: what is remembered of a set is found by the set's name.
func TestAdopt(t *testing.T) {
	const s = time.Second
	family := func(active int, settled bool, down time.Duration, up ...time.Duration) FamilyMemory {
		return FamilyMemory{Active: active, Settled: settled, Down: down, Up: up}
	}
	fresh := func(n int) FamilyMemory {
		m := FamilyMemory{Active: NoSet, Down: Never}
		for range n {
			m.Up = append(m.Up, Never)
		}
		return m
	}
	old := Memory{
		Families: [2]FamilyMemory{
			family(1, true, Never, 3*s, 40*s, Never),
			family(2, true, 7*s, Never, Never, Never),
		},
		Locked: []bool{true, false, false},
	}
	joint := Memory{
		Families: [2]FamilyMemory{family(1, true, 5*s, 3*s, Never), {}},
		Locked:   []bool{true, false},
	}
	const three = "a: a b6 | b: c d6 | c: e f6"
	for _, c := range []struct {
		name     string
		from, to string
		recovery Recovery // of the new one
		old      Memory
		want     Memory
	}{
		{"the same", three, three, Manual, old, old},
		{"reordered", three, "c: a b6 | b: c d6 | a: e f6", Manual, old, Memory{
			Families: [2]FamilyMemory{
				family(1, true, Never, Never, 40*s, 3*s),
				family(0, true, 7*s, Never, Never, Never),
			},
			Locked: []bool{false, false, true},
		}},
		{"one is new", three, "new: x y6 | a: a b6 | b: c d6 | c: e f6", Manual, old, Memory{
			Families: [2]FamilyMemory{
				family(2, true, Never, Never, 3*s, 40*s, Never),
				family(3, true, 7*s, Never, Never, Never, Never),
			},
			Locked: []bool{false, true, false, false},
		}},
		{"the active one is gone", three, "a: a b6 | c: e f6", Manual, old, Memory{
			Families: [2]FamilyMemory{
				family(NoSet, false, Never, 3*s, Never),
				family(1, true, 7*s, Never, Never),
			},
			Locked: []bool{true, false},
		}},
		{"all are gone", three, "x: a b6 | y: e f6", Manual, old, Memory{
			Families: [2]FamilyMemory{fresh(2), fresh(2)},
			Locked:   []bool{false, false},
		}},
		{"locks are for manual alone: preempt", three, three, Preempt, old, Memory{Families: old.Families, Locked: make([]bool, 3)}},
		{"locks are for manual alone: hold", three, three, Hold, old, Memory{Families: old.Families, Locked: make([]bool, 3)}},
		{"split, then joint", three, "a: a b6 | b: x@ | c: y@", Manual, old, Memory{
			Families: [2]FamilyMemory{old.Families[0], fresh(3)},
			Locked:   []bool{true, false, false},
		}},
		{"IPv4 goes, and IPv6 goes on", three, "a: b6 | b: d6 | c: f6", Manual, old, Memory{
			Families: [2]FamilyMemory{old.Families[1], fresh(3)},
			Locked:   old.Locked,
		}},
		{"IPv6 goes, and IPv4 goes on", three, "a: b | b: d | c: f", Manual, old, Memory{
			Families: [2]FamilyMemory{old.Families[0], fresh(3)},
			Locked:   old.Locked,
		}},
		{"joint, then split", "a: a b6 | b: x@", "b: c d6 | a: a b6", Manual, joint, Memory{
			Families: [2]FamilyMemory{family(0, true, 5*s, Never, 3*s), family(0, true, 5*s, Never, 3*s)},
			Locked:   []bool{false, true},
		}},
		{"joint, as before", "a: a b6 | b: x@", "a: a b6 | b: x@", Manual, joint, Memory{
			Families: [2]FamilyMemory{joint.Families[0], fresh(2)},
			Locked:   []bool{true, false},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := deepCopy(c.old)
			f := sketch(t, c.to)
			f.Recovery = c.recovery
			got := f.Adopt(sketch(t, c.from), c.old)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
			if got.Locked[0] = !got.Locked[0]; len(got.Families[0].Up) > 0 {
				got.Families[0].Up[0]++
			}
			if !reflect.DeepEqual(c.old, before) {
				t.Error("what is adopted is the old memory itself, not a copy")
			}
		})
	}
}

// TestAdoptGoesOn: a life goes on over a reload as if there had been none.
func TestAdoptGoesOn(t *testing.T) {
	for _, c := range []struct {
		name     string
		recovery Recovery
		before   []string
		after    []string
	}{
		{"hold stays on the backup", Hold, []string{"0s uu -> 0", "1s du -> 0 wake 20s", "20s du -> 1"}, []string{"0s uu -> 1", "9s ud -> 1 wake 20s", "20s ud -> 0"}},
		{"manual stays locked", Manual, []string{"0s uu -> 0", "9s du -> 0 wake 20s", "20s du -> 1 lock 0"}, []string{"0s uu -> 1 lock 0"}},
		{"failback_delay goes on", Preempt, []string{"0s du -> 1", "1s uu -> 1 wake 10s"}, []string{"4s uu -> 1 wake 6s", "6s uu -> 0"}},
		{"failover_delay goes on", Preempt, []string{"0s uu -> 0", "1s du -> 0 wake 20s"}, []string{"15s du -> 0 wake 5s", "5s du -> 1"}},
		{"an unavailable member's silence after a reload is no failure", Preempt, []string{"0s uu -> 0"}, []string{"0s ou -> 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			again := func() *Failover {
				return sketch(t, "a: a b6 | b: c d6", func(f *Failover) {
					f.Recovery, f.FailoverDelay, f.FailbackDelay = c.recovery, 20*time.Second, 10*time.Second
				})
			}
			m := runScript(t, again(), c.before)
			from, to := again(), again()
			runScriptFrom(t, to, to.Adopt(from, m), c.after)
		})
	}
}
