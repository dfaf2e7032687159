package pool

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// script is a failover's life in lines such as
//
//	5s duu -> 1 lock 0 wake 10s
//
// After 5 s more the sets stand as the letters say (as in stateLetters; both
// families alike, or one after the other: duu/uuu). Then the second set is
// active, the first one is locked, and a delay runs out in 10 s. Without "lock"
// nothing is locked, without "wake" no delay runs. An order may stand before
// the arrow: resume SET, pin SET, or unpin.
type script struct {
	f      *Failover
	m      Memory
	states States
}

func runScript(t *testing.T, f *Failover, lines []string) Memory {
	t.Helper()
	return runScriptFrom(t, f, f.Fresh(), lines)
}

func runScriptFrom(t *testing.T, f *Failover, m Memory, lines []string) Memory {
	t.Helper()
	s := script{f: f, m: m}
	for i, line := range lines {
		given, want, ok := strings.Cut(line, " -> ")
		if !ok {
			t.Fatalf("line %d, %q, has no arrow", i+1, line)
		}
		if got := s.step(t, strings.Fields(given)); got != want {
			t.Fatalf("line %d, %q: got %q", i+1, line, got)
		}
	}
	return s.m
}

// step does a line's left side, and tells what comes of it.
func (s *script) step(t *testing.T, words []string) string {
	t.Helper()
	elapsed, err := time.ParseDuration(words[0])
	if err != nil {
		t.Fatal(err)
	}
	s.states = parseStates(t, s.f, words[1])
	if len(words) > 2 {
		s.order(t, words[2:])
	}
	before := deepCopy(s.m)
	states := States{slices.Clone(s.states[0]), slices.Clone(s.states[1])}
	next, wake := s.f.Next(s.m, s.states, elapsed)
	if !reflect.DeepEqual(s.m, before) || !reflect.DeepEqual(s.states, states) {
		t.Fatalf("Next wrote into its arguments: %v, was %v", s.m, before)
	}
	s.m = next
	return s.outcome(wake)
}

func (s *script) order(t *testing.T, words []string) {
	t.Helper()
	set := NoSet
	if len(words) > 1 {
		set = int(words[1][0] - '0')
	}
	switch words[0] {
	case "resume":
		s.m = s.m.Resume(set)
	case "pin", "unpin":
		f := *s.f // a new configuration, as it were
		f.Pin = set
		s.f = &f
	default:
		t.Fatalf("%q is no order", words)
	}
}

func (s *script) outcome(wake time.Duration) string {
	active := func(fam Family) string {
		if a := s.m.Families[fam].Active; a != NoSet {
			return strconv.Itoa(a)
		}
		return "none"
	}
	text := active(IPv4)
	if other := active(IPv6); !s.f.Joint && other != text {
		text += "/" + other
	}
	var locked []string
	for i, l := range s.m.Locked {
		if l {
			locked = append(locked, strconv.Itoa(i))
		}
	}
	if locked != nil {
		text += " lock " + strings.Join(locked, ",")
	}
	if wake != Never {
		text += " wake " + wake.String()
	}
	return text
}

// parseStates reads "uud" or "uud/udd".
func parseStates(t *testing.T, f *Failover, text string) States {
	t.Helper()
	v4, v6, both := strings.Cut(text, "/")
	if !both {
		v6 = v4
	}
	var states States
	for fam, letters := range []string{v4, v6} {
		if len(letters) != len(f.Sets) {
			t.Fatalf("%q is for %d sets, but there are %d", letters, len(letters), len(f.Sets))
		}
		for _, letter := range letters {
			state, ok := stateLetters[letter]
			if !ok {
				t.Fatalf("%q is no state", letter)
			}
			states[fam] = append(states[fam], state)
		}
	}
	if f.Joint {
		states[IPv6] = nil
	}
	return states
}

func deepCopy(m Memory) Memory {
	c := Memory{Families: m.Families, Locked: slices.Clone(m.Locked)}
	for i := range c.Families {
		c.Families[i].Up = slices.Clone(m.Families[i].Up)
	}
	return c
}

// firstStates are the states that a script's first line gives to the sets.
func firstStates(lines []string) string {
	v4, _, _ := strings.Cut(strings.Fields(lines[0])[1], "/")
	return v4
}
