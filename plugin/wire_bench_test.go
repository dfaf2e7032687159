package gtm

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// usualLane is a lane in front of threeAddresses, and an ordinary query.
func usualLane(tb testing.TB) (*lane, []byte) {
	tb.Helper()
	b := serving(tb, threeAddresses).instance
	f := newFront("dns://:53", []*wired{{instance: b, zones: []string{"example.org."}}})
	packet, err := new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA).SetEdns0(1232, false).Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return f.Lane().(*lane), packet
}

var wireClient = netip.MustParseAddrPort("192.0.2.200:40000")

// BenchmarkWire is the fast path from packet to packet, without the sockets.
func BenchmarkWire(b *testing.B) {
	for _, counts := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "with prometheus"}[counts], func(b *testing.B) {
			l, packet := usualLane(b)
			if counts {
				l.blocks[0].counted = l.blocks[0].zones
			}
			room := make([]byte, 0, 512)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := l.Answer(room, packet, wireClient); !ok {
					b.Fatal("no answer")
				}
				if i%16 == 15 {
					l.Sent()
				}
			}
		})
	}
}
