package policy

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// The kinds of on_all_down, as tests use them.
var (
	nodata   = AllDown{Kind: AllDownNoData}
	servfail = AllDown{Kind: AllDownServFail}
	next     = AllDown{Kind: AllDownNext}
	cname    = AllDown{Kind: AllDownCNAME, CNAME: "sorry.example.net."}
	address  = AllDown{Kind: AllDownAddress, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.99")}}
)

// TestDecide is rule 8 and what of rules 5, 6, 9 and 11 a decision sees. Where a
// row says nothing of it, the client is 10.1.2.3, and the domain uses "outer"
// where there is such a policy, else "us".
//
//	matched target -> innermost default -> ... -> outermost default   (a fence stops this)
//	-> weight 0 that is up, the same way
//	-> the other family has something: NODATA
//	-> on_all_down, behind a fence serve_all unless nodata or servfail
func TestDecide(t *testing.T) {
	type rows = [][2]string // of failovers: line, health
	const (
		nested = "inner = 10.1.0.0/16 use us; default use eu | outer = 10.0.0.0/8 use inner; default use world"
		fenced = "outer = 10.0.0.0/8 use us fence; default use world"
	)
	all := func(us, eu, world string) rows {
		return rows{{"us: a b6", us}, {"eu: c d6", eu}, {"world: e f6", world}}
	}
	for _, c := range []struct {
		name      string
		failovers rows
		policies  string // "name = rules | name = rules"
		allDown   AllDown
		client    string
		v4, v6    string
	}{
		{"a failover", rows{{"us: a b c6", "udu"}}, "", AllDown{}, "", "a (active)", "c6 (active)"},
		{"a backup", rows{{"us: a b6 | c d6", "du uu"}}, "", AllDown{}, "", "c (backup) min", "b6 (active)"},
		{"a check in a streak", rows{{"us: a b6", "~u"}}, "", AllDown{}, "", "a (active) min", "b6 (active)"},
		{"a family that is missing", rows{{"us: a | b c6", "u uu"}}, "", AllDown{}, "", "a (active)", "nodata (missing_family)"},

		{"the matched rule", all("uu", "uu", "uu"), nested, AllDown{}, "", "a (active)", "b6 (active)"},
		{"the inner default", all("uu", "uu", "uu"), nested, AllDown{}, "10.9.9.9", "c (active)", "d6 (active)"},
		{"the outer default", all("uu", "uu", "uu"), nested, AllDown{}, "192.0.2.1", "e (active)", "f6 (active)"},
		{"an unknown client", all("uu", "uu", "uu"), nested, AllDown{}, "unknown", "e (active)", "f6 (active)"},
		{"down: the innermost default first", all("dd", "uu", "uu"), nested, AllDown{}, "", "c (default) min", "d6 (default) min"},
		{"then outwards", all("dd", "dd", "uu"), nested, AllDown{}, "", "e (default) min", "f6 (default) min"},
		{"families alone", all("du", "ud", "uu"), nested, AllDown{}, "", "c (default) min", "b6 (active)"},
		{"the inner default is down: outwards", all("uu", "dd", "uu"), nested, AllDown{}, "10.9.9.9", "e (default) min", "f6 (default) min"},
		{"the outer default is down: not inwards", all("uu", "uu", "dd"), nested, nodata, "192.0.2.1", "nodata (on_all_down) min", "nodata (on_all_down) min"},
		{"the default lacks the family", rows{{"us: a b6", "dd"}, {"world: e", "u"}}, "outer = 10.0.0.0/8 use us; default use world",
			AllDown{}, "", "e (default) min", "nodata (missing_family) min"},
		{"a default that is a policy", all("dd", "dd", "uu"), "inner = 10.1.0.0/16 use eu; default use world | outer = 10.0.0.0/8 use us; default use inner",
			AllDown{}, "", "e (default) min", "f6 (default) min"},

		{"a fence, up", all("uu", "uu", "uu"), fenced, AllDown{}, "", "a (active)", "b6 (active)"},
		{"a fence never leaves", all("dd", "uu", "uu"), fenced, AllDown{}, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"a fence in one family", all("du", "uu", "uu"), fenced, AllDown{}, "", "nodata (other_family) min", "b6 (active)"},
		{"a fence is for its rule alone", all("dd", "uu", "uu"), "outer = 10.0.0.0/8 use us fence; 192.0.2.0/24 use us; default use world",
			AllDown{}, "192.0.2.1", "e (default) min", "f6 (default) min"},
		{"an inner fence", all("dd", "uu", "uu"), "inner = 10.1.0.0/16 use us fence; default use eu | outer = 10.0.0.0/8 use inner; default use world",
			AllDown{}, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"an outer fence: the inner default", all("dd", "uu", "uu"), "inner = 10.1.0.0/16 use us; default use eu | outer = 10.0.0.0/8 use inner fence; default use world",
			AllDown{}, "", "c (default) min", "d6 (default) min"},
		{"an outer fence: no further", all("dd", "dd", "uu"), "inner = 10.1.0.0/16 use us; default use eu | outer = 10.0.0.0/8 use inner fence; default use world",
			AllDown{}, "", "a (serve_all) min", "b6 (serve_all) min"},

		{"fenced, nodata", all("dd", "uu", "uu"), fenced, nodata, "", "nodata (on_all_down) min", "nodata (on_all_down) min"},
		{"fenced, servfail", all("dd", "uu", "uu"), fenced, servfail, "", "servfail (on_all_down) min", "servfail (on_all_down) min"},
		{"fenced, next", all("dd", "uu", "uu"), fenced, next, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"fenced, cname", all("dd", "uu", "uu"), fenced, cname, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"fenced, address", all("dd", "uu", "uu"), fenced, address, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"fenced policy, other client", all("dd", "dd", "dd"), fenced, cname, "192.0.2.1", "cname (on_all_down) min", "cname (on_all_down) min"},

		{"serve_all", all("dd", "dd", "dd"), nested, AllDown{}, "", "a (serve_all) min", "b6 (serve_all) min"},
		{"nodata", all("dd", "dd", "dd"), nested, nodata, "", "nodata (on_all_down) min", "nodata (on_all_down) min"},
		{"servfail", all("dd", "dd", "dd"), nested, servfail, "", "servfail (on_all_down) min", "servfail (on_all_down) min"},
		{"next", all("dd", "dd", "dd"), nested, next, "", "next (on_all_down) min", "next (on_all_down) min"},
		{"cname", all("dd", "dd", "dd"), nested, cname, "", "cname (on_all_down) min", "cname (on_all_down) min"},
		{"address, of one family", all("dd", "dd", "dd"), nested, address, "", "addresses (on_all_down) min", "nodata (on_all_down) min"},
		{"serve_all, all offline", rows{{"us: a=offline b6=offline", "uu"}}, "", AllDown{}, "", "nodata (on_all_down) min", "nodata (on_all_down) min"},
		{"serve_all, all offline in the matched target", rows{{"us: a=offline b6=offline", "uu"}, {"world: e f6", "dd"}},
			"outer = 10.0.0.0/8 use us; default use world", AllDown{}, "", "e (serve_all) min", "f6 (serve_all) min"},
		{"serve_all keeps AAAA queries of IPv4 alone from another target", rows{{"us: a", "d"}, {"world: e f6", "dd"}},
			"outer = 10.0.0.0/8 use us; default use world", AllDown{}, "", "a (serve_all) min", "nodata (missing_family) min"},

		{"the other family has something", all("du", "dd", "dd"), nested, servfail, "", "nodata (other_family) min", "b6 (active)"},
		{"the other family has something in a default", all("dd", "dd", "du"), nested, cname, "", "nodata (other_family) min", "f6 (default) min"},
		{"the other family has something behind the fence", all("dd", "uu", "uu"), fenced, servfail, "", "servfail (on_all_down) min", "servfail (on_all_down) min"},
		{"the other family, and serve_all", all("du", "dd", "dd"), nested, AllDown{}, "", "nodata (other_family) min", "b6 (active)"},

		{"weight 0 after the defaults", rows{{"us: a*0 b6*0", "uu"}, {"world: e f6", "ud"}},
			"outer = 10.0.0.0/8 use us; default use world", AllDown{}, "", "e (default) min", "b6 (last_resort) min"},
		{"weight 0, the innermost first", rows{{"us: a b6", "dd"}, {"eu: c*0 d6*0", "ud"}, {"world: e*0 f6*0", "uu"}}, nested,
			servfail, "", "c (last_resort) min", "f6 (last_resort) min"},
		{"weight 0 behind a fence", rows{{"us: a b6", "dd"}, {"world: e*0 f6*0", "uu"}}, "outer = 10.0.0.0/8 use us fence; default use world",
			servfail, "", "servfail (on_all_down) min", "servfail (on_all_down) min"},
		{"weight 0 within a fence", rows{{"us: a b6 c*0", "ddu"}, {"world: e f6", "uu"}}, "outer = 10.0.0.0/8 use us fence; default use world",
			servfail, "", "c (last_resort) min", "nodata (other_family) min"},
		{"weight 0 of the other family: no CNAME beside its addresses", rows{{"us: a b*0 c6", "dud"}}, "", cname, "",
			"b (last_resort) min", "nodata (other_family) min"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for _, f := range c.failovers {
				w.failover(f[0], f[1])
			}
			d := w.domain(w.declare(c.policies), c.allDown)
			client := "10.1.2.3"
			switch c.client {
			case "":
			case "unknown":
				client = ""
			default:
				client = c.client
			}
			for fam, want := range map[pool.Family]string{pool.IPv4: c.v4, pool.IPv6: c.v6} {
				got := d.Decide(w.views(), new(w.query(fam, client)), new(Room), nil)
				if text := describe(got); text != want {
					t.Errorf("%s: got %q, want %q", fam, text, want)
				}
				if (got.Outcome == Members) != (len(got.Members) > 0) {
					t.Errorf("%s: outcome %d with members %q", fam, got.Outcome, ids(got.Members))
				}
			}
		})
	}
}

