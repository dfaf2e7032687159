package gtm

import (
	"fmt"
	"strings"
	"testing"
)

// withFiles puts geo files in place of CITY, COUNTRY and ASN stand for in a body, and ROWS for a table
// of these rows.
func withFiles(tb testing.TB, body, rows string) string {
	tb.Helper()
	s := newShelter(tb)
	return strings.NewReplacer(
		"CITY", s.put("city", mmdb(tb, "City", map[string]string{
			"192.0.2.0/26": "CN-GD 23.1 113.3", "192.0.2.64/26": "CN-BJ 39.9 116.4", "198.51.100.0/24": "GB-ENG 51.5 -0.1", "2001:db8::/32": "CN",
		})),
		"COUNTRY", s.put("country", mmdb(tb, "City", map[string]string{"192.0.2.0/25": "CN", "198.51.100.0/24": "GB"})),
		"ASN", s.put("asn", mmdb(tb, "ASN", map[string]string{"192.0.2.0/25": "64500", "198.51.100.0/24": "64501"})),
		"ROWS", s.put("rows", []byte(rows)),
	).Replace(body)
}

// twoPools stand before every body: a with a place, b without, on lines 3 to 9.
const twoPools = "pool a {\naddress 192.0.2.1\nlocation 1 2\n}\npool b {\naddress 192.0.2.2\n}\n"

// geoMistake is what compile refuses of a body that may read files.
type geoMistake struct{ name, in, rows, want string }

