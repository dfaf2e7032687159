package pool

import (
	"strings"
	"testing"
	"time"
)

// TestExplain: the failover, each set, and each member that does not count, in
// their order, with the reason.
func TestExplain(t *testing.T) {
	type changes = []func(*Failover)
	for _, c := range []struct {
		name   string
		sets   string
		change changes
		health []string
		fam    Family
		want   string
	}{
		{"all is well", "a b6 | c d6", nil, []string{"uu uu"}, IPv4, `
failover f: set s0 answers: active
set s0: available
set s1: available`},
		{"each kind of member", "a b=offline c*0 d e g h6", nil, []string{"uuudw~d"}, IPv4, `
failover f: set s0 answers: active
set s0: available
member p0/b: left out: mode offline
member p0/c: left out: weight 0
member p0/d: left out: down by its checks
member p0/e: left out: waits for its check's first verdict
member p0/g: a check is part-way through its streak`},
		{"nothing", "a b6 | c d6", nil, []string{"dd ww"}, IPv6, `
failover f: no set is available
set s0: unavailable, by its checks
member p0/b6: left out: down by its checks
set s1: unavailable
member p1/d6: left out: waits for its check's first verdict`},
		{"a missing family", "a | b6", nil, []string{"? u"}, IPv6, `
failover f: set s0 serves, but has no IPv6
set s0: available, as far as is known: not every check has a verdict (has no IPv6, so it is judged by IPv4)
set s1: available`},
		{"locked", "a b6 | c d6", changes{func(f *Failover) { f.Recovery = Manual }}, []string{"uu uu", "du uu", "uu uu"}, IPv4, `
failover f: set s1 answers: locked
set s0: available, locked until an operator resumes it
set s1: available`},
		{"pinned", "a b6 | c d6", changes{func(f *Failover) { f.Pin = 1 }}, []string{"uu uu"}, IPv4, `
failover f: set s1 answers: pinned
set s0: available
set s1: available`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := sketch(t, c.sets, c.change...)
			v := viewOf(t, f, c.health[0])
			for _, letters := range c.health[1:] {
				v = viewOf(t, f, letters, v)
			}
			if got := explained(v, c.fam); got != c.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestExplainDelays: how long a delay has run, and of how long.
func TestExplainDelays(t *testing.T) {
	f := sketch(t, "a b6 | c d6", func(f *Failover) { f.FailoverDelay, f.FailbackDelay = time.Minute, 2*time.Minute })
	m := f.Fresh()
	for _, step := range []struct {
		elapsed time.Duration
		health  string
		want    string // a line of it
	}{
		{0, "uu uu", "\nset s0: available\n"},
		{0, "du uu", "\nfailover f: set s0 answers: failover_delay\n"},
		{5 * time.Second, "du uu", "\nset s0: unavailable, by its checks, for 5s of failover_delay 1m0s\n"},
		{55 * time.Second, "du uu", "\nfailover f: set s1 answers: backup\n"},
		{0, "uu uu", ""},
		{7 * time.Second, "uu uu", "\nset s0: available, for 7s of failback_delay 2m0s\n"},
	} {
		health := healthOf(t, f, step.health)
		states := f.States(health)
		m, _ = f.Next(m, states, step.elapsed)
		if got := explained(f.View(m, states, health), IPv4) + "\n"; !strings.Contains(got, step.want) {
			t.Errorf("after %s of %s: got %s", step.elapsed, step.health, got)
		}
	}
}

func explained(v *View, fam Family) string {
	var b strings.Builder
	v.Explain(fam, func(kind, name, text string) { b.WriteString("\n" + kind + " " + name + ": " + text) })
	return b.String()
}