// TestDecideWay: the policy, the rule and the set that a decision came by.
func TestDecideWay(t *testing.T) {
	for _, c := range []struct {
		health string // us, eu, world
		client string
		policy string
		rule   int
		set    string
	}{
		{"uuu", "10.1.2.3", "inner", 0, "s0"},
		{"uuu", "10.9.9.9", "inner", 1, "s0"},
		{"uuu", "192.0.2.1", "outer", 1, "s0"},
		{"duu", "10.1.2.3", "inner", 1, "s0"},
		{"ddu", "10.1.2.3", "outer", 1, "s0"},
		{"ddd", "10.1.2.3", "inner", 0, "s0"}, // serve_all
	} {
		w := newWorld(t)
		for i, line := range []string{"us: a", "eu: b", "world: c"} {
			w.failover(line, c.health[i:i+1])
		}
		w.policy("inner", "10.1.0.0/16 use us; default use eu")
		w.policy("outer", "10.0.0.0/8 use inner; default use world")
		got := w.domain("outer").Decide(w.views(), new(w.query(pool.IPv4, c.client)), new(Room), nil)
		if got.Policy.Name != c.policy || got.Rule != c.rule || got.Set == nil || got.Set.Name != c.set {
			t.Errorf("%s of %s: policy %s, rule %d, set %v", c.client, c.health, got.Policy.Name, got.Rule, got.Set)
		}
	}
	w := newWorld(t)
	w.failover("us: a", "u")
	if got := w.domain("us").Decide(w.views(), new(w.query(pool.IPv4, "")), new(Room), nil); got.Policy != nil || got.Set == nil {
		t.Errorf("without a policy: policy %v, set %v", got.Policy, got.Set)
	}
}

// declare adds policies, and returns what a domain is to use.
func (w *world) declare(policies string) string {
	w.t.Helper()
	use := "us"
	if policies == "" {
		return use
	}
	for text := range strings.SplitSeq(policies, " | ") {
		name, rules, _ := strings.Cut(text, " = ")
		w.policy(name, rules)
		use = name
	}
	return use
}
