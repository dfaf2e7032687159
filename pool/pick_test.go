package pool

import (
	"fmt"
	"testing"
	"time"
)

// TestPick: pools of the set, then members of each pool, and how many of each.
func TestPick(t *testing.T) {
	type changes = []func(*Failover)
	pools := func(b Balance, answers int) func(*Failover) {
		return eachPool(func(p *Pool) { p.Balance, p.Answers = b, answers })
	}
	set := func(b Balance, answers int) func(*Failover) {
		return eachSet(func(s *Set) { s.Balance, s.Answers = b, answers })
	}
	for _, c := range []struct {
		name   string
		sets   string
		change changes
		health string
		want   string
	}{
		{"sequence of all", "a b c + d e", changes{set(Sequence, All), pools(Sequence, All)}, "uuuuu", "a b c d e"},
		{"sequence of one each", "a b c + d e", changes{set(Sequence, All), pools(Sequence, 1)}, "uuuuu", "a d"},
		{"sequence of two each", "a b c + d e", changes{set(Sequence, All), pools(Sequence, 2)}, "uuuuu", "a b d e"},
		{"sequence of one pool", "a b c + d e", changes{set(Sequence, 1), pools(Sequence, All)}, "uuuuu", "a b c"},
		{"of one pool and one member", "a b c + d e", changes{set(Sequence, 1), pools(Sequence, 1)}, "uuuuu", "a"},
		{"more than there are available", "a b c + d e", changes{set(Sequence, 2), pools(Sequence, 3)}, "ddudd", "c"},
		{"sequence goes past what is down", "a b c d", changes{pools(Sequence, 2)}, "dudu", "b d"},
		{"and past a pool that is down", "a b + c d + e", changes{set(Sequence, 2), pools(Sequence, 1)}, "ddduu", "d e"},
		{"the same address twice", "a b + a c", changes{set(Sequence, All), pools(Sequence, All)}, "uuuu", "a b c"},
		{"the same address twice, once down", "a b + a c", changes{set(Sequence, All), pools(Sequence, All)}, "duuu", "b a c"},
		{"a name stands alone", "a@ b@ c@", changes{pools(Sequence, All)}, "uuu", "a@"},
		{"a name stands alone, over pools", "a@ b@ + c@", changes{set(Sequence, All), pools(Sequence, All)}, "duu", "b@"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := viewOf(t, sketch(t, c.sets, c.change...), c.health)
			if got := answer(&v.Families[IPv4].Ordinary, Client{}, 0); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestPickNamesOnce: whatever the balances, a name stands alone, and no address
// is answered twice.
func TestPickNamesOnce(t *testing.T) {
	for i := range Balances() {
		for _, sets := range []string{"a@ b@ c@ + a@ d@", "a b c + a b d + c"} {
			f := sketch(t, sets, eachPool(func(p *Pool) { p.Balance = Balance(i) }), eachSet(func(s *Set) { s.Balance = Balance(i) }))
			v := viewOf(t, f, "uuuuuuu"[:len(membersOf(f))])
			var s Scratch
			for draw := range Draw(50) {
				members := v.Families[IPv4].Ordinary.Pick(&s, Client{}, &draw)
				seen := map[string]bool{}
				for _, m := range members {
					if seen[m.ID] {
						t.Fatalf("%s of %s: %s", Balance(i), sets, ids(members))
					}
					seen[m.ID] = true
				}
				if want := map[bool]int{true: 1, false: 4}[f.Joint && members[0].Host != ""]; len(members) != want {
					t.Fatalf("%s of %s: %s", Balance(i), sets, ids(members))
				}
			}
		}
	}
}

// TestPickAgain: the same draw gives the same, with any scratch.
func TestPickAgain(t *testing.T) {
	for i := range Balances() {
		f := sketch(t, "a b*2 c*3 d + e f*5", eachPool(func(p *Pool) { p.Balance, p.Answers = Balance(i), 2 }))
		v := viewOf(t, f, "uuuuuu")
		var used Scratch
		for draw := range Draw(20) {
			one, two := draw, draw
			fresh := ids(v.Families[IPv4].Ordinary.Pick(new(Scratch), Client{}, &one))
			if again := ids(v.Families[IPv4].Ordinary.Pick(&used, Client{}, &two)); again != fresh || one != two {
				t.Fatalf("%s: %q, then %q", Balance(i), fresh, again)
			}
		}
	}
}

// TestUnsettled is rule 11, but for what only a decision knows.
//
//	a delay runs                                    -> min
//	a check of the active set is in a streak        -> min
//	on a backup that an earlier set can take over   -> min
//	hold, locked, pinned, and nothing of the above  -> ttl
func TestUnsettled(t *testing.T) {
	type changes = []func(*Failover)
	recovery := func(r Recovery) func(*Failover) { return func(f *Failover) { f.Recovery = r } }
	over := func(f *Failover) { f.FailoverDelay = time.Minute }
	back := func(f *Failover) { f.FailbackDelay = time.Minute }
	pin := func(set int) func(*Failover) { return func(f *Failover) { f.Pin = set } }
	for _, c := range []struct {
		name   string
		sets   string
		change changes
		health []string
		want   string // IPv4 and IPv6: - settled, ! not
	}{
		{"the first set", "a b6 | c d6", nil, []string{"uu uu"}, "--"},
		{"with a member that is down", "a b c6 | d", nil, []string{"udu u"}, "--"},
		{"with a member that is unknown", "a b c6 | d", nil, []string{"u?? u"}, "--"},
		{"a check fails", "a b6 | c d6", nil, []string{"~u uu"}, "!-"},
		{"a check that was down passes", "a b c6 | d", nil, []string{"u^u u"}, "!-"},
		{"a check of the other family", "a b6 | c d6", nil, []string{"u~ uu"}, "-!"},
		{"a check of a later set", "a b6 | c d6", nil, []string{"uu ~^"}, "--"},
		{"of an offline member", "a b=offline c6 | d", nil, []string{"u~u u"}, "--"},
		{"on a backup, by preempt", "a b6 | c d6", nil, []string{"uu uu", "dd uu"}, "!!"},
		{"on a backup in one family", "a b6 | c d6", nil, []string{"du uu"}, "!-"},
		{"failback_delay runs", "a b6 | c d6", changes{back}, []string{"du uu", "uu uu"}, "!-"},
		{"failover_delay runs", "a b6 | c d6", changes{over}, []string{"uu uu", "ud uu"}, "-!"},
		{"failover_delay runs under hold", "a b6 | c d6", changes{over, recovery(Hold)}, []string{"uu uu", "ud uu"}, "-!"},

		{"held", "a b6 | c d6", changes{recovery(Hold)}, []string{"dd uu", "uu uu"}, "--"},
		{"held, while the first is down", "a b6 | c d6", changes{recovery(Hold)}, []string{"dd uu"}, "--"},
		{"held, and its check fails", "a b6 | c d6", changes{recovery(Hold)}, []string{"dd uu", "uu ~u"}, "!-"},
		{"locked", "a b6 | c d6", changes{recovery(Manual)}, []string{"uu uu", "dd uu", "uu uu"}, "--"},
		{"locked, and its check fails", "a b6 | c d6", changes{recovery(Manual)}, []string{"uu uu", "dd uu", "uu u~"}, "-!"},
		{"manual, on a backup that nothing locks it to", "a b6 | c d6", changes{recovery(Manual)}, []string{"dd uu"}, "!!"},
		{"manual, failback_delay runs", "a b6 | c d6", changes{recovery(Manual), back}, []string{"dd uu", "uu uu"}, "!!"},
		{"pinned", "a b6 | c d6", changes{pin(0)}, []string{"uu uu"}, "--"},
		{"pinned to a backup", "a b6 | c d6", changes{pin(1)}, []string{"uu uu"}, "--"},
		{"pinned, and down", "a b6 | c d6", changes{pin(1), over, back}, []string{"uu uu", "uu dd"}, "--"},
		{"pinned, and its check fails", "a b e6 | c d6", changes{pin(0)}, []string{"~uu uu"}, "!-"},

		{"a name, as one family", "a@ b@ | c@", nil, []string{"~u u"}, "!!"},
		{"IPv4 alone, as one family", "a b | c", nil, []string{"~u u"}, "!!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := sketch(t, c.sets, c.change...)
			v := viewOf(t, f, c.health[0])
			for _, letters := range c.health[1:] {
				v = viewOf(t, f, letters, v)
			}
			got := ""
			for _, fv := range v.Families {
				got += map[bool]string{false: "-", true: "!"}[fv.Unsettled]
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestViews: a change of some views leaves the old ones as they were.
func TestViews(t *testing.T) {
	const n = 200
	var list []*View
	for i := range n {
		list = append(list, &View{Failover: &Failover{Name: fmt.Sprint(i), Index: i}})
	}
	old := NewViews(list)
	var changed []*View
	for _, i := range []int{0, 1, 63, 64, 130, 199} {
		changed = append(changed, &View{Failover: list[i].Failover, Health: []Health{Available}})
	}
	next := old.With(changed...)
	for i := range n {
		if old.At(i) != list[i] {
			t.Fatalf("view %d of the old ones has changed", i)
		}
		want := list[i]
		for _, c := range changed {
			if c.Failover.Index == i {
				want = c
			}
		}
		if next.At(i) != want {
			t.Fatalf("view %d of the new ones is another's", i)
		}
	}
	if again := next.With(); again.At(64) != changed[3] {
		t.Error("no change has changed a view")
	}
}
