package pool

import (
	"fmt"
	"testing"
	"time"
)

// TestGrowth: one tenth at once, one more with each ninth of the time, and the
// instant of the next.
func TestGrowth(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		all, elapsed time.Duration
		have         int
		next         time.Duration
	}{
		{90 * s, 0, 1, 10 * s},
		{90 * s, 1, 1, 10*s - 1},
		{90 * s, 9 * s, 1, 1 * s},
		{90 * s, 10*s - s*9/10 - 1, 1, s*9/10 + 1},
		{90 * s, 10*s - s*9/10, 2, 10*s + s*9/10}, // within a hundredth of the step
		{90 * s, 10 * s, 2, 10 * s},
		{90 * s, 20 * s, 3, 10 * s},
		{90 * s, 50 * s, 6, 10 * s},
		{90 * s, 80 * s, 9, 10 * s},
		{90 * s, 89 * s, 9, 1 * s},
		{90 * s, 90*s - s*9/10, 10, Never},
		{90 * s, 90 * s, 10, Never},
		{90 * s, 1<<63 - 1, 10, Never},
		{s, 0, 1, 111_111_112},
		{24 * time.Hour, 24*time.Hour - time.Hour, 9, time.Hour},
		{24 * time.Hour, 24 * time.Hour, 10, Never},
		{0, 0, 10, Never},
	} {
		p := Pool{SlowStart: c.all}
		if have, next := p.Growth(c.elapsed); have != c.have || next != c.next {
			t.Errorf("after %v of %v: %d tenths, the next in %v; want %d, %v", c.elapsed, c.all, have, next, c.have, c.next)
		}
	}
}

// TestGrowthSteps: who wakes for each step makes exactly nine, each one tenth
// more, at the ninths of the time, rounded up to the nanosecond.
func TestGrowthSteps(t *testing.T) {
	for _, all := range []time.Duration{time.Second, 7*time.Second + 1, 90 * time.Second, time.Hour, 24 * time.Hour} {
		p := Pool{SlowStart: all}
		elapsed := time.Duration(0)
		for tenth := 1; tenth <= 10; tenth++ {
			have, next := p.Growth(elapsed)
			if have != tenth {
				t.Fatalf("after %v of %v: %d tenths, want %d", elapsed, all, have, tenth)
			}
			if tenth == 10 {
				if next != Never || elapsed != all {
					t.Fatalf("whole after %v of %v, and the next step in %v", elapsed, all, next)
				}
				break
			}
			if next <= all/100 {
				t.Fatalf("after %v of %v: the next step already in %v", elapsed, all, next)
			}
			elapsed += next
			if exact := time.Duration(tenth) * all; elapsed*9 < exact || (elapsed-1)*9 >= exact {
				t.Fatalf("step %d of %v is after %v", tenth, all, elapsed)
			}
		}
	}
}

// slow makes all pools of a sketch go by a balance and start slowly.
func slow(b Balance, answers int) func(*Failover) {
	return eachPool(func(p *Pool) { p.Balance, p.Answers, p.SlowStart = b, answers, time.Minute })
}

// grownView is viewOf with so many tenths of each member's weight.
func grownView(t testing.TB, f *Failover, letters string, tenths ...int) *View {
	t.Helper()
	health := healthOf(t, f, letters)
	for i, n := range tenths {
		health[i] = health[i].Grown(n)
	}
	states := f.States(health)
	m, _ := f.Next(f.Fresh(), states, 0)
	return f.View(m, states, health)
}

// drawn counts a hand's first answers, over many clients for hash and over many
// draws for what is no hash.
func drawn(h *Hand) map[string]int {
	counts := map[string]int{}
	var s Scratch
	a := Asker{Draw: 7}
	for _, a.Client = range networks(100_000, false) {
		counts[h.Pick(&s, &a)[0].ID]++
	}
	return counts
}

