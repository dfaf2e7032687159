package policy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// space is 256 prefixes: all values of the 8 bits after the first ones of a base.
// What a test makes there cuts no narrower prefixes, and so can be tried out
// whole.
type space struct {
	base netip.Addr
	from int          // how many bits are the base's
	more []netip.Addr // others outside, that are not as those around them
	safe bool         // scopes may be longer than they need to be
}

func newSpace(base string, from int) space { return space{base: netip.MustParseAddr(base), from: from} }

func (s space) addr(x int) netip.Addr {
	b := s.base.AsSlice()
	b[s.from/8] = byte(x)
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

// outside is an address that has the base's first bits alone, fewer than all.
func (s space) outside(bits int) netip.Addr {
	b := s.base.AsSlice()
	b[bits/8] ^= 0x80 >> (bits % 8)
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

// all is an address of every prefix of the space, of all that is outside, of the
// other family, and of nobody.
func (s space) all() []netip.Addr {
	list := []netip.Addr{{}, netip.MustParseAddr("2001:db9::"), netip.MustParseAddr("198.51.100.0")}
	for x := range 256 {
		list = append(list, s.addr(x))
	}
	return append(list, s.around()...)
}

// prefix is one within the space, or all of it.
func (s space) prefix(d *dice) netip.Prefix {
	return netip.PrefixFrom(s.addr(d.below(256)), s.from+d.below(9)).Masked()
}

// networks are lines of a geo file of the space.
func (s space) networks(d *dice) string {
	var lines []string
	for range 1 + d.below(8) {
		lines = append(lines, s.prefix(d).String()+" "+d.pick(
			"AS/CN/GD/SZ asn:4134", "AS/CN/GD", "/CN", "AS/CN asn:64500", "EU/DE/GD at:50,8.75", "EU/DE at:48.25,11.5", "/DE/BY",
			"NA/US/CA at:34,-118.25", "EU", "asn:64500", "asn:64501 at:-33.75,151.25", "",
		))
	}
	return strings.Join(lines, ";")
}

// check compares a table with what is right for every address of the space: its
// value, and as its bits the shortest prefix that has one value. Outside of the
// space no bit after those that differ from the base matters.
func check[V comparable](t *testing.T, s space, table func(netip.Addr) (V, int), right func(netip.Addr) V) {
	t.Helper()
	var values [256]V
	for x := range values {
		values[x] = right(s.addr(x))
	}
	outside := map[V]int{} // value -> the most bits that an address with it shares with the space
	for _, a := range s.around() {
		shared := 0
		for netip.PrefixFrom(s.base, shared+1).Masked().Contains(a) {
			shared++
		}
		outside[right(a)] = max(outside[right(a)], shared)
	}
	for x, want := range values {
		bits := shortest(s, values, outside, x)
		for _, addr := range []netip.Addr{s.addr(x), s.low(x)} {
			if value, got := table(addr); value != want || got < bits || got > bits && !s.safe {
				t.Fatalf("%s: got %v of %d bits, want %v of %d", addr, value, got, want, bits)
			}
		}
	}
	if value, bits := table(netip.Addr{}); value != right(netip.Addr{}) || bits != 0 {
		t.Fatalf("an unknown client gets %v of %d bits", value, bits)
	}
}

// around are addresses of all that is outside.
func (s space) around() []netip.Addr {
	list := slices.Clone(s.more)
	for i := range s.from {
		list = append(list, s.outside(i))
	}
	return list
}

// shortest is the length of the shortest prefix around an address of the space in
// which all have its value.
func shortest[V comparable](s space, values [256]V, outside map[V]int, x int) int {
	for n := 8; n > 0; n-- {
		size := 256 >> (n - 1) // of the prefix that is shorter by one bit
		for _, v := range values[x/size*size:][:size] {
			if v != values[x] {
				return s.from + n
			}
		}
	}
	bits := 0
	for v, shared := range outside {
		if v != values[x] {
			bits = max(bits, shared+1)
		}
	}
	return bits
}

// low is an address that differs from one of the space in bits that the space
// leaves out, if there are any.
func (s space) low(x int) netip.Addr {
	b := s.addr(x).AsSlice()
	if s.from+8 < len(b)*8 {
		b[len(b)-1] ^= 0xff
	}
	low, _ := netip.AddrFromSlice(b)
	return low
}
