package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

func TestTable(t *testing.T) {
	for _, c := range []struct {
		rules  string // as in world.policy
		client string
		want   string // rule, bits
	}{
		{"default use us", "192.0.2.1", "0 0"},
		{"default use us", "2001:db8::1", "0 0"},
		{"10.0.0.0/8 use us; default use us", "10.1.2.3", "0 8"},
		{"10.0.0.0/8 use us; default use us", "11.1.2.3", "1 8"},
		{"10.0.0.0/8 use us; default use us", "8.1.2.3", "1 7"},
		{"10.0.0.0/8 use us; default use us", "192.0.2.1", "1 1"},
		{"10.0.0.0/8 use us; default use us", "2001:db8::1", "1 0"},
		{"10.0.0.0/9 10.128.0.0/9 use us; default use us", "10.1.2.3", "0 8"},
		{"10.0.0.0/9 use us; 10.128.0.0/9 use us; default use us", "10.1.2.3", "0 9"},
		{"192.0.2.1 use us; default use us", "192.0.2.1", "0 32"},
		{"192.0.2.1 use us; default use us", "192.0.2.0", "1 32"},
		{"192.0.2.1 use us; default use us", "192.0.2.2", "1 31"},
		{"2001:db8::1 use us; default use us", "2001:db8::1", "0 128"},
		{"0.0.0.0/0 use us; default use us", "192.0.2.1", "0 0"},
		{"0.0.0.0/0 use us; default use us", "2001:db8::1", "1 0"},
		{"10.0.0.0/8 use us; 10.1.0.0/16 192.0.2.0/24 use us; default use us", "10.1.2.3", "0 8"},
		{"!10.0.0.0/8 use us; default use us", "10.1.2.3", "1 8"},
		{"!10.0.0.0/8 use us; default use us", "2001:db8::1", "0 0"},
		{"!10.0.0.0/8 use us; default use us", "", "0 0"},
	} {
		w := newWorld(t)
		w.failover("us: a", "u")
		w.policy("p", c.rules)
		q := w.query(pool.IPv4, c.client)
		rule, bits := q.Atlas.rule(w.policies["p"], q.Client)
		if got := fmt.Sprint(rule, bits); got != c.want {
			t.Errorf("%q of %s: got %s, want %s", c.client, c.rules, got, c.want)
		}
	}
}

// FuzzTable makes a policy from bytes, and compares the rule of every address of
// a small space with a linear scan of the rules, and its bits with the shortest
// prefix that has one rule.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0, 0, 8, 0, 1, 4, 160, 2})
	f.Add([]byte{1, 1, 255, 8, 0, 3, 17, 130, 1, 9})
	f.Add([]byte{5, 2, 8, 8, 1, 8, 9, 8, 128, 8, 0, 1, 0, 255, 7, 3, 3, 3})
	addRandom(f, 60, 40)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		s := space{base: []netip.Addr{
			netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("192.0.0.0"), netip.MustParseAddr("192.0.2.0"),
			netip.MustParseAddr("::"), netip.MustParseAddr("2001:db8::"), netip.MustParseAddr("2001:db8::7700"),
		}[d.below(6)]}
		s.from = map[string]int{"0.0.0.0": 0, "192.0.0.0": 16, "192.0.2.0": 24, "::": 0, "2001:db8::": 40, "2001:db8::7700": 120}[s.base.String()]
		var regions []*Region
		for range d.below(3) {
			r := &Region{}
			for range 1 + d.below(2) {
				r.Add(s.terms(&d, regions)...)
			}
			regions = append(regions, r)
		}
		var rules []Rule
		for range d.below(5) {
			rules = append(rules, Rule{From: s.terms(&d, regions)})
		}
		p, dead := NewPolicy("p", rules, Target{})
		table := NewAtlas(Knowledge{}, []*Policy{p}, nil).rules[0].table
		s.check(t, table, func(addr netip.Addr) int32 { return scan(rules, addr) })
		for _, i := range dead {
			for x := range 256 {
				if scan(rules, s.addr(x)) == int32(i) {
					t.Fatalf("rule %d is dead, but %s gets it", i, s.addr(x))
				}
			}
		}
	})
}

