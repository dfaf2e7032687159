package pool

import "testing"

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
				members := v.Families[IPv4].Ordinary.Pick(&s, &Asker{Draw: draw})
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
			one, two := Asker{Draw: draw}, Asker{Draw: draw}
			fresh := ids(v.Families[IPv4].Ordinary.Pick(new(Scratch), &one))
			if again := ids(v.Families[IPv4].Ordinary.Pick(&used, &two)); again != fresh || one.Draw != two.Draw {
				t.Fatalf("%s: %q, then %q", Balance(i), fresh, again)
			}
		}
	}
}
