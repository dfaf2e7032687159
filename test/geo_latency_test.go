package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// cities are pools where they are, with an address each: 192.0.2.10 in Beijing, .20
// in Singapore, .30 in Frankfurt. Clients of the world in Guangzhou have 28, 39 and
// 135 ms to them by distance, those in London 122, 163 and 10.
const cities = `
	pool beijing {
		address 192.0.2.10
		location 39.9 116.4
	}
	pool singapore {
		address 192.0.2.20
		location 1.35 103.8
	}
	pool frankfurt {
		address 192.0.2.30
		location 50.1 8.7
	}
	pool z {
		address 192.0.2.99
	}`

const (
	beijing   = "192.0.2.10"
	singapore = "192.0.2.20"
	frankfurt = "192.0.2.30"
)

// fastest is a latency policy over the cities, and a domain of its name.
func fastest(name, options string) string {
	return fmt.Sprintf("policy %s latency {\npool beijing singapore\npool frankfurt\n%s\ndefault use z\n}\ndomain %s.example.org use %s\n", name, options, name, name)
}

// TestLatencyByDistance is the nearest pool, and the default for clients of whom
// the file knows no place.
func TestLatencyByDistance(t *testing.T) {
	for _, flat := range []bool{false, true} {
		city := fake.MMDB{Kind: "City", Flat: flat, Places: world}.Temp(t)
		s := start(t, block("example.org", "gtm {\ngeoip "+city+cities+"\n"+fastest("www", "")+fastest("wide", "tolerance 15ms")+fastest("any-of", "tolerance 1m")+"}"))
		s.scopes(t, "www.example.org", []scopeCase{
			{"192.0.2.0/26", beijing, 25}, {"192.0.2.64/26", beijing, 25}, // of one mind about all three pools
			{"198.51.100.0/24", frankfurt, 24}, {"203.0.113.0/24", frankfurt, 25},
			{"2001:db8:1::/48", beijing, 48}, {"2001:db8:2::/48", frankfurt, 48}, {"203.0.113.128/25", inZ, 25}, {"2001:db8:3::/48", inZ, 48},
		})
		s.scopes(t, "wide.example.org", []scopeCase{
			{"192.0.2.64/26", beijing, 26}, // nothing else is within 15 ms
			{"198.51.100.0/24", frankfurt, 24},
		})
		if got := scope(t, s.ask(t, "wide.example.org", dns.TypeA, ecs("192.0.2.0/26"))); got != "192.0.2.0/26/26" {
			t.Errorf("two pools within 15 ms: ECS %s", got)
		}
		if got := scope(t, s.ask(t, "any-of.example.org", dns.TypeA, ecs("2001:db8:1:1::/64"))); got != "2001:db8:1:1::/64/48" {
			t.Errorf("all pools within a minute, shared by /48: ECS %s", got)
		}
	}
}

// TestLatencyByTable is that the most specific row of a pool counts, before any
// distance; a pool without one is told by distance.
func TestLatencyByTable(t *testing.T) {
	city := fake.MMDB{Kind: "City", Places: world}.Temp(t)
	asn := fake.MMDB{Kind: "ASN", Places: world}.Temp(t)
	rows := []string{
		"source,pool,milliseconds", "# Asia is far from Asia", "",
		"continent:AS,frankfurt,5", "country:CN,frankfurt,200", "subdivision:CN-GD,frankfurt,1.5", "asn:64501,frankfurt,0",
		"192.0.2.0/27,frankfurt,300", "192.0.2.16/28,frankfurt,2", " 192.0.2.9 , frankfurt , 1 ",
		"subdivision:GB-ENG,singapore,8", "subdivision:GB-LND,singapore,500", "2001:db8:2::/48,beijing,0.5", "country:US,z,1",
	}
	s := start(t, block("example.org", "gtm {\ngeoip "+city+" "+asn+cities+"\n"+fastest("www", "tolerance 0\ntable "+table(t, rows...))+"}"))
	s.scopes(t, "www.example.org", []scopeCase{
		{"192.0.2.130/32", frankfurt, 25}, // the continent
		{"192.0.2.40/32", frankfurt, 27},  // the subdivision, more than the country
		{"192.0.2.70/32", frankfurt, 26},  // the AS
		{"192.0.2.1/32", beijing, 29},     // the prefix, more than all of these: and so the nearest one
		{"192.0.2.20/32", frankfurt, 28},  // the longer prefix
		{"192.0.2.9/32", frankfurt, 32},
		{"198.51.100.0/24", frankfurt, 24}, // the smaller subdivision: the larger one would have made it singapore
		{"2001:db8:2::/48", beijing, 48},
		{"203.0.113.0/25", frankfurt, 25}, // by distance: its row is of another pool
	})
}

