package geo

import "net/netip"

// embedding is a part of IPv6 whose addresses stand for IPv4 addresses.
type embedding struct {
	prefix netip.Prefix
	at     int  // where the IPv4 address begins, in bits
	not    bool // its bits are inverted
}

var embeddings = [...]embedding{
	{prefix: netip.MustParsePrefix("::ffff:0:0/96"), at: 96},        // IPv4-mapped (RFC 4291, section 2.5.5.2)
	{prefix: netip.MustParsePrefix("64:ff9b::/96"), at: 96},         // NAT64 (RFC 6052, section 2.1)
	{prefix: netip.MustParsePrefix("2002::/16"), at: 16},            // 6to4 (RFC 3056, section 2)
	{prefix: netip.MustParsePrefix("2001::/32"), at: 96, not: true}, // Teredo: the client's address (RFC 4380, section 4)
}

// Embedded is the IPv4 prefix in an IPv6 prefix, and at which bit it begins
// there; not ok where there is none, or where the prefix ends before it.
func Embedded(p netip.Prefix) (v4 netip.Prefix, at int, ok bool) {
	a := p.Addr().As16()
	for _, e := range embeddings {
		if p.Bits() < e.at || !e.prefix.Contains(p.Addr()) {
			continue
		}
		b := [4]byte(a[e.at/8:])
		if e.not {
			for i := range b {
				b[i] = ^b[i]
			}
		}
		v4 = netip.PrefixFrom(netip.AddrFrom4(b), min(32, p.Bits()-e.at))
		return v4.Masked(), e.at, true
	}
	return p, 0, false
}

// special are the prefixes for use within a network, which are of no place that a
// geo file could tell (RFC 6890; 100.64.0.0/10: RFC 6598; fc00::/7: RFC 4193). Those
// of a family are in order.
var special = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("::/127"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("fe80::/10"),
}

// Special is the prefix for use within a network that an address is in, if it is
// in one.
func Special(a netip.Addr) (netip.Prefix, bool) {
	for _, p := range special {
		if p.Contains(a) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}
