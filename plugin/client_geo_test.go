package gtm

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// TestClientStandsIn is who a client is whose address stands for another one, by
// ECS and by its source address, and what bit of the option a scope counts from.
func TestClientStandsIn(t *testing.T) {
	ecs := func(text string) *dns.EDNS0_SUBNET {
		p := netip.MustParsePrefix(text)
		e := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}
		if p.Addr().Is6() {
			e.Family = 2
		}
		return e
	}
	for _, test := range []struct {
		source, subnet string
		want           string // client, its Via or "-", where it begins
	}{
		{"192.0.2.1", "", "192.0.2.1/32 - 0"},
		{"2001:db8::1", "", "2001:db8::1/128 - 0"},
		{"::ffff:192.0.2.1", "", "192.0.2.1/32 - 0"},
		{"2002:c000:201::1", "", "192.0.2.1/32 - 0"},
		{"64:ff9b::c000:201", "", "192.0.2.1/32 - 0"},
		{"2001:0:c633:6401::3fff:fdfe", "", "192.0.2.1/32 - 0"},
		{"10.0.0.1", "", "10.0.0.1/32 - 0"}, // it has no other one to go by

		{"198.51.100.1", "192.0.2.0/24", "192.0.2.0/24 - 0"},
		{"198.51.100.1", "10.1.0.0/16", "10.1.0.0/16 198.51.100.1 0"},
		{"198.51.100.1", "100.64.0.0/10", "100.64.0.0/10 198.51.100.1 0"},
		{"198.51.100.1", "100.128.0.0/10", "100.128.0.0/10 - 0"},
		{"198.51.100.1", "fc00::/7", "fc00::/7 198.51.100.1 0"},
		{"198.51.100.1", "fe80::/64", "fe80::/64 198.51.100.1 0"},
		{"2002:c633:6401::1", "192.168.0.0/16", "192.168.0.0/16 198.51.100.1 0"}, // the resolver, too
		{"198.51.100.1", "0.0.0.0/0", "198.51.100.1/32 - 0"},

		{"198.51.100.1", "2002::/16", "2002::/16 - 0"}, // no bit of an IPv4 address
		{"198.51.100.1", "2002:8000::/17", "128.0.0.0/1 - 16"},
		{"198.51.100.1", "2002:c000:200::/40", "192.0.2.0/24 - 16"},
		{"198.51.100.1", "2002:c000:201::/48", "192.0.2.1/32 - 16"},
		{"198.51.100.1", "2002:c000:201:1::/64", "192.0.2.1/32 - 16"},
		{"198.51.100.1", "2002:a00::/24", "10.0.0.0/8 198.51.100.1 16"},
		{"198.51.100.1", "64:ff9b::/96", "64:ff9b::/96 - 0"},
		{"198.51.100.1", "64:ff9b::c000:200/120", "192.0.2.0/24 - 96"},
		{"198.51.100.1", "64:ff9b:1::c000:200/120", "64:ff9b:1::c000:200/120 - 0"}, // of RFC 8215: each network's own
		{"198.51.100.1", "::ffff:192.0.2.0/120", "192.0.2.0/24 - 96"},
		{"198.51.100.1", "::c000:200/120", "::c000:200/120 - 0"}, // IPv4-compatible: no one has it
		{"198.51.100.1", "2001:0:c633:6401::/64", "2001:0:c633:6401::/64 - 0"},
		{"198.51.100.1", "2001:0:c633:6401:0:ffff:3fff:fd00/120", "192.0.2.0/24 - 96"},
		{"198.51.100.1", "2001:0:c633:6401::f5ff:ffff/128", "10.0.0.0/32 198.51.100.1 96"},
	} {
		s := &snapshot{plan: mustCompile(t, "ecs on")}
		var opt *dns.OPT
		if test.subnet != "" {
			opt = &dns.OPT{Option: []dns.EDNS0{ecs(test.subnet)}}
		}
		c := s.client(&from{remote: &net.TCPAddr{IP: net.ParseIP(test.source), Port: 53}}, opt)
		via := "-"
		if c.Via.IsValid() {
			via = c.Via.String()
		}
		if got := fmt.Sprintf("%s/%d %s %d", c.Addr, c.Bits, via, c.at); got != test.want {
			t.Errorf("%s %s: got %s, want %s", test.source, test.subnet, got, test.want)
		}
	}
}
