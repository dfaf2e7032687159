package gtm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLintGeo is what is warned of where files are at work, and what is not.
func TestLintGeo(t *testing.T) {
	const (
		pools = "pool a {\naddress 192.0.2.1\n}\npool b {\naddress 192.0.2.2\n}\n"                               // lines 3 to 8
		sites = "pool c {\naddress 192.0.2.1\nlocation 1 2\n}\npool d {\naddress 2001:db8::2\nlocation 3 4\n}\n" // lines 3 to 10
		use   = "\ndomain www.example.org use p\ndomain b.example.org use b"
		fast  = "\ndomain www.example.org use p"
	)
	for _, test := range []struct {
		name, in, rows string
		want           []string
	}{
		{"nothing", pools + "geoip CITY ASN\npolicy p geo {\nfrom country:CN use a\nfrom asn:64501 use b\nfrom !continent:AS use b\ndefault use a\n}" + use, "", nil},
		{"nobody is there", pools + "geoip CITY\npolicy p geo {\nfrom country:FR country:DE use a\nfrom country:CN use a\ndefault use b\n}" + use, "", []string{
			`Corefile:11: policy "p": from country:FR country:DE has no clients, by what the geo files know: the rules above have them all, or there are none`,
		}},
		{"others have them all", pools + "geoip CITY ASN\npolicy p geo {\nfrom country:CN use a\nfrom asn:64500 use b\ndefault use b\n}" + use, "", []string{
			`Corefile:12: policy "p": from asn:64500 has no clients, by what the geo files know: the rules above have them all, or there are none`,
		}},
		{"others have them all, by networks", pools + "geoip CITY\npolicy p geo {\nfrom 192.0.2.0/24 2001:db8::/32 use a\nfrom country:CN use b\ndefault use b\n}" + use, "", []string{
			`Corefile:12: policy "p": from country:CN has no clients, by what the geo files know: the rules above have them all, or there are none`,
		}},
		{"a region with nobody", pools + "geoip CITY ASN\nregion r {\nmatch country:CN asn:64501\n}\nregion q {\nmatch country:CN asn:64500\n}\npolicy p geo {\nfrom region:r region:q use a\ndefault use b\n}" + use, "", []string{
			`Corefile:10: region "r": no client is in it, by what the geo files know`,
		}},
		{"a region with nobody, in another one", pools + "geoip CITY\nregion r {\nmatch region:q\nmatch country:CN\n}\nregion q {\nmatch country:FR\n}\npolicy p geo {\nfrom region:r use a\ndefault use b\n}" + use, "", []string{
			`Corefile:14: region "q": no client is in it, by what the geo files know`,
		}},
		{"regions of which none is used, or no file knows", pools + "geoip COUNTRY\nregion r {\nmatch asn:64500\n}\npolicy p geo {\nfrom country:CN use a\ndefault use b\n}" + use, "", []string{
			`Corefile:10: region "r" is not used`,
		}},
		{"a location for nothing", sites + "domain c.example.org use c\ndomain d.example.org use d", "", []string{
			`Corefile:3: pool "c": location does nothing: it is for balance nearest, and for latency policies`,
			`Corefile:7: pool "d": location does nothing: it is for balance nearest, and for latency policies`,
		}},
		{"a member's location for nothing", "pool e {\naddress 192.0.2.1 location 1 2\nbalance hash\n}\ndomain e.example.org use e", "", []string{
			`Corefile:4: pool "e": a member's location does nothing under balance hash: it is for nearest`,
		}},
		{"locations for a latency policy, and for a set", sites + "geoip CITY\npool e {\naddress 2001:db8::2\n}\npolicy p latency {\npool d\ndefault use e\n}\nfailover f {\nset both {\npool c\npool e\nbalance nearest\n}\n}\ndomain f.example.org use f" + fast, "", nil},
		{"a pool that lacks a family", sites + "geoip CITY\npolicy p latency {\npool c d\ndefault use c\n}" + fast, "", []string{
			`Corefile:13: policy "p": pool "d" has no IPv4, and others have: IPv4 clients that are nearest to it get no data`,
			`Corefile:13: policy "p": pool "c" has no IPv6, and others have: IPv6 clients that are nearest to it get no data`,
			`Corefile:14: policy "p": the default "c" has no IPv6, and pools have: IPv6 clients of whom nothing is known get no data`,
		}},
		{"a default that lacks a family", sites + "geoip CITY\npolicy p latency {\npool d\ndefault use c\n}" + fast, "", []string{
			`Corefile:13: policy "p": pool "d" has no IPv4, and others have: IPv4 clients that are nearest to it get no data`,
			`Corefile:14: policy "p": the default "c" has no IPv6, and pools have: IPv6 clients of whom nothing is known get no data`,
			`Corefile:3: pool "c": location does nothing: it is for balance nearest, and for latency policies`,
		}},
		{"a default of host names, which have both families", pools + "pool h {\naddress www.example.net\n}\npolicy p latency {\npool a\ntable ROWS\ndefault use h\n}" + use, "192.0.2.0/24,a,5", nil},
		{"pools of host names, which have both families", pools + "pool h {\naddress www.example.net\n}\npolicy p latency {\npool h\ntable ROWS\ndefault use a\n}" + use, "192.0.2.0/24,h,5", []string{
			`Corefile:15: policy "p": the default "a" has no IPv6, and pools have: IPv6 clients of whom nothing is known get no data`,
		}},
		{"nodata under a latency policy", sites + "geoip CITY\npolicy p latency {\npool c\ndefault use c\n}\ndomain d.example.org use d\ndomain www.example.org {\nuse p\non_all_down nodata\n}", "", []string{
			`Corefile:7: pool "d": location does nothing: it is for balance nearest, and for latency policies`,
			`Corefile:19: domain "www.example.org.": on_all_down nodata under policy "p": resolvers cache negative answers for every client, whatever its network`,
		}},
		{"an unused latency policy", pools + "policy p latency {\npool a\ntable ROWS\ndefault use b\n}", "192.0.2.0/24,a,5", []string{
			`Corefile:9: policy "p" is not used`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mustCompile(t, withFiles(t, test.in, test.rows)).warnings; !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// TestLintGeoMany says that a policy with rules for thousands of places of which a
// file knows few does not fill the log.
func TestLintGeoMany(t *testing.T) {
	var rules strings.Builder
	for i := range 500 {
		fmt.Fprintf(&rules, "from asn:%d use a\n", i+1)
	}
	p := mustCompile(t, withFiles(t, "pool a {\naddress 192.0.2.1\n}\ngeoip ASN\npolicy p geo {\n"+rules.String()+"default use a\n}\ndomain www.example.org use p", ""))
	if want := `Corefile:7: policy "p": no client gets to 490 more of its rules`; len(p.warnings) != 11 || p.warnings[10] != want {
		t.Errorf("%d warnings, the last: %s", len(p.warnings), p.warnings[len(p.warnings)-1])
	}
}