var wrongGeo = []geoMistake{
	{"a country, no file", "policy p geo {\nfrom country:CN use a\ndefault use b\n}", "", `Corefile:11: policy "p": source country:CN needs a geo file: add geoip FILE with a Country or City database`},
	{"a continent, no file", "policy p geo {\nfrom continent:AS use a\ndefault use b\n}", "", `Corefile:11: policy "p": source continent:AS needs a geo file: add geoip FILE with a Country or City database`},
	{"a subdivision, no file", "policy p geo {\nfrom !subdivision:CN-GD use a\ndefault use b\n}", "", `Corefile:11: policy "p": source !subdivision:CN-GD needs a geo file: add geoip FILE with a City database with ISO codes of subdivisions`},
	{"an AS, no file", "policy p geo {\nfrom 10.0.0.0/8 asn:64500 use a\ndefault use b\n}", "", `Corefile:11: policy "p": source asn:64500 needs a geo file: add geoip FILE with an ASN or ISP database`},
	{"an AS, no file that knows it", "geoip CITY COUNTRY\npolicy p geo {\nfrom asn:64500 use a\ndefault use b\n}", "", `Corefile:12: policy "p": source asn:64500: no geo file of the block knows a client's asn: add an ASN or ISP database to geoip`},
	{"a country, no file that knows it", "geoip ASN\npolicy p geo {\nfrom country:CN use a\ndefault use b\n}", "", `Corefile:12: policy "p": source country:CN: no geo file of the block knows a client's country: add a Country or City database to geoip`},
	{"a subdivision, a Country file", "geoip COUNTRY\npolicy p geo {\nfrom subdivision:CN-GD use a\ndefault use b\n}", "", `Corefile:12: policy "p": source subdivision:CN-GD: no geo file of the block knows a client's subdivision: add a City database with ISO codes of subdivisions to geoip`},
	{"by a region, once for each kind", "region r {\nmatch region:q\nmatch asn:64500\n}\nregion q {\nmatch country:CN asn:64501\n}\npolicy p geo {\nfrom region:r use a\nfrom country:GB asn:64502 use a\ndefault use b\n}", "", `Corefile:18: policy "p": source region:r needs a geo file: add geoip FILE with a Country or City database` + "\n" +
		`Corefile:18: policy "p": source region:r needs a geo file: add geoip FILE with an ASN or ISP database`},
	{"a member's from", "pool c {\naddress 192.0.2.3 from country:CN\naddress 192.0.2.4 from country:GB\nbalance nearest\n}", "", `Corefile:11: pool "c": source country:CN needs a geo file: add geoip FILE with a Country or City database`},
	{"a pool's location", "pool c {\naddress 192.0.2.3\nbalance nearest\nlocation 1 2\n}", "", `Corefile:10: pool "c": location needs a geo file: add geoip FILE with a City database with coordinates`},
	{"a member's location, a Country file", "geoip COUNTRY\npool c {\naddress 192.0.2.3 location 1 2\nbalance nearest\n}", "", `Corefile:12: pool "c": location: no geo file of the block knows a client's location: add a City database with coordinates to geoip`},
	{"nearest pools", "failover f {\nset both {\npool a\npool b\nbalance nearest\n}\n}", "", `Corefile:11: failover "f": balance nearest needs a geo file: add geoip FILE with a City database with coordinates`},
	{"nearest pools, a Country file", "geoip COUNTRY\nfailover f {\nset both {\npool a\npool b\nbalance nearest\n}\n}", "", `Corefile:12: failover "f": balance nearest: no geo file of the block knows a client's location: add a City database with coordinates to geoip`},
	{"nearest pools, none with a place", "geoip CITY\npool c {\naddress 192.0.2.3\n}\nfailover f {\nset both {\npool b\npool c\nbalance nearest\n}\n}", "", `Corefile:15: failover "f": set "both": balance nearest among pools needs their location: add location LAT LON to them`},

	{"latency by distance, no file", "policy p latency {\npool a\ndefault use b\n}", "", `Corefile:11: policy "p": the location of pool "a" needs a geo file: add geoip FILE with a City database with coordinates`},
	{"latency by distance, a Country file", "geoip COUNTRY\npolicy p latency {\npool a\ndefault use b\n}", "", `Corefile:12: policy "p": the location of pool "a": no geo file of the block knows a client's location: add a City database with coordinates to geoip`},
	{"latency by nothing", "geoip CITY\npolicy p latency {\npool a b\ndefault use b\n}", "", `Corefile:12: policy "p": nothing tells how far pool "b" is: add location LAT LON to it, or table FILE to the policy`},
	{"latency by a table without its rows", "geoip CITY\npolicy p latency {\npool a\npool b\ntable ROWS\ndefault use b\n}", "192.0.2.0/24,a,5", `Corefile:13: policy "p": nothing tells how far pool "b" is: it has no row in ROWS: add one, or location LAT LON to it`},
	{"latency by a table of places, no file", "policy p latency {\npool b\ntable ROWS\ndefault use a\n}", "192.0.2.0/24,b,5\ncountry:CN,b,5\nasn:64500,b,6\nasn:64501,b,6", `Corefile:12: policy "p": table: a source of pool "b" needs a geo file: add geoip FILE with a Country or City database` + "\n" +
		`Corefile:12: policy "p": table: a source of pool "b" needs a geo file: add geoip FILE with an ASN or ISP database`},
	{"latency by a table of places that no file knows", "geoip COUNTRY\npolicy p latency {\npool b\ntable ROWS\ndefault use a\n}", "country:CN,b,5\nsubdivision:CN-GD,b,6", `Corefile:13: policy "p": table: a source of pool "b": no geo file of the block knows a client's subdivision: add a City database with ISO codes of subdivisions to geoip`},
	{"a wrong row", "policy p latency {\npool b\ntable ROWS\ndefault use a\n}", "# by hand\n\n192.0.2.0/24,b\n", `Corefile:12: policy "p": table ROWS: line 3: "192.0.2.0/24,b" is not source,pool,milliseconds`},
	{"a row of a pool that is not there", "policy p latency {\npool b\ntable ROWS\ndefault use a\n}", "192.0.2.0/24,b,5\n192.0.2.0/24,c,5\n", `Corefile:12: policy "p": table ROWS: line 2: "c" is no pool of the block`},
	{"an empty table", "policy p latency {\npool b\ntable ROWS\ndefault use a\n}", "", `Corefile:12: policy "p": table ROWS: it has no rows: want source,pool,milliseconds`},
	{"a pool that is not there", "policy p latency {\npool a c\ndefault use b\n}", "", `Corefile:11: policy "p": "c" is no pool: there are a, b`},
	{"a failover for a pool", "failover f {\nset b\n}\npolicy p latency {\npool a\npool f\ndefault use b\n}", "", `Corefile:15: policy "p": "f" is a failover, and latency is compared among pools`},
	{"a policy for a pool", "policy q geo {\ndefault use b\n}\npolicy p latency {\npool q\ndefault use b\n}", "", `Corefile:14: policy "p": "q" is a policy, and latency is compared among pools`},
	{"a pool twice", "policy p latency {\npool a b\npool a\ndefault use b\n}", "", `Corefile:12: policy "p": pool "a" stands there twice`},
	{"addresses and names", "pool h {\naddress www.example.net\n}\npolicy p latency {\npool a h\ndefault use b\n}", "", `Corefile:14: policy "p" mixes pools of addresses and of host names: put them in policies of their own`},
	{"a default that is not there", "geoip CITY\npolicy p latency {\npool a\ndefault use c\n}", "", `Corefile:13: policy "p" uses "c", which is no policy, failover or pool: there are a, b, p`},
	{"a circle", "geoip CITY\npolicy p latency {\npool a\ndefault use q\n}\npolicy q geo {\nfrom country:CN use b\ndefault use p\n}", "", "Corefile:11: policies lead to each other in a circle: p -> q -> p"},
	{"the apex", "geoip CITY\npool h {\naddress www.example.net\nlocation 1 2\n}\npolicy p latency {\npool h\ndefault use b\n}\ndomain example.org use p", "", `Corefile:19: domain "example.org." is the apex of its zone, where a CNAME cannot stand (RFC 1034, section 3.6.2): use pools of addresses`},

	{"a country twice", "geoip CITY\npolicy p geo {\nfrom country:CN country:GB use a\nfrom country:GB use b\ndefault use b\n}", "", `Corefile:13: policy "p": from country:GB can never match: line 12 has all of its clients: move it above that line, or remove it`},
	{"a part of a country before", "geoip CITY\npolicy p geo {\nfrom country:CN use a\nfrom subdivision:CN-GD use b\ndefault use b\n}", "", `Corefile:13: policy "p": from subdivision:CN-GD can never match: line 12 has all of its clients: move it above that line, or remove it`},
	{"sources of two rules before", "geoip CITY\npolicy p geo {\nfrom country:CN use a\nfrom country:GB use b\nfrom subdivision:CN-GD country:GB use b\ndefault use b\n}", "", `Corefile:14: policy "p": from subdivision:CN-GD country:GB can never match: the rules above it have all of its clients together: move it up, or remove it`},
	{"what it negates itself", "geoip CITY\npolicy p geo {\nfrom country:CN !country:CN use a\ndefault use b\n}", "", `Corefile:12: policy "p": from country:CN !country:CN can never match: its sources exclude each other`},
	{"the country that it negates itself", "geoip CITY\npolicy p geo {\nfrom subdivision:CN-GD !country:CN use a\ndefault use b\n}", "", `Corefile:12: policy "p": from subdivision:CN-GD !country:CN can never match: its sources exclude each other`},
	{"a region before", "geoip CITY ASN\nregion r {\nmatch country:CN\nmatch asn:64501\n}\npolicy p geo {\nfrom region:r use a\nfrom country:CN use b\nfrom region:r use b\ndefault use b\n}", "", `Corefile:17: policy "p": from country:CN can never match: line 16 has all of its clients: move it above that line, or remove it` + "\n" +
		`Corefile:18: policy "p": from region:r can never match: line 16 has all of its clients: move it above that line, or remove it`},
	{"a network before", "geoip CITY\npolicy p geo {\nfrom 192.0.2.0/24 use a\nfrom 192.0.2.64/26 use b\nfrom 192.0.2.0/24 !country:CN use b\ndefault use b\n}", "", `Corefile:13: policy "p": from 192.0.2.64/26 can never match: line 12 has all of its clients: move it above that line, or remove it` + "\n" +
		`Corefile:14: policy "p": from 192.0.2.0/24 !country:CN can never match: line 12 has all of its clients: move it above that line, or remove it`},
}

