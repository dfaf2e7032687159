package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// abroadFile knows where resolvers are: in Munich, in Shenzhen, and one of an AS
// alone; and that 10.5.0.0/16 is an office in New York.
const abroadFile = `198.51.100.0/24 EU/DE/BY asn:64500 at:48.25,11.5; 203.0.113.0/24 AS/CN/GD asn:4134 at:22.5,114; 192.0.2.0/24 asn:4134;
	2001:db8::/32 EU/DE; 10.5.0.0/16 NA/US at:40.75,-74; fd05::/16 NA/US`

// TestAbroad: an address for use within a network counts for CIDRs, and for
// places its resolver's, unless a file knows it after all. The scope never leaves
// what is for use within networks, nor goes into what a file knows of that.
func TestAbroad(t *testing.T) {
	for _, c := range []struct {
		rules       string
		client, via string
		want        string // rule, bits
	}{
		{"country:DE use us; country:CN use us; default use us", "10.1.2.3", "198.51.100.1", "0 14"},
		{"country:DE use us; country:CN use us; default use us", "10.1.2.3", "203.0.113.1", "1 14"},
		{"country:DE use us; country:CN use us; default use us", "10.1.2.3", "192.0.2.1", "2 14"},
		{"country:DE use us; country:CN use us; default use us", "10.1.2.3", "198.18.0.1", "2 14"},
		{"country:DE use us; country:CN use us; default use us", "10.1.2.3", "2001:db8::1", "0 14"},
		{"country:DE use us; country:CN use us; default use us", "10.4.2.3", "198.51.100.1", "0 16"},
		{"country:DE use us; country:CN use us; default use us", "10.128.2.3", "198.51.100.1", "0 9"},
		{"country:DE use us; country:CN use us; default use us", "100.64.2.3", "198.51.100.1", "0 10"},
		{"country:DE use us; country:CN use us; default use us", "127.0.0.1", "198.51.100.1", "0 8"},
		{"country:DE use us; country:CN use us; default use us", "169.254.0.1", "198.51.100.1", "0 16"},
		{"country:DE use us; country:CN use us; default use us", "172.31.0.1", "198.51.100.1", "0 12"},
		{"country:DE use us; country:CN use us; default use us", "192.168.0.1", "198.51.100.1", "0 16"},
		{"country:DE use us; country:CN use us; default use us", "fc00::1", "198.51.100.1", "0 8"},
		{"country:DE use us; country:CN use us; default use us", "fd01::1", "198.51.100.1", "0 14"},
		{"country:DE use us; country:CN use us; default use us", "fe80::1", "198.51.100.1", "0 10"},
		{"country:DE use us; country:CN use us; default use us", "10.5.2.3", "198.51.100.1", "2 16"}, // a file knows it
		{"country:US use us; country:DE use us; default use us", "10.5.2.3", "198.51.100.1", "0 16"},
		{"country:US use us; country:DE use us; default use us", "fd05::1", "198.51.100.1", "0 16"},
		{"continent:EU use us; default use us", "10.1.2.3", "198.51.100.1", "0 14"},
		{"subdivision:DE-BY use us; default use us", "10.1.2.3", "198.51.100.1", "0 14"},
		{"asn:4134 use us; default use us", "10.1.2.3", "192.0.2.1", "0 14"},
		{"!country:DE use us; default use us", "10.1.2.3", "198.51.100.1", "1 14"},

		{"10.0.0.0/8 use us; country:DE use us; default use us", "10.1.2.3", "198.51.100.1", "0 14"},
		{"country:DE use us; 10.0.0.0/8 use us; default use us", "10.1.2.3", "203.0.113.1", "1 14"},
		{"10.1.2.0/24 use us; country:DE use us; default use us", "10.1.2.3", "198.51.100.1", "0 24"},
		{"10.1.2.0/24 use us; country:DE use us; default use us", "10.1.3.3", "198.51.100.1", "1 24"},
		{"198.51.100.0/24 use us; country:DE use us; default use us", "10.1.2.3", "198.51.100.1", "1 14"}, // its Via is not its address
		{"region:office use us; country:DE use us; default use us", "10.1.2.3", "198.51.100.1", "0 16"},
		{"region:office use us; country:DE use us; default use us", "10.1.2.3", "203.0.113.1", "2 16"},
		{"region:office use us; country:DE use us; default use us", "10.9.2.3", "198.51.100.1", "1 13"},

		{"10.0.0.0/8 use us; default use us", "10.1.2.3", "198.51.100.1", "0 8"}, // no rule asks for a place
		{"default use us", "10.1.2.3", "198.51.100.1", "0 0"},
		{"country:DE use us; default use us", "10.1.2.3", "", "1 1"},                  // its own source address
		{"country:DE use us; default use us", "198.51.101.1", "198.51.100.1", "1 24"}, // nothing is known of it, but it is public
	} {
		w := newWorld(t)
		w.failover("us: a", "u")
		w.file(abroadFile)
		w.region("office", "10.1.0.0/16 country:DE; 172.16.0.0/12 country:CN")
		w.policy("p", c.rules)
		who := client(c.client, c.via)
		d, atlas := w.domain("p"), w.atlas()
		rule, _ := atlas.rule(w.policies["p"], who)
		if got := fmt.Sprint(rule, d.Scope(w.views(), atlas, who, nil)); got != c.want {
			t.Errorf("%s by way of %s with %s: got %s, want %s", c.client, c.via, c.rules, got, c.want)
		}
	}
}