// TestLatencyShares is that clients are shared among equals, each keeps its pool,
// and one that is lost moves its own clients alone, and gets them back.
func TestLatencyShares(t *testing.T) {
	web := fake.NewHTTPs(t, 3)
	probed := cities
	for i, addr := range []string{beijing, singapore, frankfurt} {
		probed = strings.Replace(probed, "address "+addr, fmt.Sprintf("address %s probe %s\ncheck web", addr, web[i].Host()), 1)
	}
	equal := table(t, "0.0.0.0/0,beijing,20", "0.0.0.0/0,singapore,29.9", "0.0.0.0/0,frankfurt,30")
	s := start(t, block("example.org", "gtm {\n"+quickCheck("web", "http", web[0].Port())+probed+"\n"+fastest("www", "table "+equal)+fastest("two", "tolerance 9950us\ntable "+equal)+"}"))
	const networks = 600
	ask := func(name string) []string {
		var answers []string
		for i := range networks {
			m := s.ask(t, name, dns.TypeA, ecs(fmt.Sprintf("203.%d.%d.0/24", i/256, i%256)))
			if len(m.Answer) != 1 {
				t.Fatal(summary(m))
			}
			answers = append(answers, data(m.Answer)[0])
		}
		return answers
	}
	fair := func(answers []string, pools ...string) {
		t.Helper()
		for _, pool := range pools {
			n := 0
			for _, a := range answers {
				n += map[bool]int{true: 1}[a == pool]
			}
			if even := networks / len(pools); n < even*8/10 || n > even*12/10 { // the hash of these networks: it does not vary
				t.Errorf("%s has %d of %d networks", pool, n, networks)
			}
		}
	}
	before := ask("www.example.org")
	fair(before, beijing, singapore, frankfurt)
	fair(ask("two.example.org"), beijing, singapore) // 10 ms is more than 9.95
	if again := ask("www.example.org"); !slices.Equal(before, again) {
		t.Error("the same clients have other answers")
	}
	web[1].Down()
	own := slices.Index(before, singapore)
	serves := func(want bool) {
		t.Helper()
		eventually(t, func() string {
			m := s.ask(t, "www.example.org", dns.TypeA, ecs(fmt.Sprintf("203.%d.%d.0/24", own/256, own%256)))
			return unless((data(m.Answer)[0] == singapore) == want, summary(m))
		})
	}
	serves(false)
	var moved []string
	for i, answer := range ask("www.example.org") {
		if before[i] == singapore {
			moved = append(moved, answer)
		} else if answer != before[i] {
			t.Errorf("network %d was moved from %s to %s, for another pool's sake", i, before[i], answer)
		}
	}
	if len(moved) == 0 || slices.Contains(moved, singapore) || !slices.Contains(moved, beijing) || !slices.Contains(moved, frankfurt) {
		t.Errorf("the clients of the lost pool went to %v", moved)
	}
	web[1].Up(t)
	serves(true)
	if after := ask("www.example.org"); !slices.Equal(before, after) {
		t.Error("not all clients are back")
	}
}

// TestLatencyPoolsDown is pools that fail: the next best takes over, then the
// default, then all of the best one's, health ignored. The scope stays as it was.
func TestLatencyPoolsDown(t *testing.T) {
	web := fake.NewHTTPs(t, 4)
	probed := cities
	for i, addr := range []string{beijing, singapore, frankfurt, inZ} {
		probed = strings.Replace(probed, "address "+addr, fmt.Sprintf("address %s probe %s\ncheck web", addr, web[i].Host()), 1)
	}
	city := fake.MMDB{Kind: "City", Places: world}.Temp(t)
	s := start(t, block("example.org", "gtm {\nname down\nttl 60 min 5\ngeoip "+city+"\n"+quickCheck("web", "http", web[0].Port())+probed+"\n"+fastest("www", "")+"}"))
	const subnet = "192.0.2.0/26"
	becomes := func(want string, ttl uint32, reason string) {
		t.Helper()
		count := func() float64 {
			return metrics(t).sum("coredns_gtm_answers_total", `gtm="down"`, fmt.Sprintf("reason=%q", reason))
		}
		eventually(t, func() string {
			before := count()
			m := s.ask(t, "www.example.org", dns.TypeA, ecs(subnet))
			if got := data(m.Answer); len(got) != 1 || got[0] != want || m.Answer[0].Header().Ttl != ttl || count() != before+1 {
				return fmt.Sprintf("want %s of %s: %s", want, reason, summary(m))
			}
			if got := scope(t, m); got != subnet+"/25" {
				t.Errorf("%s: ECS %s", reason, got)
			}
			return ""
		})
	}
	becomes(beijing, 60, "active")
	if m := s.ask(t, "www.example.org", dns.TypeA, ecs("203.0.113.128/25")); summary(m) != "NOERROR aa | www.example.org. 60 A "+inZ {
		t.Errorf("the default of a client of whom nothing is known: nothing is unsettled, and it is %s", summary(m))
	}
	web[0].Down()
	becomes(singapore, 5, "backup")
	web[1].Down()
	becomes(frankfurt, 5, "backup")
	web[2].Down()
	becomes(inZ, 5, "default")
	web[3].Down()
	becomes(beijing, 5, "serve_all")
	web[1].Up(t)
	becomes(singapore, 5, "backup")
	web[0].Up(t)
	becomes(beijing, 60, "active")
}