// TestGeoErrors is what compile refuses where files are at work, with the exact
// message. That a domain uses nothing of it changes nothing.
func TestGeoErrors(t *testing.T) {
	for _, c := range wrongGeo {
		t.Run(c.name, func(t *testing.T) {
			body := withFiles(t, twoPools+c.in, c.rows)
			_, err := compileText(t, body)
			if err == nil {
				t.Fatalf("no error\nwant:\n%s", c.want)
			}
			got := err.Error()
			if _, path, ok := strings.Cut(body, "table "); ok {
				path, _, _ = strings.Cut(path, "\n")
				got = strings.ReplaceAll(got, path, "ROWS")
			}
			if got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

// TestLatencyPools is how many pools can be compared: 64.
func TestLatencyPools(t *testing.T) {
	body := func(n int) string {
		var pools, names strings.Builder
		for i := range n {
			fmt.Fprintf(&pools, "pool p%d {\naddress 192.0.2.%d\nlocation %d %d\n}\n", i, i+1, i, i)
			fmt.Fprintf(&names, "pool p%d\n", i)
		}
		return withFiles(t, "geoip CITY\n"+pools.String()+"policy p latency {\n"+names.String()+"default use p0\n}\ndomain www.example.org use p", "")
	}
	if _, err := compileText(t, body(64)); err != nil {
		t.Error(err)
	}
	_, err := compileText(t, body(65))
	line := 3 + 1 + 65*4 + 1 + 64
	if want := fmt.Sprintf(`Corefile:%d: policy "p" has 65 pools, and at most 64 can be compared`, line); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