// space is 256 prefixes: all values of the 8 bits after the first ones of a base.
type space struct {
	base netip.Addr
	from int // how many bits are the base's
}

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

// terms are some sources: prefixes in the space, all of a family, or regions.
func (s space) terms(d *dice, regions []*Region) []Term {
	var terms []Term
	for range 1 + d.below(3) {
		t := Term{Source: Source{Not: d.below(4) == 0}}
		switch n := d.below(9); {
		case n == 0:
			t.Prefix = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		case n == 1:
			t.Prefix = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		case n == 2 && len(regions) > 0:
			t.In = regions[d.below(len(regions))]
			t.Region = "r"
		default:
			t.Prefix = netip.PrefixFrom(s.addr(d.below(256)), s.from+d.below(9)).Masked()
		}
		terms = append(terms, t)
	}
	return terms
}

// check compares a table with what is right for every address of the space.
func (s space) check(t *testing.T, table *geo.Table, right func(netip.Addr) int32) {
	t.Helper()
	var values [256]int32
	for x := range values {
		values[x] = right(s.addr(x))
	}
	for x, want := range values {
		addr := s.addr(x)
		bits := s.from + 8
		for bits > 0 && s.alike(values, x, bits-1, right) {
			bits--
		}
		value, got := table.Lookup(addr)
		if value != want || got != bits {
			t.Fatalf("%s: got %d of %d bits, want %d of %d", addr, value, got, want, bits)
		}
		// The low bits that the space leaves out do not matter.
		if addr.BitLen() > s.from+8 {
			b := addr.AsSlice()
			b[len(b)-1] ^= 0xff
			low, _ := netip.AddrFromSlice(b)
			if v, n := table.Lookup(low); v != want || n != bits {
				t.Fatalf("%s: got %d of %d bits, want %d of %d", low, v, n, want, bits)
			}
		}
	}
	if v, bits := table.Lookup(netip.Addr{}); v != right(netip.Addr{}) || bits != 0 {
		t.Fatalf("an unknown client gets %d of %d bits", v, bits)
	}
}

// alike says whether all addresses that share their first bits with one of the
// space have its value. Outside of the space no bit after the ones that differ
// from the base matters.
func (s space) alike(values [256]int32, x, bits int, right func(netip.Addr) int32) bool {
	mask := 0 // of the 8 bits, those that are shared
	if bits > s.from {
		mask = 0xff << (8 - (bits - s.from)) & 0xff
	}
	for y, v := range values {
		if y&mask == x&mask && v != values[x] {
			return false
		}
	}
	for i := bits; i < s.from; i++ {
		if right(s.outside(i)) != values[x] {
			return false
		}
	}
	return true
}

// scan is the rule for a client, found by reading the rules as they are written.
func scan(rules []Rule, addr netip.Addr) int32 {
	for i, r := range rules {
		excluded, positive, named := false, false, false
		for _, t := range r.From {
			if t.Not {
				excluded = excluded || names(t, addr)
			} else {
				positive = true
				named = named || names(t, addr)
			}
		}
		if !excluded && (named || !positive) {
			return int32(i)
		}
	}
	return int32(len(rules))
}

func names(t Term, addr netip.Addr) bool {
	if t.In == nil {
		return addr.IsValid() && addr.BitLen() == t.Prefix.Addr().BitLen() && t.Prefix.Contains(addr)
	}
	for _, line := range t.In.lines {
		met := true
		for _, t := range line {
			met = met && names(t, addr) != t.Not
		}
		if met {
			return true
		}
	}
	return false
}

// addRandom adds seeds of random bytes, the same each time.
func addRandom(f *testing.F, seeds, size int) {
	f.Helper()
	random := rand.NewChaCha8([32]byte{7})
	for range seeds {
		data := make([]byte, size)
		_, _ = random.Read(data)
		f.Add(data)
	}
}

// dice reads choices from bytes; none are left: always 0.
type dice struct{ data []byte }

func (d *dice) below(n int) int {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % n
}
