package pool

import (
	"fmt"
	"slices"
	"time"
)

// Recovery is how a failover goes back to an earlier set.
type Recovery uint8

// The recoveries.
const (
	Preempt Recovery = iota // an earlier set takes over once it is back
	Hold                    // the active set stays until it is unavailable
	Manual                  // as preempt, but a set that failed is locked until an operator resumes it
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

// Failover is an ordered list of sets: primary, backup, backup of the backup.
type Failover struct {
	Name          string
	Sets          []*Set
	Recovery      Recovery
	FailoverDelay time.Duration // an active set is left once it has been unavailable for so long
	FailbackDelay time.Duration // an earlier set takes over once it has been available for so long
	Pin           int           // the set held whatever its health, or NoSet
	Joint         bool          // both families are judged as one
	Index         int           // of its View
}

// NewFailover completes a failover whose exported fields but Joint are filled
// in. It is judged as one family where it holds host names, which may have
// addresses of either, and where no set has members of the other family.
func NewFailover(f Failover) *Failover {
	var has [2]bool
	for _, set := range f.Sets {
		set.findTwins()
		has[IPv4] = has[IPv4] || set.Declares(IPv4)
		has[IPv6] = has[IPv6] || set.Declares(IPv6)
		for _, part := range set.Pools {
			f.Joint = f.Joint || part.Members[0].Host != ""
		}
	}
	f.Joint = f.Joint || !has[IPv4] || !has[IPv6]
	return &f
}

// NoSet is the absence of a set where an index is due.
const NoSet = -1

// Memory is what a failover remembers from one step to the next. It is a value:
// Next never writes into the one it is given.
type Memory struct {
	Families [2]FamilyMemory // by Family; a joint failover uses the first alone
	Locked   []bool          // by set; one lock covers both families
}

// FamilyMemory is a failover's memory of one family. Durations are elapsed
// times, so that they may outlive a process.
type FamilyMemory struct {
	Active  int             // set, or NoSet before there was any
	Settled bool            // the active set has been confirmed available by verdicts
	Down    time.Duration   // how long the active set has been unavailable, or Never
	Up      []time.Duration // by set: how long it has been available, or Never
}

// Never is the duration of what is not so.
const Never = time.Duration(-1)

// Fresh is the memory of a failover that has not made a step yet.
func (f *Failover) Fresh() Memory {
	m := Memory{Locked: make([]bool, len(f.Sets))}
	for i := range m.Families {
		m.Families[i] = FamilyMemory{Active: NoSet, Down: Never, Up: slices.Repeat([]time.Duration{Never}, len(f.Sets))}
	}
	return m
}

// Judged are the families that a failover judges on their own.
func (f *Failover) Judged() []Family {
	if f.Joint {
		return []Family{Joint}
	}
	return []Family{IPv4, IPv6}
}

// judgedIn is where Memory and View keep a family.
func (f *Failover) judgedIn(fam Family) Family {
	if f.Joint {
		return IPv4
	}
	return fam
}

// States are the states of a failover's sets, by family and set. A joint
// failover uses the first family alone.
type States [2][]SetState

// States reads the states of the failover's sets off its members' health.
func (f *Failover) States(health []Health) States {
	var s States
	for _, fam := range f.Judged() {
		states := make([]SetState, len(f.Sets))
		for i, set := range f.Sets {
			states[i] = set.State(fam, health)
		}
		s[f.judgedIn(fam)] = states
	}
	return s
}

// Next is the memory after elapsed time, at whose end the sets have the given
// states; and how long until a delay runs out, or Never. It is pure: restart,
// fleet and what-if share it.
//
// The life of the active set of one family (rule 6):
//
//	none --first available--> active
//	active --unavailable, another one available, failover_delay over--> left
//	active --an earlier one available for failback_delay (preempt, manual)--> left
//	left because checks that had verdicts failed (manual) --> locked --resume--> free
func (f *Failover) Next(m Memory, states States, elapsed time.Duration) (Memory, time.Duration) {
	next := m
	next.Locked = slices.Clone(m.Locked)
	if f.Pin != NoSet {
		next.Locked[f.Pin] = false // the operator's order
	}
	wake := Never
	for _, fam := range f.Judged() {
		i := f.judgedIn(fam)
		next.Families[i] = m.Families[i].age(states[i], elapsed)
		wake = sooner(wake, f.step(&next.Families[i], next.Locked, states[i]))
	}
	if f.Recovery == Manual && !f.Joint && !slices.Equal(m.Locked, next.Locked) {
		// A lock that the second family set is a lock for the first one too.
		wake = sooner(wake, f.step(&next.Families[0], next.Locked, states[0]))
	}
	return next, wake
}

// age lets time pass: what was so, and still is, has been so for longer.
func (m FamilyMemory) age(states []SetState, elapsed time.Duration) FamilyMemory {
	m.Up = slices.Clone(m.Up)
	for i, s := range states {
		m.Up[i] = older(m.Up[i], elapsed, s.Available)
	}
	m.Down = older(m.Down, elapsed, m.Active != NoSet && !states[m.Active].Available)
	return m
}

func older(d, elapsed time.Duration, still bool) time.Duration {
	switch {
	case !still:
		return Never
	case d == Never:
		return 0
	}
	return d + elapsed
}

// step moves one family's active set, and says how long until time alone may
// move it again, or Never.
func (f *Failover) step(m *FamilyMemory, locked []bool, states []SetState) time.Duration {
	to, wake := f.choose(m, locked, states)
	if to != m.Active {
		if f.Recovery == Manual && m.Active != NoSet && m.Settled && states[m.Active].Failed && f.Pin == NoSet {
			locked[m.Active] = true
		}
		*m = FamilyMemory{Active: to, Down: Never, Up: m.Up}
		if to != NoSet && !states[to].Available {
			m.Down = 0
		}
		_, wake = f.choose(m, locked, states) // one still earlier may wait for its time
	}
	if m.Active != NoSet && states[m.Active].Confirmed {
		m.Settled = true
	}
	return wake
}

// choose is the set that is to be active, and how long until time alone may
// change that, or Never. failover_delay applies neither at start, before the
// active set was ever confirmed, nor to operators' orders.
func (f *Failover) choose(m *FamilyMemory, locked []bool, states []SetState) (int, time.Duration) {
	if f.Pin != NoSet {
		return f.Pin, Never
	}
	first := firstFree(locked, states)
	if first == NoSet { // nothing else is available: stay
		return m.Active, Never
	}
	if m.Active == NoSet {
		return first, Never
	}
	if locked[m.Active] && !locked[first] {
		return first, Never // it was the best of locked ones, or the other family locked it
	}
	back, wake := f.back(m, locked, states)
	switch {
	case back != NoSet:
		return back, Never
	case states[m.Active].Available:
		return m.Active, wake
	case m.Settled && states[m.Active].Failed && m.Down < f.FailoverDelay:
		return m.Active, sooner(wake, f.FailoverDelay-m.Down)
	}
	return first, Never
}

// back is the first earlier set that may take over, by preempt or after manual,
// and has been available for failback_delay; else NoSet, and how long until
// there is one, or Never.
func (f *Failover) back(m *FamilyMemory, locked []bool, states []SetState) (int, time.Duration) {
	wake := Never
	if f.Recovery == Hold {
		return NoSet, wake
	}
	for i := range m.Active {
		if locked[i] || !states[i].Available {
			continue
		}
		left := f.FailbackDelay - m.Up[i]
		if left <= 0 {
			return i, Never
		}
		wake = sooner(wake, left)
	}
	return NoSet, wake
}

// firstFree is the first available set that is not locked, or among locked ones
// alone the first available one, or NoSet.
func firstFree(locked []bool, states []SetState) int {
	free, first := NoSet, NoSet
	for i, s := range slices.Backward(states) {
		if !s.Available {
			continue
		}
		first = i
		if !locked[i] {
			free = i
		}
	}
	if free != NoSet {
		return free
	}
	return first
}

// sooner is the shorter of two durations of which each may be Never.
func sooner(a, b time.Duration) time.Duration {
	if a == Never || b != Never && b < a {
		return b
	}
	return a
}

// Scope is how many bits of the client the failover's balances look at, on
// every set.
func (f *Failover) Scope(c Client, a Atlas) int {
	bits := 0
	look := func(b Balance, near int) {
		switch {
		case b == Hash:
			bits = max(bits, c.HashBits())
		case b == Nearest && near != 0:
			bits = max(bits, a.Scope(near, c))
		}
	}
	for _, set := range f.Sets {
		look(set.Balance, set.Near)
		for _, part := range set.Pools {
			look(part.Balance, part.Near)
		}
	}
	return bits
}
