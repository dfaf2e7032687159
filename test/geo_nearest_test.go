package test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestNearestInPool is members by their from, then by distance, then those of whom
// no place is known; and equals in any order.
func TestNearestInPool(t *testing.T) {
	city := fake.MMDB{Kind: "City", Places: world}.Temp(t)
	asn := fake.MMDB{Kind: "ASN", Flat: true, Places: world}.Temp(t)
	s := start(t, block("example.org", "gtm {\ngeoip "+city+" "+asn+`
		region gb {
			match country:GB
		}
		pool far {
			address 192.0.2.10 location 39.9 116.4
			address 192.0.2.30 location 50.1 8.7
			address 192.0.2.40
			address 192.0.2.20 location 1.35 103.8
			balance nearest
			answers all
		}
		pool named {
			address 192.0.2.11 location 39.9 116.4 from asn:64502 203.0.113.0/26
			address 192.0.2.12 location 50.1 8.7 from country:CN !subdivision:CN-BJ
			address 192.0.2.13 location 50.1 8.7
			address 192.0.2.14 location 1.35 103.8
			address 192.0.2.15 location 39.9 116.4 from region:gb
			balance nearest
			answers 3
			location -33.9 151.2
		}
		pool inherited {
			address 192.0.2.50 location 50.1 8.7
			address 192.0.2.51
			balance nearest
			location 39.9 116.4
		}
		domain far.example.org use far
		domain named.example.org use named
		domain inherited.example.org use inherited
	}`))
	for _, tc := range []struct {
		name, client string
		want         []string // the last octets, in order
	}{
		{"far", "192.0.2.0/26", []string{"10", "20", "30", "40"}},
		{"far", "198.51.100.0/24", []string{"30", "10", "20", "40"}},
		{"far", "2001:db8:2::/48", []string{"30", "10", "20", "40"}},
		{"named", "192.0.2.0/26", []string{"12", "14", "13"}},    // named; then those without from, by distance
		{"named", "192.0.2.64/26", []string{"14", "13", "11"}},   // named by nobody: 11 and 15 come last, 11 as one of two equals
		{"named", "198.51.100.0/24", []string{"11", "15", "13"}}, // named by two, 11 and 15, which are equals
		{"named", "203.0.113.0/26", []string{"11", "13", "14"}},  // named by its network
		{"named", "203.0.113.64/26", []string{"13", "14", "12"}}, // 12 is nearer than 11 and 15 are
		{"inherited", "192.0.2.0/26", []string{"51"}},
		{"inherited", "198.51.100.0/24", []string{"50"}},
	} {
		t.Run(tc.name+" "+tc.client, func(t *testing.T) {
			for range 10 {
				m := s.ask(t, tc.name+".example.org", dns.TypeA, ecs(tc.client))
				var got []string
				for _, addr := range data(m.Answer) {
					got = append(got, addr[len("192.0.2."):])
				}
				equals := func(a, b string) int { // 11 and 15 are one place, with from
					if a == b || a+b == "1115" || a+b == "1511" {
						return 0
					}
					return 1
				}
				if slices.CompareFunc(got, tc.want, equals) != 0 {
					t.Fatalf("got %q, want %q", got, tc.want)
				}
			}
		})
	}
	t.Run("equals", func(t *testing.T) {
		first := map[string]int{}
		for range 400 {
			first[data(s.ask(t, "far.example.org", dns.TypeA, ecs("8.8.8.0/24")).Answer)[0]]++
		}
		for _, last := range []string{"10", "20", "30", "40"} {
			if n := first["192.0.2."+last]; n < 50 { // of 100; less by chance once in 10^9 runs
				t.Errorf("%s came first %d times of 400: %v", last, n, first)
			}
		}
	})
	s.scopes(t, "inherited.example.org", []scopeCase{
		{"192.0.2.0/26", "192.0.2.51", 24}, // HK decides as CN does
		{"198.51.100.0/24", "192.0.2.50", 24}, {"2001:db8:1::/48", "192.0.2.51", 48},
	})
}

