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

// Shadows says whether a prefix is of addresses that stand for IPv4, and of none of
// these in particular: no client is taken for one of it.
func Shadows(p netip.Prefix) bool {
	for _, e := range embeddings {
		if e.prefix.Bits() <= p.Bits() && p.Bits() <= e.at && e.prefix.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

// Apart is how many bits of an IPv6 address tell it from those that stand for IPv4,
// about whom is decided otherwise. One that would stand for IPv4, were more of it
// known, is as far apart as its first bit of that.
func Apart(a netip.Addr) int {
	n := 0
	for i, k := range embedded {
		same := common(keyOf(a), k)
		if same >= embeddings[i].prefix.Bits() {
			return embeddings[i].at + 1
		}
		n = max(n, same+1)
	}
	return n
}

// embedded are where the embeddings begin.
var embedded = func() (keys [len(embeddings)]key) {
	for i, e := range embeddings {
		keys[i] = keyOf16(e.prefix.Addr().As16())
	}
	return keys
}()

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
