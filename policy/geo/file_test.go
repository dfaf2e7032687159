package geo

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
)

// TestParse: every form that a file of the same networks may have, address by
// address.
func TestParse(t *testing.T) {
	records := networks{
		"192.0.2.0/24":        rec{"country_code": "FR"},
		"192.0.2.128/25":      rec{"country_code": "DE"},
		"192.0.2.255/32":      rec{"country_code": "BE"},
		"255.255.255.255/32":  rec{"country_code": "CH"},
		"2001:db8::/32":       rec{"country_code": "NL"},
		"2001:db8::/64":       rec{"country_code": "LU"},
		"2001:db8::1/128":     rec{"country_code": "IT"},
		"ffff:ffff::/32":      rec{"country_code": "ES"},
		"::1:0:0/96":          rec{"country_code": "PT"}, // next to IPv4, and to
		"::fffe:0:0/96":       rec{"country_code": "GR"}, // what is mapped
		"::1:0:0:0/80":        rec{"country_code": "IE"},
		"64:ff9b::1:0:0/96":   rec{"country_code": "PL"},
		"2001:1::/32":         rec{"country_code": "AT"},
		"2003::/16":           rec{"country_code": "CZ"},
		"2001:ffff:ffff::/48": rec{"country_code": "SK"},
	}
	want := []struct {
		addr, country string
		bits          int
	}{
		{"0.0.0.0", "", 1}, {"192.0.1.255", "", 23}, {"192.0.3.0", "", 24}, {"127.255.255.255", "", 1},
		{"192.0.2.0", "FR", 25}, {"192.0.2.127", "FR", 25}, {"192.0.2.128", "DE", 26}, {"192.0.2.254", "DE", 32},
		{"192.0.2.255", "BE", 32}, {"255.255.255.254", "", 32}, {"255.255.255.255", "CH", 32},
		{"2001:db8::", "LU", 128}, {"2001:db8::1", "IT", 128}, {"2001:db8::2", "LU", 127},
		{"2001:db8:0:1::", "NL", 64}, {"2001:db8:ffff::", "NL", 33}, {"2001:db7:ffff::", "", 29},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ES", 32}, {"ffff:fffe::", "", 32}, {"8000::", "", 2},
		{"::", "", 96}, {"::192.0.2.1", "", 96}, {"::1:0:0", "PT", 96}, {"::1:ffff:ffff", "PT", 96}, {"::2:0:0", "", 95},
		{"::fffe:1:2", "GR", 96}, {"::ffff:192.0.2.1", "", 96}, {"::1:2:3:4", "IE", 80}, {"::2:0:0:0", "", 79},
		{"64:ff9b::c000:201", "", 96}, {"64:ff9b::1:c000:201", "PL", 96},
		{"2001::1", "", 32}, {"2001:1:ffff::", "AT", 32}, {"2002:c000:201::1", "", 16}, {"2003:ffff::", "CZ", 16},
		{"2001:ffff:ffff:1::", "SK", 48}, {"2001:ffff:fffe::", "", 48},
	}
	for _, size := range []int{24, 28, 32} {
		for _, unaliased := range []bool{false, true} {
			for _, version := range []int{4, 6} {
				o := mmdbwriter.Options{RecordSize: size, DisableIPv4Aliasing: unaliased, IPVersion: version}
				own := networks{}
				for p, r := range records {
					if version == 6 || !strings.Contains(p, ":") {
						own[p] = r
					}
				}
				f := parsed(t, o, own)
				for _, c := range want {
					a := netip.MustParseAddr(c.addr)
					country, bits := c.country, c.bits
					if version == 4 && a.Is6() {
						country, bits = "", 0
					}
					i, got := f.table().Lookup(a)
					if f.facts[i].Country != code(country) || f.Facts(a) != f.facts[i] || got != bits {
						t.Errorf("%+v: %s is in %q by %d bits, want %q by %d", o, a, f.facts[i], got, country, bits)
					}
				}
				for _, r := range f.table().families {
					valid(t, r)
				}
			}
		}
	}
}

// TestParseSixAlone: a file of IPv6 that has no IPv4, as npm has them.
func TestParseSixAlone(t *testing.T) {
	f := parsed(t, mmdbwriter.Options{DisableIPv4Aliasing: true}, networks{"2001:db8::/32": rec{"country_code": "FR"}})
	if got := f.Facts(netip.MustParseAddr("192.0.2.1")); got != (Facts{}) {
		t.Errorf("of IPv4 %q is known", got)
	}
	if v4, v6 := f.table().Len(); v4 != 1 || v6 != 3 || f.has != [2]kindSet{1: kindSet(0).with(Continent).with(Country)} {
		t.Errorf("there are %d and %d ranges, and it knows %b", v4, v6, f.has)
	}
}

// TestParseWide: one record for everything is one range, but for what stands for
// IPv4, and the walks leave no seam in a record that several of them meet.
func TestParseWide(t *testing.T) {
	for _, c := range []struct {
		records networks
		v4, v6  int
	}{
		{networks{"::/0": rec{"country_code": "FR"}}, 1, 10}, // five holes of IPv4 in IPv6, and what is between them
		{networks{"8000::/1": rec{"country_code": "FR"}, "4000::/2": rec{"country_code": "FR"}}, 1, 2},
		{networks{"2000::/4": rec{"country_code": "FR"}}, 1, 7},
		{networks{"2001:200::/23": rec{"country_code": "FR"}, "2001:400::/22": rec{"country_code": "FR"}}, 1, 3},
		{networks{"0.0.0.0/0": rec{"country_code": "FR"}}, 1, 1},
		{networks{"0.0.0.0/1": rec{"country_code": "FR"}, "128.0.0.0/1": rec{"country_code": "FR", "city": "Paris"}}, 1, 1},
	} {
		f := parsed(t, mmdbwriter.Options{DisableIPv4Aliasing: true}, c.records)
		for _, r := range f.table().families {
			valid(t, r)
		}
		if v4, v6 := f.table().Len(); v4 != c.v4 || v6 != c.v6 {
			t.Errorf("%v: %d and %d ranges, want %d and %d", c.records, v4, v6, c.v4, c.v6)
		}
	}
}

