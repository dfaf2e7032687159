package gtm

import (
	"slices"
	"strings"
	"testing"
)

// TestLint says what each kind of warning says, and when there is none.
func TestLint(t *testing.T) {
	const (
		v4   = "pool four {\naddress 192.0.2.1\n}\n"                                                    // lines 3 to 5
		both = "pool both {\naddress 192.0.2.2\naddress 2001:db8::2\n}\n"                               // lines 6 to 9
		host = "pool names {\naddress www.example.net\n}\n"                                             // lines 10 to 12
		all  = "domain all.example.org use every\nfailover every {\nset both\nset four\nset names\n}\n" // lines 13 to 18
		from = v4 + both + host + all
	)
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", from, nil},
		{"recovery hold", from + "failover f {\nset four\nrecovery hold\n}\ndomain www.example.org use f", []string{
			`Corefile:19: failover "f": recovery hold without a state file forgets its active set over a restart: add state FILE`,
		}},
		{"recovery manual", from + "failover f {\nset four\nrecovery manual\n}\ndomain www.example.org use f", []string{
			`Corefile:19: failover "f": recovery manual without a state file forgets its active set and its locks over a restart: add state FILE`,
		}},
		{"recovery manual, with state", from + "state gtm.json\nfailover f {\nset four\nrecovery manual\n}\ndomain www.example.org use f", nil},
		{"recovery preempt", from + "failover f {\nset four\nrecovery preempt\n}\ndomain www.example.org use f", nil},

		{"a later set has more families", from + "failover f {\nset four\nset both\n}\ndomain www.example.org use f", []string{
			`Corefile:20: failover "f": set "four" has no IPv6, and a later one has: while it is active, IPv6 clients get no data`,
		}},
		{"a set after next has more families", from + "pool six {\naddress 2001:db8::1\n}\nfailover f {\nset six\nset four\nset both\n}\ndomain www.example.org use f", []string{
			`Corefile:23: failover "f": set "six" has no IPv4, and a later one has: while it is active, IPv4 clients get no data`,
			`Corefile:24: failover "f": set "four" has no IPv6, and a later one has: while it is active, IPv6 clients get no data`,
		}},
		{"an earlier set has more families", from + "failover f {\nset both\nset four\n}\ndomain www.example.org use f", nil},
		{"host names have both families", from + "failover f {\nset four\nset names\n}\ndomain www.example.org use f", nil},

		{"the default has more families", from + "policy p geo {\nfrom 10.0.0.0/8 use both\nfrom 192.0.2.0/24 use four\ndefault use both\n}\ndomain www.example.org use p", []string{
			`Corefile:21: policy "p": "four" has no IPv6, and the default "both" has: its IPv6 clients get no data`,
		}},
		{"the default has fewer families", from + "policy p geo {\nfrom 10.0.0.0/8 use both\ndefault use four\n}\ndomain www.example.org use p", []string{
			`Corefile:21: policy "p": the default "four" has no IPv6, and "both" has: all other IPv6 clients get no data`,
		}},
		{"host names in a rule have both", from + "policy p geo {\nfrom 10.0.0.0/8 use names\ndefault use both\n}\ndomain www.example.org use p", nil},

		{"an unused pool", from + "pool idle {\naddress 192.0.2.3\n}", []string{
			`Corefile:19: pool "idle" is not used: its members are checked, but never answered`,
		}},
		{"an unused pool, a check of its name", from + "check idle ping\npool idle {\naddress 192.0.2.3\ncheck idle\n}", []string{
			`Corefile:20: pool "idle" is not used: its members are checked, but never answered`,
		}},

		{"a brake with too few targets", from + "check c ping {\nfreeze 80% min 3\n}\npool p {\naddress 192.0.2.1\naddress 192.0.2.2\ncheck c\n}\ndomain www.example.org use p", []string{
			`Corefile:19: check "c": freeze never takes hold: it needs 3 targets, and there are 2: write min N`,
		}},
		{"a brake with enough", from + "check c ping {\nfreeze 80% min 2\n}\npool p {\naddress 192.0.2.1\naddress 192.0.2.2\ncheck c\n}\ndomain www.example.org use p", nil},
		{"a brake of an unused check", from + "check c ping {\nfreeze 80%\n}", []string{`Corefile:19: check "c" is not used`}},
		{"a name server without domain", from + "authority ns1.example.org ns.example.net all.example.org", []string{
			`Corefile:19: authority names "ns1.example.org.", which is in the zone but no domain of this block: resolvers will find no address for it`,
			`Corefile:19: authority names "all.example.org.", which may be a CNAME: a name server must have addresses of its own (RFC 2181, section 10.3)`,
		}},
		{"a name server above a domain", from + "authority ns.example.org\ndomain a.ns.example.org use four", []string{
			`Corefile:19: authority names "ns.example.org.", which is in the zone but no domain of this block: resolvers will find no address for it`,
		}},

		{"an unused failover and an unused policy", from + "failover f {\nset four\n}\npolicy p geo {\ndefault use four\n}", []string{
			`Corefile:19: failover "f" is not used`, `Corefile:22: policy "p" is not used`,
		}},
		{"nothing but weight 0", from + "pool zero {\naddress 192.0.2.3 weight 0\n}\nfailover f {\nset a {\npool four weight 0\n}\nset zero\n}\ndomain www.example.org use f", []string{
			`Corefile:19: pool "zero": all of its members have weight 0: it is never available, and answered as a last resort only`,
			`Corefile:23: failover "f": set "a": all of its pools have weight 0: it is never available, and answered as a last resort only`,
		}},
		{"nothing but offline", from + "pool gone {\naddress 192.0.2.3 mode offline\n}\ndomain www.example.org use gone", []string{
			`Corefile:19: pool "gone": all of its members are offline`,
		}},
		{"unused check and region", from + "check idle ping\nregion r {\nmatch 10.0.0.0/8\n}", []string{
			`Corefile:19: check "idle" is not used`, `Corefile:20: region "r" is not used`,
		}},
		{"a region that another one uses", from + "region r {\nmatch 10.0.0.0/8\n}\nregion q {\nmatch region:r\n}\npolicy p geo {\nfrom region:q use four\ndefault use four\n}\ndomain www.example.org use p", nil},
		{"probe without a check", from + "pool p {\naddress 192.0.2.3 probe 192.0.2.4\n}\ndomain www.example.org use p", []string{
			`Corefile:20: pool "p": probe does nothing without a check`,
		}},
		{"slow_start without weights", from + "pool p {\naddress 192.0.2.3\ncheck ping\nslow_start 1m\n}\ndomain www.example.org use p", []string{
			`Corefile:19: pool "p": slow_start does nothing under balance round_robin, which does not go by weights: it is for weighted and hash`,
		}},
		{"slow_start without a check", from + "pool p {\naddress 192.0.2.3\nbalance hash\nslow_start 1m\n}\ndomain www.example.org use p", []string{
			`Corefile:19: pool "p": slow_start does nothing without a check`,
		}},
		{"slow_start", from + "pool p {\naddress 192.0.2.3\ncheck ping\nbalance weighted\nslow_start 1m\n}\ndomain www.example.org use p", nil},
		{"failback_delay under hold", from + "state f\nfailover f {\nset four\nrecovery hold\nfailback_delay 1m\n}\ndomain www.example.org use f", []string{
			`Corefile:20: failover "f": failback_delay does nothing under recovery hold, which never goes back by itself`,
		}},
		{"fallthrough elsewhere", from + "fallthrough sub.example.org example.net", []string{
			`Corefile:2: fallthrough example.net. is in none of the block's zones: example.org.`,
		}},
		{"a circle of CNAMEs", from + "pool x {\naddress b.example.org\n}\npool y {\naddress a.example.org\n}\ndomain a.example.org use x\ndomain b.example.org use y", []string{
			`Corefile:25: domains can lead to each other in a circle of CNAMEs: a.example.org. -> b.example.org. -> a.example.org.`,
		}},

		{"nodata under a policy", from + "policy p geo {\nfrom 10.0.0.0/8 use four\ndefault use four\n}\ndomain www.example.org {\nuse p\non_all_down nodata\n}", []string{
			`Corefile:25: domain "www.example.org.": on_all_down nodata under policy "p": resolvers cache negative answers for every client, whatever its network`,
		}},
		{"nodata under a policy that does not look", from + "policy p geo {\ndefault use four\n}\ndomain www.example.org {\nuse p\non_all_down nodata\n}", nil},
		{"nodata under a policy in a policy", from + "policy p geo {\ndefault use q\n}\npolicy q geo {\nfrom 10.0.0.0/8 use four\ndefault use four\n}\ndomain www.example.org {\nuse p\non_all_down nodata\n}", []string{
			`Corefile:28: domain "www.example.org.": on_all_down nodata under policy "p": resolvers cache negative answers for every client, whatever its network`,
		}},
		{"nodata without a policy", from + "domain www.example.org {\nuse four\non_all_down nodata\n}", nil},
		{"servfail under a policy", from + "policy p geo {\nfrom 10.0.0.0/8 use four\ndefault use four\n}\ndomain www.example.org {\nuse p\non_all_down servfail\n}", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mustCompile(t, test.in).warnings; !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// TestLintZones warns of zones that the server block does not serve.
func TestLintZones(t *testing.T) {
	for _, test := range []struct {
		keys []string
		want string
	}{
		{[]string{"example.org.:53"}, ""},
		{[]string{"."}, ""},
		{[]string{"www.example.org"}, ""}, // a part of the zone is asked for
		{[]string{"example.net", "www.example.com:1053"}, "Corefile:2: zone example.org. is none of its server block's, example.net. www.example.com.: it will never be asked for"},
	} {
		p := mustCompile(t, "pool web {\naddress 192.0.2.1\n}\ndomain www.example.org use web")
		p.lintZones(test.keys)
		if got := strings.Join(p.warnings, "\n"); got != test.want {
			t.Errorf("%v: got %q, want %q", test.keys, got, test.want)
		}
	}
}
