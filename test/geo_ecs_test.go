package test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// resolvers is a block of which the geo file knows two resolvers, 127.0.0.2 in CN
// and 127.0.0.3 in GB, and one network of each family, in CN. Flat, the file has
// networks of its own where others lead to the IPv4 address.
func resolvers(t *testing.T, flat bool) string {
	places := map[string]fake.Place{
		"127.0.0.2": {Continent: "AS", Country: "CN"}, "127.0.0.3": {Continent: "EU", Country: "GB"},
		"192.0.2.0/24": {Continent: "AS", Country: "CN"}, "2001:db8:1::/48": {Continent: "AS", Country: "CN"},
	}
	if flat {
		for _, own := range []string{"2002:c000:200::/40", "64:ff9b::c000:200/120", "2001::/32"} {
			places[own] = fake.Place{Country: "GB"}
		}
	}
	return block("example.org", "gtm {\ngeoip "+fake.MMDB{Kind: "Country", Flat: flat, Places: places}.Temp(t)+letters+`
		policy world geo {
			from 10.0.0.0/8 use c
			from country:CN use a
			from country:GB use b
			default use z
		}
		domain www.example.org use world
	}`)
}

// TestGeoECS is prefixes of all sorts in one option: for use within a network,
// where CIDRs count and the resolver's place does, and those that stand for IPv4.
func TestGeoECS(t *testing.T) {
	const inCN, inGB = "127.0.0.2", "127.0.0.3"
	for _, tc := range []struct{ name, resolver, subnet, want, ecs string }{
		{"a public one", inGB, "192.0.2.0/24", inA, "192.0.2.0/24/24"},
		{"its file knows nothing of it", inGB, "203.0.113.0/24", inZ, "203.0.113.0/24/5"},

		{"private, by CIDR", inGB, "10.1.0.0/16", inC, "10.1.0.0/16/8"},
		{"private, by the resolver's place", inCN, "192.168.1.0/24", inA, "192.168.1.0/24/16"},
		{"private, of a resolver elsewhere", inGB, "192.168.1.0/24", inB, "192.168.1.0/24/16"},
		{"private, of a resolver nowhere", "127.0.0.4", "192.168.1.0/24", inZ, "192.168.1.0/24/16"},
		{"private, longer", inGB, "172.31.255.255/32", inB, "172.31.255.255/32/12"},
		{"behind the private ones", inGB, "172.32.0.0/16", inZ, "172.32.0.0/16/2"},
		{"shared by a carrier", inGB, "100.64.0.0/24", inB, "100.64.0.0/24/10"},
		{"of the link", inGB, "169.254.0.0/24", inB, "169.254.0.0/24/16"},
		{"this network", inGB, "0.0.0.0/8", inB, "0.0.0.0/8/8"},
		{"loopback that the file does not know", inGB, "127.1.0.0/16", inB, "127.1.0.0/16/16"},
		{"loopback that the file knows", inGB, "127.0.0.2/32", inA, "127.0.0.2/32/32"},
		{"private, IPv6", inCN, "fd00:1::/48", inA, "fd00:1::/48/7"},
		{"of the link, IPv6", inCN, "fe80::/64", inA, "fe80::/64/10"},
		{"loopback, IPv6", inCN, "::1/128", inA, "::1/128/127"},

		{"6to4", inGB, "2002:c000:201::/48", inA, "2002:c000:201::/48/40"},
		{"6to4, longer", inGB, "2002:c000:201:1::1/128", inA, "2002:c000:201:1::1/128/40"},
		{"6to4, of which less is known", inGB, "2002:c000::/24", inZ, "2002:c000::/24/39"},
		{"6to4, private by CIDR", inGB, "2002:a01::/32", inC, "2002:a01::/32/24"},
		{"6to4, private by the resolver's place", inGB, "2002:c0a8:100::/40", inB, "2002:c0a8:100::/40/32"},
		{"NAT64", inGB, "64:ff9b::c000:200/120", inA, "64:ff9b::c000:200/120/120"},
		{"NAT64, one address", inGB, "64:ff9b::c000:201/128", inA, "64:ff9b::c000:201/128/120"},
		{"NAT64, private by CIDR", inGB, "64:ff9b::a01:0/112", inC, "64:ff9b::a01:0/112/104"},
		{"Teredo", inGB, "2001:0:c633:6401:0:ffff:3fff:fdfe/128", inA, "2001:0:c633:6401:0:ffff:3fff:fdfe/128/120"},
		{"Teredo, private by CIDR", inGB, "2001:0:c633:6401:0:ffff:f5fe:fdfe/128", inC, "2001:0:c633:6401:0:ffff:f5fe:fdfe/128/104"},
		{"mapped", inGB, "::ffff:192.0.2.0/120", inA, "192.0.2.0/120/120"}, // written so by Go; its length tells
		{"mapped, private by the resolver's place", inGB, "::ffff:192.168.0.0/112", inB, "192.168.0.0/112/112"},
	} {
		for _, flat := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, flat %t", tc.name, flat), func(t *testing.T) {
				s := start(t, resolvers(t, flat))
				m := s.ask(t, "www.example.org", dns.TypeA, from(tc.resolver), ecs(tc.subnet))
				if got := data(m.Answer); len(got) != 1 || got[0] != tc.want {
					t.Errorf("answer %q, want %s", got, tc.want)
				}
				if got := scope(t, m); got != tc.ecs {
					t.Errorf("ECS %s, want %s", got, tc.ecs)
				}
			})
		}
	}
}