// TestParseEmbedded: what a file has where IPv6 stands for IPv4 is not read.
func TestParseEmbedded(t *testing.T) {
	records := networks{"192.0.2.0/24": rec{"country_code": "FR"}, "2001:db8::/32": rec{"country_code": "DE"}}
	plain := parsed(t, mmdbwriter.Options{DisableIPv4Aliasing: true}, records)
	for _, p := range []string{"2002::/16", "2002:c000:200::/40", "2001::/32", "2001::/64", "64:ff9b::/96", "64:ff9b::c000:200/120"} {
		records[p] = rec{"country_code": "ES"}
	}
	more := parsed(t, mmdbwriter.Options{DisableIPv4Aliasing: true}, records)
	for i, r := range more.table().families {
		if fmt.Sprint(r) != fmt.Sprint(plain.table().families[i]) {
			t.Errorf("family %d is read otherwise", i)
		}
	}
}

// TestMetadata: what a file says of itself.
func TestMetadata(t *testing.T) {
	at := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	for _, description := range []map[string]string{nil, {"en": "a test", "de": "ein Test"}} {
		content := mmdb(t, mmdbwriter.Options{DatabaseType: "GeoLite2-Country", Description: description, BuildEpoch: at.Unix()},
			networks{"192.0.2.0/24": rec{"country_code": "FR"}, "2001:db8::/32": rec{"asn": "AS64500"}})
		f, err := Parse("a/b.mmdb", content)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != "a/b.mmdb" || f.Type != "GeoLite2-Country" || !f.Built.Equal(at) {
			t.Errorf("it is %q, %q, of %s", f.Name, f.Type, f.Built)
		}
		want := "a/b.mmdb (GeoLite2-Country, built 2026-03-01) knows continent, country of IPv4; asn of IPv6"
		if f.String() != want {
			t.Errorf("it is %q, want %q", f, want)
		}
	}
	v4 := parsed(t, mmdbwriter.Options{DatabaseType: "City", IPVersion: 4}, networks{"192.0.2.0/24": rec{"latitude": 1.0, "longitude": 2.0}})
	if want := "geo.mmdb (City, built 2026-01-01) knows location of IPv4"; v4.String() != want {
		t.Errorf("it is %q, want %q", v4, want)
	}
}

// TestKnowsLost: what a file knows, and what it does not any more.
func TestKnowsLost(t *testing.T) {
	all := rec{
		"country": rec{"iso_code": "FR"}, "subdivisions": []any{rec{"iso_code": "IDF"}},
		"latitude": 48.86, "longitude": 2.35, "asn": "AS64500",
	}
	full := parsed(t, mmdbwriter.Options{}, networks{"192.0.2.0/24": all, "2001:db8::/32": all})
	for _, c := range []struct {
		records networks
		knows   []Kind
		lost    string // that full has
	}{
		{networks{"192.0.2.0/24": all, "2001:db8::/32": all}, Kinds(), ""},
		{networks{"192.0.2.0/25": all, "2001:db8::/64": all}, Kinds(), ""}, // of fewer clients
		{networks{"192.0.2.0/24": all}, Kinds(), "continent of IPv6"},
		{networks{"2001:db8::/32": all}, Kinds(), "continent of IPv4"},
		{networks{"192.0.2.0/24": all, "2001:db8::/32": rec{"country_code": "FR"}}, Kinds(), "subdivision of IPv6"},
		{networks{"192.0.2.0/24": rec{"country_code": "FR"}, "2001:db8::/32": all}, Kinds(), "subdivision of IPv4"},
		{networks{"192.0.2.0/24": rec{"continent_code": "EU"}}, []Kind{Continent}, "country of IPv4"},
		{networks{"192.0.2.0/24": rec{"country_code": "FR"}}, []Kind{Continent, Country}, "subdivision of IPv4"},
		{networks{"192.0.2.0/24": rec{"asn": "AS64500"}}, []Kind{ASN}, "continent of IPv4"},
		{networks{"192.0.2.0/24": rec{"latitude": 1.0, "longitude": 2.0}}, []Kind{Location}, "continent of IPv4"},
		{networks{"192.0.2.0/24": rec{"continent_code": "EU"}, "192.0.3.0/24": rec{"asn": "AS64500"}}, []Kind{Continent, ASN}, "country of IPv4"},
	} {
		f := parsed(t, mmdbwriter.Options{}, c.records)
		var knows []Kind
		for _, k := range Kinds() {
			if f.Knows(k) {
				knows = append(knows, k)
			}
		}
		if !slices.Equal(knows, c.knows) {
			t.Errorf("%v: it knows %v, want %v", c.records, knows, c.knows)
		}
		if got := f.Lost(full); got != c.lost {
			t.Errorf("%v: lost is %q, want %q", c.records, got, c.lost)
		}
		if got := full.Lost(f); got != "" {
			t.Errorf("%v: the full file lost %q", c.records, got)
		}
	}
}
