package gtm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestCompileErrors goes from a Corefile to what compile refuses of it, with the
// exact message. The table's input stands between the pools and the domain that
// it may use.
func TestCompileErrors(t *testing.T) {
	for _, group := range slices.Concat(wrongPools, wrongTargets) {
		for _, c := range group.cases {
			t.Run(group.name+"/"+c.in, func(t *testing.T) {
				_, err := compileText(t, fmt.Sprintf(group.in, c.in))
				if err == nil {
					t.Fatalf("no error, want\n%s", c.want)
				}
				if got := err.Error(); got != c.want {
					t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
				}
			})
		}
	}
}

// wrongPools is what compile refuses of regions, checks, pools and failovers.
var wrongPools = []mistakes{
	{"region", "region a {\n%s\n}\nregion b {\nmatch region:a\n}\nregion c {\nmatch 10.0.0.0/8\n}", []mistake{
		{"match region:x", `Corefile:4: region "x" is not declared: there are a, b, c`},
		{"match 10.0.0.0/8 !region:x", `Corefile:4: region "x" is not declared: there are a, b, c`},
		{"match region:x\nmatch region:y", "Corefile:4: region \"x\" is not declared: there are a, b, c\n" +
			`Corefile:5: region "y" is not declared: there are a, b, c`},
		{"match region:a", `Corefile:3: regions refer to each other in a circle: a -> a`},
		{"match !region:a", `Corefile:3: regions refer to each other in a circle: a -> a`},
		{"match region:b", `Corefile:3: regions refer to each other in a circle: a -> b -> a`},
		{"match 10.0.0.0/8\nmatch 10.0.0.0/8 region:c region:b", `Corefile:3: regions refer to each other in a circle: a -> b -> a`},
	}},
	{"a pool's checks", "check alive tcp {\nport 80\n}\ncheck web http\npool p {\naddress 192.0.2.1\n%s\n}\ndomain www.example.org use p", []mistake{
		{"check alvie", `Corefile:9: pool "p" uses check "alvie", which is not declared: did you mean alive?`},
		{"check alive\ncheck alive", `Corefile:10: pool "p" has the same check twice: it is on line 9`},
		{"check web\ncheck web port 80", `Corefile:10: pool "p" has the same check twice: it is on line 9`},
		{"check web\ncheck http", `Corefile:10: pool "p" has the same check twice: it is on line 9`},
		{"check http 80 /\ncheck http", `Corefile:10: pool "p" has the same check twice: it is on line 9`},
		{"check ping\ncheck web\ncheck ping", `Corefile:11: pool "p" has the same check twice: it is on line 9`},
		{"check web\ncheck_require 2", `Corefile:7: pool "p": check_require 2 exceeds its 1 check`},
		{"check web\ncheck alive\ncheck_require 3", `Corefile:7: pool "p": check_require 3 exceeds its 2 checks`},
		{"check_require 2", `Corefile:7: pool "p": check_require 2 exceeds its 0 checks`},
	}},
	{"a pool's members", "pool p {\n%s\n}\ndomain www.example.org use p", []mistake{
		{"address 192.0.2.1\naddress www.example.net", `Corefile:5: pool "p" mixes addresses and host names: put them in pools of their own`},
		{"address www.example.net\naddress 192.0.2.1", `Corefile:5: pool "p" mixes addresses and host names: put them in pools of their own`},
		{"address 192.0.2.1\nhealthy_when 2", `Corefile:3: pool "p": healthy_when 2 exceeds its 1 IPv4 member`},
		{"address 192.0.2.1\naddress 192.0.2.2\naddress 2001:db8::1\nhealthy_when 2", `Corefile:3: pool "p": healthy_when 2 exceeds its 1 IPv6 member`},
		{"address 192.0.2.1\naddress 2001:db8::1\naddress 2001:db8::2\nhealthy_when 3", "Corefile:3: pool \"p\": healthy_when 3 exceeds its 1 IPv4 member\n" +
			`Corefile:3: pool "p": healthy_when 3 exceeds its 2 IPv6 members`},
		{"address a.example.net\naddress b.example.net\nhealthy_when 3", `Corefile:3: pool "p": healthy_when 3 exceeds its 2 members`},
		{"address 192.0.2.1\nanswers 2", `Corefile:3: pool "p": answers 2 exceeds its 1 member`},
		{"address 192.0.2.1\naddress 2001:db8::1\nanswers 3\nbalance hash", `Corefile:3: pool "p": answers 3 exceeds its 2 members`},
		{"address 192.0.2.1 from 10.0.0.0/8", `Corefile:3: pool "p": a member's from is for balance nearest, and its balance is round_robin`},
		{"address 192.0.2.1\naddress 192.0.2.2 from 10.0.0.0/8\nbalance hash", `Corefile:3: pool "p": a member's from is for balance nearest, and its balance is hash`},
		{"address 192.0.2.1 from region:x\nbalance nearest", `Corefile:4: region "x" is not declared: none is declared`},
	}},
	{"failover", "pool a {\naddress 192.0.2.1\naddress 2001:db8::1\naddress 2001:db8::2\n}\npool b {\naddress 192.0.2.2\n}\npool h {\naddress www.example.net\n}\nfailover f {\n%s\n}\ndomain www.example.org use f", []mistake{
		{"set x", `Corefile:15: failover "f": set "x": "x" is no pool: there are a, b, h`},
		{"set a x", `Corefile:15: failover "f": set "a+x": "x" is no pool: there are a, b, h`},
		{"set s {\npool a\npool x\n}", `Corefile:17: failover "f": set "s": "x" is no pool: there are a, b, h`},
		{"set f", `Corefile:15: failover "f": set "f": "f" is a failover, and a set takes pools`},
		{"set a h", `Corefile:15: failover "f": set "a+h" mixes pools of addresses and of host names: put them in sets of their own`},
		{"set s {\npool h\npool b\n}", `Corefile:17: failover "f": set "s" mixes pools of addresses and of host names: put them in sets of their own`},
		{"set s {\npool a\nbalance nearest\n}", `Corefile:15: failover "f": set "s": balance nearest among pools needs their location: add location LAT LON to them`},
		{"set s {\npool a\nanswers 2\n}", `Corefile:15: failover "f": set "s": answers 2 exceeds its 1 pool`},
		{"set s {\npool a\npool b\nanswers 3\nbalance random\n}", `Corefile:15: failover "f": set "s": answers 3 exceeds its 2 pools`},
		{"set s {\npool b\nmin_available 2\n}", `Corefile:17: failover "f": set "s": min_available 2 exceeds its 1 member`},
		{"set s {\npool a\nmin_available 4\n}\nset h", `Corefile:17: failover "f": set "s": min_available 4 exceeds its 3 members`},
		{"set a\npin b", `Corefile:16: failover "f": pin "b" is none of its sets: there are a`},
		{"set a b\nset b\npin a", `Corefile:17: failover "f": pin "a" is none of its sets: there are a+b, b`},
	}},
	// Each family is judged alone (rule 5): a number that one of them can never
	// reach takes its set away for good.
	{"min_available by family", "pool a {\naddress 192.0.2.1\naddress 2001:db8::1\naddress 2001:db8::2\n}\nfailover f {\nset s {\npool a\n%s\n}\n}\ndomain www.example.org use f", []mistake{
		{"min_available 2", `Corefile:11: failover "f": set "s": min_available 2 exceeds its 1 IPv4 member`},
		{"min_available 3", "Corefile:11: failover \"f\": set \"s\": min_available 3 exceeds its 1 IPv4 member\n" +
			`Corefile:11: failover "f": set "s": min_available 3 exceeds its 2 IPv6 members`},
	}},
}

