package geo

import (
	"math/bits"
	"sort"
)

// index finds where in a sorted list of numbers one stands: a tree of tables,
// each by some bits of the number, as many as there are numbers for, down to a few
// neighbours. Where addresses are crowded it is deeper.
type index struct {
	slots []slot
	root  table
}

// slot is a window of the list, up to where the next slot's begins; a table has
// one slot more than it needs, for its end.
type slot struct {
	from  uint32 // the first number that is not before the slot
	below table  // that cuts the slot further, or 0
}

// table is where its slots begin, and in the last 4 bits by how many bits of a
// number it goes, less 1.
type table uint32

func (t table) first() int { return int(t >> 4) }
func (t table) bits() int  { return int(t&15) + 1 }

// wide is how many numbers in a slot are worth a table of their own: so many lie
// in two lines of a processor's cache.
const wide = 16

func newIndex(list []uint64, p *pauses) index {
	x := index{slots: make([]slot, 0, slots(list, 0, p))}
	x.root = x.cut(list, 0, len(list), 0, p)
	return x
}

// cut makes a table for list[from:to], whose numbers share the bits to skip.
func (x *index) cut(list []uint64, from, to, skip int, p *pauses) table {
	n := tableBits(to-from, skip)
	first := len(x.slots)
	x.slots = append(x.slots, make([]slot, 1<<n+1)...)
	at := from
	for i := range 1 << n {
		x.slots[first+i].from = uint32(at)
		for at < to && list[at]<<skip>>(64-n) == uint64(i) {
			at++
		}
		p.step()
	}
	x.slots[first+1<<n].from = uint32(to)
	for i := first; i < first+1<<n; i++ {
		lo, hi := int(x.slots[i].from), int(x.slots[i+1].from)
		if crowded(list[lo:hi]) {
			below := x.cut(list, lo, hi, skip+n, p)
			x.slots[i].below = below
		}
	}
	return table(first<<4 + n - 1)
}

// slots is how many slots the tables for a list need.
func slots(list []uint64, skip int, p *pauses) int {
	n := tableBits(len(list), skip)
	sum := 1<<n + 1
	for len(list) > 0 {
		end := sort.Search(len(list), func(i int) bool { return list[i]<<skip>>(64-n) != list[0]<<skip>>(64-n) })
		if crowded(list[:end]) {
			sum += slots(list[:end], skip+n, p)
		}
		list = list[end:]
		p.step()
	}
	return sum
}

// tableBits is by how many bits a table goes that is for so many numbers, which
// share the bits to skip.
func tableBits(numbers, skip int) int {
	return min(max(bits.Len(uint(numbers))-3, 1), 16, 64-skip)
}

// crowded says whether the numbers of a slot are worth a table of their own.
func crowded(list []uint64) bool {
	return len(list) > wide && list[0] != list[len(list)-1]
}

// window is a part of the list: all before it is not greater than k, all behind it
// is.
func (x *index) window(k uint64) (from, to int) {
	at := x.root
	for {
		i := at.first() + int(k>>(64-at.bits()))
		s := x.slots[i]
		if s.below == 0 {
			return int(s.from), int(x.slots[i+1].from)
		}
		k <<= at.bits()
		at = s.below
	}
}
