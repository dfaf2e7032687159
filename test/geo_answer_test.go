package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// world is what the geo files of these tests say: a small one, in which every
// border is known. Kinds of files have each their part of it.
var world = map[string]fake.Place{
	"192.0.2.0/26":    {Continent: "AS", Country: "CN", Subdivision: "GD", Lat: 23.13, Lon: 113.26, ASN: 64500},
	"192.0.2.64/26":   {Continent: "AS", Country: "CN", Subdivision: "BJ", Lat: 39.9, Lon: 116.4, ASN: 64501},
	"192.0.2.128/25":  {Continent: "AS", Country: "HK", Lat: 22.3, Lon: 114.17, ASN: 64500},
	"198.51.100.0/24": {Continent: "EU", Country: "GB", Subdivision: "ENG LND", Lat: 51.5, Lon: -0.13, ASN: 64502},
	"203.0.113.0/25":  {Continent: "NA", Country: "US", Subdivision: "VA", Lat: 39, Lon: -77.5, ASN: 64503},
	"2001:db8:1::/48": {Continent: "AS", Country: "CN", Subdivision: "GD", Lat: 23.13, Lon: 113.26, ASN: 64500},
	"2001:db8:2::/48": {Continent: "EU", Country: "GB", Subdivision: "ENG LND", Lat: 51.5, Lon: -0.13, ASN: 64502},
}

// ofFamily is the part of some places that is in one family.
func ofFamily(places map[string]fake.Place, family int) map[string]fake.Place {
	part := map[string]fake.Place{}
	for at, place := range places {
		if strings.Contains(at, ":") == (family == 6) {
			part[at] = place
		}
	}
	return part
}

// by is a policy by one line, and a domain of its name that uses it.
func by(name, from string) string {
	return fmt.Sprintf("policy %s geo {\nfrom %s use a\ndefault use z\n}\ndomain %s.example.org use %s\n", name, from, name, name)
}

