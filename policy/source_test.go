package policy

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseSource(t *testing.T) {
	for _, c := range []struct{ token, want string }{
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"192.0.2.1", "192.0.2.1/32"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"2001:DB8::1", "2001:db8::1/128"},
		{"::ffff:192.0.2.1", "192.0.2.1/32"},
		{"::ffff:10.0.0.0/104", "10.0.0.0/8"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"::/0", "::/0"},
		{"!10.0.0.0/8", "!10.0.0.0/8"},
		{"64:ff9b::192.0.2.0/120", "192.0.2.0/24"},
		{"2002:c000:200::/40", "192.0.2.0/24"},
		{"2002::/15", "2002::/15"},
		{"country:CN", "country:CN"},
		{"country:XK", "country:XK"},
		{"!continent:AN", "!continent:AN"},
		{"subdivision:GB-ENG", "subdivision:GB-ENG"},
		{"subdivision:FR-75C", "subdivision:FR-75C"},
		{"subdivision:AT-9", "subdivision:AT-9"},
		{"asn:4294967294", "asn:4294967294"},
		{"region:apac", "region:apac"},
		{"!region:apac", "!region:apac"},
	} {
		s, err := ParseSource(c.token)
		if err != nil || s.String() != c.want {
			t.Errorf("%s: got %v, %v, want %s", c.token, s, err, c.want)
		}
	}
	for _, c := range []struct{ token, say string }{
		{"", "not a source"},
		{"!", "not a source"},
		{"!!10.0.0.0/8", "not a source"},
		{"10.0.0.0/33", "10.0.0.0/33"},
		{"10.0.0.1/8", ""},
		{"::ffff:0.0.0.0/95", ""},
		{"fe80::1%eth0", ""},
		{"region:", "lacks a region's name"},
		{"country:UK", "did you mean GB?"},
		{"country:cn", "not in upper case: write country:CN"},
		{"country:EU", "not a country"},
		{"country:CHN", "not a country"},
		{"country:", "not a country"},
		{"continent:US", "not a continent: want AF"},
		{"subdivision:CN", "not a subdivision"},
		{"subdivision:CN-", "not a subdivision"},
		{"subdivision:UK-ENG", "not a subdivision"},
		{"subdivision:CN-GUANG", "not a subdivision"},
		{"asn:AS4134", "not an AS number"},
		{"asn:0", "not an AS number"},
		{"asn:007", "not an AS number"},
		{"asn:4294967295", "not an AS number"},
		{"asn:4294967296", "not an AS number"},
		{"location:1", "not a source"},
		{"2002::/16", "write the IPv4 prefix"},
		{"64:ff9b::/96", "write the IPv4 prefix"},
		{"2001::/32", "write the IPv4 prefix"},
		{"2001:0:c633::/48", "write the IPv4 prefix"},
		{"planet:mars", "not a source"},
		{"example.org", "not a source"},
	} {
		if s, err := ParseSource(c.token); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%q is read as %v, %v", c.token, s, err)
		}
	}
}

// TestMatch: which rule a client gets. On a from line tokens are ORed, and a
// negated one that names the client excludes it; on a region's match lines they
// are ANDed, and lines are ORed.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name    string
		regions [][2]string
		from    string
		in, out string // clients
	}{
		{"one prefix", nil, "10.0.0.0/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0 2001:db8::1 unknown"},
		{"tokens are ORed", nil, "10.0.0.0/8 192.0.2.1 2001:db8::/32", "10.1.1.1 192.0.2.1 2001:db8::1", "192.0.2.2 2001:db9::1 unknown"},
		{"negated beside positive", nil, "10.0.0.0/8 !10.1.0.0/16", "10.0.0.1 10.2.0.0", "10.1.0.0 10.1.255.255 192.0.2.1 unknown"},
		{"the order does not matter", nil, "!10.1.0.0/16 10.0.0.0/8", "10.0.0.1 10.2.0.0", "10.1.0.0 192.0.2.1"},
		{"negated alone", nil, "!10.0.0.0/8", "192.0.2.1 2001:db8::1 unknown", "10.0.0.1"},
		{"two negated", nil, "!10.0.0.0/8 !192.0.2.0/24", "198.51.100.1 unknown", "10.0.0.1 192.0.2.1"},
		{"a negated one wins", nil, "10.1.0.0/16 !10.0.0.0/8", "", "10.1.1.1 10.2.2.2 192.0.2.1"},
		{"everyone", nil, "0.0.0.0/0 ::/0", "192.0.2.1 2001:db8::1", "unknown"},
		{"IPv4 alone", nil, "0.0.0.0/0", "192.0.2.1", "2001:db8::1 ::ffff:1:1"},

		{"a region's lines are ORed", [][2]string{{"r", "10.0.0.0/8; 192.0.2.0/24"}}, "region:r", "10.0.0.1 192.0.2.1", "198.51.100.1 unknown"},
		{"a line's tokens are ANDed", [][2]string{{"r", "10.0.0.0/8 10.1.0.0/16"}}, "region:r", "10.1.0.1", "10.2.0.1 192.0.2.1"},
		{"a line that nobody meets", [][2]string{{"r", "10.0.0.0/8 192.0.2.0/24"}}, "region:r", "", "10.0.0.1 192.0.2.1 unknown"},
		{"negation in a line", [][2]string{{"r", "10.0.0.0/8 !10.1.0.0/16"}}, "region:r", "10.2.0.1", "10.1.0.1 192.0.2.1 unknown"},
		{"a negated region", [][2]string{{"r", "10.0.0.0/8"}}, "!region:r", "192.0.2.1 unknown", "10.0.0.1"},
		{"a region negated beside a prefix", [][2]string{{"r", "10.1.0.0/16; 10.2.0.0/16"}}, "10.0.0.0/8 !region:r", "10.3.0.1", "10.1.0.1 10.2.0.1 192.0.2.1"},
		{"a region of regions", [][2]string{{"a", "10.0.0.0/8"}, {"b", "10.1.0.0/16"}, {"r", "region:a !region:b; 192.0.2.1"}}, "region:r",
			"10.2.0.1 192.0.2.1", "10.1.0.1 192.0.2.2 unknown"},
		{"twice negated", [][2]string{{"a", "!10.0.0.0/8 0.0.0.0/0"}}, "!region:a", "10.0.0.1 2001:db8::1", "192.0.2.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.failover("us: a", "u")
			for _, r := range c.regions {
				w.region(r[0], r[1])
			}
			w.policy("p", c.from+" use us; default use us")
			for rule, clients := range []string{c.in, c.out} {
				for client := range strings.FieldsSeq(clients) {
					addr, _ := netip.ParseAddr(client)
					if got := w.match("p", addr); got != rule {
						t.Errorf("%s gets rule %d, want %d", client, got, rule)
					}
				}
			}
		})
	}
}

func TestFirstMatchWins(t *testing.T) {
	w := newWorld(t)
	w.failover("us: a", "u")
	w.policy("p", "10.1.0.0/16 use us; 10.0.0.0/8 use us; 10.2.0.0/16 192.0.2.0/24 use us; default use us")
	for client, want := range map[string]int{"10.1.0.1": 0, "10.2.0.1": 1, "192.0.2.1": 2, "198.51.100.1": 3} {
		if got := w.match("p", netip.MustParseAddr(client)); got != want {
			t.Errorf("%s gets rule %d, want %d", client, got, want)
		}
	}
}
