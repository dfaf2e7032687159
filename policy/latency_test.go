package policy

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// TestDecideLatency is what rules 5, 7, 8, 9 and 11 make of a latency policy.
// Where a row says nothing of it, the client is 198.51.100.1, from where a table
// says that us takes 10 ms, eu 30 and jp 50; of other clients it says nothing.
func TestDecideLatency(t *testing.T) {
	const three = "latency us eu jp; tolerance 5; default use world"
	all := func(us, eu, jp, world string) [][2]string {
		return [][2]string{{"us: a b6", us}, {"eu: c d6", eu}, {"jp: e f6", jp}, {"world: g h6", world}}
	}
	up := all("uu", "uu", "uu", "uu")
	for _, c := range []struct {
		name      string
		failovers [][2]string
		policies  string
		allDown   AllDown
		client    string
		v4, v6    string
	}{
		{"the best one", up, "fast = " + three, AllDown{}, "", "a (active)", "b6 (active)"},
		{"in whatever order", up, "fast = latency jp eu us; default use world", AllDown{}, "", "a (active)", "b6 (active)"},
		{"of those that the policy has", up, "fast = latency jp eu; default use world", AllDown{}, "", "c (active)", "d6 (active)"},
		{"nothing is known of the client", up, "fast = " + three, AllDown{}, "203.0.113.1", "g (active)", "h6 (active)"},
		{"nobody", up, "fast = " + three, AllDown{}, "unknown", "g (active)", "h6 (active)"},
		{"nothing is known of one pool", up, "fast = latency world jp; default use us", AllDown{}, "", "e (active)", "f6 (active)"},

		{"the best one is down", all("dd", "uu", "uu", "uu"), "fast = " + three, AllDown{}, "", "c (backup) min", "d6 (backup) min"},
		{"two are down", all("dd", "dd", "uu", "uu"), "fast = " + three, AllDown{}, "", "e (backup) min", "f6 (backup) min"},
		{"another one is down", all("uu", "dd", "uu", "uu"), "fast = " + three, AllDown{}, "", "a (active)", "b6 (active)"},
		{"families alone", all("du", "ud", "uu", "uu"), "fast = " + three, AllDown{}, "", "c (backup) min", "b6 (active)"},
		{"all are down", all("dd", "dd", "dd", "uu"), "fast = " + three, AllDown{}, "", "g (default) min", "h6 (default) min"},
		{"all are down, of another client", all("dd", "dd", "dd", "uu"), "fast = " + three, AllDown{}, "203.0.113.1", "g (active)", "h6 (active)"},
		{"all that are known are down", all("uu", "dd", "dd", "uu"), "fast = latency world jp; default use us", AllDown{}, "", "a (default) min", "b6 (default) min"},
		{"a check in a streak", all("~u", "uu", "uu", "uu"), "fast = " + three, AllDown{}, "", "a (active) min", "b6 (active)"},
		{"a check in a streak elsewhere", all("uu", "~~", "uu", "uu"), "fast = " + three, AllDown{}, "", "a (active)", "b6 (active)"},

		{"a family that is missing", [][2]string{{"us: a", "u"}, {"eu: c d6", "uu"}, {"jp: e", "u"}, {"world: g h6", "uu"}},
			"fast = " + three, AllDown{}, "", "a (active)", "nodata (missing_family)"},
		{"a family that is missing where all is down", [][2]string{{"us: a", "d"}, {"eu: c d6", "uu"}, {"jp: e", "u"}, {"world: g h6", "uu"}},
			"fast = " + three, AllDown{}, "", "c (backup) min", "d6 (backup) min"},
		{"a family that is missing in a backup", [][2]string{{"us: a b6", "dd"}, {"eu: c", "u"}, {"jp: e f6", "uu"}, {"world: g h6", "uu"}},
			"fast = " + three, AllDown{}, "", "c (backup) min", "nodata (missing_family) min"},

		{"weight 0 after the default", [][2]string{{"us: a*0 b6*0", "uu"}, {"eu: c d6", "dd"}, {"jp: e f6", "dd"}, {"world: g h6", "ud"}},
			"fast = " + three, AllDown{}, "", "g (default) min", "b6 (last_resort) min"},
		{"weight 0, the best one first", [][2]string{{"us: a b6*0", "uu"}, {"eu: c*0 d6*0", "uu"}, {"jp: e*0 f6*0", "uu"}, {"world: g*0 h6*0", "uu"}},
			"fast = latency jp eu; default use world", AllDown{}, "", "c (last_resort) min", "d6 (last_resort) min"},
		{"serve_all: the best one", all("dd", "dd", "dd", "dd"), "fast = latency jp eu us; default use world", AllDown{}, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"serve_all: all offline", [][2]string{{"us: a=offline b6=offline", "uu"}, {"eu: c d6", "dd"}, {"jp: e f6", "dd"}, {"world: g h6", "dd"}},
			"fast = " + three, AllDown{}, "", "c (serve_all) min", "d6 (serve_all) min"},
		{"serve_all: all offline in all", [][2]string{{"us: a=offline b6", "dd"}, {"eu: c=offline d6", "dd"}, {"jp: e=offline f6", "dd"}, {"world: g h6", "dd"}},
			"fast = " + three, AllDown{}, "", "g (serve_all) min", "b6 (serve_all) min"},
		{"serve_all: of a client of whom nothing is known", all("dd", "dd", "dd", "dd"), "fast = " + three, AllDown{}, "203.0.113.1", "g (serve_all) min", "h6 (serve_all) min"},
		{"serve_all keeps AAAA queries of IPv4 alone", [][2]string{{"us: a", "d"}, {"eu: c d6", "dd"}, {"jp: e f6", "dd"}, {"world: g h6", "dd"}},
			"fast = " + three, AllDown{}, "", "a (serve_all) min", "nodata (missing_family) min"},
		{"the other family has something", all("dd", "du", "dd", "dd"), "fast = " + three, servfail, "", "nodata (other_family) min", "d6 (backup) min"},
		{"nodata", all("dd", "dd", "dd", "dd"), "fast = " + three, nodata, "", "nodata (on_all_down) min", "nodata (on_all_down) min"},

		{"a rule leads to it", up, "fast = " + three + " | outer = 198.51.100.0/24 use fast; default use world", AllDown{}, "", "a (active)", "b6 (active)"},
		{"the inner default first", all("dd", "dd", "dd", "uu"), "fast = latency eu us; default use world | outer = 198.51.100.0/24 use fast; default use jp",
			AllDown{}, "", "g (default) min", "h6 (default) min"},
		{"then outwards", all("dd", "dd", "uu", "dd"), "fast = latency eu us; default use world | outer = 198.51.100.0/24 use fast; default use jp",
			AllDown{}, "", "e (default) min", "f6 (default) min"},
		{"its default is a policy", all("dd", "dd", "uu", "uu"), "inner = 198.51.100.0/24 use jp; default use world | fast = latency us eu; default use inner",
			AllDown{}, "", "e (default) min", "f6 (default) min"},
		{"its default is one for whom nothing is known", up, "inner = 203.0.113.0/24 use jp; default use world | fast = latency us eu; default use inner",
			AllDown{}, "203.0.113.1", "e (active)", "f6 (active)"},
		{"its default is such a policy", all("dd", "dd", "uu", "uu"), "slow = latency world jp; default use us | fast = latency us eu; default use slow",
			AllDown{}, "", "e (default) min", "f6 (default) min"},
		{"fenced", all("dd", "dd", "dd", "dd"), "fast = latency us eu; default use jp | outer = 198.51.100.0/24 use fast fence; default use world",
			cname, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"fenced: its own default", all("dd", "dd", "uu", "uu"), "fast = latency us eu; default use jp | outer = 198.51.100.0/24 use fast fence; default use world",
			AllDown{}, "", "e (default) min", "f6 (default) min"},
		{"fenced: no further", all("dd", "dd", "dd", "uu"), "fast = latency us eu; default use jp | outer = 198.51.100.0/24 use fast fence; default use world",
			AllDown{}, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"a fence in its default", all("dd", "dd", "dd", "uu"), "inner = 198.51.100.0/24 use jp fence; default use world | fast = latency us eu; default use inner",
			nodata, "", "nodata (on_all_down) min", "nodata (on_all_down) min"},
		{"a name", [][2]string{{"us: a@ b@", "du"}, {"eu: c@", "u"}, {"jp: e@", "u"}, {"world: g@", "u"}}, "fast = " + three, AllDown{}, "", "b@ (active)", "b@ (active)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for _, f := range c.failovers {
				w.failover(f[0], f[1])
			}
			w.table("198.51.100.0/24 us 10; 198.51.100.0/24 eu 30; 198.51.100.0/24 jp 50")
			d := w.domain(w.declare(c.policies), c.allDown)
			client := "198.51.100.1"
			switch c.client {
			case "":
			case "unknown":
				client = ""
			default:
				client = c.client
			}
			for fam, want := range map[pool.Family]string{pool.IPv4: c.v4, pool.IPv6: c.v6} {
				if text := describe(d.Decide(w.views(), new(w.query(fam, client)), new(Room), nil)); text != want {
					t.Errorf("%s: got %q, want %q", fam, text, want)
				}
			}
		})
	}
}

