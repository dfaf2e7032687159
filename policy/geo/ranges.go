package geo

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"sort"
)

// key is an address as a number. IPv4 stands in the first 32 bits.
type key struct{ hi, lo uint64 }

func keyOf(a netip.Addr) key {
	if a.Is4() {
		b := a.As4()
		return key{hi: uint64(binary.BigEndian.Uint32(b[:])) << 32}
	}
	return keyOf16(a.As16())
}

func keyOf16(b [16]byte) key {
	return key{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (k key) addr(six bool) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	if six {
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}

func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.hi, o.hi), cmp.Compare(k.lo, o.lo))
}

// before is the number before k, which is not 0.
func (k key) before() key {
	lo, borrow := bits.Sub64(k.lo, 1, 0)
	return key{k.hi - borrow, lo}
}

// behind is the first key behind a prefix; not ok where there is none.
func behind(p netip.Prefix) (k key, ok bool) {
	k = keyOf(p.Addr())
	n := p.Bits() // of the key; IPv4 is on its left
	var carry uint64
	if n > 64 {
		k.lo, carry = bits.Add64(k.lo, 1<<(128-n), 0)
		k.hi, carry = bits.Add64(k.hi, 0, carry)
		return k, carry == 0
	}
	if n == 0 {
		return key{}, false
	}
	k.hi, carry = bits.Add64(k.hi, 1<<(64-n), 0)
	return k, carry == 0
}

// common is how many leading bits two keys share.
func common(a, b key) int {
	if x := a.hi ^ b.hi; x != 0 {
		return bits.LeadingZeros64(x)
	}
	return 64 + bits.LeadingZeros64(a.lo^b.lo)
}

// ranges give every address of a family a value. They say where it changes, so
// that equal neighbours are one range, however their prefixes were cut.
type ranges struct {
	starts []uint64    // upper halves, sorted; the first is 0
	values []int32     // no two neighbours are equal; of a deep start ^value
	deep   []deepStart // the starts whose lower half is not 0, which are few
	index  index
}

// deepStart is a start within what an upper half has.
type deepStart struct {
	at  int // in starts
	low uint64
}

// newRanges makes ranges of starts and values, which come in order. It goes through
// them twice, to take no room that is not needed, not even for a time.
func newRanges(each func(add func(key, int32)), p *pauses) *ranges {
	var n, deep int
	var last int32
	fresh := func(k key, v int32) bool {
		p.step()
		was := last
		last = v
		return k == key{} || v != was
	}
	each(func(k key, v int32) {
		if fresh(k, v) {
			n++
			if k.lo != 0 {
				deep++
			}
		}
	})
	r := &ranges{starts: make([]uint64, 0, n), values: make([]int32, 0, n), deep: make([]deepStart, 0, deep)}
	each(func(k key, v int32) {
		if !fresh(k, v) {
			return
		}
		if k.lo != 0 {
			r.deep = append(r.deep, deepStart{len(r.starts), k.lo})
			v = ^v
		}
		r.starts, r.values = append(r.starts, k.hi), append(r.values, v)
	})
	r.index = newIndex(r.starts, p)
	return r
}

// find is the range of a key.
func (r *ranges) find(k key) int {
	i, end := r.index.window(k.hi)
	if end-i > wide {
		i += sort.Search(end-i, func(n int) bool { return r.starts[i+n] > k.hi })
	} else {
		for i < end && r.starts[i] <= k.hi {
			i++
		}
	}
	i--
	if r.values[i] < 0 && r.starts[i] == k.hi { // the starts there may be before or behind the key
		n := sort.Search(len(r.deep), func(n int) bool {
			d := r.deep[n]
			return key{r.starts[d.at], d.low}.compare(k) > 0
		})
		if n < len(r.deep) && r.deep[n].at <= i {
			i = r.deep[n].at - 1
		}
	}
	return i
}

func (r *ranges) start(i int) key {
	k := key{hi: r.starts[i]}
	if r.values[i] < 0 {
		k.lo = lowOf(r.deep, i)
	}
	return k
}

// lowOf is the lower half of a deep start.
func lowOf(deep []deepStart, i int) uint64 {
	n := sort.Search(len(deep), func(n int) bool { return deep[n].at >= i })
	return deep[n].low
}

func (r *ranges) value(i int) int32 { return plain(r.values[i]) }

// plain is a value that may be that of a deep start.
func plain(v int32) int32 { return v ^ v>>31 }

// bits is the length of the shortest prefix around a key that lies within its
// range: one bit more than the key shares with the last address before the range
// or with the first one behind it.
func (r *ranges) bits(k key, i int) int {
	n := 0
	if i > 0 {
		n = common(k, r.start(i).before()) + 1
	}
	if i+1 < len(r.starts) {
		n = max(n, common(k, r.start(i+1))+1)
	}
	return n
}

// cells cut a family where one of some prefixes begins or ends. The values count
// the cells.
func cells(prefixes []netip.Prefix, six bool) *list {
	cuts := []key{{}}
	for _, p := range prefixes {
		if p.Addr().Is6() != six {
			continue
		}
		cuts = append(cuts, keyOf(p.Addr()))
		if end, ok := behind(p); ok {
			cuts = append(cuts, end)
		}
	}
	slices.SortFunc(cuts, key.compare)
	l := new(list)
	for i, k := range slices.Compact(cuts) {
		l.add(k, int32(i))
	}
	return l
}
