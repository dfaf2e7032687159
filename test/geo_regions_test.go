package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// clientsOfRegions are clients, what geo files know of them, and the first region
// of a policy that names them, or "" for its default. The policy goes from narrow
// to wide, as Alibaba Cloud does by itself.
var clientsOfRegions = []struct {
	client string
	place  fake.Place
	region string
}{
	{"192.0.2.1/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "BJ", ASN: 4134}, "cn_telecom_beijing"},
	{"192.0.2.2/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "BJ", ASN: 4808}, "cn_unicom_huabei"},
	{"192.0.2.3/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "SN", ASN: 9808}, "cn_mobile_shaanxi"},
	{"192.0.2.4/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "SX", ASN: 9808}, "mobile"},
	{"192.0.2.5/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "BJ", ASN: 4538}, "edu"},
	{"192.0.2.6/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "BJ", ASN: 17964}, "drpeng"},
	{"192.0.2.7/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "BJ", ASN: 7641}, "btvn"},
	{"192.0.2.8/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "XZ", ASN: 64500}, "cn_region_xinan"},
	{"192.0.2.9/32", fake.Place{Continent: "AS", Country: "CN", Subdivision: "BJ", ASN: 64500}, "internal"},
	{"192.0.2.10/32", fake.Place{Continent: "AS", Country: "HK", ASN: 64500}, "os_asia_hk"},
	{"192.0.2.11/32", fake.Place{Continent: "AF", Country: "RE"}, "eu"},
	{"192.0.2.12/32", fake.Place{Continent: "EU", Country: "NO"}, "eea"},
	{"192.0.2.13/32", fake.Place{Continent: "NA", Country: "JM"}, "latin_america"},
	{"192.0.2.14/32", fake.Place{Continent: "AS", Country: "JP"}, "asia"},
	{"192.0.2.15/32", fake.Place{Continent: "OC", Country: "AU"}, "oversea"},
	{"192.0.2.16/32", fake.Place{}, ""},
	{"2001:db8:1::/48", fake.Place{Continent: "AS", Country: "CN", Subdivision: "BJ", ASN: 4134}, "cn_telecom_beijing"},
	{"2001:db8:2::/48", fake.Place{Continent: "EU", Country: "FR"}, "eu"},
}

// byRegion is a block with a policy of all their regions, and the addresses that
// these lead to.
func byRegion(t *testing.T, imports ...string) (corefile string, leads map[string]string) {
	t.Helper()
	places := map[string]fake.Place{}
	leads = map[string]string{"": inZ}
	var pools, rules strings.Builder
	for i, c := range clientsOfRegions {
		places[c.client] = c.place
		if leads[c.region] == "" {
			leads[c.region] = fmt.Sprintf("198.51.100.%d", i+1)
			fmt.Fprintf(&pools, "pool to_%s {\naddress %s\n}\n", c.region, leads[c.region])
			fmt.Fprintf(&rules, "from region:%s use to_%s\n", c.region, c.region)
		}
	}
	city, asn := fake.MMDB{Kind: "City", Places: places}.Temp(t), fake.MMDB{Kind: "ASN", Places: places}.Temp(t)
	t.Chdir("..") // where the Corefile is said to be
	return block("example.org", "gtm {\ngeoip "+city+" "+asn+"\n"+strings.Join(imports, "\n")+letters+"\n"+pools.String()+
		"policy who geo {\n"+rules.String()+"default use z\n}\ndomain www.example.org use who\n}"), leads
}

// TestRegions imports what stands in build/regions, and asks as those who are named
// there.
func TestRegions(t *testing.T) {
	imports := map[string][]string{
		"one by one": {
			"import build/regions/m49.conf", "import build/regions/china-lines.conf",
			"import build/regions/china.conf", "import ./build/regions/europe.conf",
		},
		"all": {"import build/regions/*.conf"},
	}
	for name, lines := range imports {
		t.Run(name, func(t *testing.T) {
			corefile, leads := byRegion(t, lines...)
			s := start(t, corefile)
			for _, c := range clientsOfRegions {
				m := s.ask(t, "www.example.org", dns.TypeA, ecs(c.client))
				if got := data(m.Answer); len(got) != 1 || got[0] != leads[c.region] {
					t.Errorf("%s is answered %q, want %s, that of region %q", c.client, got, leads[c.region], c.region)
				}
			}
		})
	}
}

// TestRegionsAlone is that each file can be imported without the others, but for
// the one that says so.
func TestRegionsAlone(t *testing.T) {
	for file, region := range map[string]string{
		"m49.conf": "africa", "europe.conf": "eea", "china.conf": "telecom", "china-lines.conf": "",
	} {
		t.Run(file, func(t *testing.T) {
			places := map[string]fake.Place{"192.0.2.1": {Country: "DZ", ASN: 4134}, "192.0.2.2": {Country: "IS"}}
			country, asn := fake.MMDB{Kind: "Country", Places: places}.Temp(t), fake.MMDB{Kind: "ASN", Places: places}.Temp(t)
			t.Chdir("..")
			body := "gtm {\ngeoip " + country + " " + asn + "\nimport build/regions/" + file + letters + "\n"
			if region != "" {
				body += "policy who geo {\nfrom region:" + region + " use a\ndefault use z\n}\n"
			}
			_, err := tryStart(t, block("example.org", body+"domain www.example.org use a\n}"))
			switch {
			case region != "" && err != nil:
				t.Error(err)
			case region == "" && (err == nil || !strings.Contains(err.Error(), `region "telecom" is not declared`)):
				t.Errorf("error %v, want one of a region that is not declared", err)
			}
		})
	}
}