// TestGeoSources is every kind of source, alone and with others, with the exact
// scope: as far as the clients around are decided alike.
func TestGeoSources(t *testing.T) {
	city := fake.MMDB{Kind: "City", Places: world}.Temp(t)
	asn := fake.MMDB{Kind: "ASN", Places: world}.Temp(t)
	s := start(t, block("example.org", "gtm {\ngeoip "+city+" "+asn+letters+`
		region china {
			match country:CN !subdivision:CN-BJ
			match 10.0.0.0/8 !10.1.0.0/16
		}
		region carrier {
			match region:china asn:64500
			match asn:64503
		}
		`+by("country", "country:CN")+by("continent", "continent:AS")+by("subdivision", "subdivision:CN-GD")+
		by("second", "subdivision:GB-LND")+by("asn", "asn:64500")+by("or", "country:GB asn:64501 203.0.113.64/26")+
		by("not", "!country:CN")+by("but", "country:CN !subdivision:CN-BJ")+by("neither", "!country:CN !country:HK !country:US")+
		by("in", "region:china")+by("and", "region:carrier")+by("out", "!region:carrier continent:AS")+`
		policy first geo {
			from subdivision:CN-BJ use a
			from country:CN use b
			from continent:AS use c
			default use z
		}
		domain first.example.org use first
	}`))
	s.scopes(t, "country.example.org", []scopeCase{
		{"192.0.2.1/32", inA, 25}, // the two halves of CN are one
		{"192.0.2.64/26", inA, 25},
		{"192.0.2.0/24", inA, 25}, // by its first address; it is cut below
		{"192.0.2.128/32", inZ, 25},
		{"192.0.3.0/24", inZ, 24},
		{"198.51.100.0/24", inZ, 6},
		{"2001:db8:1::/56", inA, 48},
		{"2001:db8:2::/48", inZ, 47},
		{"2001:db8::/32", inZ, 48}, // longer than what was sent
		{"2400::/16", inZ, 6},
	})
	s.scopes(t, "continent.example.org", []scopeCase{
		{"192.0.2.200/32", inA, 24}, {"198.51.100.0/24", inZ, 6}, {"2001:db8:1::1/128", inA, 48},
	})
	s.scopes(t, "subdivision.example.org", []scopeCase{
		{"192.0.2.63/32", inA, 26}, {"192.0.2.64/32", inZ, 26}, {"192.0.2.128/32", inZ, 25}, {"2001:db8:1::/48", inA, 48},
	})
	s.scopes(t, "second.example.org", []scopeCase{{"198.51.100.9/32", inA, 24}, {"192.0.2.9/32", inZ, 6}})
	s.scopes(t, "asn.example.org", []scopeCase{
		{"192.0.2.9/32", inA, 26}, {"192.0.2.65/32", inZ, 26}, {"192.0.2.130/32", inA, 25}, // what a City file splits is one to an AS
	})
	s.scopes(t, "or.example.org", []scopeCase{
		{"198.51.100.0/24", inA, 24}, {"192.0.2.127/32", inA, 26}, {"203.0.113.65/32", inA, 26}, {"203.0.113.1/32", inZ, 26},
		{"203.0.113.129/32", inZ, 25}, {"192.0.2.128/32", inZ, 25},
	})
	s.scopes(t, "not.example.org", []scopeCase{{"192.0.2.0/32", inZ, 25}, {"192.0.2.128/32", inA, 25}})
	s.scopes(t, "but.example.org", []scopeCase{{"192.0.2.0/32", inA, 26}, {"192.0.2.64/32", inZ, 26}, {"2001:db8:1::/48", inA, 48}})
	s.scopes(t, "neither.example.org", []scopeCase{{"192.0.2.0/32", inZ, 24}, {"203.0.113.0/32", inZ, 25}, {"198.51.100.0/32", inA, 6}})
	s.scopes(t, "in.example.org", []scopeCase{
		{"192.0.2.0/32", inA, 26}, {"192.0.2.64/32", inZ, 26}, {"10.2.0.0/16", inA, 15}, {"10.1.0.0/16", inZ, 16}, {"2001:db8:1::/48", inA, 48},
	})
	s.scopes(t, "and.example.org", []scopeCase{
		{"192.0.2.0/32", inA, 26}, {"192.0.2.128/32", inZ, 25}, {"203.0.113.0/24", inA, 25}, {"10.2.0.0/16", inZ, 15}, // the resolver may be in the AS
	})
	s.scopes(t, "out.example.org", []scopeCase{{"192.0.2.0/32", inZ, 26}, {"192.0.2.64/32", inA, 26}, {"192.0.2.128/32", inA, 25}})
	s.scopes(t, "first.example.org", []scopeCase{
		{"192.0.2.64/32", inA, 26}, {"192.0.2.0/32", inB, 26}, {"192.0.2.255/32", inC, 25}, {"203.0.113.0/24", inZ, 5}, {"2001:db8:1::/48", inB, 48},
	})
}

