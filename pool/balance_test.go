package pool

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
)

// seeds are draws far from each other.
func seeds(n int) func(func(Draw) bool) {
	return func(yield func(Draw) bool) {
		source := Draw(42)
		for range n {
			if !yield(Draw(source.next())) {
				return
			}
		}
	}
}

// items are an urn's items with these weights.
func items(weights ...uint32) []item {
	var list []item
	for i, w := range weights {
		list = append(list, item{weight: w, rank: uint32(i), salt: salt("p", fmt.Sprint(i))})
	}
	return list
}

// frequencies draws many times, and counts what name says of the picks.
func frequencies(u urn, n int, c Client, name func(picked []int) string) map[string]int {
	counts := map[string]int{}
	var s Scratch
	var picked []int
	for d := range seeds(n) {
		picked = u.pick(picked[:0], &s, &Asker{Client: c, Draw: d}, u.answers)
		counts[name(picked)]++
	}
	return counts
}

func first(picked []int) string    { return fmt.Sprint(picked[0]) }
func firstTwo(picked []int) string { return fmt.Sprint(picked[:2]) }
func order(picked []int) string    { return fmt.Sprint(picked) }

// expect compares counts with exact probabilities: each within five standard
// deviations, and nothing else drawn.
func expect(t *testing.T, counts map[string]int, want map[string]float64) {
	t.Helper()
	n := 0
	for _, count := range counts {
		n += count
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was drawn", name)
		}
	}
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(want)) {
		p := want[name]
		sum += p
		got, sigma := float64(counts[name]), math.Sqrt(float64(n)*p*(1-p))
		if math.Abs(got-float64(n)*p) > 5*sigma+1e-9 {
			t.Errorf("%s was drawn %g times of %d, want %.0f ± %.0f", name, got, n, float64(n)*p, 5*sigma)
		}
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("the probabilities add up to %g", sum)
	}
}

// even are the same probabilities for all.
func even(names ...string) map[string]float64 {
	want := map[string]float64{}
	for _, name := range names {
		want[name] = 1 / float64(len(names))
	}
	return want
}

// TestPickCounts: k different items of n, at every balance.
func TestPickCounts(t *testing.T) {
	for b := range Balances() {
		for n := 1; n <= 5; n++ {
			for answers := All; answers <= n+1; answers++ {
				u := newUrn(Balance(b), answers, 0, items([]uint32{3, 1, 2, 7, 2}[:n]...))
				want := n
				if answers != All {
					want = min(answers, n)
				}
				for d := range seeds(30) {
					picked := u.pick(nil, new(Scratch), &Asker{Draw: d}, u.answers)
					seen := map[int]bool{}
					for _, i := range picked {
						if i < 0 || i >= n || seen[i] {
							t.Fatalf("%s of %d, %d answers: %v", Balance(b), n, answers, picked)
						}
						seen[i] = true
					}
					if len(picked) != want {
						t.Fatalf("%s of %d, %d answers: %v", Balance(b), n, answers, picked)
					}
				}
			}
		}
	}
}

func TestSequence(t *testing.T) {
	for answers, want := range map[int]string{All: "[0 1 2 3]", 1: "[0]", 3: "[0 1 2]", 9: "[0 1 2 3]"} {
		counts := frequencies(newUrn(Sequence, answers, 0, items(1, 5, 1, 2)), 50, Client{}, order)
		expect(t, counts, even(want))
	}
}

func TestRoundRobin(t *testing.T) {
	const n = 50_000
	for _, c := range []struct {
		answers int
		want    []string
	}{
		{All, []string{"[0 1 2]", "[1 2 0]", "[2 0 1]"}},
		{1, []string{"[0]", "[1]", "[2]"}},
		{2, []string{"[0 1]", "[1 2]", "[2 0]"}},
	} {
		// Weights do not matter to it.
		expect(t, frequencies(newUrn(RoundRobin, c.answers, 0, items(1, 9, 3)), n, Client{}, order), even(c.want...))
	}
}

func TestRandom(t *testing.T) {
	const n = 60_000
	u := newUrn(Random, All, 0, items(1, 9, 3))
	expect(t, frequencies(u, n, Client{}, order), even("[0 1 2]", "[0 2 1]", "[1 0 2]", "[1 2 0]", "[2 0 1]", "[2 1 0]"))
	u = newUrn(Random, 1, 0, items(1, 9, 3, 1))
	expect(t, frequencies(u, n, Client{}, order), even("[0]", "[1]", "[2]", "[3]"))
	u = newUrn(Random, 2, 0, items(1, 9, 3))
	expect(t, frequencies(u, n, Client{}, order), even("[0 1]", "[0 2]", "[1 0]", "[1 2]", "[2 0]", "[2 1]"))
}

// TestWeighted compares with the exact probabilities of drawing one after the
// other without putting back.
func TestWeighted(t *testing.T) {
	const n = 50_000
	for _, weights := range [][]uint32{{1, 1, 1}, {3, 1}, {1, 2, 3, 4}, {100, 1, 1}, {5, 5, 5, 5}, {1000, 3, 30, 300}} {
		total := 0.0
		for _, w := range weights {
			total += float64(w)
		}
		one, two := map[string]float64{}, map[string]float64{}
		for i, w := range weights {
			p := float64(w) / total
			one[fmt.Sprint(i)] = p
			for j, v := range weights {
				if j != i {
					two[fmt.Sprint([]int{i, j})] = p * float64(v) / (total - float64(w))
				}
			}
		}
		for answers := range len(weights) + 1 {
			t.Run(fmt.Sprintf("%v, %d answers", weights, answers), func(t *testing.T) {
				u := newUrn(Weighted, answers, 0, items(weights...))
				expect(t, frequencies(u, n, Client{}, first), one)
				if answers != 1 {
					expect(t, frequencies(u, n, Client{}, firstTwo), two)
				}
			})
		}
	}
}

