package test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/oschwald/maxminddb-golang/v2"
)

// realFiles are geo files of geodata, read by maxminddb alone, and what a policy
// decides by what they know: the truth about clients, by looking at all there is.
type realFiles struct {
	paths []string
	files []*maxminddb.Reader
	cuts  []netip.Prefix // where a rule changes that is not by the files
	rule  func(netip.Addr, *realRecord) string
}

type realRecord struct {
	Country string   `maxminddb:"country_code"`
	ASN     uint32   `maxminddb:"autonomous_system_number"`
	Lat     *float64 `maxminddb:"latitude"`
	Lon     *float64 `maxminddb:"longitude"`
}

// standIns are IPv6 addresses that stand for IPv4 ones: files are not asked about
// them as IPv6. (In the first, a file has its IPv4 part.)
var standIns = []netip.Prefix{
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"),
}

func readReal(t *testing.T, names ...string) *realFiles {
	t.Helper()
	r := &realFiles{cuts: slices.Clone(standIns)}
	for _, name := range names {
		path, err := filepath.Abs(filepath.Join("..", "geodata", name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Skipf("%s is not there: `make geodata` fetches it", filepath.Join("geodata", name))
		}
		file, err := maxminddb.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		r.paths, r.files = append(r.paths, path), append(r.files, file)
	}
	return r
}

// clients draws networks that a file knows, and an address in each.
func (r *realFiles) clients(t *testing.T, file, n int, six bool) []netip.Addr {
	t.Helper()
	random := rand.New(rand.NewPCG(2026, uint64(n)))
	var drawn []netip.Prefix
	seen := 0
	for network := range r.files[file].Networks() {
		p := network.Prefix()
		if err := network.Err(); err != nil {
			t.Fatal(err)
		}
		if p.Addr().Is6() != six || slices.ContainsFunc(standIns, p.Overlaps) {
			continue
		}
		seen++
		if len(drawn) < n {
			drawn = append(drawn, p)
		} else if i := random.IntN(seen); i < n { // each of the networks is as likely as any other
			drawn[i] = p
		}
	}
	var clients []netip.Addr
	for _, p := range drawn {
		noise := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, random.Uint64()), random.Uint64())
		b := p.Addr().AsSlice()
		for i := p.Bits(); i < 8*len(b); i++ {
			b[i/8] |= noise[i/8] & (0x80 >> (i % 8))
		}
		a, _ := netip.AddrFromSlice(b)
		clients = append(clients, a)
	}
	return clients
}

func (r *realFiles) record(t *testing.T, a netip.Addr) *realRecord {
	t.Helper()
	record := new(realRecord)
	if slices.ContainsFunc(standIns, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return record
	}
	for _, f := range r.files {
		if a.Is6() && f.Metadata.IPVersion == 4 {
			continue
		}
		if err := f.Lookup(a).Decode(record); err != nil {
			t.Fatal(err)
		}
	}
	return record
}