// wrongTargets is what compile refuses of policies and domains.
var wrongTargets = []mistakes{
	{"policy", "pool a {\naddress 192.0.2.1\n}\npool b {\naddress 192.0.2.2\n}\nregion empty {\nmatch 10.0.0.0/8 !10.0.0.0/8\n}\npolicy p geo {\ndefault use a\n%s\n}\ndomain www.example.org use p", []mistake{
		{"from 10.0.0.0/8 use x", `Corefile:14: policy "p" uses "x", which is no policy, failover or pool: there are a, b, p`},
		{"from 10.0.0.0/8 use none", `Corefile:14: policy "p" uses "none", which is no policy, failover or pool: there are a, b, p`},
		{"from region:x use a", `Corefile:14: region "x" is not declared: there are empty`},
		{"from 10.0.0.0/8 use p", `Corefile:12: policies lead to each other in a circle: p -> p`},
		{"from 10.0.0.0/8 use a\nfrom 10.1.0.0/16 use b", `Corefile:15: policy "p": from 10.1.0.0/16 can never match: line 14 has all of its clients: move it above that line, or remove it`},
		{"from 10.0.0.0/9 use a\nfrom 10.128.0.0/9 use b\nfrom 10.0.0.0/8 use b", `Corefile:16: policy "p": from 10.0.0.0/8 can never match: the rules above it have all of its clients together: move it up, or remove it`},
		{"from 2001:db8::/33 2001:db8:8000::/33 use a\nfrom 2001:db8::/32 use b", `Corefile:15: policy "p": from 2001:db8::/32 can never match: line 14 has all of its clients: move it above that line, or remove it`},
		{"from !10.0.0.0/8 use a\nfrom 192.0.2.0/24 use b", `Corefile:15: policy "p": from 192.0.2.0/24 can never match: line 14 has all of its clients: move it above that line, or remove it`},
		{"from !10.0.0.0/8 use a\nfrom 10.0.0.0/8 use b\nfrom ::/0 use b", `Corefile:16: policy "p": from ::/0 can never match: line 14 has all of its clients: move it above that line, or remove it`},
		{"from 10.0.0.0/8 !10.0.0.0/8 use b", `Corefile:14: policy "p": from 10.0.0.0/8 !10.0.0.0/8 can never match: its sources exclude each other`},
		{"from 10.1.0.0/16 !10.0.0.0/8 use b", `Corefile:14: policy "p": from 10.1.0.0/16 !10.0.0.0/8 can never match: its sources exclude each other`},
		{"from region:empty use b", `Corefile:14: policy "p": from region:empty can never match: its sources exclude each other`},
		{"from !region:empty use a\nfrom 10.0.0.0/8 use b", `Corefile:15: policy "p": from 10.0.0.0/8 can never match: line 14 has all of its clients: move it above that line, or remove it`},
		{"from 10.0.0.0/8 use a\nfrom 10.0.0.0/8 use a\nfrom 10.0.0.1 use b", "Corefile:15: policy \"p\": from 10.0.0.0/8 can never match: line 14 has all of its clients: move it above that line, or remove it\n" +
			`Corefile:16: policy "p": from 10.0.0.1/32 can never match: line 14 has all of its clients: move it above that line, or remove it`},
	}},
	{"policies", "pool a {\naddress 192.0.2.1\n}\npolicy p geo {\nfrom 10.0.0.0/8 use q\ndefault use a\n}\npolicy q geo {\n%s\n}\ndomain www.example.org use p", []mistake{
		{"default use x", `Corefile:11: policy "q" uses "x", which is no policy, failover or pool: there are a, p, q`},
		{"default use q", `Corefile:10: policies lead to each other in a circle: q -> q`},
		{"default use p", `Corefile:6: policies lead to each other in a circle: p -> q -> p`},
		{"from 10.0.0.0/8 use p\ndefault use a", `Corefile:6: policies lead to each other in a circle: p -> q -> p`},
	}},
	{"domain", "pool a {\naddress 192.0.2.1\n}\npool h {\naddress www.example.net\naddress web.example.org\n}\nfailover f {\nset a\nset h\n}\npolicy in geo {\nfrom 10.0.0.0/8 use h\ndefault use a\n}\npolicy out geo {\nfrom 192.0.2.0/24 use a\ndefault use in\n}\n%s", []mistake{
		{"domain www.example.org use x", `Corefile:22: domain "www.example.org." uses "x", which is no policy, failover or pool: there are a, f, h, in, out`},
		{"domain www.example.org b.example.org {\nuse x\n}", `Corefile:23: domain "www.example.org." uses "x", which is no policy, failover or pool: there are a, f, h, in, out`},
		{"domain example.org use x", `Corefile:22: domain "example.org." uses "x", which is no policy, failover or pool: there are a, f, h, in, out`}, // and no word of another target's CNAMEs
		{"domain www.example.com use a", `Corefile:22: domain "www.example.com." is in none of the zones of gtm "example.org", which are example.org.: write gtm ZONE... with its zone, or move it`},
		{"domain www.badexample.org use a", `Corefile:22: domain "www.badexample.org." is in none of the zones of gtm "example.org", which are example.org.: write gtm ZONE... with its zone, or move it`},
		{"domain *.org use a", `Corefile:22: domain "*.org." is in none of the zones of gtm "example.org", which are example.org.: write gtm ZONE... with its zone, or move it`},
		{"domain org use a", `Corefile:22: domain "org." is in none of the zones of gtm "example.org", which are example.org.: write gtm ZONE... with its zone, or move it`},
		{"domain example.org use h", `Corefile:22: domain "example.org." is the apex of its zone, where a CNAME cannot stand (RFC 1034, section 3.6.2): use pools of addresses`},
		{"domain example.org use f", `Corefile:22: domain "example.org." is the apex of its zone, where a CNAME cannot stand (RFC 1034, section 3.6.2): use pools of addresses`},
		{"domain example.org use in", `Corefile:22: domain "example.org." is the apex of its zone, where a CNAME cannot stand (RFC 1034, section 3.6.2): use pools of addresses`},
		{"domain example.org use out", `Corefile:22: domain "example.org." is the apex of its zone, where a CNAME cannot stand (RFC 1034, section 3.6.2): use pools of addresses`},
		{"domain example.org {\nuse a\non_all_down cname sorry.example.net\n}", `Corefile:22: domain "example.org." is the apex of its zone, where a CNAME cannot stand (RFC 1034, section 3.6.2): use pools of addresses`},
		{"domain web.example.org use h", `Corefile:22: domain "web.example.org." leads to itself: a CNAME to its own name`},
		{"domain *.example.org use h", `Corefile:22: domain "*.example.org." leads to itself: a CNAME to a name that it covers`},
		{"domain web.example.org use out", `Corefile:22: domain "web.example.org." leads to itself: a CNAME to its own name`},
		{"domain WEB.example.org {\nuse a\non_all_down cname Web.example.org\n}", `Corefile:22: domain "web.example.org." leads to itself: a CNAME to its own name`},
	}},
}