// TestGeoForms is that the same places are the same answers, however the files are
// made: nested or flat, of both families or one for each.
func TestGeoForms(t *testing.T) {
	both := func(m fake.MMDB) []fake.MMDB { m.Places = world; return []fake.MMDB{m} }
	apart := func(m fake.MMDB) []fake.MMDB {
		four, six := m, m
		four.Family, four.Places = 4, ofFamily(world, 4)
		six.Family, six.Places = 6, ofFamily(world, 6)
		return []fake.MMDB{six, four}
	}
	for _, tc := range []struct {
		name  string
		files []fake.MMDB
	}{
		{"nested Country", both(fake.MMDB{Kind: "Country"})},
		{"nested City", both(fake.MMDB{Kind: "City"})},
		{"flat Country", both(fake.MMDB{Kind: "Country", Flat: true})},
		{"flat City", both(fake.MMDB{Kind: "City", Flat: true})},
		{"nested Country, a file for each family", apart(fake.MMDB{Kind: "Country"})},
		{"flat Country, a file for each family", apart(fake.MMDB{Kind: "Country", Flat: true})},
		{"flat City, a file for each family", apart(fake.MMDB{Kind: "City", Flat: true})},
		{"of a type that nobody has heard of", both(fake.MMDB{Kind: "Country", Type: "Example-Places"})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			geoip := ""
			for _, f := range tc.files {
				geoip += "geoip " + f.Temp(t) + "\n"
			}
			s := start(t, block("example.org", "gtm {\n"+geoip+letters+"\n"+by("country", "country:CN country:GB")+by("continent", "continent:AS")+"}"))
			s.scopes(t, "country.example.org", []scopeCase{
				{"192.0.2.0/24", inA, 25}, {"192.0.2.128/25", inZ, 25}, {"198.51.100.0/24", inA, 24}, {"203.0.113.0/24", inZ, 5},
				{"2001:db8:1::/48", inA, 48}, {"2001:db8:2::/48", inA, 48}, {"2001:db8:3::/48", inZ, 48},
			})
			s.scopes(t, "continent.example.org", []scopeCase{{"192.0.2.0/24", inA, 24}, {"2001:db8:2::/48", inZ, 47}, {"198.51.100.0/24", inZ, 6}})
		})
	}
	for _, m := range []fake.MMDB{{Kind: "ASN"}, {Kind: "ASN", Flat: true}, {Kind: "ISP"}} {
		for _, files := range [][]fake.MMDB{both(m), apart(m)} {
			geoip := ""
			for _, f := range files {
				geoip += "geoip " + f.Temp(t) + "\n"
			}
			t.Run(fmt.Sprintf("%s, flat %t, %d files", m.Kind, m.Flat, len(files)), func(t *testing.T) {
				s := start(t, block("example.org", "gtm {\n"+geoip+letters+"\n"+by("asn", "asn:64500")+"}"))
				s.scopes(t, "asn.example.org", []scopeCase{{"192.0.2.9/32", inA, 26}, {"192.0.2.65/32", inZ, 26}, {"2001:db8:1::/48", inA, 48}, {"2001:db8:2::/48", inZ, 47}})
			})
		}
	}
}

// TestGeoFilesTogether is that of each fact the first file that knows it is
// believed, but no part of another country than that file's.
func TestGeoFilesTogether(t *testing.T) {
	country := fake.MMDB{Kind: "Country", Flat: true, Places: map[string]fake.Place{
		"192.0.2.0/26": {Country: "CN"}, "192.0.2.64/26": {Country: "HK"}, "192.0.2.192/26": {Country: "CN"},
	}}.Temp(t)
	city := fake.MMDB{Kind: "City", Places: map[string]fake.Place{
		"192.0.2.0/25":   {Continent: "AS", Country: "CN", Subdivision: "GD"}, // of its second half the other file says HK
		"192.0.2.128/26": {Continent: "AS", Country: "CN", Subdivision: "GD"}, // of which the other one knows nothing
	}}.Temp(t)
	asn := fake.MMDB{Kind: "ASN", Places: map[string]fake.Place{"192.0.2.0/24": {ASN: 64500}}}.Temp(t)
	body := letters + "\n" + by("country", "country:CN") + by("part", "subdivision:CN-GD") + by("most", "country:CN !asn:64501") + by("asn", "asn:64500") + "}"
	s := start(t, block("example.org", "gtm {\ngeoip "+country+"\ngeoip "+asn+" "+city+body))
	s.scopes(t, "country.example.org", []scopeCase{
		{"192.0.2.0/32", inA, 26}, {"192.0.2.64/32", inZ, 26}, {"192.0.2.128/32", inA, 25}, {"192.0.2.192/32", inA, 25},
	})
	s.scopes(t, "part.example.org", []scopeCase{
		{"192.0.2.0/32", inA, 26}, {"192.0.2.64/32", inZ, 26}, {"192.0.2.128/32", inA, 26}, {"192.0.2.192/32", inZ, 26},
	})
	s.scopes(t, "asn.example.org", []scopeCase{{"192.0.2.0/32", inA, 24}, {"192.0.3.0/24", inZ, 24}})

	other := start(t, block("example.org", "gtm {\ngeoip "+city+" "+country+" "+asn+body))
	other.scopes(t, "country.example.org", []scopeCase{{"192.0.2.64/32", inA, 24}, {"192.0.2.192/32", inA, 24}})
	other.scopes(t, "part.example.org", []scopeCase{{"192.0.2.64/32", inA, 25}, {"192.0.2.128/32", inA, 26}, {"192.0.2.192/32", inZ, 26}})
}

