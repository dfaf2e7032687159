package test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// visitor is a client that is told by ECS.
type visitor struct {
	addr netip.Addr
	form string     // in which it stands for another address, or ""
	of   netip.Addr // that one
}

// borders are the first and last address of each network of the world, those next
// to them, and of some that are no place's. Each IPv4 address is there in IPv6, too.
func borders() []visitor {
	var all []visitor
	add := func(a visitor) {
		if a.addr.IsValid() && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	networks := []string{
		"64:ff9b::/96", "2001::/32", "2002::/16", "10.0.0.0/8", "10.1.0.0/16", "127.0.0.0/8", "203.0.113.64/27", "fc00::/7", "2400::/8", "2001:db8::/32", "2001:db8:1::/56",
	}
	for network := range world {
		networks = append(networks, network)
	}
	for _, network := range networks {
		p := netip.MustParsePrefix(network)
		last := lastOf(p)
		for _, a := range []netip.Addr{p.Addr().Prev(), p.Addr(), last, last.Next()} {
			add(visitor{addr: a})
			if a.Is4() {
				for form, six := range inIPv6(a) {
					add(visitor{six, form, a})
				}
			}
		}
	}
	return all
}

// inIPv6 are the IPv6 addresses that stand for an IPv4 one.
func inIPv6(a netip.Addr) map[string]netip.Addr {
	b := a.As4()
	return map[string]netip.Addr{
		"6to4":   netip.AddrFrom16([16]byte{0: 0x20, 1: 0x02, 2: b[0], 3: b[1], 4: b[2], 5: b[3], 15: 9}),
		"NAT64":  netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}),
		"Teredo": netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 4: 198, 5: 51, 6: 100, 7: 1, 12: ^b[0], 13: ^b[1], 14: ^b[2], 15: ^b[3]}),
		"mapped": netip.AddrFrom16(a.As16()),
	}
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// shared is how many bits two addresses of one length share.
func shared(a, b netip.Addr) int {
	x, y := a.AsSlice(), b.AsSlice()
	for i := range 8 * len(x) {
		if (x[i/8]^y[i/8])>>(7-i%8)&1 != 0 {
			return i
		}
	}
	return 8 * len(x)
}

// TestGeoScopeIsTrue is what a resolver relies on: within the scope of an answer,
// every client is answered so; and no shorter one would do. All borders are asked,
// and each answer is compared with those of all others.
func TestGeoScopeIsTrue(t *testing.T) {
	city := fake.MMDB{Kind: "City", Places: world}.Temp(t)
	asn := fake.MMDB{Kind: "ASN", Flat: true, Places: world}.Temp(t)
	s := start(t, block("example.org", "gtm {\ngeoip "+city+" "+asn+letters+"\n"+
		by("country", "country:CN")+by("carrier", "asn:64500")+by("abroad", "!continent:AS")+
		by("nets", "10.0.0.0/8 192.0.2.64/26 2001:db8:1::/56")+by("both", "10.1.0.0/16 subdivision:GB-LND 2001:db8::/32")+`
		pool near {
			address 192.0.2.10 from country:CN location 39.9 116.4
			address 192.0.2.11 location 50.1 8.7
			address 192.0.2.12 from 203.0.113.64/27 subdivision:GB-ENG
			balance nearest
		}
		policy fast latency {
			pool a b
			default use z
			table `+table(t, "asn:64500,a,10", "asn:64501,a,20", "192.0.2.0/24,b,15", "continent:EU,b,5")+`
			tolerance 0
		}
		domain near.example.org use near
		domain fast.example.org use fast
	}`))
	ranked := map[string]bool{"near": true, "fast": true} // what comes second may change, too
	for _, name := range []string{"country", "carrier", "abroad", "nets", "both", "near", "fast"} {
		t.Run(name, func(t *testing.T) {
			type answer struct {
				visitor
				scope int
				text  string
			}
			var answers []answer
			for _, who := range borders() {
				m := s.ask(t, name+".example.org", dns.TypeA, ecs(netip.PrefixFrom(who.addr, who.addr.BitLen()).String()))
				e := m.IsEdns0().Option[0].(*dns.EDNS0_SUBNET)
				answers = append(answers, answer{who, int(e.SourceScope), fmt.Sprint(data(m.Answer))})
			}
			differs := func(a answer, bits int) bool {
				return slices.ContainsFunc(answers, func(b answer) bool {
					return b.addr.BitLen() == a.addr.BitLen() && b.text != a.text && shared(a.addr, b.addr) >= bits
				})
			}
			for _, a := range answers {
				if differs(a, a.scope) {
					t.Errorf("%s is given %s with scope %d, and others within it are not", a.addr, a.text, a.scope)
				}
			}
			for _, a := range answers {
				if ownPlace(a.addr) && !ranked[name] && a.scope > 0 && !differs(a, a.scope-1) {
					t.Errorf("%s is given %s with scope %d, and a shorter one would do", a.addr, a.text, a.scope)
				}
			}
			for _, a := range answers { // what stands for an address is decided as that is
				i := slices.IndexFunc(answers, func(b answer) bool { return b.form == "" && b.addr == a.of })
				if i >= 0 && a.text != answers[i].text {
					t.Errorf("%s is given %s, and %s %s", a.addr, a.text, answers[i].addr, answers[i].text)
				}
			}
		})
	}
}

// table writes a latency table into a folder that goes with the test.
func table(t testing.TB, rows ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "latency.csv")
	if err := os.WriteFile(path, []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ownPlace says whether an address has a place of its own: it is not for use within
// a network, and does not stand for another one.
func ownPlace(a netip.Addr) bool {
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	return a.Is4() || !slices.ContainsFunc(standIns, func(p netip.Prefix) bool { return shared(p.Addr(), a) >= p.Bits() })
}
