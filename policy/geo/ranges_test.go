package geo

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// FuzzRanges makes ranges from bytes, crowded here and there, and compares what
// they say of a key with a walk through the steps that they were made of.
func FuzzRanges(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 3, 0, 0, 255}) // IPv4, every address of the last /24
	f.Add([]byte{1, 0, 2, 0, 0, 255}) // IPv6, every address of the last /120
	f.Add([]byte{1, 0, 5, 0, 0, 255}) // 256 addresses that share their upper halves
	f.Add([]byte{1, 1, 5, 63, 0, 255, 5, 64, 0, 255})
	addRandom(f, 100, 40)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		six := d.below(4) > 0
		truth := scatter(&d, six, 3)
		r := rangesOf(truth)
		valid(t, r)
		for _, k := range probes(truth, six, 100) {
			i := r.find(k)
			if r.start(i).compare(k) > 0 || i+1 < len(r.starts) && r.start(i+1).compare(k) <= 0 {
				t.Fatalf("%s is not in range %d", k.addr(six), i)
			}
			truth.check(t, k, r.value(i), r.bits(k, i))
			if l := listOf(truth); l.find(k) != i || l.start(i) != r.start(i) || l.value(i) != r.value(i) {
				t.Fatalf("%s is in range %d, and in %d of the list", k.addr(six), i, l.find(k))
			}
		}
	})
}

// FuzzMerge combines three lists.
func FuzzMerge(f *testing.F) {
	f.Add([]byte{})
	addRandom(f, 60, 80)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		six := d.below(4) > 0
		a, b, c := scatter(&d, six, 3), scatter(&d, six, 3), scatter(&d, six, 2)
		combine := func(v []int32) int32 { return (v[0] + 2*v[1] + v[2]) % 3 } // equal for some that differ
		all := newRanges(func(add func(key, int32)) { merge([]*list{listOf(a), listOf(b), listOf(c)}, combine, add) }, nil)
		valid(t, all)
		for _, k := range probes(slices.Concat(a, b, c), six, 100) {
			if got, want := all.value(all.find(k)), combine([]int32{a.value(k), b.value(k), c.value(k)}); got != want {
				t.Fatalf("%s: got %d, want %d", k.addr(six), got, want)
			}
		}
	})
}

// FuzzCells: a cell begins where some prefix begins or has ended, nowhere else.
func FuzzCells(f *testing.F) {
	f.Add([]byte{0, 5, 0, 0})
	addRandom(f, 40, 60)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		six := d.below(2) > 0
		edges := steps{{}}
		var prefixes []netip.Prefix
		for range d.below(20) {
			k := corner(&d, d.below(4) > 0)
			a := k.addr(d.below(4) > 0)
			p := netip.PrefixFrom(a, d.below(a.BitLen()+1)).Masked()
			prefixes = append(prefixes, p)
			if p.Addr().Is6() == six {
				end, _ := keyOf(last(p)).plus(1, unit(six))
				edges = append(edges, step{from: keyOf(p.Addr())}, step{from: end})
			}
		}
		r := cells(prefixes, six).ranges()
		valid(t, r)
		for i := range r.values {
			if r.value(i) != int32(i) {
				t.Fatalf("cell %d has number %d", i, r.value(i))
			}
		}
		for _, k := range probes(edges, six, 100) {
			before, first := earlier(k, six)
			if first {
				continue
			}
			cut := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool {
				return p.Contains(k.addr(six)) != p.Contains(before.addr(six))
			})
			if got := r.find(k) != r.find(before); got != cut {
				t.Fatalf("%v: a cell begins at %s: %t, want %t", prefixes, k.addr(six), got, cut)
			}
		}
	})
}

// scatter makes steps from bytes: runs of keys that are near to each other, with
// values below n.
func scatter(d *dice, six bool, n int32) steps {
	keys := []key{{}}
	for range 1 + d.below(4) {
		k := corner(d, six)
		shift, step := unit(six)+d.below(128-unit(six)), 1+uint64(d.below(3))
		for range 1 + d.below(256) {
			keys = append(keys, k)
			next, ok := k.plus(step, shift)
			if !ok {
				break
			}
			k = next
		}
	}
	slices.SortFunc(keys, key.compare)
	var s steps
	random := uint32(d.below(256))
	for _, k := range slices.Compact(keys) {
		random = random*1664525 + 1013904223
		s = append(s, step{k, int32(random>>16) % n})
	}
	return s
}

// corner is a key where something may go wrong, or another one.
func corner(d *dice, six bool) key {
	corners := []key{
		{},
		{hi: 1 << 63},
		{math.MaxUint64, math.MaxUint64 - 255},
		{hi: math.MaxUint64 - 255<<32},
		{hi: math.MaxUint64},
		{0x20010db8_00000000, 0},
		{0x20010db8_00000000, math.MaxUint64 - 100},
		{hi: 0x0a << 56},     // 10.0.0.0
		{hi: 0xc0a7ff << 40}, // up to 192.168.0.0
		{hi: 0xfe7fff << 40}, // up to fe80::
	}
	k := key{hi: uint64(d.below(256)) << 56}
	if n := int(k.hi >> 56); n < 200 {
		k = corners[n%len(corners)]
	}
	if !six {
		return key{hi: k.hi >> 32 << 32}
	}
	return k
}

// unit is by how many bits a family's addresses stand to the left in a key.
func unit(six bool) int {
	if six {
		return 0
	}
	return 96
}