// part is a prefix around an address in which nothing changes.
func (r *realFiles) part(a netip.Addr) netip.Prefix {
	bits := 0
	for _, f := range r.files {
		if a.Is4() || f.Metadata.IPVersion == 6 {
			bits = max(bits, f.Lookup(a).Prefix().Bits())
		}
	}
	for _, cut := range r.cuts {
		if cut.Addr().Is4() == a.Is4() {
			bits = max(bits, min(shared(a, cut.Addr())+1, cut.Bits()))
		}
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// alike says whether all clients of a prefix have one rule.
func (r *realFiles) alike(t *testing.T, p netip.Prefix) bool {
	t.Helper()
	first := r.rule(p.Addr(), r.record(t, p.Addr()))
	for a := p.Addr(); a.IsValid() && p.Contains(a); a = lastOf(r.part(a)).Next() {
		if r.rule(a, r.record(t, a)) != first {
			return false
		}
	}
	return true
}

// check asks as clients, each by a prefix around it.
func (r *realFiles) check(t *testing.T, s *server, clients []netip.Addr, lengths ...int) {
	t.Helper()
	rules := map[string]int{}
	for i, a := range clients {
		client := netip.PrefixFrom(a, lengths[i%len(lengths)]).Masked()
		m := s.ask(t, "www.example.org", dns.TypeA, ecs(client.String()))
		want := r.rule(client.Addr(), r.record(t, client.Addr()))
		rules[want]++
		if got := strings.Join(data(m.Answer), " "); got != strings.Fields(want)[0] {
			t.Errorf("%s, of whom is known %+v: got %s, want %s", client, *r.record(t, client.Addr()), got, want)
		}
		var bits int
		if _, err := fmt.Sscanf(strings.TrimPrefix(scope(t, m), client.String()), "/%d", &bits); err != nil {
			t.Fatalf("%s: the scope is %s", client, scope(t, m))
		}
		within := func(bits int) netip.Prefix { return netip.PrefixFrom(client.Addr(), bits).Masked() }
		switch {
		case !r.alike(t, within(bits)):
			t.Errorf("%s: its scope is /%d, and not all of %s have one rule", client, bits, within(bits))
		case bits > 0 && r.alike(t, within(bits-1)):
			t.Errorf("%s: its scope is /%d, and all of %s have one rule", client, bits, within(bits-1))
		}
	}
	if len(rules) < 4 {
		t.Errorf("the clients have only these rules: %v", rules)
	}
}

// start runs a block with the files.
func (r *realFiles) start(t *testing.T, policy string) *server {
	t.Helper()
	return start(t, block("example.org", "gtm {\ngeoip "+strings.Join(r.paths, " ")+"\n"+policy+"\ndomain www.example.org use p\n}"))
}

// TestGeoReal: countries, ASes and CIDRs, by real files of both.
func TestGeoReal(t *testing.T) {
	r := readReal(t, "country.mmdb", "asn.mmdb")
	v4 := slices.Concat(r.clients(t, 0, 100, false), r.clients(t, 1, 100, false))
	v6 := slices.Concat(r.clients(t, 0, 100, true), r.clients(t, 1, 100, true))
	var cidrs []netip.Prefix
	var numbers []uint32
	countries := []string{"CN", "US", "DE", "BR"}
	for i := range 8 { // of what there is: the clients are asked about, too
		for _, a := range []netip.Addr{v4[i], v6[i]} {
			cidrs = append(cidrs, netip.PrefixFrom(a, a.BitLen()/4-1+2*i).Masked())
			numbers = append(numbers, max(1, r.record(t, v4[100+i]).ASN), max(1, r.record(t, v6[100+i]).ASN))
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	r.cuts = append(r.cuts, cidrs...)
	const ofCIDR, ofAS, ofCountry, ofNobody = "192.0.2.1", "192.0.2.2", "192.0.2.", "192.0.2.99"
	r.rule = func(a netip.Addr, known *realRecord) string {
		switch i := slices.Index(countries, known.Country); {
		case slices.ContainsFunc(cidrs, func(p netip.Prefix) bool { return p.Contains(a) }):
			return ofCIDR
		case slices.Contains(numbers, known.ASN):
			return ofAS
		case i >= 0:
			return ofCountry + fmt.Sprint(10+i)
		}
		return ofNobody
	}
	pools, rules := "", "from"
	for _, p := range cidrs {
		rules += " " + p.String()
	}
	rules += " use p-1\nfrom"
	for _, n := range numbers {
		rules += fmt.Sprintf(" asn:%d", n)
	}
	rules += " use p-2\n"
	for i, country := range countries {
		rules += fmt.Sprintf("from country:%s use p-%d\n", country, 10+i)
	}
	for _, n := range []int{1, 2, 10, 11, 12, 13, 99} {
		pools += fmt.Sprintf("pool p-%d {\naddress 192.0.2.%d\n}\n", n, n)
	}
	s := r.start(t, pools+"policy p geo {\n"+rules+"default use p-99\n}")
	r.check(t, s, v4, 24, 32, 20)
	r.check(t, s, v6, 56, 48, 128)
}

// TestGeoRealCity: pools in the order of their distance, by real files of IPv4 and
// of IPv6.
func TestGeoRealCity(t *testing.T) {
	r := readReal(t, "city-ipv4.mmdb", "city-ipv6.mmdb")
	places := [][2]float64{{1.35, 103.82}, {50.11, 8.68}, {39.04, -77.49}, {-23.55, -46.63}, {-33.87, 151.21}}
	pools, names := "", ""
	for i, at := range places {
		pools += fmt.Sprintf("pool p-%d {\naddress 192.0.2.%d\nlocation %g %g\n}\n", i, i, at[0], at[1])
		names += fmt.Sprintf(" p-%d", i)
	}
	r.rule = func(_ netip.Addr, known *realRecord) string {
		if known.Lat == nil || known.Lon == nil || *known.Lat == 0 && *known.Lon == 0 {
			return "192.0.2.99"
		}
		var order []int
		distances := make([]float64, len(places))
		for i, at := range places {
			order = append(order, i)
			distances[i] = angle(at, [2]float64{hundredths(*known.Lat), hundredths(*known.Lon)})
		}
		slices.SortFunc(order, func(i, j int) int { return cmp.Compare(distances[i], distances[j]) })
		return fmt.Sprintf("192.0.2.%d of %d", order[0], order)
	}
	s := r.start(t, pools+"pool p-99 {\naddress 192.0.2.99\n}\npolicy p latency {\npool"+names+"\ntolerance 0s\ndefault use p-99\n}")
	r.check(t, s, r.clients(t, 0, 60, false), 24, 32, 20)
	r.check(t, s, r.clients(t, 1, 60, true), 56, 48, 128)
}

// hundredths is what gtm keeps of degrees.
func hundredths(degrees float64) float64 { return math.Round(degrees*100) / 100 }

// angle is that between two places as seen from the earth's centre.
func angle(a, b [2]float64) float64 {
	x, y := onSphere(a), onSphere(b)
	dot := 0.0
	for i := range x {
		dot += x[i] * y[i]
	}
	return math.Acos(max(-1, min(1, dot)))
}

func onSphere(at [2]float64) [3]float64 {
	lat, lon := at[0]*math.Pi/180, at[1]*math.Pi/180
	return [3]float64{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
}