// TestWeightedOrder compares whole orders with their exact probabilities.
func TestWeightedOrder(t *testing.T) {
	weights := []float64{1, 2, 5}
	want := map[string]float64{}
	for _, p := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		a, b, c := weights[p[0]], weights[p[1]], weights[p[2]]
		want[fmt.Sprint(p)] = a / (a + b + c) * b / (b + c)
	}
	expect(t, frequencies(newUrn(Weighted, All, 0, items(1, 2, 5)), 100_000, Client{}, order), want)
}

// TestPickTwoLevels: weights hold among the pools of a set and in each pool.
func TestPickTwoLevels(t *testing.T) {
	f := sketch(t, "a*3 b + c*9 d", eachPool(func(p *Pool) { p.Balance, p.Answers = Weighted, 1 }),
		eachSet(func(s *Set) { s.Balance, s.Answers, s.Pools[1].Weight = Weighted, 1, 4 }))
	v := viewOf(t, f, "uuuu")
	counts := map[string]int{}
	for d := range seeds(100_000) {
		counts[answer(&v.Families[IPv4].Ordinary, Client{}, d)]++
	}
	expect(t, counts, map[string]float64{"a": .2 * .75, "b": .2 * .25, "c": .8 * .9, "d": .8 * .1})
}

// TestPickEvenOffsets: the offsets of a set's pools and of their members are
// drawn apart.
func TestPickEvenOffsets(t *testing.T) {
	v := viewOf(t, sketch(t, "a b + c d"), "uuuu")
	counts := map[string]int{}
	for d := range seeds(80_000) {
		counts[answer(&v.Families[IPv4].Ordinary, Client{}, d)]++
	}
	expect(t, counts, even("a b c d", "a b d c", "b a c d", "b a d c", "c d a b", "c d b a", "d c a b", "d c b a"))
}

// TestWeightedAmongAvailable: a lost member's share goes to the others by their
// weights, and weights of 0 get nothing.
func TestWeightedAmongAvailable(t *testing.T) {
	f := sketch(t, "a*1 b*2 c*3 d*0 e*4", eachPool(func(p *Pool) { p.Balance, p.Answers = Weighted, 1 }))
	v := viewOf(t, f, "uuuud")
	counts := map[string]int{}
	for d := range seeds(100_000) {
		counts[answer(&v.Families[IPv4].Ordinary, Client{}, d)]++
	}
	expect(t, counts, map[string]float64{"a": 1. / 6, "b": 2. / 6, "c": 3. / 6})
}

// TestDraw: even below n, for neighbouring seeds, too.
func TestDraw(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 10} {
		counts, want := map[string]int{}, map[string]float64{}
		for d := range Draw(100_000) {
			counts[fmt.Sprint(d.below(n))]++
		}
		for i := range n {
			want[fmt.Sprint(i)] = 1 / float64(n)
		}
		expect(t, counts, want)
	}
	if a, b := unit(0), unit(math.MaxUint64); a <= 0 || b >= 1 {
		t.Errorf("between 0 and 1: %g, %g", a, b)
	}
}

// ranks are an Atlas of one Near, 1, that is the same for all clients.
type ranks []uint16

func (r ranks) Ranks(near int, _ Client, room []uint16) []uint16 {
	if near != 1 || len(room) > 0 {
		panic("not what was asked for")
	}
	return append(room, r...)
}

func (ranks) Scope(near int, _ Client) int { return 16 + near }

// TestNearest: by rank, and even among equals, so that none carries the load of
// others.
func TestNearest(t *testing.T) {
	const n = 20_000
	count := func(f *Failover, r ranks, health string) map[string]int {
		v := viewOf(t, f, health)
		counts := map[string]int{}
		for d := range seeds(n) {
			counts[ids(v.Families[IPv4].Ordinary.Pick(new(Scratch), &Asker{Draw: d, Atlas: r}))]++
		}
		return counts
	}
	draw := func(r ranks, answers int, health string) map[string]int {
		return count(sketch(t, "a b c d", eachPool(func(p *Pool) {
			p.Balance, p.Answers, p.Near = Nearest, answers, min(len(r), 1)
		})), r, health)
	}
	expect(t, draw(ranks{2, 0, 1, 1}, 1, "uuuu"), even("b"))
	expect(t, draw(ranks{2, 0, 1, 1}, All, "uuuu"), even("b c d a", "b d c a"))
	expect(t, draw(ranks{2, 0, 1, 0}, 1, "uuuu"), even("b", "d"))
	expect(t, draw(ranks{2, 0, 1, 1}, 1, "uduu"), even("c", "d"))
	expect(t, draw(ranks{2, 0, 1, 1}, 2, "uddu"), even("d a"))
	expect(t, draw(ranks{0, 0, 0, 0}, 1, "uuuu"), even("a", "b", "c", "d"))
	expect(t, draw(nil, 1, "uuuu"), even("a", "b", "c", "d"))

	// Pools of a set, of which one is down: the ranks are still those of the pools.
	near := eachSet(func(s *Set) { s.Balance, s.Answers, s.Near = Nearest, 1, 1 })
	expect(t, count(sketch(t, "a + b + c + d", near), ranks{0, 3, 2, 1}, "uuuu"), even("a"))
	expect(t, count(sketch(t, "a + b + c + d", near), ranks{0, 3, 2, 1}, "duuu"), even("d"))
	expect(t, count(sketch(t, "a + b + c + d", near), ranks{0, 3, 1, 1}, "duuu"), even("c", "d"))
}
