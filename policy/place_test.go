package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// TestMatchPlaces: which clients a from line names by what geo files know of
// them. The words for clients are those of the file's lines, and "none", of whose
// address nothing is known, and "nobody", who has no address.
func TestMatchPlaces(t *testing.T) {
	clients := map[string]string{
		"shenzhen": "198.51.100.1", "munich": "203.0.113.1", "europe": "192.0.2.1", "carrier": "192.0.2.129",
		"beijing": "2001:db8::1", "none": "192.0.3.1", "nobody": "",
	}
	const file = `198.51.100.0/24 AS/CN/GD/SZ asn:4134; 203.0.113.0/24 EU/DE/BY asn:64500; 192.0.2.0/25 EU; 192.0.2.128/25 asn:4134;
		2001:db8::/48 AS/CN/BJ`
	for _, c := range []struct {
		name    string
		regions [][2]string
		from    string
		in      string // clients; all others are out
	}{
		{"a continent", nil, "continent:EU", "munich europe"},
		{"another one", nil, "continent:AS", "shenzhen beijing"},
		{"a country", nil, "country:CN", "shenzhen beijing"},
		{"a country where nobody is", nil, "country:FR", ""},
		{"a subdivision", nil, "subdivision:CN-GD", "shenzhen"},
		{"the smaller one", nil, "subdivision:CN-SZ", "shenzhen"},
		{"of another country", nil, "subdivision:DE-GD", ""},
		{"an AS", nil, "asn:4134", "shenzhen carrier"},
		{"not a continent: the unknown, too", nil, "!continent:EU", "shenzhen carrier beijing none nobody"},
		{"not a country", nil, "!country:CN", "munich europe carrier none nobody"},
		{"not a subdivision", nil, "!subdivision:CN-GD", "munich europe carrier beijing none nobody"},
		{"not an AS", nil, "!asn:4134", "munich europe beijing none nobody"},
		{"none of two", nil, "!asn:4134 !country:CN", "munich europe none nobody"},

		{"tokens are ORed", nil, "country:DE asn:4134 2001:db8::/32", "munich shenzhen carrier beijing"},
		{"a CIDR of many places", nil, "192.0.2.0/23", "europe carrier none"},
		{"negated beside positive", nil, "country:CN !subdivision:CN-GD", "beijing"},
		{"an AS but for a country", nil, "asn:4134 !country:CN", "carrier"},
		{"a CIDR but for a continent", nil, "192.0.2.0/24 !continent:EU", "carrier"},
		{"a country but for a CIDR", nil, "continent:EU !192.0.2.0/24", "munich"},

		{"a region ANDs", [][2]string{{"r", "country:CN asn:4134"}}, "region:r", "shenzhen"},
		{"and ORs its lines", [][2]string{{"r", "country:CN asn:4134; continent:EU"}}, "region:r", "shenzhen munich europe"},
		{"a CIDR and a place", [][2]string{{"r", "192.0.2.0/23 asn:4134"}}, "region:r", "carrier"},
		{"negated in a line", [][2]string{{"r", "asn:4134 !country:CN"}}, "region:r", "carrier"},
		{"negated alone in a line", [][2]string{{"r", "!country:CN !continent:EU"}}, "region:r", "carrier none nobody"},
		{"not a region", [][2]string{{"r", "asn:4134; continent:EU"}}, "!region:r", "beijing none nobody"},
		{"a country but for a region", [][2]string{{"r", "subdivision:CN-GD"}}, "country:CN !region:r", "beijing"},
		{"regions of regions", [][2]string{{"china", "country:CN"}, {"south", "subdivision:CN-GD"}, {"r", "region:china !region:south; country:DE"}},
			"region:r", "beijing munich"},
		{"two regions in a line", [][2]string{{"a", "country:CN"}, {"b", "asn:4134; asn:64500"}, {"r", "region:a region:b"}}, "region:r", "shenzhen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.failover("us: a", "u")
			w.file(file)
			for _, r := range c.regions {
				w.region(r[0], r[1])
			}
			w.policy("p", c.from+" use us; default use us")
			var in []string
			for name := range strings.FieldsSeq("shenzhen munich europe carrier beijing none nobody") {
				if addr, _ := netip.ParseAddr(clients[name]); w.match("p", addr) == 0 {
					in = append(in, name)
				}
			}
			if want := strings.Fields(c.in); !same(in, want) {
				t.Errorf("it names %q, want %q", in, want)
			}
		})
	}
}

// same says whether two lists have the same words, in any order.
func same(a, b []string) bool {
	have := map[string]int{}
	for _, word := range a {
		have[word]++
	}
	for _, word := range b {
		have[word]--
	}
	for _, n := range have {
		if n != 0 {
			return false
		}
	}
	return true
}

