package pool

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// FuzzNext lives a failover's life from bytes: the first ones say what it is,
// then three by three what happens. After each step it must hold that
//
//   - Next wrote into no argument, and gives the same for the same;
//   - under a pin, the pinned set is active;
//   - else an unavailable set is active only where none is available, or where
//     it was so before and failover_delay is not over;
//   - hold leaves no available set;
//   - preempt stays on no later set once an earlier one has been available for
//     failback_delay; nor does manual, where that one is not locked;
//   - only manual locks, and never an available set;
//   - until the wake nothing moves by itself, and at the wake something does.
func FuzzNext(f *testing.F) {
	f.Add([]byte{0, 3, 0, 10, 0, 0, 6, 5, 1, 6, 5, 0, 7, 5, 0, 7, 5, 0, 7})
	f.Add([]byte{1, 2, 10, 0, 0, 0, 3, 1, 2, 2, 10, 2, 2, 1, 3, 3})
	f.Add([]byte{2, 3, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 0, 0, 4, 16, 0})
	f.Add([]byte{2, 4, 5, 5, 1, 0, 0, 0, 1, 1, 1, 9, 7, 77, 3, 128, 1, 2, 144, 9, 200, 8, 33})
	f.Add([]byte{0, 4, 30, 5, 0, 0, 0, 0, 30, 1, 1, 0, 85, 85, 1, 4, 4, 5, 4, 4})
	f.Add([]byte("000x00990A7")) // an earlier set is back while failover_delay runs
	for draw, n := Draw(1), 0; n < 500; n++ {
		data := make([]byte, 5+3*20)
		for i := range data {
			data[i] = byte(draw.below(256))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 5 {
			return
		}
		line := "a b6"
		if data[4]&1 != 0 {
			line = "a@"
		}
		n := 1 + int(data[1]%5)
		for range n - 1 {
			line += " | a b6"
		}
		fo := sketch(t, line)
		fo.Recovery = Recovery(data[0] % 3)
		fo.FailoverDelay = time.Duration(data[2]%40) * time.Second
		fo.FailbackDelay = time.Duration(data[3]%40) * time.Second
		l := &life{t: t, f: fo, m: fo.Fresh()}
		for i := range l.up {
			l.down[i] = Never
			l.up[i] = slices.Repeat([]time.Duration{Never}, n)
		}
		for rest := data[5:]; len(rest) >= 3; rest = rest[3:] {
			l.live(rest[0], rest[1], rest[2])
		}
	})
}

// life is a model of a failover: it measures times by itself.
type life struct {
	t    *testing.T
	f    *Failover
	m    Memory
	up   [2][]time.Duration // family -> set -> how long it has been available
	down [2]time.Duration   // family -> how long the active set has been unavailable
}

// live takes one step: a byte for the time and orders, and a seed for states.
func (l *life) live(clock, a, b byte) {
	elapsed := time.Duration(clock%32) * time.Second
	switch n := len(l.f.Sets); clock / 32 {
	case 5:
		l.m = l.m.Resume(int(a) % n)
	case 6:
		pinned := *l.f
		pinned.Pin = int(a) % n
		l.f = &pinned
	case 7:
		free := *l.f
		free.Pin = NoSet
		l.f = &free
	}
	var states States
	draw := Draw(uint64(a)<<8 | uint64(b))
	for _, fam := range l.f.Judged() {
		at := l.f.judgedIn(fam)
		for range l.f.Sets {
			states[at] = append(states[at], []SetState{
				{Available: true, Confirmed: true}, {Available: true, Confirmed: true},
				{Available: true}, {Failed: true}, {Failed: true}, {},
			}[draw.below(6)])
		}
	}
	before, given := deepCopy(l.m), States{slices.Clone(states[0]), slices.Clone(states[1])}
	next, wake := l.f.Next(l.m, states, elapsed)
	again, wakeAgain := l.f.Next(l.m, states, elapsed)
	switch {
	case !reflect.DeepEqual(l.m, before) || !reflect.DeepEqual(states, given):
		l.t.Fatalf("Next wrote into its arguments: %v, was %v", l.m, before)
	case !reflect.DeepEqual(next, again) || wake != wakeAgain:
		l.t.Fatalf("the same step gave %v, %s, then %v, %s", next, wake, again, wakeAgain)
	case wake != Never && wake <= 0:
		l.t.Fatalf("wakes in %s", wake)
	}
	for _, fam := range l.f.Judged() {
		l.family(l.f.judgedIn(fam), next, states[l.f.judgedIn(fam)], elapsed)
	}
	l.locks(next, states)
	l.wakes(next, states, wake)
	l.m = next
}

