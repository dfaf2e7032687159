package geo

import (
	"net/netip"
	"testing"

	"github.com/maxmind/mmdbwriter"
)

// TestWith: the first to know is believed, kind by kind, but for a part or a place
// of another country.
func TestWith(t *testing.T) {
	paris := Facts{Continent: code("EU"), Country: code("FR"), Parts: [2]Part{part("IDF"), part("75")}, Located: true, Lat: 4886, Lon: 235}
	for _, c := range []struct {
		name       string
		f, g, want Facts
	}{
		{"nothing and nothing", Facts{}, Facts{}, Facts{}},
		{"nothing and all", Facts{}, paris, paris},
		{"all and nothing", paris, Facts{}, paris},
		{"a number", paris, Facts{ASN: 64500}, Facts{paris.Continent, paris.Country, paris.Parts, 64500, true, 4886, 235}},
		{"two numbers", Facts{ASN: 64501}, Facts{ASN: 64500}, Facts{ASN: 64501}},
		{
			"the same country, and more", Facts{Continent: code("EU"), Country: code("FR")}, paris, paris,
		},
		{
			"another country", Facts{Continent: code("EU"), Country: code("DE")}, paris,
			Facts{Continent: code("EU"), Country: code("DE")},
		},
		{
			"another country's number", Facts{Continent: code("EU"), Country: code("DE")},
			Facts{Continent: code("EU"), Country: code("FR"), ASN: 64500},
			Facts{Continent: code("EU"), Country: code("DE"), ASN: 64500},
		},
		{
			"another continent for the same country", Facts{Continent: code("AS"), Country: code("CY")},
			Facts{Continent: code("EU"), Country: code("CY")}, Facts{Continent: code("AS"), Country: code("CY")},
		},
		{
			"a continent, and its country", Facts{Continent: code("EU")}, paris, paris,
		},
		{
			"a country, and where nobody says of what", Facts{Continent: code("EU"), Country: code("FR")},
			Facts{Located: true, Lat: 1}, Facts{Continent: code("EU"), Country: code("FR"), Located: true, Lat: 1},
		},
		{
			"a number, then all", Facts{ASN: 64500}, paris,
			Facts{paris.Continent, paris.Country, paris.Parts, 64500, true, 4886, 235},
		},
		{
			"parts of both", Facts{Country: code("FR"), Parts: [2]Part{part("BRE")}}, paris,
			Facts{Continent: code("EU"), Country: code("FR"), Parts: [2]Part{part("BRE")}, Located: true, Lat: 4886, Lon: 235},
		},
		{"two places", Facts{Located: true, Lat: 1}, Facts{Located: true, Lon: 1}, Facts{Located: true, Lat: 1}},
	} {
		if got := c.f.with(c.g); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestFiles: files of one family each, and of one kind each, are as one.
func TestFiles(t *testing.T) {
	v4 := mmdbwriter.Options{IPVersion: 4}
	files := Files{
		parsed(t, v4, networks{"192.0.2.0/24": rec{"country_code": "FR"}}),
		parsed(t, mmdbwriter.Options{}, networks{"2001:db8::/32": rec{"country_code": "DE"}, "192.0.2.0/25": rec{"country_code": "BE"}}),
		parsed(t, v4, networks{"192.0.0.0/16": rec{"autonomous_system_number": uint32(64500)}}),
	}
	for addr, want := range map[string]string{
		"192.0.2.1":    "continent:EU country:FR asn:64500",
		"192.0.3.1":    "asn:64500",
		"2001:db8::1":  "continent:EU country:DE",
		"2001:db9::1":  "",
		"198.51.100.1": "",
	} {
		if got := files.Facts(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: got %q, want %q", addr, got, want)
		}
	}
	if got := files.Facts(netip.Addr{}); got != (Facts{}) {
		t.Errorf("of nobody %q is known", got)
	}
	for k, want := range map[Kind]bool{Continent: true, Country: true, ASN: true, Subdivision: false, Location: false} {
		if files.Knows(k) != want {
			t.Errorf("the files know of %s: %t, want %t", k, !want, want)
		}
	}
	if Files(nil).Knows(Country) || Files(nil).Facts(netip.MustParseAddr("192.0.2.1")) != (Facts{}) {
		t.Error("no files know something")
	}
}

// FuzzPlaceless compares the table of those who are nowhere with a look into every
// file for each address.
func FuzzPlaceless(f *testing.F) {
	f.Add([]byte{})
	addRandom(f, 60, 80)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		edges := [2]steps{{{}}, {{}}}
		for _, p := range special {
			family := 0
			if p.Addr().Is6() {
				family = 1
			}
			end, _ := keyOf(last(p)).plus(1, unit(family == 1))
			edges[family] = append(edges[family], step{from: keyOf(p.Addr())}, step{from: end})
		}
		var files Files
		for range d.below(4) {
			files = append(files, world(&d, &edges))
		}
		table := files.Placeless()
		for i, r := range table.families {
			valid(t, r)
			truth := edges[i].sorted(func(k key) int32 {
				a := k.addr(i == 1)
				if _, ok := Special(a); ok && files.Facts(a) == (Facts{}) {
					return 1
				}
				return 0
			})
			for _, k := range probes(truth, i == 1, 60) {
				value, bits := table.Lookup(k.addr(i == 1))
				truth.check(t, k, value, bits)
			}
		}
		if v, bits := table.Lookup(netip.Addr{}); v != 0 || bits != 0 {
			t.Fatalf("nobody gets %d of %d bits", v, bits)
		}
	})
}