// TestAbroadLatencyAndNearest: the resolver's place counts for estimates and
// distances, too.
func TestAbroadLatencyAndNearest(t *testing.T) {
	for _, c := range []struct {
		client, via string
		latency     string // member and scope
		nearest     string
		office      string // which is near to those of 10.1.0.0/16 in Germany
	}{
		{"10.1.2.3", "198.51.100.1", "eu 14", "eu 14", "here 16"},
		{"10.1.2.3", "203.0.113.1", "cn 14", "cn 14", "there 16"},
		{"10.5.2.3", "198.51.100.1", "us 16", "us 16", "there 16"},
		{"10.9.2.3", "203.0.113.1", "us 24", "cn 16", "there 13"}, // by its own prefix
		{"10.8.2.3", "203.0.113.1", "cn 16", "us 16", "there 13"},
		{"fd01::1", "203.0.113.1", "cn 14", "cn 14", "there 14"},
		{"198.51.100.9", "", "eu 24", "eu 24", "there 0"},
	} {
		w := newWorld(t)
		w.file(abroadFile)
		for _, name := range []string{"us", "eu", "cn"} {
			w.failover(name+": "+name, "u")
		}
		w.failover("all: us eu cn", "uuu", func(f *pool.Failover) {
			p := f.Sets[0].Pools[0]
			p.Balance, p.Answers = pool.Nearest, 1
			p.Near = w.neighbours("at:40.75,-74 !10.9.0.0/16", "at:50,8.75 !10.8.0.0/16", "at:35.75,139.75 !10.8.0.0/16")
		})
		w.region("office", "10.1.0.0/16 country:DE")
		w.failover("office: there here", "uu", func(f *pool.Failover) {
			p := f.Sets[0].Pools[0]
			p.Balance, p.Answers, p.Near = pool.Nearest, 1, w.neighbours("!region:office", "region:office")
		})
		w.table("10.9.2.0/24 us 0; asn:4134 cn 5; country:DE eu 6")
		w.policy("fast", "latency us@40.75,-74 eu@50,8.75 cn; default use us")
		views, atlas := w.views(), w.atlas()
		q := Query{Client: client(c.client, c.via), Atlas: atlas}
		for use, want := range map[string]string{"fast": c.latency, "all": c.nearest, "office": c.office} {
			d := w.domain(use)
			got := ids(d.Decide(views, &q, new(Room), nil).Members)
			if text := fmt.Sprint(got, " ", d.Scope(views, atlas, q.Client, nil)); text != want {
				t.Errorf("%s by way of %s with %s: got %s, want %s", c.client, c.via, use, text, want)
			}
		}
	}
}

// TestAbroadLeavesNothing: what is worked out for a client abroad is not written
// over what the atlas has for others, though they share a scratch.
func TestAbroadLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.file(abroadFile)
	w.failover("all: us eu + cn", "uuu", func(f *pool.Failover) {
		set := f.Sets[0]
		set.Balance, set.Near = pool.Nearest, w.neighbours("10.0.0.0/8", "198.51.100.0/24") // of prefixes alone
		set.Pools[0].Balance, set.Pools[0].Near = pool.Nearest, w.neighbours("at:40.75,-74", "at:50,8.75")
	})
	d, views, atlas := w.domain("all"), w.views(), w.atlas()
	var s Room
	for range 3 {
		for _, c := range []struct{ client, via, want string }{
			{"198.51.100.9", "", "cn eu us"}, {"10.1.2.3", "198.51.100.1", "eu us cn"}, {"10.5.2.3", "198.51.100.1", "us eu cn"},
		} {
			got := d.Decide(views, &Query{Client: client(c.client, c.via), Atlas: atlas, Draw: 1}, &s, nil)
			if text := described(got); text != c.want+" (active)" {
				t.Errorf("%s by way of %s: got %s, want %s", c.client, c.via, text, c.want)
			}
		}
	}
}

// TestPlaceless: the addresses for use within a network, to their ends, but for
// those of which one of the files knows anything.
func TestPlaceless(t *testing.T) {
	w := newWorld(t)
	w.file("10.5.0.0/16 NA/US; 9.0.0.0/8 EU/DE; 192.168.0.0/15 AS/CN; fdff::/16 at:40.75,-74")
	w.file("10.6.0.0/16 asn:64500; 0.0.0.0/8 EU; febf:1::/32 EU/DE")
	table := w.know.Files.Placeless()
	for want, addrs := range []string{
		`0.0.0.0 0.255.255.255 9.255.255.255 10.5.0.0 10.5.255.255 10.6.7.8 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
		169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.168.0.0 192.168.255.255 192.169.0.0 252.0.0.1 254.128.0.1
		255.255.255.255 ::2 a00::1 7f00::1 c0a8::1 2001:db8::1 fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fdff::1 fe00:: fe7f:: febf:1::1 fec0:: ff02::1`,
		`10.0.0.0 10.4.255.255 10.7.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.255.255.255 169.254.0.0 169.254.255.255
		172.16.0.0 172.31.255.255 :: ::1 fc00:: fdfe::1 fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff`,
	} {
		for addr := range strings.FieldsSeq(addrs) {
			if got, _ := table.Lookup(netip.MustParseAddr(addr)); int(got) != want {
				t.Errorf("%s: got %d, want %d", addr, got, want)
			}
		}
	}
	if _, bits := table.Lookup(netip.MustParseAddr("fe00::")); bits != 9 {
		t.Errorf("fe00:: is told by %d bits, want 9", bits)
	}
}
