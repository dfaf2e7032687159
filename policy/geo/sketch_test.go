package geo

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// rec is a record, or a map in one, in Go's own types.
type rec = map[string]any

// networks are the records of a file: prefix -> record. Of two that overlap the
// narrower one wins.
type networks map[string]any

// mmdb writes a small file. Its aliases are those of MaxMind's unless the options
// say otherwise.
func mmdb(t testing.TB, o mmdbwriter.Options, records networks) []byte {
	t.Helper()
	o.IncludeReservedNetworks = true // the documentation's are all that a test may name
	o.BuildEpoch = cmp.Or(o.BuildEpoch, 1_767_225_600)
	tree, err := mmdbwriter.New(o)
	if err != nil {
		t.Fatal(err)
	}
	prefixes := slices.SortedFunc(maps.Keys(records), func(a, b string) int {
		p, q := netip.MustParsePrefix(a), netip.MustParsePrefix(b)
		return cmp.Or(p.Bits()-p.Addr().BitLen()-(q.Bits()-q.Addr().BitLen()), strings.Compare(a, b))
	})
	for _, text := range prefixes {
		p := netip.MustParsePrefix(text)
		if err := tree.InsertRange(p.Addr().AsSlice(), last(p).AsSlice(), dataOf(records[text])); err != nil {
			t.Fatal(text, err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// parsed is a small file, read.
func parsed(t testing.TB, o mmdbwriter.Options, records networks) *File {
	t.Helper()
	f, err := Parse("geo.mmdb", mmdb(t, o, records))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// last is a prefix's last address.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// dataOf is a value in the types of the format.
func dataOf(v any) mmdbtype.DataType {
	switch v := v.(type) {
	case rec:
		m := mmdbtype.Map{}
		for key, value := range v {
			m[mmdbtype.String(key)] = dataOf(value)
		}
		return m
	case []any:
		var s mmdbtype.Slice
		for _, value := range v {
			s = append(s, dataOf(value))
		}
		return s
	case string:
		return mmdbtype.String(v)
	case []byte:
		return mmdbtype.Bytes(v)
	case bool:
		return mmdbtype.Bool(v)
	case float32:
		return mmdbtype.Float32(v)
	case float64:
		return mmdbtype.Float64(v)
	case int32:
		return mmdbtype.Int32(v)
	case uint16:
		return mmdbtype.Uint16(v)
	case uint32:
		return mmdbtype.Uint32(v)
	case uint64:
		return mmdbtype.Uint64(v)
	}
	panic(fmt.Sprintf("%T is no type of the format", v))
}

// code reads a Code, "" for none.
func code(text string) (c Code) {
	copy(c[:], text)
	return c
}

// part reads a Part, "" for none.
func part(text string) (p Part) {
	copy(p[:], text)
	return p
}

// steps are the truth about a table, by hand: from each key on there is a value,
// up to the next one. They are sorted, and the first key is 0.
type steps []step

type step struct {
	from  key
	value int32
}

func (s steps) value(k key) int32 {
	v := s[0].value
	for _, x := range s {
		if x.from.compare(k) > 0 {
			break
		}
		v = x.value
	}
	return v
}

// sorted are the steps in order, with the values that their keys have.
func (s steps) sorted(value func(key) int32) steps {
	slices.SortFunc(s, func(a, b step) int { return a.from.compare(b.from) })
	for i := range s {
		s[i].value = value(s[i].from)
	}
	return s
}

// alike says whether all keys that share their first bits with one have its value.
func (s steps) alike(k key, bits int) bool {
	first, last := k, k
	for i := bits; i < 128; i++ {
		mask := uint64(1) << (63 - i%64)
		if i < 64 {
			first.hi, last.hi = first.hi&^mask, last.hi|mask
		} else {
			first.lo, last.lo = first.lo&^mask, last.lo|mask
		}
	}
	want := s.value(first)
	for _, x := range s {
		if x.from.compare(first) > 0 && x.from.compare(last) <= 0 && x.value != want {
			return false
		}
	}
	return true
}

// check compares what was found of a key with the truth.
func (s steps) check(t *testing.T, k key, value int32, bits int) {
	t.Helper()
	switch {
	case value != s.value(k):
		t.Fatalf("%s: got %d, want %d", k.addr(true), value, s.value(k))
	case !s.alike(k, bits):
		t.Fatalf("%s: not all that share its first %d bits have %d", k.addr(true), bits, value)
	case bits > 0 && s.alike(k, bits-1):
		t.Fatalf("%s: %d bits are more than are needed", k.addr(true), bits)
	}
}

// plus is a key, n times 1<<shift further on; not ok behind the last one.
func (k key) plus(n uint64, shift int) (sum key, ok bool) {
	step := key{lo: n}
	for range shift {
		if step.hi>>63 != 0 {
			return k, false
		}
		step.hi, step.lo = step.hi<<1|step.lo>>63, step.lo<<1
	}
	sum = key{k.hi + step.hi, k.lo + step.lo}
	if sum.lo < k.lo {
		sum.hi++
	}
	return sum, sum.compare(k) >= 0
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

// table is the file's networks as a table, for its tests.
func (f *File) table() *Table {
	return &Table{families: [2]*ranges{f.networks[0].ranges(), f.networks[1].ranges()}}
}
