package geo

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// FuzzCompile makes files, an interest and prefixes from bytes. For every address
// the table must have what is decided over all that the files know of it, though
// Compile itself decides over less, and exactly as many bits as that takes.
func FuzzCompile(f *testing.F) {
	f.Add([]byte{})
	addRandom(f, 150, 200)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		var files Files
		edges := [2]steps{{{}}, {{}}}
		for range d.below(4) {
			files = append(files, world(&d, &edges))
		}
		interest, terms := interests(&d, &edges)
		asked := map[visit]bool{}
		table := Compile(files, interest, func(a netip.Addr, f Facts) int32 {
			if asked[visit{a, f}] {
				t.Fatalf("%s with %q is decided twice", a, f)
			}
			asked[visit{a, f}] = true
			return terms.decide(a, f)
		})
		for i, r := range table.families {
			valid(t, r)
			truth := edges[i].sorted(func(k key) int32 {
				a := k.addr(i == 1)
				return terms.decide(a, files.Facts(a))
			})
			for _, k := range probes(truth, i == 1, 60) {
				value, bits := table.Lookup(k.addr(i == 1))
				truth.check(t, k, value, bits)
			}
		}
		if v, bits := table.Lookup(netip.Addr{}); v != terms.decide(netip.Addr{}, Facts{}) || bits != 0 {
			t.Fatalf("nobody gets %d of %d bits", v, bits)
		}
	})
}

type visit struct {
	addr  netip.Addr
	facts Facts
}

// atlas are places enough to agree and to disagree about.
var atlas = []Facts{
	{},
	{Continent: code("AS"), Country: code("CN"), Parts: [2]Part{part("GD")}},
	{Continent: code("AS"), Country: code("CN"), Parts: [2]Part{part("BJ"), part("GD")}, Located: true, Lat: 3990, Lon: 11640},
	{Continent: code("AS"), Country: code("CN")},
	{Continent: code("EU"), Country: code("FR"), Parts: [2]Part{part("GD")}, ASN: 64500},
	{Continent: code("EU"), Country: code("FR"), Located: true, Lat: 4886, Lon: 235},
	{Continent: code("AS"), Country: code("CY")},
	{Continent: code("EU"), Country: code("CY"), ASN: 64501}, // not all agree where it is
	{Continent: code("EU")},
	{ASN: 64500},
	{ASN: 64501, Located: true, Lat: 4886, Lon: 235},
	{Located: true, Lat: -3000, Lon: 17999},
}

// world makes a file from bytes, and adds where it may change.
func world(d *dice, edges *[2]steps) *File {
	f := &File{facts: atlas}
	for i := range f.networks {
		s := scatter(d, i == 1, int32(len(atlas)))
		edges[i] = append(edges[i], s...)
		f.networks[i] = listOf(s)
	}
	return f
}

// terms are what somebody decides by: on all of them, so that no difference goes
// unseen.
type terms struct {
	places   []Place
	location bool
	prefixes []netip.Prefix
	known    map[string]int32 // what was met -> value
}

func (m *terms) decide(a netip.Addr, f Facts) int32 {
	var met []any
	for _, p := range m.places {
		met = append(met, p.Names(f))
	}
	if m.location {
		met = append(met, f.Located, f.Lat, f.Lon)
	}
	for _, p := range m.prefixes {
		met = append(met, p.Contains(a))
	}
	text := fmt.Sprint(met...)
	v, ok := m.known[text]
	if !ok {
		v = int32(len(m.known))
		m.known[text] = v
	}
	return v
}

// interests makes an interest and its terms from bytes, and adds where its
// prefixes cut.
func interests(d *dice, edges *[2]steps) (*Interest, *terms) {
	n := NewInterest()
	m := &terms{location: d.below(4) == 0, known: map[string]int32{"": 0}}
	n.Location = m.location
	var all []Place
	for _, f := range atlas {
		all = slices.AppendSeq(all, f.Places())
	}
	all = append(all, Place{Kind: Continent, Code: code("NA")}, Place{Kind: ASN, ASN: 64502},
		Place{Kind: Subdivision, Code: code("CY"), Part: part("GD")})
	for range d.below(5) {
		p := all[d.below(len(all))]
		m.places = append(m.places, p)
		n.Add(p)
	}
	for range d.below(4) {
		six := d.below(2) > 0
		a := corner(d, six).addr(six)
		p := netip.PrefixFrom(a, d.below(a.BitLen()+1)).Masked()
		m.prefixes = append(m.prefixes, p)
		family := 0
		if six {
			family = 1
		}
		edges[family] = append(edges[family], step{from: keyOf(p.Addr())})
		if end, ok := keyOf(last(p)).plus(1, unit(six)); ok {
			edges[family] = append(edges[family], step{from: end})
		}
	}
	n.Prefixes = m.prefixes
	return n, m
}