// TestDecideLatencyWay: the policy, the rule and the set that a decision came by.
func TestDecideLatencyWay(t *testing.T) {
	for _, c := range []struct {
		health string // us, eu, world
		client string
		policy string
		rule   int
		set    string
	}{
		{"uuu", "198.51.100.1", "fast", NoRule, "us-0-0"},
		{"duu", "198.51.100.1", "fast", NoRule, "eu-0-0"},
		{"uuu", "203.0.113.1", "fast", 0, "world-0-0"},
		{"ddu", "198.51.100.1", "fast", 0, "world-0-0"},
		{"ddd", "198.51.100.1", "fast", NoRule, "us-0-0"}, // serve_all
	} {
		w := newWorld(t)
		for i, line := range []string{"us: a", "eu: b", "world: c"} {
			w.failover(line, c.health[i:i+1])
		}
		w.table("198.51.100.0/24 us 10; 198.51.100.0/24 eu 30")
		w.policy("fast", "latency us eu; default use world")
		w.policy("outer", "0.0.0.0/0 use fast; default use world")
		got := w.domain("outer").Decide(w.views(), new(w.query(pool.IPv4, c.client)), new(Room), nil)
		if got.Policy.Name != c.policy || got.Rule != c.rule || got.Set == nil || got.Set.Pools[0].Name != c.set {
			t.Errorf("%s of %s: policy %s, rule %d, set %v", c.client, c.health, got.Policy.Name, got.Rule, got.Set)
		}
	}
}