// TestLatencyAnswers is how many addresses, of which pool, and in whose order.
func TestLatencyAnswers(t *testing.T) {
	city := fake.MMDB{Kind: "City", Places: world}.Temp(t)
	pools := `
		pool beijing {
			address 192.0.2.11
			address 192.0.2.12
			address 192.0.2.13
			balance sequence
			location 39.9 116.4
		}
		pool frankfurt {
			address 192.0.2.31
			address 192.0.2.32
			address 2001:db8::31
			address 2001:db8::32
			balance sequence
			location 50.1 8.7
		}`
	policy := func(name, answers string) string {
		return fmt.Sprintf("policy %s latency {\npool beijing frankfurt\n%s\ndefault use frankfurt\n}\ndomain %s.example.org use %s\n", name, answers, name, name)
	}
	s := start(t, block("example.org", "gtm {\ngeoip "+city+pools+"\n"+policy("one", "")+policy("two", "answers 2")+policy("many", "answers 8")+"}"))
	const china, london, nobody = "192.0.2.0/26", "198.51.100.0/24", "8.8.8.0/24"
	for _, tc := range []struct {
		name, client string
		qtype        uint16
		want         []string
	}{
		{"one", china, dns.TypeA, []string{"192.0.2.11"}},
		{"two", china, dns.TypeA, []string{"192.0.2.11", "192.0.2.12"}},
		{"many", china, dns.TypeA, []string{"192.0.2.11", "192.0.2.12", "192.0.2.13"}},
		{"many", london, dns.TypeA, []string{"192.0.2.31", "192.0.2.32"}},
		{"two", london, dns.TypeAAAA, []string{"2001:db8::31", "2001:db8::32"}},
		{"one", london, dns.TypeAAAA, []string{"2001:db8::31"}},
		{"two", nobody, dns.TypeA, []string{"192.0.2.31"}}, // the default has its own number
		// The nearest pool is up and lacks the family: none of a pool that is far away.
		{"many", china, dns.TypeAAAA, nil},
	} {
		m := s.ask(t, tc.name+".example.org", tc.qtype, ecs(tc.client))
		if got := data(m.Answer); !slices.Equal(got, tc.want) {
			t.Errorf("%s of %s: %s, want %q", tc.name, tc.client, summary(m), tc.want)
		}
		if m.Rcode != dns.RcodeSuccess || len(tc.want) == 0 && len(m.Ns) != 1 {
			t.Errorf("%s of %s: %s", tc.name, tc.client, summary(m))
		}
	}
}

// TestLatencyOfHosts is pools of host names: a CNAME to the best one, of every
// type, followed where it is a domain of the block, and refused at an apex.
func TestLatencyOfHosts(t *testing.T) {
	const body = `
		pool east {
			address edge.example.net
			location 39.9 116.4
		}
		pool west {
			address own.example.org
			location 50.1 8.7
		}
		pool z {
			address 192.0.2.99
		}
		policy fast latency {
			pool east west
			default use z
		}
		domain own.example.org use z
		domain `
	geoip := "gtm {\ngeoip " + fake.MMDB{Kind: "City", Places: world}.Temp(t)
	s := start(t, block("example.org", geoip+body+"www.example.org use fast\n}"))
	s.run(t, []answerCase{
		{"elsewhere", "www.example.org", dns.TypeA, []option{ecs("192.0.2.0/26"), iterative}, "NOERROR aa | www.example.org. 30 CNAME edge.example.net."},
		{"within the block", "www.example.org", dns.TypeA, []option{ecs("198.51.100.0/24"), iterative}, "NOERROR aa | www.example.org. 30 CNAME own.example.org. | own.example.org. 30 A 192.0.2.99"},
		{"any type", "www.example.org", dns.TypeTXT, []option{ecs("192.0.2.0/26"), iterative}, "NOERROR aa | www.example.org. 30 CNAME edge.example.net."},
		{"the default", "www.example.org", dns.TypeA, []option{ecs("203.0.113.128/25"), iterative}, "NOERROR aa | www.example.org. 30 A 192.0.2.99"},
	})
	alone := strings.Replace(body, "domain own.example.org use z", "", 1)
	for domain, want := range map[string]string{
		"example.org": "is the apex of its zone", "own.example.org": "a CNAME to its own name", "*.example.org": "a CNAME to a name that it covers",
	} {
		if _, err := tryStart(t, block("example.org", geoip+alone+domain+" use fast\n}")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: it started, or %v", domain, err)
		}
	}
}