// TestGeoECSLengths is one address told in every length: what is sent decides, and
// the scope is as long as the nearest border asks for.
func TestGeoECSLengths(t *testing.T) {
	s := start(t, resolvers(t, false))
	known := map[string]string{"192.0.2.0/24": inA, "2001:db8:1::/48": inA, "10.0.0.0/8": inC, "127.0.0.2/31": ""}
	for _, one := range []string{"192.0.2.129", "2001:db8:1:ff::ff", "10.255.255.255"} {
		addr := netip.MustParseAddr(one)
		for bits := range addr.BitLen() + 1 {
			sent, err := addr.Prefix(bits)
			if err != nil {
				t.Fatal(err)
			}
			want, wide := inZ, 0
			for network, answer := range known {
				n := netip.MustParsePrefix(network)
				switch {
				case n.Contains(sent.Addr()):
					want, wide = answer, max(wide, n.Bits())
				case n.Addr().BitLen() == addr.BitLen():
					wide = max(wide, shared(n.Addr(), sent.Addr())+1)
				}
			}
			if sent.Addr() == netip.IPv4Unspecified() && bits >= 8 { // 0.0.0.0/8 is for use within a network
				want, wide = inB, max(wide, 8)
			}
			for network, at := range map[string]int{"::ffff:0:0/96": 96, "64:ff9b::/96": 96, "2002::/16": 16, "2001::/32": 96} {
				switch n := netip.MustParsePrefix(network); {
				case n.Contains(sent.Addr()): // it would stand for IPv4, if more of it were told
					wide = at + 1
				case sent.Addr().Is6():
					wide = max(wide, shared(n.Addr(), sent.Addr())+1)
				}
			}
			if bits == 0 { // the resolver decides, for everyone
				want, wide = inB, 0
			}
			m := s.ask(t, "www.example.org", dns.TypeA, from("127.0.0.3"), ecs(sent.String()))
			if got := data(m.Answer); len(got) != 1 || got[0] != want {
				t.Errorf("%s: answer %q, want %s", sent, got, want)
			}
			if got, want := scope(t, m), fmt.Sprintf("%s/%d", sent, wide); got != want {
				t.Errorf("%s: ECS %s, want %s", sent, got, want)
			}
		}
	}
}

// TestGeoECSOfOneFamily is rules that speak of IPv6 alone: an address in it that
// stands for an IPv4 one is not decided as those around it are, and says so.
func TestGeoECSOfOneFamily(t *testing.T) {
	s := start(t, block("example.org", "gtm {"+letters+"\n"+by("six", "2001:db8::/32 2003::/16")+"domain all.example.org use a\n}"))
	s.scopes(t, "six.example.org", []scopeCase{
		{"2002:c000:200::/40", inZ, 16}, {"64:ff9b::c000:200/120", inZ, 96}, {"192.0.2.0/24", inZ, 1}, {"2003::/32", inA, 16}, // 0 would be for IPv6, too
	})
	s.scopes(t, "all.example.org", []scopeCase{{"2002:c000:200::/40", inA, 0}}) // nothing looks at it
}