// TestLatencyAnswers: so many members of the one chosen pool, by its own balance,
// whatever its own number of answers; of the default as it says itself.
func TestLatencyAnswers(t *testing.T) {
	line := "us: a b c d e=offline f g h i j"
	for _, c := range []struct {
		answers string
		health  string
		client  string
		want    string
	}{
		{"1", "uuuu u uuuuu", "198.51.100.1", "a"},
		{"2", "uuuu u uuuuu", "198.51.100.1", "a b"},
		{"3", "dudu u uuuuu", "198.51.100.1", "b d f"},
		{"8", "uuuu u uuuuu", "198.51.100.1", "a b c d f g h i"},
		{"8", "dddd u ddddu", "198.51.100.1", "j"},
		{"8", "dddd u ddddd", "198.51.100.1", "y z"}, // the default's own number
		{"1", "uuuu u uuuuu", "203.0.113.1", "y z"},
	} {
		w := newWorld(t)
		w.failover(line, c.health, func(f *pool.Failover) { f.Sets[0].Pools[0].Answers = 4 })
		w.failover("world: y z", "uu")
		w.table("198.51.100.0/24 us 10")
		w.policy("fast", "latency us; answers "+c.answers+"; default use world")
		if got := w.answers("fast", []pool.Client{client(c.client, "")}); got[0] != c.want {
			t.Errorf("answers %s of %s: got %s, want %s", c.answers, c.health, got[0], c.want)
		}
	}
	weighted := func(f *pool.Failover) { f.Sets[0].Pools[0].Balance = pool.Weighted }
	w := newWorld(t)
	w.failover("us: a*1 b*3", "uu", weighted)
	w.table("0.0.0.0/0 us 10")
	w.policy("fast", "latency us; answers 1; default use us")
	clients := make([]pool.Client, 10_000)
	for i := range clients {
		clients[i] = client("198.51.100.1", "")
	}
	expect(t, "by weight", share(w.answers("fast", clients)), map[string]float64{"a": .25, "b": .75})
}