func (l *life) family(fam Family, next Memory, states []SetState, elapsed time.Duration) {
	was, active := l.m.Families[fam].Active, next.Families[fam].Active
	for i, s := range states {
		l.up[fam][i] = older(l.up[fam][i], elapsed, s.Available)
	}
	l.down[fam] = older(l.down[fam], elapsed, was != NoSet && !states[was].Available)
	if active != was {
		defer func() { l.down[fam] = older(Never, 0, !states[active].Available) }()
	}
	some := slices.ContainsFunc(states, func(s SetState) bool { return s.Available })
	switch {
	case l.f.Pin != NoSet:
		if active != l.f.Pin {
			l.t.Fatalf("%s: set %d is active, but %d is pinned", fam, active, l.f.Pin)
		}
		return
	case active == NoSet:
		if some || was != NoSet {
			l.t.Fatalf("%s: no set is active in %v", fam, states)
		}
		return
	case !states[active].Available:
		if active != was || some && l.down[fam] >= l.f.FailoverDelay {
			l.t.Fatalf("%s: set %d is active in %v after %s, and %d was before", fam, active, states, l.down[fam], was)
		}
	}
	if l.f.Recovery == Hold && was != NoSet && states[was].Available && active != was {
		l.t.Fatalf("%s: hold went from %d to %d in %v", fam, was, active, states)
	}
	if l.f.Recovery == Hold || next.Locked[active] {
		return
	}
	for i := range active {
		if !next.Locked[i] && states[i].Available && l.up[fam][i] >= l.f.FailbackDelay {
			l.t.Fatalf("%s: set %d is active, but %d has been available for %s", fam, active, i, l.up[fam][i])
		}
	}
}

// locks checks that only what failed was locked, and only resume or pin unlocks.
func (l *life) locks(next Memory, states States) {
	for i, locked := range next.Locked {
		switch {
		case locked == l.m.Locked[i]:
		case !locked && i != l.f.Pin:
			l.t.Fatalf("set %d was unlocked by itself", i)
		case locked && l.f.Recovery != Manual:
			l.t.Fatalf("%s locked set %d", l.f.Recovery, i)
		case locked:
			failed := false
			for _, fam := range l.f.Judged() {
				at := l.f.judgedIn(fam)
				failed = failed || l.m.Families[at].Active == i && states[at][i].Failed
			}
			if !failed {
				l.t.Fatalf("set %d was locked, but it was no active set that failed: %v", i, states)
			}
		}
	}
}

// wakes checks what the wake says: nothing moves before, and something then.
func (l *life) wakes(m Memory, states States, wake time.Duration) {
	quiet := []time.Duration{0, time.Second, 1000 * time.Hour}
	if wake != Never {
		quiet = []time.Duration{0, wake - 1}
		// With manual, one family's step may end what the other one waited for.
		if woken, _ := l.f.Next(m, states, wake); !moved(m, woken) && l.f.Recovery != Manual {
			l.t.Fatalf("nothing moves at the wake after %s: %v in %v", wake, m, states)
		}
	}
	for _, d := range quiet {
		if next, _ := l.f.Next(m, states, d); moved(m, next) {
			l.t.Fatalf("it moves after %s of a wake after %s, from %v to %v in %v", d, wake, m, next, states)
		}
	}
}

func moved(a, b Memory) bool {
	return a.Families[0].Active != b.Families[0].Active || a.Families[1].Active != b.Families[1].Active ||
		!slices.Equal(a.Locked, b.Locked)
}