// TestGeoNestedPolicies is a policy behind a policy: the scope is the longest that
// a step needs, also of a default that would come next, but not past a fence.
func TestGeoNestedPolicies(t *testing.T) {
	city := fake.MMDB{Kind: "City", Places: world}.Temp(t)
	asn := fake.MMDB{Kind: "ASN", Flat: true, Places: world}.Temp(t)
	s := start(t, block("example.org", "gtm {\ngeoip "+city+" "+asn+letters+`
		pool hashed {
			address 192.0.2.4
			balance hash
		}
		policy by-part geo {
			from subdivision:CN-GD use a
			default use b
		}
		policy by-carrier geo {
			from asn:64502 use c
			default use z
		}
		policy world geo {
			from country:CN use by-part
			from country:HK use by-part fence
			from country:GB use hashed fence
			default use by-carrier
		}
		domain www.example.org use world
	}`))
	s.scopes(t, "www.example.org", []scopeCase{
		{"192.0.2.0/32", inA, 26},            // by the part; the outer rule alone would need 25
		{"192.0.2.64/32", inB, 26},           //
		{"192.0.2.128/32", inB, 25},          // fenced: by the outer rule and the part
		{"198.51.100.0/28", "192.0.2.4", 24}, // by hash
		{"203.0.113.0/24", inZ, 5},           // by the outer rule and the carrier
		{"2001:db8:1::/48", inA, 48},
		{"2001:db8:2::/56", "192.0.2.4", 48},
	})
}

// TestGeoWithoutECS is clients that are told by their source address alone, which
// the geo files know here: 127.0.0.2 is in CN, 127.0.0.3 in GB.
func TestGeoWithoutECS(t *testing.T) {
	file := fake.MMDB{Kind: "Country", Places: map[string]fake.Place{
		"127.0.0.0/8": {Continent: "NA", Country: "US"}, "127.0.0.2": {Continent: "AS", Country: "CN"}, "127.0.0.3": {Continent: "EU", Country: "GB"},
		"192.0.2.0/24": {Continent: "EU", Country: "GB"},
	}}.Temp(t)
	corefile := func(options string) string {
		return block("example.org", "gtm {\ngeoip "+file+"\n"+options+"\n"+letters+`
		policy world geo {
			from country:CN use a
			from country:GB use b
			default use z
		}
		domain www.example.org use world
	}`)
	}
	for _, tc := range []struct {
		name, options string
		opts          []option
		want, ecs     string
	}{
		{"plain", "", nil, inA, "none"},
		{"over TCP", "", []option{overTCP}, inA, "none"},
		{"with an OPT record", "", []option{edns}, inA, "none"},
		{"another one", "", []option{from("127.0.0.3"), edns}, inB, "none"},
		{"yet another one", "", []option{from("127.0.0.4"), edns}, inZ, "none"},
		{"ECS counts more", "", []option{ecs("192.0.2.0/24")}, inB, "192.0.2.0/24/24"},
		{"ECS /0 does not", "", []option{ecs("0.0.0.0/0")}, inA, "0.0.0.0/0/0"},
		{"ECS off", "ecs off", []option{ecs("192.0.2.0/24")}, inA, "none"},
		{"ECS from another", "ecs from 192.0.2.0/24", []option{ecs("192.0.2.0/24")}, inA, "192.0.2.0/24/0"},
		{"ECS from this one", "ecs from 192.0.2.0/24 127.0.0.2", []option{ecs("192.0.2.0/24")}, inB, "192.0.2.0/24/24"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, corefile(tc.options))
			m := s.ask(t, "www.example.org", dns.TypeA, append([]option{from("127.0.0.2")}, tc.opts...)...)
			if got := data(m.Answer); len(got) != 1 || got[0] != tc.want {
				t.Errorf("answer %q, want %s", got, tc.want)
			}
			if got := scope(t, m); got != tc.ecs {
				t.Errorf("ECS %s, want %s", got, tc.ecs)
			}
		})
	}
}
