package geo

import (
	"math"
	"slices"
	"testing"
)

// TestIndex: every number's window holds it, and is cut as finely as it is meant;
// and the tables are as deep and as large as that takes.
func TestIndex(t *testing.T) {
	run := func(n int, from, step uint64) (list []uint64) {
		for i := range uint64(n) {
			list = append(list, from+i*step)
		}
		return list
	}
	same := func(n int, x uint64) []uint64 { return slices.Repeat([]uint64{x}, n) }
	for _, c := range []struct {
		name  string
		list  []uint64
		depth int // of tables
		slots int // in all of them
	}{
		{"one", []uint64{0}, 1, 3},
		{"as many as a slot may have", run(wide, 0, 1), 1, 5},
		{"one more", run(wide+1, 0, 1), 30, 150},
		{"one more, at the end", append([]uint64{0}, run(wide+1, math.MaxUint64-wide, 1)...), 30, 150},
		{"spread out", run(100_000, 0, math.MaxUint64/100_000), 1, 16385},
		{"crowded", append([]uint64{0}, run(5000, 0x20010db8_00000000, 1)...), 6, 6150},
		{"crowded at two places", slices.Concat([]uint64{0}, run(300, 1<<40, 1), run(300, math.MaxUint64-299, 1)), 10, 1299},
		{"crowds within a crowd", slices.Concat(run(40, 0, 1), run(40, 1<<20, 1<<10), run(40, 1<<40, 1<<30)), 17, 277},
		{"the same", same(500, 0), 1, 65},
		{"the same, and one more", append(same(500, 4), 5), 11, 667},
		{"the same, and others", slices.Concat(same(500, 0), run(20, 1<<63, 1), same(500, math.MaxUint64)), 28, 264},
	} {
		x := newIndex(c.list, nil)
		if depth := x.depth(x.root); depth != c.depth || len(x.slots) != c.slots || cap(x.slots) != c.slots {
			t.Errorf("%s: %d numbers, %d tables deep, %d slots of %d, want %d and %d", c.name, len(c.list), depth, len(x.slots), cap(x.slots), c.depth, c.slots)
		}
		var asked []uint64
		for _, n := range c.list {
			asked = append(asked, n, n+1, n-1)
		}
		for _, k := range append(asked, 0, math.MaxUint64, 1<<63, 1<<63-1) {
			from, to := x.window(k)
			switch {
			case from > to || to > len(c.list):
				t.Fatalf("%s: %d: the window is %d to %d", c.name, k, from, to)
			case from > 0 && c.list[from-1] > k:
				t.Fatalf("%s: %d: %d is before the window", c.name, k, c.list[from-1])
			case to < len(c.list) && c.list[to] <= k:
				t.Fatalf("%s: %d: %d is behind the window", c.name, k, c.list[to])
			case to-from > wide && c.list[from] != c.list[to-1]:
				t.Fatalf("%s: %d: the window has %d numbers from %d to %d", c.name, k, to-from, c.list[from], c.list[to-1])
			}
		}
	}
}

// depth is how many tables there are on the longest way.
func (x *index) depth(at table) int {
	below := 0
	for _, s := range x.slots[at.first() : at.first()+1<<at.bits()] {
		if s.below != 0 {
			below = max(below, x.depth(s.below))
		}
	}
	return 1 + below
}
