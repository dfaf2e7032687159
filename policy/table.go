package policy

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// table maps a client's address to a value and to the shortest prefix around
// the address within which the value is the same. It is made once, from the
// prefixes that rules speak of: they cut the address space into cells, each cell
// is decided once, and neighbours with the same value are merged.
type table struct {
	cells   bart.Table[cell]
	unknown int32 // the value for a client without an address
}

type cell struct {
	value int32
	bits  uint8
}

// newTable decides every cell that the prefixes cut.
func newTable(prefixes []netip.Prefix, decide func(netip.Addr) int32) *table {
	t := &table{unknown: decide(netip.Addr{})}
	for _, whole := range []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)} {
		root := new(cut)
		for _, p := range prefixes {
			if p.Addr().Is4() == whole.Addr().Is4() {
				root.insert(p)
			}
		}
		root.decide(whole, decide)
		root.emit(whole, &t.cells)
	}
	return t
}

// lookup is the value for an address, and how many of its bits decided it.
func (t *table) lookup(addr netip.Addr) (value int32, bits int) {
	c, ok := t.cells.Lookup(addr)
	if !ok { // not an address: the cells cover all of them
		return t.unknown, 0
	}
	return c.value, int(c.bits)
}

// values calls yield for the value of every cell.
func (t *table) values(yield func(int32)) {
	yield(t.unknown)
	for _, c := range t.cells.All() {
		yield(c.value)
	}
}

// prefixSet is a set of prefixes.
type prefixSet struct{ lite bart.Lite }

func (s *prefixSet) add(p netip.Prefix)            { s.lite.Insert(p) }
func (s *prefixSet) contains(addr netip.Addr) bool { return addr.IsValid() && s.lite.Contains(addr) }

// firsts knows, for each of many prefixes, the first of the rules that name it.
type firsts struct{ rules bart.Table[int32] }

func (f *firsts) add(p netip.Prefix, rule int32) {
	if _, ok := f.rules.Get(p); !ok {
		f.rules.Insert(p, rule)
	}
}

// of is the first rule that names an address, or none.
func (f *firsts) of(addr netip.Addr, none int32) int32 {
	if !addr.IsValid() {
		return none
	}
	for _, rule := range f.rules.Supernets(netip.PrefixFrom(addr, addr.BitLen())) {
		none = min(none, rule)
	}
	return none
}

// cut is a node of a binary trie: a prefix that is one cell, or cut in two.
type cut struct {
	halves [2]*cut // both or neither
	value  int32   // of a cell
}

func (c *cut) insert(p netip.Prefix) {
	for i := range p.Bits() {
		if c.halves[0] == nil {
			c.halves = [2]*cut{new(cut), new(cut)}
		}
		c = c.halves[bit(p.Addr(), i)]
	}
}

// decide gives every cell its value, and merges halves that are alike.
func (c *cut) decide(p netip.Prefix, decide func(netip.Addr) int32) {
	if c.halves[0] == nil {
		c.value = decide(p.Addr())
		return
	}
	for i, half := range c.halves {
		half.decide(halfOf(p, i), decide)
	}
	a, b := c.halves[0], c.halves[1]
	if a.halves[0] == nil && b.halves[0] == nil && a.value == b.value {
		*c = cut{value: a.value}
	}
}

func (c *cut) emit(p netip.Prefix, cells *bart.Table[cell]) {
	if c.halves[0] == nil {
		cells.Insert(p, cell{c.value, uint8(p.Bits())})
		return
	}
	for i, half := range c.halves {
		half.emit(halfOf(p, i), cells)
	}
}

// halfOf is the lower (0) or upper (1) half of a prefix.
func halfOf(p netip.Prefix, i int) netip.Prefix {
	if i == 0 {
		return netip.PrefixFrom(p.Addr(), p.Bits()+1)
	}
	at := p.Bits()
	if p.Addr().Is4() {
		a := p.Addr().As4()
		a[at/8] |= 0x80 >> (at % 8)
		return netip.PrefixFrom(netip.AddrFrom4(a), at+1)
	}
	a := p.Addr().As16()
	a[at/8] |= 0x80 >> (at % 8)
	return netip.PrefixFrom(netip.AddrFrom16(a), at+1)
}

// bit is the i-th bit of an address, from the left.
func bit(addr netip.Addr, i int) int {
	if addr.Is4() {
		a := addr.As4()
		return int(a[i/8] >> (7 - i%8) & 1)
	}
	a := addr.As16()
	return int(a[i/8] >> (7 - i%8) & 1)
}
