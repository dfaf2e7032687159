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
	starts []uint64 // upper halves, sorted; the first is 0
	lows   []uint64 // lower halves; nil where all are 0
	values []int32  // no two neighbours are equal
	index  index
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
	if r.lows != nil && r.starts[i] == k.hi && r.lows[i] > k.lo {
		return sort.Search(i, func(n int) bool { return r.start(n).compare(k) > 0 }) - 1
	}
	return i
}

func (r *ranges) start(i int) key {
	if r.lows == nil {
		return key{hi: r.starts[i]}
	}
	return key{r.starts[i], r.lows[i]}
}

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

// list is ranges in the making. It grows in pieces, so that millions of them are
// not copied again and again.
type list struct {
	starts, lows pieces[uint64]
	values       pieces[int32]
	last         int32
	deep         bool // there are lower halves
}

// add says from where on there is a value. Keys come in order.
func (l *list) add(k key, value int32) {
	if l.values.n > 0 && l.last == value {
		return
	}
	l.last = value
	l.starts.add(k.hi)
	if k.lo != 0 && !l.deep {
		l.deep = true
		for range l.values.n {
			l.lows.add(0)
		}
	}
	if l.deep {
		l.lows.add(k.lo)
	}
	l.values.add(value)
}

func (l *list) ranges() *ranges {
	r := &ranges{starts: l.starts.whole(), values: l.values.whole()}
	if l.deep {
		r.lows = l.lows.whole()
	}
	r.index = newIndex(r.starts)
	return r
}

// pieces is a slice in the making.
type pieces[T any] struct {
	full [][]T
	last []T
	n    int
}

const pieceSize = 1 << 16

func (p *pieces[T]) add(v T) {
	if len(p.last) == pieceSize {
		p.full = append(p.full, p.last)
		p.last = make([]T, 0, pieceSize)
	}
	p.last = append(p.last, v)
	p.n++
}

// whole makes the slice, and empties the pieces.
func (p *pieces[T]) whole() []T {
	all := make([]T, 0, p.n)
	for i, piece := range p.full {
		all = append(all, piece...)
		p.full[i] = nil
	}
	all = append(all, p.last...)
	*p = pieces[T]{}
	return all
}

// uniform are ranges with one value for all.
func uniform(value int32) *ranges {
	var l list
	l.add(key{}, value)
	return l.ranges()
}

// replace gives every range the value that stands for its own.
func (r *ranges) replace(by func(int32) int32) *ranges {
	var l list
	for i, v := range r.values {
		l.add(r.start(i), by(v))
	}
	return l.ranges()
}

// overlay combines the values of two ranges.
func overlay(a, b *ranges, combine func(x, y int32) int32) *ranges {
	var l list
	var i, j int
	var at key
	for {
		l.add(at, combine(a.values[i], b.values[j]))
		moreA, moreB := i+1 < len(a.starts), j+1 < len(b.starts)
		var order int
		switch {
		case moreA && moreB:
			order = a.start(i + 1).compare(b.start(j + 1))
		case moreA:
			order = -1
		case moreB:
			order = 1
		default:
			return l.ranges()
		}
		if order <= 0 {
			i++
			at = a.start(i)
		}
		if order >= 0 {
			j++
			at = b.start(j)
		}
	}
}

// cells cut a family where one of some prefixes begins or ends. The values count
// the cells.
func cells(prefixes []netip.Prefix, six bool) *ranges {
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
	var l list
	for i, k := range slices.Compact(cuts) {
		l.add(k, int32(i))
	}
	return l.ranges()
}
