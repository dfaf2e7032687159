package pool

import (
	"testing"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

func TestQuorum(t *testing.T) {
	for _, c := range []struct {
		word string
		need map[int]int // of how many -> how many
	}{
		{"all", map[int]int{0: 1, 1: 1, 2: 2, 7: 7}},
		{"any", map[int]int{0: 1, 1: 1, 7: 1}},
		{"1", map[int]int{1: 1, 7: 1}},
		{"3", map[int]int{1: 3, 3: 3, 7: 3}},
		{"1%", map[int]int{0: 1, 1: 1, 100: 1, 101: 2}},
		{"30%", map[int]int{1: 1, 2: 1, 3: 1, 4: 2, 10: 3, 11: 4}},
		{"33%", map[int]int{3: 1, 4: 2, 100: 33}},
		{"50%", map[int]int{1: 1, 2: 1, 3: 2, 4: 2, 5: 3}},
		{"51%", map[int]int{2: 2, 100: 51}},
		{"67%", map[int]int{3: 3, 6: 5}},
		{"100%", map[int]int{0: 1, 1: 1, 7: 7}},
	} {
		q, err := ParseQuorum(c.word)
		if err != nil {
			t.Errorf("%s: %v", c.word, err)
			continue
		}
		for total, want := range c.need {
			if got := q.Need(total); got != want {
				t.Errorf("%s of %d needs %d, want %d", c.word, total, got, want)
			}
		}
		if again, err := ParseQuorum(q.String()); err != nil || again != q {
			t.Errorf("%s prints as %q, which is read as %v, %v", c.word, q, again, err)
		}
	}
	for _, wrong := range []string{"", "0", "-1", "0%", "101%", "%", "half", "1.5", "All", " 1", "99999999999999999999"} {
		if q, err := ParseQuorum(wrong); err == nil {
			t.Errorf("%q is read as %v", wrong, q)
		}
	}
}

func TestJudge(t *testing.T) {
	const every = Available | Confirmed | Unfailed
	atLeast := func(n int) Quorum { return Quorum{quorumCount, n} }
	half := Quorum{quorumPercent, 50}
	for _, c := range []struct {
		name    string
		mode    Mode
		require Quorum
		checks  string // up, down, ? unknown; a capital for part-way through a streak
		waiting bool
		want    Health
	}{
		{"no checks", Auto, QuorumAll, "", false, every},
		{"no checks, and it waits", Auto, QuorumAll, "", true, every},
		{"offline, all up", Offline, QuorumAll, "uu", false, 0},
		{"offline, none", Offline, QuorumAll, "", false, 0},
		{"offline, in a streak", Offline, QuorumAll, "U", false, 0},
		{"online, all down", Online, QuorumAll, "dd", false, every},
		{"online, and it waits", Online, QuorumAll, "??", true, every},

		{"up", Auto, QuorumAll, "u", false, every},
		{"down", Auto, QuorumAll, "d", false, Unfailed},
		{"unknown counts as up", Auto, QuorumAll, "?", false, Available | Unfailed},
		{"unknown, and it waits", Auto, QuorumAll, "?", true, 0},
		{"up, and it waits", Auto, QuorumAll, "u", true, every},
		{"down, and it waits", Auto, QuorumAll, "d", true, Unfailed},

		{"all of two up", Auto, QuorumAll, "uu", false, every},
		{"all: one down", Auto, QuorumAll, "ud", false, Unfailed},
		{"all: one unknown", Auto, QuorumAll, "u?", false, Available | Unfailed},
		{"all: one unknown, and it waits", Auto, QuorumAll, "u?", true, 0},
		{"all: unknown and down", Auto, QuorumAll, "?d", false, Unfailed},
		{"all: unknown and down, and it waits", Auto, QuorumAll, "?d", true, 0},

		{"any: one up", Auto, QuorumAny, "ud", false, every},
		{"any: one up, and it waits", Auto, QuorumAny, "u?", true, every},
		{"any: one unknown, the rest down", Auto, QuorumAny, "?d", false, Available | Unfailed},
		{"any: one unknown, the rest down, and it waits", Auto, QuorumAny, "?d", true, Unfailed},
		{"any: none", Auto, QuorumAny, "dd", false, Unfailed},

		{"two of three", Auto, atLeast(2), "udu", false, every},
		{"two of three, by an unknown one", Auto, atLeast(2), "ud?", false, Available | Unfailed},
		{"one of three is too few", Auto, atLeast(2), "udd", false, Unfailed},
		{"half of three is two", Auto, half, "udd", false, Unfailed},
		{"half of four is two", Auto, half, "uddu", false, every},

		{"up, failing", Auto, QuorumAll, "U", false, every | Unsettled},
		{"down, passing", Auto, QuorumAll, "D", false, Unfailed | Unsettled},
		{"one of several in a streak", Auto, QuorumAny, "uuD", false, every | Unsettled},
		{"online, in a streak: checks do not matter", Online, QuorumAll, "D", false, every},
	} {
		t.Run(c.name, func(t *testing.T) {
			var states []healthcheck.State
			for _, letter := range c.checks {
				states = append(states, map[rune]healthcheck.State{
					'?': {},
					'u': {Status: healthcheck.Up},
					'U': {Status: healthcheck.Up, Streak: 1},
					'd': {Status: healthcheck.Down},
					'D': {Status: healthcheck.Down, Streak: 1},
				}[letter])
			}
			m := &Member{Mode: c.mode}
			if got := m.Judge(c.require, states, c.waiting); got != c.want {
				t.Errorf("got %04b, want %04b", got, c.want)
			}
		})
	}
}

// TestSetState: what a set's state is in each family. States are u available
// by verdicts, ? available as far as is known, d failed, o unavailable for
// another reason than a check.
func TestSetState(t *testing.T) {
	all := eachPool(func(p *Pool) { p.HealthyWhen = QuorumAll })
	percent := func(n int) func(*Failover) {
		return eachPool(func(p *Pool) { p.HealthyWhen = Quorum{quorumPercent, n} })
	}
	number := func(n int) func(*Failover) {
		return eachPool(func(p *Pool) { p.HealthyWhen = Quorum{quorumCount, n} })
	}
	needs := func(n int) func(*Failover) { return eachSet(func(s *Set) { s.MinAvailable = n }) }
	drained := eachSet(func(s *Set) { s.Pools[0].Weight = 0 })
	for _, c := range []struct {
		name   string
		set    string
		health string
		want   string // IPv4, IPv6
		change []func(*Failover)
	}{
		{"any: one up", "a b c", "ddu", "uu", nil},
		{"any: all down", "a b c", "ddd", "dd", nil},
		{"any: one unknown", "a b", "d?", "??", nil},
		{"any: one unknown, one up", "a b", "u?", "uu", nil},
		{"any: one waits, one is down", "a b", "wd", "dd", nil},
		{"any: all wait", "a b", "ww", "oo", nil},
		{"all: one down", "a b c", "uud", "dd", []func(*Failover){all}},
		{"all: all up", "a b c", "uuu", "uu", []func(*Failover){all}},
		{"all: one unknown", "a b c", "uu?", "??", []func(*Failover){all}},
		{"all: one waits", "a b c", "uuw", "oo", []func(*Failover){all}},
		{"all: one waits and one is down", "a b c", "udw", "oo", []func(*Failover){all}},
		{"2: one up", "a b c", "udd", "dd", []func(*Failover){number(2)}},
		{"2: two up", "a b c", "udu", "uu", []func(*Failover){number(2)}},
		{"50% of three: one up", "a b c", "udd", "dd", []func(*Failover){percent(50)}},
		{"50% of three: two up", "a b c", "uud", "uu", []func(*Failover){percent(50)}},
		{"34% of three is two", "a b c", "udd", "dd", []func(*Failover){percent(34)}},
		{"33% of three is one", "a b c", "udd", "uu", []func(*Failover){percent(33)}},

		{"offline is left out below", "a b c=offline", "uuu", "uu", []func(*Failover){all}},
		{"offline is left out above", "a b=offline c=offline", "duu", "dd", nil},
		{"offline is left out of a number", "a b=offline c", "uuu", "oo", []func(*Failover){number(3)}},
		{"offline is left out of a percentage", "a b=offline c=offline d=offline", "uuuu", "uu", []func(*Failover){percent(100)}},
		{"all offline", "a=offline b=offline", "ud", "oo", nil},
		{"offline, and the rest is down", "a=offline b", "ud", "dd", nil},
		{"online is up", "a=online b", "dd", "uu", nil},

		{"weight 0 never makes a pool available", "a*0 b*0", "uu", "oo", nil},
		{"weight 0 does not help", "a*0 b", "ud", "dd", nil},
		{"weight 0 does not hinder", "a*0 b", "du", "uu", []func(*Failover){all}},
		{"a pool of weight 0 never makes a set available", "a b", "uu", "oo", []func(*Failover){drained}},
		{"beside a pool of weight 0", "a + b", "du", "uu", []func(*Failover){drained}},

		{"min_available over pools", "a b + c d", "uddu", "uu", []func(*Failover){needs(2)}},
		{"min_available: one is too few", "a b + c d", "uddd", "dd", []func(*Failover){needs(2)}},
		{"min_available counts available pools alone", "a b + c d", "udud", "dd", []func(*Failover){needs(2), all}},
		{"min_available in one pool", "a b + c d", "uudd", "uu", []func(*Failover){needs(2), all}},
		{"min_available is met by unknown ones", "a b + c d", "?dd?", "??", []func(*Failover){needs(2)}},
		{"min_available is not met, for one is offline", "a=offline b", "uu", "oo", []func(*Failover){needs(2)}},
		{"min_available leaves weight 0 out", "a b*0", "uu", "oo", []func(*Failover){needs(2)}},
		{"min_available per family", "a b c6", "uuu", "uo", []func(*Failover){needs(2)}},

		{"families are judged alone", "a b6", "ud", "ud", nil},
		{"families are judged alone, the other way", "a b6", "du", "du", nil},
		{"families over pools", "a + b6", "?d", "?d", nil},
		{"quorum per family", "a b c6 d6", "uuud", "ud", []func(*Failover){all}},
		{"quorum of a percentage per family", "a b c d6", "uddu", "du", []func(*Failover){percent(50)}},
		{"a missing family has the other's state: up", "a b", "ud", "uu", nil},
		{"a missing family has the other's state: down", "a6 b6", "dd", "dd", nil},
		{"a missing family has the other's state: unknown", "a6", "?", "??", nil},
		{"a family of offline members is declared", "a b6=offline", "uu", "uo", nil},
		{"a family of weight 0 is declared", "a b6*0", "uu", "uo", nil},

		{"a host name is in both", "a@ b@", "du", "uu", nil},
		{"a host name, down", "a@ b@", "dd", "dd", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := sketch(t, c.set, c.change...)
			health := healthOf(t, f, c.health)
			got := ""
			for _, fam := range []Family{IPv4, IPv6} {
				got += stateLetter(f.Sets[0].State(fam, health))
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestJointState: a failover that holds a host name judges all its members as
// one family, in the sets that have none, too.
func TestJointState(t *testing.T) {
	for _, c := range []struct{ sets, health, want string }{
		{"a b6 | c@", "uu u", "uu"},
		{"a b6 | c@", "du u", "uu"},
		{"a b6 | c@", "ud d", "ud"},
		{"a b6 | c@", "dd ?", "d?"},
		{"a@ | b6", "d u", "du"},
	} {
		f := sketch(t, c.sets)
		if !f.Joint {
			t.Errorf("%s: not judged as one family", c.sets)
		}
		states := f.States(healthOf(t, f, c.health))
		got := ""
		for _, s := range states[IPv4] {
			got += stateLetter(s)
		}
		if got != c.want {
			t.Errorf("%s with %s: got %s, want %s", c.sets, c.health, got, c.want)
		}
	}
	if sketch(t, "a b6 | c").Joint {
		t.Error("judged as one family without any host name")
	}
}

// The letters of sets' states.
var stateLetters = map[rune]SetState{
	'u': {Available: true, Confirmed: true},
	'?': {Available: true},
	'd': {Failed: true},
	'o': {},
}

func stateLetter(s SetState) string {
	for letter, state := range stateLetters {
		if s == state {
			return string(letter)
		}
	}
	return "!"
}