// TestNearestAmongPools is the pools of a set by their location; within each its
// own balance. A pool that is down leaves, and the order of the others stays.
func TestNearestAmongPools(t *testing.T) {
	web := fake.NewHTTPs(t, 3)
	city := fake.MMDB{Kind: "City", Places: world}.Temp(t)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {
		geoip %s
		%s
		pool beijing {
			address 192.0.2.10 probe %s
			check web
			location 39.9 116.4
		}
		pool singapore {
			address 192.0.2.20 probe %s
			address 192.0.2.21 probe %s
			check web
			balance sequence
			location 1.35 103.8
		}
		pool frankfurt {
			address 192.0.2.30 probe %s
			check web
			location 50.1 8.7
		}
		pool anywhere {
			address 192.0.2.40
		}
		failover world {
			set best {
				pool anywhere
				pool frankfurt
				pool beijing
				pool singapore
				balance nearest
			}
		}
		failover pairs {
			set two {
				pool frankfurt
				pool beijing
				pool singapore
				balance nearest
				answers 2
			}
		}
		domain www.example.org use world
		domain pairs.example.org use pairs
	}`, city, quickCheck("web", "http", web[0].Port()), web[0].Host(), web[1].Host(), web[1].Host(), web[2].Host())))
	becomes := func(name, client string, want ...string) {
		t.Helper()
		eventually(t, func() string {
			m := s.ask(t, name, dns.TypeA, ecs(client))
			return unless(slices.Equal(data(m.Answer), want), fmt.Sprintf("%s: want %q: %s", client, want, summary(m)))
		})
	}
	const china, london = "192.0.2.64/26", "198.51.100.0/24"
	becomes("www.example.org", china, "192.0.2.10")
	becomes("www.example.org", london, "192.0.2.30")
	becomes("pairs.example.org", china, "192.0.2.10", "192.0.2.20")
	becomes("pairs.example.org", london, "192.0.2.30", "192.0.2.10")
	if got := scope(t, s.ask(t, "www.example.org", dns.TypeA, ecs(london))); got != london+"/24" {
		t.Errorf("ECS %s", got)
	}
	web[0].Down()
	becomes("www.example.org", china, "192.0.2.20")
	becomes("pairs.example.org", london, "192.0.2.30", "192.0.2.20")
	web[1].Down()
	becomes("www.example.org", china, "192.0.2.30")
	web[2].Down()
	becomes("www.example.org", china, "192.0.2.40") // of which no place is known
	web[0].Up(t)
	becomes("www.example.org", london, "192.0.2.10")
}

// TestNearestOfResolvers is clients without a place of their own: where their
// resolver is, they are; the scope says no more than the private network.
func TestNearestOfResolvers(t *testing.T) {
	city := fake.MMDB{Kind: "City", Places: map[string]fake.Place{
		"127.0.0.2": {Country: "CN", Lat: 39.9, Lon: 116.4}, "127.0.0.3": {Country: "GB", Lat: 51.5, Lon: -0.13},
	}}.Temp(t)
	s := start(t, block("example.org", "gtm {\ngeoip "+city+cities+`
		pool both {
			address 192.0.2.10 location 39.9 116.4
			address 192.0.2.30 location 50.1 8.7
			address 192.0.2.77 from 10.7.0.0/16
			balance nearest
		}
		`+fastest("fast", "")+`
		failover alone {
			set all-of {
				pool beijing
				pool frankfurt
				balance nearest
			}
		}
		domain both.example.org use both
		domain set.example.org use alone
	}`))
	for _, tc := range []struct{ name, resolver, subnet, want, ecs string }{
		{"both", "127.0.0.2", "10.1.0.0/16", beijing, "10.1.0.0/16/14"},
		{"both", "127.0.0.3", "10.1.0.0/16", frankfurt, "10.1.0.0/16/14"},
		{"both", "127.0.0.3", "10.7.1.0/24", "192.0.2.77", "10.7.1.0/24/16"},
		{"fast", "127.0.0.2", "192.168.0.0/16", beijing, "192.168.0.0/16/16"},
		{"fast", "127.0.0.3", "192.168.0.0/16", frankfurt, "192.168.0.0/16/16"},
		{"fast", "127.0.0.4", "192.168.0.0/16", inZ, "192.168.0.0/16/16"},
		{"set", "127.0.0.3", "fd00::/48", frankfurt, "fd00::/48/7"},
	} {
		m := s.ask(t, tc.name+".example.org", dns.TypeA, from(tc.resolver), ecs(tc.subnet))
		if got := data(m.Answer); len(got) != 1 || got[0] != tc.want {
			t.Errorf("%+v: %s", tc, summary(m))
		}
		if got := scope(t, m); got != tc.ecs {
			t.Errorf("%+v: ECS %s", tc, got)
		}
	}
}

// TestNearestForAllInTurn is clients told by their own place and by their resolver's,
// in turn: what is worked out for one is not what the next one is told.
func TestNearestForAllInTurn(t *testing.T) {
	city := fake.MMDB{Kind: "City", Places: map[string]fake.Place{
		"127.0.0.3": {Country: "GB", Lat: 51.5, Lon: -0.13}, "192.0.2.0/24": {Country: "CN", Lat: 39.9, Lon: 116.4},
	}}.Temp(t)
	s := start(t, block("example.org", "gtm {\ngeoip "+city+`
		pool near {
			address 192.0.2.10 location 39.9 116.4
			address 192.0.2.30 location 50.1 8.7
			balance nearest
		}
		domain www.example.org use near
	}`))
	for range 100 {
		for subnet, want := range map[string]string{"192.0.2.0/24": beijing, "10.0.0.0/8": frankfurt, "127.0.0.3/32": frankfurt} {
			m := s.ask(t, "www.example.org", dns.TypeA, from("127.0.0.3"), ecs(subnet))
			if got := data(m.Answer); len(got) != 1 || got[0] != want {
				t.Fatalf("%s: got %s, want %s", subnet, summary(m), want)
			}
		}
	}
}
