package policy

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// geodata is a geo file of some size, read by maxminddb, too: a real one where
// `make geodata` has fetched it, else one made up with as many networks.
type geodata struct {
	file     *geo.File
	db       *maxminddb.Reader
	networks []netip.Prefix // that it knows
	others   []netip.Prefix
	places   []geo.Place // that a source can name
}

// place is what a flat file says of a network.
type place struct {
	Country string `maxminddb:"country_code"`
	ASN     uint32 `maxminddb:"autonomous_system_number"`
}

func readGeodata(tb testing.TB, kind string) *geodata {
	tb.Helper()
	path := filepath.Join("..", "geodata", kind+".mmdb")
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Logf("%s is not there (`make geodata` fetches it): measuring one that is made up", path)
		path, content = "made-up.mmdb", madeUp(tb, kind)
	}
	g := &geodata{}
	if g.file, err = geo.Parse(path, content); err != nil {
		tb.Fatal(err)
	}
	if g.db, err = maxminddb.OpenBytes(content); err != nil {
		tb.Fatal(err)
	}
	seen := map[geo.Place]bool{}
	for network := range g.db.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if !network.Found() {
			g.others = append(g.others, network.Prefix())
			continue
		}
		var p place
		if err := network.Decode(&p); err != nil {
			tb.Fatal(err)
		}
		g.networks = append(g.networks, network.Prefix())
		if own, err := p.place(); err == nil {
			seen[own] = true
		}
	}
	g.places = slices.SortedFunc(maps.Keys(seen), func(a, b geo.Place) int { return cmp.Compare(a.String(), b.String()) })
	return g
}

func (p place) place() (geo.Place, error) {
	if p.ASN > 0 {
		return geo.ParsePlace(geo.ASN, strconv.FormatUint(uint64(p.ASN), 10))
	}
	return geo.ParsePlace(geo.Country, p.Country)
}

// clients are addresses of one family: each of a random network that the file
// knows, and there a random one.
func (g *geodata) clients(n int, six bool) []netip.Addr {
	random := rand.New(rand.NewPCG(1, 2))
	var list []netip.Addr
	for len(list) < n {
		if p := g.networks[random.IntN(len(g.networks))]; p.Addr().Is6() == six {
			list = append(list, randomIn(random, p))
		}
	}
	return list
}

func randomIn(random *rand.Rand, p netip.Prefix) netip.Addr {
	var noise [16]byte
	binary.BigEndian.PutUint64(noise[:], random.Uint64())
	binary.BigEndian.PutUint64(noise[8:], random.Uint64())
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= noise[i/8] & (0x80 >> (i % 8))
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// madeUp is a file with about as many networks as the real ones have.
func madeUp(tb testing.TB, kind string) []byte {
	tb.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, DisableIPv4Aliasing: true, IncludeReservedNetworks: true})
	if err != nil {
		tb.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	countries := strings.Fields("AR AT AU BE BR CA CH CL CN CO CZ DE DK EG ES FI FR GB GR HK HU ID IE IL IN IT JP KE KR MX MY NG NL NO NZ PE PH PK PL PT RO RU SA SE SG TH TR TW UA US VN ZA")
	add := func(p netip.Prefix) {
		record := mmdbtype.Map{"country_code": mmdbtype.String(countries[random.IntN(len(countries))])}
		if kind == "asn" {
			record = mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(1 + random.Uint32N(91_000))}
		}
		if err := tree.Insert(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}, record); err != nil {
			tb.Fatal(err)
		}
	}
	for at := uint64(1 << 24); at < 224<<24; { // /24 to /17, one beside the other
		bits := 8 + random.IntN(8)
		at = (at>>bits + 1) << bits
		add(netip.PrefixFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(at)))), 32-bits))
	}
	for at, n := uint64(0x2400<<48), 0; n < 120_000; n++ { // /48 to /29
		bits := 16 + random.IntN(20)
		at = (at>>bits + 1) << bits
		add(netip.PrefixFrom(netip.AddrFrom16([16]byte(append(binary.BigEndian.AppendUint64(nil, at), make([]byte, 8)...))), 64-bits))
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