// TestSlowStartShares: at each step a member's share is that of its weight times
// the tenths that it has, in every way of drawing.
func TestSlowStartShares(t *testing.T) {
	for _, b := range []Balance{Weighted, Hash} {
		for _, answers := range []int{1, 2, All} {
			f := sketch(t, "a*3 b*2 c*5 d e g", slow(b, answers))
			for tenths := 1; tenths <= 10; tenths++ {
				t.Run(fmt.Sprintf("%s, %d answers, %d tenths", b, answers, tenths), func(t *testing.T) {
					v := grownView(t, f, "uuuddu", tenths, 10, 10, 10, 10, 10)
					a := 3 * float64(tenths) / 10
					expect(t, drawn(&v.Families[IPv4].Ordinary), map[string]float64{
						"a": a / (a + 8), "b": 2 / (a + 8), "c": 5 / (a + 8), "g": 1 / (a + 8),
					})
				})
			}
		}
	}
}

// TestSlowStartOfSeveral: each has the part that it has grown to.
func TestSlowStartOfSeveral(t *testing.T) {
	for _, b := range []Balance{Weighted, Hash} {
		v := grownView(t, sketch(t, "a b*2 c*4 d", slow(b, 1)), "uuuu", 2, 5, 1, 10)
		expect(t, drawn(&v.Families[IPv4].Ordinary), map[string]float64{"a": .2 / 2.6, "b": 1 / 2.6, "c": .4 / 2.6, "d": 1 / 2.6})
	}
}

// TestSlowStartSame: where all have grown alike, where weights do not count, and
// where there is no slow start, each draw is answered as ever.
func TestSlowStartSame(t *testing.T) {
	for i := range Balances() {
		for _, c := range []struct {
			name   string
			change func(*Failover)
			tenths []int
		}{
			{"whole", slow(Balance(i), 2), []int{10, 10, 10, 10, 10}},
			{"alike", slow(Balance(i), 2), []int{3, 3, 3, 3, 3}},
			{"no slow start", eachPool(func(p *Pool) { p.Balance, p.Answers = Balance(i), 2 }), []int{1, 2, 10, 4, 7}},
			{"any growth", slow(Balance(i), 2), []int{1, 2, 10, 4, 7}},
		} {
			if c.name == "any growth" && (Balance(i) == Weighted || Balance(i) == Hash) {
				continue
			}
			const sets = "a*1 b*2 c*3 d*300 e*0"
			grown := grownView(t, sketch(t, sets, c.change), "uuuuu", c.tenths...)
			whole := viewOf(t, sketch(t, sets, eachPool(func(p *Pool) { p.Balance, p.Answers = Balance(i), 2 })), "uuuuu")
			for n, client := range networks(5000, false) {
				got := answer(&grown.Families[IPv4].Ordinary, client, Draw(n))
				if want := answer(&whole.Families[IPv4].Ordinary, client, Draw(n)); got != want {
					t.Fatalf("%s, %s: draw %d answers %s, want %s", Balance(i), c.name, n, got, want)
				}
			}
		}
	}
}

// TestSlowStartHashSticks: from step to step, hash moves clients to the growing
// member alone, from all others alike; when it is whole, they are where they were.
func TestSlowStartHashSticks(t *testing.T) {
	clients := networks(20_000, false)
	for _, sets := range []string{"a b c d", "a*1 b*2 c*3 d*4"} {
		f := sketch(t, sets, slow(Hash, 1))
		down := answersOf(&viewOf(t, f, "uduu").Families[IPv4].Ordinary, clients)
		before, from := down, map[string]bool{}
		for tenths := 1; tenths <= 10; tenths++ {
			after := answersOf(&grownView(t, f, "uuuu", 10, tenths).Families[IPv4].Ordinary, clients)
			moved := 0
			for i := range clients {
				if before[i] == after[i] {
					continue
				}
				moved++
				from[before[i]] = true
				if after[i] != "b" {
					t.Fatalf("%s, %d tenths: %v went from %s to %s", sets, tenths, clients[i].Addr, before[i], after[i])
				}
			}
			if moved == 0 {
				t.Errorf("%s, %d tenths: no client moved", sets, tenths)
			}
			before = after
		}
		if len(from) != 3 {
			t.Errorf("%s: clients came from %v alone", sets, from)
		}
		never := answersOf(hashed(t, 1, sets, "uuuu"), clients)
		for i := range clients {
			if before[i] != never[i] {
				t.Fatalf("%s: grown, %v has %s, and %s if it never was down", sets, clients[i].Addr, before[i], never[i])
			}
		}
	}
}