// TestCompileNamesMany says that an error does not list thousands of names.
func TestCompileNamesMany(t *testing.T) {
	var b strings.Builder
	for i := range 13 {
		fmt.Fprintf(&b, "pool p%02d {\naddress 192.0.2.1\n}\n", i)
	}
	_, err := compileText(t, b.String()+"domain www.example.org use x")
	want := `Corefile:42: domain "www.example.org." uses "x", which is no policy, failover or pool: there are p00, p01, p02, p03, p04, p05, p06, p07, p08, p09, and 3 more`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = compileText(t, "domain www.example.org use x")
	want = `Corefile:3: domain "www.example.org." uses "x", which is no policy, failover or pool: none is declared`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestCompileByHand is what the parser refuses already: compile has no other
// caller's word for it.
func TestCompileByHand(t *testing.T) {
	one := onePool(3)
	for _, test := range []struct {
		name string
		cfg  *Config
		want string
	}{
		{"region", withConfig(func(c *Config) { c.Regions = []RegionConfig{{Pos: onLine(3), Name: "r"}} }), `Corefile:3: region "r" matches nothing: add match SOURCE`},
		{"pool", withConfig(func(c *Config) { c.Pools = []PoolConfig{{Pos: onLine(3), Name: "p"}} }), `Corefile:3: pool "p" has no members: add an address`},
		{"failover", withConfig(func(c *Config) { c.Failovers = []FailoverConfig{{Pos: onLine(3), Name: "f"}} }), `Corefile:3: failover "f" has no sets: add set POOL`},
		{"set", withConfig(func(c *Config) {
			c.Failovers = []FailoverConfig{{Pos: onLine(3), Name: "f", Sets: []SetConfig{{Pos: onLine(4), Name: "s"}}}}
		}), `Corefile:4: failover "f": set "s" has no pools: add pool NAME`},
		{"policy", withConfig(func(c *Config) {
			c.Pools = []PoolConfig{one}
			c.Policies = []PolicyConfig{{Pos: onLine(5), Name: "p", Rules: []RuleConfig{{Pos: onLine(6), From: anyClient, Use: "web"}}}}
		}), `Corefile:5: policy "p" has no default: add default use TARGET, for clients that no rule matches`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := compile(test.cfg); err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// TestCompileRight is what looks like a mistake and is none.
func TestCompileRight(t *testing.T) {
	for name, in := range map[string]string{
		"a policy without rules":                   "pool a {\naddress 192.0.2.1\n}\npolicy p geo {\ndefault use a\n}\ndomain www.example.org use p",
		"a rule wider than the one before":         "pool a {\naddress 192.0.2.1\n}\npolicy p geo {\nfrom 10.1.0.0/16 use a\nfrom 10.0.0.0/8 use a\ndefault use a\n}\ndomain www.example.org use p",
		"rules for all addresses: some have none":  "pool a {\naddress 192.0.2.1\n}\npolicy p geo {\nfrom 0.0.0.0/0 use a\nfrom ::/0 use a\ndefault use a\n}\ndomain www.example.org use p",
		"two ways to one policy":                   "pool a {\naddress 192.0.2.1\n}\npolicy p geo {\nfrom 10.0.0.0/8 use q\ndefault use r\n}\npolicy r geo {\ndefault use q\n}\npolicy q geo {\ndefault use a\n}\ndomain www.example.org use p",
		"sets of addresses and of names":           "pool a {\naddress 192.0.2.1\n}\npool h {\naddress www.example.net\n}\nfailover f {\nset a\nset h\n}\ndomain www.example.org use f",
		"one check on two ports":                   "check web http\npool a {\naddress 192.0.2.1\ncheck web\ncheck web port 81\n}\ndomain www.example.org use a",
		"a name in two name spaces":                "region a {\nmatch 10.0.0.0/8\n}\ncheck a ping\npool a {\naddress 192.0.2.1\ncheck a\n}\ndomain www.example.org use a",
		"min_available over two pools":             "pool a {\naddress 192.0.2.1\n}\npool b {\naddress 192.0.2.2\n}\nfailover f {\nset s {\npool a\npool b\nmin_available 2\n}\n}\ndomain www.example.org use f",
		"min_available where both families count":  "pool a {\naddress 192.0.2.1\naddress 2001:db8::1\n}\npool h {\naddress www.example.net\n}\nfailover f {\nset s {\npool a\nmin_available 2\n}\nset h\n}\ndomain www.example.org use f",
		"a wildcard at the apex with a CNAME":      "pool h {\naddress www.example.net\n}\ndomain *.example.org use h",
		"any and all without checks":               "pool a {\naddress 192.0.2.1\ncheck_require any\n}\ndomain www.example.org use a",
		"healthy_when by percentage of one member": "pool a {\naddress 192.0.2.1\nhealthy_when 1%\n}\ndomain www.example.org use a",
		"no domain": "pool a {\naddress 192.0.2.1\n}",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := compileText(t, in); err != nil {
				t.Error(err)
			}
		})
	}
}
