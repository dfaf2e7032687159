package gtm

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

func inPlace(kind geo.Kind, text string) policy.Source {
	place, err := geo.ParsePlace(kind, text)
	if err != nil {
		panic(err)
	}
	return policy.Source{Place: place}
}

// rightPlaces is what speaks of places.
var rightPlaces = []rightInput{
	{"sources", "region apac {\nmatch country:CN !subdivision:CN-GD asn:4134\nmatch continent:AS\nmatch ::ffff:10.0.0.0/104\nmatch 2002:a00::/24\nmatch 64:ff9b::a00:1\n}", withConfig(func(c *Config) {
		not := inPlace(geo.Subdivision, "CN-GD")
		not.Not = true
		c.Regions = []RegionConfig{{Pos: onLine(3), Name: "apac", Match: []RegionMatch{
			{onLine(4), []policy.Source{inPlace(geo.Country, "CN"), not, inPlace(geo.ASN, "4134")}},
			{onLine(5), []policy.Source{inPlace(geo.Continent, "AS")}},
			{onLine(6), anyClient}, // what stands for an IPv4 prefix is that
			{onLine(7), anyClient},
			{onLine(8), []policy.Source{{Prefix: netip.MustParsePrefix("10.0.0.1/32")}}},
		}}}
	})},
	{"locations", "pool web {\naddress 192.0.2.1 location 39.9 116.4 from country:CN\naddress 192.0.2.2 from asn:1 asn:2\naddress 192.0.2.3\nbalance nearest\nlocation -33.87 +151.2\n}", withConfig(func(c *Config) {
		c.Pools = []PoolConfig{{Pos: onLine(3), Name: "web", HealthyWhen: pool.QuorumAny, Balance: pool.Nearest, Answers: 1, At: &geo.Point{Lat: -33.87, Lon: 151.2}, Members: []MemberConfig{
			{Pos: onLine(4), Addr: addr1, Weight: 1, At: &geo.Point{Lat: 39.9, Lon: 116.4}, From: []policy.Source{inPlace(geo.Country, "CN")}},
			{Pos: onLine(5), Addr: netip.MustParseAddr("192.0.2.2"), Weight: 1, From: []policy.Source{inPlace(geo.ASN, "1"), inPlace(geo.ASN, "2")}},
			{Pos: onLine(6), Addr: netip.MustParseAddr("192.0.2.3"), Weight: 1},
		}}}
	})},
	{"latency, as it is by default", "policy fast latency {\npool a\ndefault use b\n}", withConfig(func(c *Config) {
		c.Policies = []PolicyConfig{{
			Pos: onLine(3), Name: "fast", Default: "b", DefaultPos: onLine(5),
			Latency: &LatencyConfig{Pools: []PoolUse{{onLine(4), "a"}}, Tolerance: 10 * time.Millisecond, Answers: 1},
		}}
	})},
	{"latency, all options", "policy fast latency {\npool a b\nanswers 8\npool c\ntolerance 0\ndefault use d\n}", withConfig(func(c *Config) {
		c.Policies = []PolicyConfig{{
			Pos: onLine(3), Name: "fast", Default: "d", DefaultPos: onLine(8),
			Latency: &LatencyConfig{Pools: []PoolUse{{onLine(4), "a"}, {onLine(4), "b"}, {onLine(6), "c"}}, Answers: 8},
		}}
	})},
}

// TestParseGeoFiles is geo files and latency tables by name: relative to root, some
// on a line, each once.
func TestParseGeoFiles(t *testing.T) {
	s := newShelter(t)
	city, asn := s.put("city.mmdb", mmdb(t, "City", inChina)), s.put("asn.mmdb", mmdb(t, "ASN", map[string]string{"192.0.2.0/24": "64500"}))
	rows := s.put("rows.csv", []byte(someRows))
	parseIn := func(root, body string) (*Config, error) {
		d, keys := directives(t, "example.org:53 {\ngtm {\n"+body+"\n}\n}\n")
		configs, err := parseTokens(d, keys, root)
		if err != nil {
			return nil, err
		}
		return configs[0], nil
	}
	const latency = "\npolicy p latency {\npool a\ndefault use a\ntable rows.csv\n}"
	for _, body := range []string{"geoip city.mmdb asn.mmdb" + latency, "geoip city.mmdb\ngeoip " + asn + latency} {
		c, err := parseIn(s.dir, body)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Geo) != 2 || c.Geo[0].File.Name != city || c.Geo[1].File.Name != asn || c.Geo[1].File.Type != "GeoLite2-ASN" || !c.Geo[0].File.Built.Equal(time.Unix(1767225600, 0)) {
			t.Errorf("%s: got %+v", body, c.Geo)
		}
		want := &TableConfig{Pos: Pos{"Corefile", c.Policies[0].Latency.Table.Pos.Line}, File: rows, Content: []byte(someRows)}
		if got := c.Policies[0].Latency.Table; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v", body, got)
		}
	}
	for body, want := range map[string]string{
		"geoip city.mmdb city.mmdb":      "Corefile:3: gtm: geoip: city.mmdb stands there twice",
		"geoip city.mmdb\ngeoip " + city: "Corefile:4: gtm: geoip: " + city + " stands there twice",
		"geoip rows.csv":                 "Corefile:3: gtm: geoip: " + rows + ": it is no whole mmdb file: error opening database: invalid MaxMind DB file",
		"geoip .":                        "Corefile:3: gtm: geoip: " + s.dir + ": it is no regular file of at most 2147483648 bytes",
		"policy p latency {\npool a\ndefault use a\ntable .\n}": `Corefile:6: policy "p": table: ` + s.dir + ": it is no regular file of at most 67108864 bytes",
	} {
		if _, err := parseIn(s.dir, body); err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", body, err, want)
		}
	}
}

// TestParseLargeFiles is that no file is read beyond its limit.
func TestParseLargeFiles(t *testing.T) {
	s := newShelter(t)
	for name, size := range map[string]int64{"city.mmdb": 2<<30 + 1, "rows.csv": 64<<20 + 1} {
		s.put(name, nil)
		s.do(os.Truncate(filepath.Join(s.dir, name), size)) // it has no blocks: nothing is there to be read
	}
	for body, limit := range map[string]int{
		"geoip " + s.path("city.mmdb"): 2 << 30,
		"policy p latency {\npool a\ndefault use a\ntable " + s.path("rows.csv") + "\n}": 64 << 20,
	} {
		_, err := parseOne(t, body)
		if want := fmt.Sprintf("it is no regular file of at most %d bytes", limit); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