// TestSlowStartCountsNowhereElse: neither what is available nor what is answered
// where health is ignored depends on it, nor the choice among pools, nor members
// of weight 0.
func TestSlowStartCountsNowhereElse(t *testing.T) {
	all := eachPool(func(p *Pool) { p.HealthyWhen = QuorumAll })
	t.Run("availability", func(t *testing.T) {
		f := sketch(t, "a b c6 | d", slow(Weighted, All), all, eachSet(func(s *Set) { s.MinAvailable = 1 }))
		f.Sets[0].MinAvailable = 2
		v, whole := grownView(t, f, "uuuu", 1, 1, 1, 1), viewOf(t, f, "uuuu")
		for _, fam := range []Family{IPv4, IPv6} {
			if got, want := describe(v, fam), describe(whole, fam); got != want {
				t.Errorf("%s: got %q, want %q", fam, got, want)
			}
		}
	})
	t.Run("health ignored", func(t *testing.T) {
		v := grownView(t, sketch(t, "a b*3", slow(Weighted, 1), all), "ud", 1)
		if got := describe(v, IPv4); got != "nothing" {
			t.Fatalf("got %q", got)
		}
		expect(t, drawn(&v.Families[IPv4].All), map[string]float64{"a": .25, "b": .75})
	})
	t.Run("among pools", func(t *testing.T) {
		f := sketch(t, "a + b*3 c", slow(Weighted, 1), eachSet(func(s *Set) { s.Balance, s.Answers = Weighted, 1 }))
		v := grownView(t, f, "uuu", 1, 1, 10)
		expect(t, drawn(&v.Families[IPv4].Ordinary), map[string]float64{"a": .5, "b": .5 * .3 / 1.3, "c": .5 / 1.3})
	})
	t.Run("last resort", func(t *testing.T) {
		f := sketch(t, "a*0 b*3 c", slow(Weighted, 1), func(f *Failover) { f.Sets[0].Pools[0].Weight = 0 })
		v := grownView(t, f, "uuu", 10, 1, 10)
		expect(t, drawn(&v.Families[IPv4].Resort), map[string]float64{"a": .2, "b": .6, "c": .2})
	})
	t.Run("delayed", func(t *testing.T) { // by available members, as ever: it does count
		f := sketch(t, "a b c | d", slow(Weighted, 1), all)
		f.Pin = 0
		v := grownView(t, f, "uudu", 5)
		expect(t, drawn(&v.Families[IPv4].Ordinary), map[string]float64{"a": 1. / 3, "b": 2. / 3})
	})
}

// TestGrown: growth leaves the bits alone, and the bits growth.
func TestGrown(t *testing.T) {
	for have := 1; have <= 10; have++ {
		h := (Available | Unsettled).Grown(3).Grown(have)
		if h&(Available|Confirmed|Unfailed|Unsettled) != Available|Unsettled || h.tenths() != uint32(have) {
			t.Errorf("%d tenths: %b has %d", have, h, h.tenths())
		}
	}
	if h := Available.Grown(10); h != Available {
		t.Errorf("whole: %b", h)
	}
}

// TestUnder: sums of weights beyond 32 bits are drawn evenly.
func TestUnder(t *testing.T) {
	counts := map[string]int{}
	for d := range seeds(100_000) {
		counts[fmt.Sprint(d.under(7<<40)>>40)]++
	}
	expect(t, counts, even("0", "1", "2", "3", "4", "5", "6"))
}