// TestEstimates: the table before the distance, of which 1,000 km are 15 ms.
func TestEstimates(t *testing.T) {
	const file = `198.51.100.0/24 EU/DE/BY asn:64500 at:48.25,11.5; 203.0.113.0/24 AS/CN/GD/SZ asn:4134 at:22.5,114; 192.0.2.0/24 EU/DE;
		192.0.3.0/24 at:-33.75,151.25`
	for _, c := range []struct {
		pools  string
		rows   string
		client string
		want   string
	}{
		{"us@40.75,-74 eu@50,8.75", "", "198.51.100.1", "97.2 4.2"}, // 6,474 km and 279 km
		{"us@40.75,-74 eu@50,8.75", "", "203.0.113.1", "194.1 137.1"},
		{"us@40.75,-74 eu@50,8.75", "", "192.0.3.1", "239.9 247.3"},
		{"us@40.75,-74 eu@50,8.75", "", "192.0.2.1", "unknown unknown"}, // without a location
		{"us@40.75,-74 eu@50,8.75", "", "192.0.4.1", "unknown unknown"},
		{"us@40.75,-74 eu@50,8.75", "", "", "unknown unknown"},
		{"us@40.75,-74 eu", "", "198.51.100.1", "97.2 unknown"},
		{"us@48.25,11.5 eu@-48.25,-168.5", "", "198.51.100.1", "0.0 300.4"}, // here, and half round the earth
		{"us@40.75,-74 eu@50,8.75", "country:DE us 7", "198.51.100.1", "7.0 4.2"},
		{"us@40.75,-74 eu@50,8.75", "country:DE us 7", "203.0.113.1", "194.1 137.1"},
		{"us@40.75,-74 eu@50,8.75", "country:DE us 7; 198.51.100.0/24 us 8; asn:64500 eu 0", "198.51.100.1", "8.0 0.0"},
		{"us@40.75,-74 eu@50,8.75", "country:DE us 7; 198.51.100.0/25 us 8", "198.51.100.129", "7.0 4.2"},
		{"us eu", "subdivision:CN-SZ us 1.25; subdivision:CN-GD us 2; subdivision:CN-GD eu 3; country:CN eu 4", "203.0.113.1", "1.2 3.0"},
		{"us eu", "continent:EU us 30", "192.0.2.1", "30.0 unknown"},
		{"us eu", "continent:EU us 30; 0.0.0.0/0 eu 99", "192.0.4.1", "unknown 99.0"},
		{"us eu", "continent:EU us 30; 0.0.0.0/0 eu 99", "", "unknown unknown"},
	} {
		w := newWorld(t)
		w.failover("us: a", "u")
		w.failover("eu: b", "u")
		w.file(file)
		if c.rows != "" {
			w.table(c.rows)
		}
		w.policy("fast", "latency "+c.pools+"; default use us")
		var got []string
		for _, ms := range w.atlas().estimates(w.policies["fast"], client(c.client, "")) {
			if math.IsInf(ms, 1) {
				got = append(got, "unknown")
			} else {
				got = append(got, fmt.Sprintf("%.1f", ms))
			}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s of %q with %q: got %s, want %s", c.pools, c.client, c.rows, text, c.want)
		}
	}
}
