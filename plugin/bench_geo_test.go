package gtm

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
)

// BenchmarkGeoAnswer is the ratio of an answer by country to one without a policy,
// for clients from everywhere, from the packet of the question to that of the reply;
// what CoreDNS does around that, and the network, is left out. It takes the country file of make geodata where there is one.
func BenchmarkGeoAnswer(b *testing.B) {
	file, err := filepath.Abs("../geodata/country.mmdb")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		b.Skip("there are no real files: make geodata fetches them")
	}
	body := `pool web {
		address 192.0.2.1
		address 192.0.2.2
		address 192.0.2.3
	}
	domain plain.example.org use web
	geoip ` + file + `
	policy p geo {
		from country:CN country:HK continent:EU use web
		from continent:NA use web
		default use web
	}
	domain geo.example.org use p`
	cfg, err := parseOne(b, body)
	if err != nil {
		b.Fatal(err)
	}
	plan, atlas, err := compile(cfg)
	if err != nil {
		b.Fatal(err)
	}
	pub := newPublisher(plan, atlas)
	if err := pub.start(still(b), nil); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { pub.stop(false) })
	g := &GTM{instance: &instance{plan: plan, publisher: pub}}
	clients := make([]net.Addr, 1<<14)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range clients {
		ip := random.Uint32()
		clients[i] = &net.UDPAddr{IP: net.IPv4(byte(ip>>24), byte(ip>>16), byte(ip>>8), byte(ip)), Port: 40000}
	}
	for _, withECS := range []bool{false, true} {
		name := map[bool]string{false: "source address", true: "ECS"}[withECS]
		b.Run(name, func(b *testing.B) {
			ask := func(qname string) func() {
				r := new(dns.Msg).SetQuestion(qname, dns.TypeA)
				subnet := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24}
				if withECS {
					r.SetEdns0(1232, false)
					r.Extra[0].(*dns.OPT).Option = []dns.EDNS0{subnet}
				}
				wires := make([][]byte, len(clients))
				for i, client := range clients {
					subnet.Address = client.(*net.UDPAddr).IP.Mask(net.CIDRMask(24, 32))
					if wires[i], err = r.Pack(); err != nil {
						b.Fatal(err)
					}
				}
				w, ctx, i := newSink(), b.Context(), 0
				return func() {
					i++
					q := new(dns.Msg)
					if err := q.Unpack(wires[i%len(wires)]); err != nil {
						b.Fatal(err)
					}
					if !withECS {
						w.from = clients[i%len(clients)]
					}
					if _, err := g.ServeDNS(ctx, w, q); err != nil {
						b.Fatal(err)
					}
					if _, err := w.msg.Pack(); err != nil {
						b.Fatal(err)
					}
				}
			}
			inTurns(b, 2000, ask("plain.example.org."), ask("geo.example.org."))
		})
	}
}