// TestFirstMatchWinsByPlace: also where the first one is not the narrowest, and
// among many.
func TestFirstMatchWinsByPlace(t *testing.T) {
	w := newWorld(t)
	w.failover("us: a", "u")
	w.file("10.0.0.0/8 AS/CN/GD asn:4134; 11.0.0.0/8 AS/CN asn:4134; 12.0.0.0/8 AS/JP asn:4134; 13.0.0.0/8 AS/CN; 14.0.0.0/8 AS; 15.0.0.0/8 EU/DE")
	w.region("both", "country:CN asn:4134")
	w.policy("p", `subdivision:CN-GD use us; region:both use us; asn:4134 use us; 13.1.0.0/16 use us; country:CN !13.2.0.0/16 use us;
		13.0.0.0/8 use us; continent:AS use us; !continent:EU use us; default use us`)
	for client, want := range map[string]int{
		"10.0.0.1": 0, "11.0.0.1": 1, "12.0.0.1": 2, "13.1.0.1": 3, "13.3.0.1": 4, "13.2.0.1": 5, "14.0.0.1": 6, "16.0.0.1": 7, "15.0.0.1": 8,
	} {
		if got := w.match("p", netip.MustParseAddr(client)); got != want {
			t.Errorf("%s gets rule %d, want %d", client, got, want)
		}
	}
}

// TestPlaceTable: rules by place, and their scope.
func TestPlaceTable(t *testing.T) {
	for _, c := range []struct {
		file   string
		rules  string
		client string
		want   string // rule, bits
	}{
		{"10.0.0.0/8 AS/CN", "country:CN use us; default use us", "10.1.2.3", "0 8"},
		{"10.0.0.0/8 AS/CN", "country:CN use us; default use us", "11.1.2.3", "1 8"},
		{"10.0.0.0/8 AS/CN", "country:CN use us; default use us", "192.0.2.1", "1 1"},
		{"10.0.0.0/8 AS/CN", "country:CN use us; default use us", "2001:db8::1", "1 0"},
		{"10.0.0.0/8 AS/CN", "country:CN use us; default use us", "", "1 0"},
		{"10.0.0.0/8 AS/CN", "country:DE use us; default use us", "10.1.2.3", "1 0"},
		{"10.0.0.0/9 AS/CN; 10.128.0.0/9 AS/JP", "continent:AS use us; default use us", "10.1.2.3", "0 8"},
		{"10.0.0.0/9 AS/CN; 10.128.0.0/9 AS/JP", "country:CN country:JP use us; default use us", "10.1.2.3", "0 8"},
		{"10.0.0.0/9 AS/CN; 10.128.0.0/9 AS/JP", "country:CN use us; country:JP use us; default use us", "10.1.2.3", "0 9"},
		{"10.0.0.0/9 AS/CN; 10.128.0.0/9 AS/JP", "country:CN use us; default use us", "10.1.2.3", "0 9"},
		{"10.0.0.0/9 AS/CN/GD; 10.128.0.0/9 AS/CN/BJ", "country:CN use us; default use us", "10.1.2.3", "0 8"},
		{"10.0.0.0/9 asn:4134; 10.128.0.0/9 asn:64500", "asn:4134 use us; default use us", "10.200.2.3", "1 9"},
		{"10.0.0.0/8 AS/CN", "10.1.0.0/16 use us; country:CN use us; default use us", "10.1.2.3", "0 16"},
		{"10.0.0.0/8 AS/CN", "10.1.0.0/16 use us; country:CN use us; default use us", "10.0.2.3", "1 16"},
		{"10.0.0.0/8 AS/CN", "10.1.0.0/16 use us; country:CN use us; default use us", "10.2.2.3", "1 15"},
		{"10.0.0.0/8 AS/CN", "country:CN use us; 10.1.0.0/16 use us; default use us", "10.1.2.3", "0 8"},
		{"192.0.2.1/32 AS/CN", "country:CN use us; default use us", "192.0.2.1", "0 32"},
		{"192.0.2.1/32 AS/CN", "country:CN use us; default use us", "192.0.2.2", "1 31"},
		{"2001:db8::/48 AS/CN", "country:CN use us; default use us", "2001:db8::1", "0 48"},
		{"2001:db8::/48 AS/CN", "!country:CN use us; default use us", "2001:db9::1", "0 32"},
		{"2001:db8::1/128 AS/CN", "country:CN use us; default use us", "2001:db8::1", "0 128"},
		{"0.0.0.0/0 AS/CN", "country:CN use us; default use us", "10.1.2.3", "0 0"},
		{"0.0.0.0/0 AS/CN", "country:CN use us; default use us", "255.255.255.255", "0 0"},
		{"0.0.0.0/1 AS/CN", "country:CN use us; default use us", "10.1.2.3", "0 1"},
		{"0.0.0.0/1 AS/CN", "country:CN use us; default use us", "192.0.2.1", "1 1"},
	} {
		w := newWorld(t)
		w.failover("us: a", "u")
		w.file(c.file)
		w.policy("p", c.rules)
		q := w.query(pool.IPv4, c.client)
		rule, bits := q.Atlas.rule(w.policies["p"], q.Client)
		if got := fmt.Sprint(rule, bits); got != c.want {
			t.Errorf("%q of %s with %s: got %s, want %s", c.client, c.rules, c.file, got, c.want)
		}
	}
}