// earlier is the key before one.
func earlier(k key, six bool) (before key, first bool) {
	switch {
	case k == key{}:
		return k, true
	case !six:
		return key{hi: k.hi - 1<<32}, false
	case k.lo == 0:
		return key{k.hi - 1, math.MaxUint64}, false
	}
	return key{k.hi, k.lo - 1}, false
}

// probes are keys around the steps, not much more than n, and both ends.
func probes(s steps, six bool, n int) []key {
	keys := []key{{}, keyOf(last(netip.PrefixFrom(key{}.addr(six), 0)))}
	for i := 0; i < len(s); i += 1 + len(s)/n {
		k := s[i].from
		before, _ := earlier(k, six)
		behind, _ := k.plus(1, unit(six))
		keys = append(keys, before, k, behind)
	}
	return keys
}

func listOf(s steps) *list {
	l := new(list)
	for _, x := range s {
		l.add(x.from, x.value)
	}
	return l
}

func rangesOf(s steps) *ranges { return listOf(s).ranges() }

// valid says whether ranges are in order, and none is cut in two.
func valid(t *testing.T, r *ranges) {
	t.Helper()
	if len(r.values) != len(r.starts) || len(r.deep) > len(r.starts) || r.start(0) != (key{}) {
		t.Fatalf("%d starts, %d deep, %d values, from %v", len(r.starts), len(r.deep), len(r.values), r.start(0))
	}
	for i := 1; i < len(r.starts); i++ {
		if r.start(i-1).compare(r.start(i)) >= 0 || r.value(i-1) == r.value(i) {
			t.Fatalf("from %v on %d, from %v on %d", r.start(i-1), r.value(i-1), r.start(i), r.value(i))
		}
	}
	if slices.ContainsFunc(r.deep, func(d deepStart) bool { return d.low == 0 }) {
		t.Fatal("a lower half of 0 is kept")
	}
}

// TestBits: by hand, at the borders.
func TestBits(t *testing.T) {
	for _, c := range []struct {
		prefixes string // each has a value of its own
		want     string // address bits ...
	}{
		{"0.0.0.0/0", "0.0.0.0 0 255.255.255.255 0"},
		{"::/0", ":: 0 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 0"},
		{"128.0.0.0/1", "0.0.0.0 1 127.255.255.255 1 128.0.0.0 1 255.255.255.255 1"},
		{"0.0.0.0/32", "0.0.0.0 32 0.0.0.1 32 0.0.0.2 31 0.0.0.4 30 128.0.0.0 1"},
		{"255.255.255.255/32", "255.255.255.255 32 255.255.255.254 32 255.255.255.253 31 127.0.0.1 1"},
		{"192.0.2.0/25", "192.0.2.0 25 192.0.2.127 25 192.0.2.128 25 192.0.3.0 24 191.255.255.255 2 193.0.0.0 8"},
		{"192.0.2.0/26 192.0.2.64/26", "192.0.2.1 26 192.0.2.127 26 192.0.2.128 25"},
		{"::/128", ":: 128 ::1 128 ::2 127 0:0:0:1:: 64 8000:: 1"},
		{"2001:db8::/64", "2001:db8:: 64 2001:db8::ffff:ffff:ffff:ffff 64 2001:db8:0:1:: 64 2001:db8:0:2:: 63"},
		{"2001:db8::/65", "2001:db8:: 65 2001:db8::7fff:ffff:ffff:ffff 65 2001:db8::8000:0:0:0 65 2001:db8:0:1:: 64"},
		{"2001:db8::8000:0:0:0/65", "2001:db8:: 65 2001:db8::8000:0:0:0 65 2001:db8:0:1:: 64"},
		{"2001:db8:0:1::/128", "2001:db8:0:1:: 128 2001:db8:0:1::1 128 2001:db8::ffff:ffff:ffff:ffff 64"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 128 ffff:: 17 :: 1"},
	} {
		var prefixes []netip.Prefix
		for text := range strings.FieldsSeq(c.prefixes) {
			prefixes = append(prefixes, netip.MustParsePrefix(text))
		}
		table := Cells(prefixes)
		want := strings.Fields(c.want)
		for i := 0; i < len(want); i += 2 {
			if _, bits := table.Lookup(netip.MustParseAddr(want[i])); fmt.Sprint(bits) != want[i+1] {
				t.Errorf("%s of %s: %d bits, want %s", want[i], c.prefixes, bits, want[i+1])
			}
		}
	}
}

// TestListPieces: a list that grows over many pieces is whole, and the lower halves
// that come late are at their places.
func TestListPieces(t *testing.T) {
	const n = 3*pieceSize + 1
	var truth steps
	for i := range uint64(n) {
		k := key{hi: i * 3}
		if i > 2*pieceSize {
			k.lo = i
		}
		truth = append(truth, step{k, int32(i % 2)})
	}
	r := rangesOf(truth)
	valid(t, r)
	for i, x := range truth {
		if r.start(i) != x.from || r.value(i) != x.value {
			t.Fatalf("range %d is from %v on %d, want %v", i, r.start(i), r.value(i), x)
		}
	}
	if deep := n - 2*pieceSize - 1; cap(r.starts) != n || cap(r.deep) != deep || cap(r.values) != n {
		t.Errorf("there is room for %d, %d, %d: want %d and %d", cap(r.starts), cap(r.deep), cap(r.values), n, deep)
	}
}
