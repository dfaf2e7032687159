package geo

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestEmbedded(t *testing.T) {
	for _, c := range []struct {
		prefix, want string // "": it is as it is
		at           int
	}{
		{"192.0.2.0/24", "", 0},
		{"0.0.0.0/0", "", 0},

		{"::ffff:192.0.2.1/128", "192.0.2.1/32", 96}, // IPv4-mapped
		{"::ffff:192.0.2.1/127", "192.0.2.0/31", 96},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24", 96},
		{"::ffff:192.0.0.0/104", "192.0.0.0/8", 96},
		{"::ffff:192.0.0.0/97", "128.0.0.0/1", 96},
		{"::ffff:0:0/96", "0.0.0.0/0", 96},
		{"::fffe:0:0/95", "", 0},
		{"::fffe:c000:201/128", "", 0},
		{"::1:ffff:c000:201/128", "", 0},
		{"::192.0.2.1/128", "", 0}, // IPv4-compatible, which is out of use

		{"64:ff9b::192.0.2.1/128", "192.0.2.1/32", 96}, // NAT64
		{"64:ff9b::192.0.2.0/120", "192.0.2.0/24", 96},
		{"64:ff9b::/96", "0.0.0.0/0", 96},
		{"64:ff9b::/95", "", 0},
		{"64:ff9b::1:c000:201/128", "", 0},
		{"64:ff9b:1::192.0.2.1/128", "", 0}, // for use within a network (RFC 8215): its form is not known

		{"2002:c000:201::/48", "192.0.2.1/32", 16}, // 6to4
		{"2002:c000:201:ffff::/64", "192.0.2.1/32", 16},
		{"2002:c000:201:1:2:3:4:5/128", "192.0.2.1/32", 16},
		{"2002:c000:200::/40", "192.0.2.0/24", 16},
		{"2002:c000::/17", "128.0.0.0/1", 16},
		{"2002::/16", "0.0.0.0/0", 16},
		{"2002::/15", "", 0},
		{"2003:c000:201::/48", "", 0},
		{"2001:c000:201::/48", "", 0},

		{"2001:0:5ef5:79fb:0:0:3fff:fdfe/128", "192.0.2.1/32", 96}, // Teredo
		{"2001:0:5ef5:79fb:0:0:3fff:fdfe/127", "192.0.2.0/31", 96},
		{"2001::3fff:fd00/120", "192.0.2.0/24", 96},
		{"2001::3f00:0/104", "192.0.0.0/8", 96},
		{"2001::/97", "128.0.0.0/1", 96},
		{"2001::/96", "0.0.0.0/0", 96},
		{"2001::/95", "", 0},
		{"2001::/32", "", 0},
		{"2001:1::3fff:fdfe/128", "", 0},

		{"2001:db8::/32", "", 0},
		{"::/0", "", 0},
		{"::1/128", "", 0},
	} {
		p := netip.MustParsePrefix(c.prefix)
		v4, at, ok := Embedded(p)
		switch {
		case ok != (c.want != "") || at != c.at:
			t.Errorf("%s: got %s at %d, %t", p, v4, at, ok)
		case ok && v4.String() != c.want:
			t.Errorf("%s: got %s, want %s", p, v4, c.want)
		case !ok && v4 != p:
			t.Errorf("%s: got %s, want it as it is", p, v4)
		}
	}
}

func TestSpecial(t *testing.T) {
	for _, c := range []struct{ prefix, inside, outside string }{
		{"0.0.0.0/8", "0.0.0.0 0.255.255.255", "1.0.0.0"},
		{"10.0.0.0/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0"},
		{"100.64.0.0/10", "100.64.0.0 100.127.255.255", "100.63.255.255 100.128.0.0"},
		{"127.0.0.0/8", "127.0.0.0 127.255.255.255", "126.255.255.255 128.0.0.0"},
		{"169.254.0.0/16", "169.254.0.0 169.254.255.255", "169.253.255.255 169.255.0.0"},
		{"172.16.0.0/12", "172.16.0.0 172.31.255.255", "172.15.255.255 172.32.0.0"},
		{"192.168.0.0/16", "192.168.0.0 192.168.255.255", "192.167.255.255 192.169.0.0"},
		{"::/127", ":: ::1", "::2 ::10.0.0.1 ::ffff:10.0.0.1"},
		{"fc00::/7", "fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe00::"},
		{"fe80::/10", "fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff fec0::"},
	} {
		for text := range strings.FieldsSeq(c.inside) {
			if p, ok := Special(netip.MustParseAddr(text)); !ok || p.String() != c.prefix {
				t.Errorf("%s is in %s, %t, want %s", text, p, ok, c.prefix)
			}
		}
		for text := range strings.FieldsSeq(c.outside) {
			if p, ok := Special(netip.MustParseAddr(text)); ok {
				t.Errorf("%s is in %s", text, p)
			}
		}
	}
	// Documentation, benchmarks and multicast are elsewhere on the Internet, or nowhere.
	for _, text := range []string{"192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "2001:db8::1", "ff02::1"} {
		if p, ok := Special(netip.MustParseAddr(text)); ok {
			t.Errorf("%s is in %s", text, p)
		}
	}
	if p, ok := Special(netip.Addr{}); ok {
		t.Errorf("nobody is in %s", p)
	}
}

// TestWalks: the prefixes of IPv6 that are read and those that stand for IPv4 are
// all of it, each address once; and they come in order.
func TestWalks(t *testing.T) {
	if want := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}; !slices.Equal(walks[0], want) {
		t.Errorf("of IPv4 %v are read, want %v", walks[0], want)
	}
	holes := []netip.Prefix{
		netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("64:ff9b::/96"),
		netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"),
	}
	number := func(a netip.Addr) *big.Int { return new(big.Int).SetBytes(a.AsSlice()) }
	next := new(big.Int)
	parts := slices.Concat(walks[1], holes)
	slices.SortFunc(parts, netip.Prefix.Compare)
	for _, p := range parts {
		if p != p.Masked() || number(p.Addr()).Cmp(next) != 0 {
			t.Fatalf("%s does not begin where the one before it ends", p)
		}
		next.Add(number(last(p)), big.NewInt(1))
	}
	if next.Cmp(new(big.Int).Lsh(big.NewInt(1), 128)) != 0 {
		t.Errorf("behind the last one there are addresses from %v on", next)
	}
	if !slices.IsSortedFunc(walks[1], netip.Prefix.Compare) {
		t.Errorf("the walks are not in order: %v", walks[1])
	}
	for i, p := range walks[1][1:] { // as few as can be
		if q := walks[1][i]; q.Bits() == p.Bits() && netip.PrefixFrom(q.Addr(), q.Bits()-1).Masked().Contains(p.Addr()) {
			t.Errorf("%s and %s are halves of one", q, p)
		}
	}
}
