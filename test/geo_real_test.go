package test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"github.com/oschwald/maxminddb-golang/v2"
)

// realFile is a geo file that `make geodata` has fetched, and its path from here.
func realFile(t *testing.T, name string) (r *maxminddb.Reader, path string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "geodata", name))
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("there are no real geo files: run `make geodata` (%v)", err)
	}
	if r, err = maxminddb.OpenBytes(content); err != nil {
		t.Fatal(err)
	}
	return r, path
}

// realPlace is what the flat files say of an address, read with another reader than
// gtm's own tables.
type realPlace struct {
	Country string   `maxminddb:"country_code"`
	ASN     uint32   `maxminddb:"autonomous_system_number"`
	Lat     *float64 `maxminddb:"latitude"`
	Lon     *float64 `maxminddb:"longitude"`
}

func (p *realPlace) read(t *testing.T, r *maxminddb.Reader, a netip.Addr) {
	t.Helper()
	if err := r.Lookup(a).Decode(p); err != nil {
		t.Fatal(err)
	}
}

// strangers are clients of no network in particular: of IPv4, and of the half of
// IPv6 that is given out.
func strangers(n int) []netip.Addr {
	random := rand.New(rand.NewPCG(1, 2))
	var all []netip.Addr
	for len(all) < n {
		four := netip.AddrFrom4([4]byte{byte(1 + random.IntN(223)), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())})
		six := [16]byte{0: 0x20 | byte(random.IntN(16)), 1: byte(random.IntN(256)), 2: byte(random.Uint32()), 3: byte(random.Uint32()), 4: byte(random.Uint32())}
		if ownPlace(four) && ownPlace(netip.AddrFrom16(six)) {
			all = append(all, four, netip.AddrFrom16(six))
		}
	}
	return all
}

// ownPlace says whether an address has a place of its own: it is not for use within
// a network, and does not stand for another one.
func ownPlace(a netip.Addr) bool {
	b := a.AsSlice()
	if a.Is4() {
		return !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && b[0] != 0 && b[0] != 100
	}
	return !(b[0] == 0x20 && (b[1] == 0x02 || b[1] == 0x01 && b[2] == 0 && b[3] == 0))
}

// inScope is another client within the scope of an answer.
func inScope(a netip.Addr, scope int, random *rand.Rand) netip.Addr {
	b := a.AsSlice()
	for bit := scope; bit < 8*len(b); bit++ {
		if random.IntN(2) == 0 {
			b[bit/8] ^= 0x80 >> (bit % 8)
		}
	}
	other, _ := netip.AddrFromSlice(b)
	return other
}

// TestGeoReal is real files, asked for thousands of clients: the answer is what the
// files say of each, and of any other one within its scope.
func TestGeoReal(t *testing.T) {
	countries, countryFile := realFile(t, "country.mmdb")
	asns, asnFile := realFile(t, "asn.mmdb")
	s := start(t, block("example.org", "gtm {\ngeoip "+countryFile+" "+asnFile+letters+`
		policy world geo {
			from asn:4134 asn:3356 asn:16509 use c
			from country:CN country:HK use a
			from country:US !asn:7018 use b
			default use z
		}
		domain www.example.org use world
	}`))
	want := func(a netip.Addr) string {
		var p realPlace
		p.read(t, countries, a)
		p.read(t, asns, a)
		switch {
		case p.ASN == 4134 || p.ASN == 3356 || p.ASN == 16509:
			return inC
		case p.Country == "CN" || p.Country == "HK":
			return inA
		case p.Country == "US" && p.ASN != 7018:
			return inB
		}
		return inZ
	}
	random := rand.New(rand.NewPCG(3, 4))
	seen := map[string]int{}
	for _, client := range append(strangers(4000), netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("2001:4860:4860::8888")) {
		m := s.ask(t, "www.example.org", dns.TypeA, ecs(netip.PrefixFrom(client, client.BitLen()).String()))
		answer := data(m.Answer)
		scope := int(m.IsEdns0().Option[0].(*dns.EDNS0_SUBNET).SourceScope)
		for _, a := range []netip.Addr{client, inScope(client, scope, random), inScope(client, scope, random)} {
			if ownPlace(a) && !slices.Equal(answer, []string{want(a)}) {
				t.Errorf("%s: answer %s with scope %d, and %s is to have %s", client, answer, scope, a, want(a))
			}
		}
		if scope == 0 {
			t.Errorf("%s: scope 0, though rules look at it", client)
		}
		seen[answer[0]]++
	}
	for _, answer := range []string{inA, inB, inC, inZ} {
		if seen[answer] < 20 {
			t.Errorf("too few of each: %v", seen)
		}
	}
}

// TestLatencyReal is the nearest of some sites, by a real City file and another
// formula for the distance.
func TestLatencyReal(t *testing.T) {
	cities, path := realFile(t, "city-ipv4.mmdb")
	sites := map[string][2]float64{"192.0.2.1": {39.9, 116.4}, "192.0.2.2": {1.35, 103.8}, "192.0.2.3": {50.1, 8.7}, "192.0.2.4": {38.9, -77}, "192.0.2.5": {-23.5, -46.6}}
	body, names := "", ""
	for addr, at := range sites {
		name := "at" + addr[len("192.0.2."):]
		body += fmt.Sprintf("pool %s {\naddress %s\nlocation %v %v\n}\n", name, addr, at[0], at[1])
		names += " " + name
	}
	s := start(t, block("example.org", "gtm {\ngeoip "+path+"\n"+body+"pool z {\naddress 192.0.2.99\n}\npolicy near latency {\npool"+names+"\ntolerance 0\ndefault use z\n}\ndomain www.example.org use near\n}"))
	located := 0
	for _, client := range strangers(3000) {
		if !client.Is4() {
			continue
		}
		got := data(s.ask(t, "www.example.org", dns.TypeA, ecs(netip.PrefixFrom(client, 32).String())).Answer)[0]
		var p realPlace
		p.read(t, cities, client)
		if p.Lat == nil || p.Lon == nil || *p.Lat == 0 && *p.Lon == 0 {
			if got != inZ {
				t.Errorf("%s is nowhere, and answered %s", client, got)
			}
			continue
		}
		located++
		best := math.Inf(1)
		for _, at := range sites {
			best = min(best, angle(at, [2]float64{*p.Lat, *p.Lon}))
		}
		const enough = 0.001 // some kilometres: gtm rounds to hundredths of a degree
		if at, ok := sites[got]; !ok || angle(at, [2]float64{*p.Lat, *p.Lon}) > best+enough {
			t.Errorf("%s at %v %v is answered %s", client, *p.Lat, *p.Lon, got)
		}
	}
	if located < 500 {
		t.Errorf("only %d clients have a place", located)
	}
}

// angle is how far two places are apart, by the law of cosines.
func angle(a, b [2]float64) float64 {
	const degree = math.Pi / 180
	c := math.Sin(a[0]*degree)*math.Sin(b[0]*degree) + math.Cos(a[0]*degree)*math.Cos(b[0]*degree)*math.Cos((a[1]-b[1])*degree)
	return math.Acos(max(-1, min(1, c)))
}