// TestCompileDecidesLittle: clients that differ in other facts alone are decided
// once, however many there are.
func TestCompileDecidesLittle(t *testing.T) {
	file := &File{facts: []Facts{{}}}
	truth := steps{{}}
	for i := range 1000 {
		f := Facts{Continent: code("AS"), Country: code("CN"), Parts: [2]Part{part("GD")}, ASN: uint32(64500 + i), Located: true, Lat: int16(i)}
		if i%2 > 0 {
			f.Continent, f.Country = code("EU"), code("FR")
		}
		file.facts = append(file.facts, f)
		truth = append(truth, step{key{hi: uint64(i+1) << 40}, int32(i + 1)})
	}
	file.networks = [2]*list{listOf(truth), listOf(truth)}
	for _, c := range []struct {
		name     string
		places   []Place
		location bool
		prefixes bool
		want     int // decisions for a family
	}{
		{"nothing", nil, false, false, 1},
		{"continent", []Place{{Kind: Continent, Code: code("AS")}}, false, false, 3}, // Asia, elsewhere, unknown
		{"country", []Place{{Kind: Country, Code: code("CN")}}, false, false, 3},
		{"another country", []Place{{Kind: Country, Code: code("US")}}, false, false, 2},
		{"subdivision", []Place{{Kind: Subdivision, Code: code("CN"), Part: part("GD")}}, false, false, 3},
		{"another subdivision", []Place{{Kind: Subdivision, Code: code("CN"), Part: part("BJ")}}, false, false, 3},
		{"asn", []Place{{Kind: ASN, ASN: 64500}}, false, false, 3},
		{"location", nil, true, false, 1001},
		{"prefixes", nil, false, true, 3},
		{"prefixes and a country", []Place{{Kind: Country, Code: code("CN")}}, false, true, 3 + 2 + 2}, // nothing is unknown but at the beginning
	} {
		n := NewInterest()
		n.Location = c.location
		for _, p := range c.places {
			n.Add(p)
		}
		if c.prefixes {
			n.Prefixes = []netip.Prefix{netip.MustParsePrefix("0.1.0.0/16"), netip.MustParsePrefix("1::/16")}
		}
		calls := map[bool]int{}
		Compile(Files{file}, n, func(a netip.Addr, _ Facts) int32 {
			calls[a.IsValid()]++
			return 0
		})
		if calls[true] != 2*c.want || calls[false] != 1 {
			t.Errorf("%s: %d decisions and %d for nobody, want %d and 1", c.name, calls[true], calls[false], 2*c.want)
		}
	}
}

// TestTableValues: those of nobody and of both families, and no more once nobody
// wants any.
func TestTableValues(t *testing.T) {
	n := NewInterest()
	n.Prefixes = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	table := Compile(nil, n, func(a netip.Addr, _ Facts) int32 {
		switch {
		case !a.IsValid():
			return 9
		case n.Prefixes[0].Contains(a):
			return 4
		case n.Prefixes[1].Contains(a):
			return 6
		}
		return 1
	})
	all := slices.Collect(table.Values())
	if want := []int32{9, 1, 4, 1, 1, 6, 1}; !slices.Equal(all, want) {
		t.Errorf("the values are %d, want %d", all, want)
	}
	for stop := range all {
		var got []int32
		for v := range table.Values() {
			if got = append(got, v); len(got) > stop {
				break
			}
		}
		if !slices.Equal(got, all[:stop+1]) {
			t.Errorf("the first values are %d, want %d", got, all[:stop+1])
		}
	}
	if v4, v6 := table.Len(); v4 != 3 || v6 != 3 {
		t.Errorf("there are %d and %d ranges, want 3 and 3", v4, v6)
	}
	if v4, v6 := Cells(n.Prefixes[:1]).Len(); v4 != 3 || v6 != 1 {
		t.Errorf("there are %d and %d cells, want 3 and 1", v4, v6)
	}
}

// TestLookupForms: an address is IPv4 as it is written, not as it is meant; a zone
// counts for nothing.
func TestLookupForms(t *testing.T) {
	table := Cells([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("fe80::/64")})
	for _, c := range []struct {
		addr  string
		value int32
		bits  int
	}{
		{"192.0.2.1", 1, 24},
		{"::ffff:192.0.2.1", 1, 96},
		{"fe80::1", 3, 64},
		{"fe80::1%eth0", 3, 64},
	} {
		if v, bits := table.Lookup(netip.MustParseAddr(c.addr)); v != c.value || bits != c.bits {
			t.Errorf("%s: got %d of %d bits, want %d of %d", c.addr, v, bits, c.value, c.bits)
		}
	}
}

// TestInterestKinds: the kinds that were added, in order, and no others: who asks
// for a subdivision does not ask for its country.
func TestInterestKinds(t *testing.T) {
	n := NewInterest()
	if !n.Blind() || n.Kinds() != nil {
		t.Errorf("nothing matters, and yet %v does", n.Kinds())
	}
	n.Prefixes = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	if !n.Blind() {
		t.Error("prefixes are no facts")
	}
	n.Add(Place{Kind: ASN, ASN: 64500})
	n.Add(Place{Kind: Subdivision, Code: code("CN"), Part: part("GD")})
	if got := n.Kinds(); n.Blind() || !slices.Equal(got, []Kind{Subdivision, ASN}) {
		t.Errorf("what matters is %v", got)
	}
	far := &Interest{Location: true}
	if got := far.Kinds(); far.Blind() || !slices.Equal(got, []Kind{Location}) {
		t.Errorf("what matters is %v", got)
	}
}
