package test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// ruled runs the cases against a gtm block once they hold, or a while has passed:
// what has DEAD for its probe, and the check "web", is down after a probe or two.
func ruled(t *testing.T, body string, cases []answerCase) {
	t.Helper()
	gone := fake.NewHTTP(t)
	gone.Down()
	upstream := fake.NewDNS(t)
	s := start(t, block("example.org", "gtm {\n"+strings.ReplaceAll(body, "DEAD", gone.Host())+
		quickCheck("web", "http", gone.Port())+"\n}\nforward . "+upstream.Addr()))
	deadline := time.Now().Add(3 * time.Second)
	for _, tc := range cases {
		for summary(s.ask(t, tc.qname, tc.qtype, tc.opts...)) != tc.want && time.Now().Before(deadline) {
			runtime.Gosched()
		}
	}
	s.run(t, cases)
}

// TestAllDown is on_all_down in all its forms.
func TestAllDown(t *testing.T) {
	var body strings.Builder
	body.WriteString(`ttl 60 min 5
		pool dead4 {
			address 192.0.2.10 probe DEAD
			check web
			balance sequence
			answers all
			address 192.0.2.11 probe DEAD
		}
		pool dead {
			address 192.0.2.10 probe DEAD
			address 2001:db8::10 probe DEAD
			check web
		}
		pool offline-all {
			address 192.0.2.12 mode offline
			address 192.0.2.13 mode offline
		}
		pool half-off {
			address 192.0.2.12 mode offline
			address 192.0.2.13 probe DEAD
			check web
		}
		pool mixed {
			address 192.0.2.10 probe DEAD
			address 2001:db8::10 mode online
			check web
		}
		pool live {
			address 192.0.2.99
		}
		domain live.example.org use live
		failover off-first {
			set offline-all
			set dead4
		}
	`)
	for name, form := range map[string]string{
		"default": "", "all": "serve_all", "nodata": "nodata", "servfail": "servfail", "next": "next",
		"cname": "cname live.example.org", "away": "cname edge.example.net", "addr": "address 198.51.100.7 2001:db8::7", "addr4": "address 198.51.100.7",
	} {
		if form != "" {
			form = "on_all_down " + form
		}
		for _, target := range []string{"dead4", "dead", "offline-all", "half-off", "mixed", "off-first"} {
			fmt.Fprintf(&body, "domain %s.%s.example.org {\nuse %s\n%s\n}\n", name, target, target, form)
		}
	}
	const (
		nodata   = "NOERROR aa | authority example.org. 5 SOA 5"
		servfail = "SERVFAIL"
	)
	ruled(t, body.String(), []answerCase{
		{"the default is serve_all", "default.dead4.example.org", dns.TypeA, nil,
			"NOERROR aa | default.dead4.example.org. 5 A 192.0.2.10 | default.dead4.example.org. 5 A 192.0.2.11"},
		{"serve_all", "all.dead4.example.org", dns.TypeA, nil,
			"NOERROR aa | all.dead4.example.org. 5 A 192.0.2.10 | all.dead4.example.org. 5 A 192.0.2.11"},
		{"serve_all, IPv6", "all.dead.example.org", dns.TypeAAAA, nil, "NOERROR aa | all.dead.example.org. 5 AAAA 2001:db8::10"},
		{"serve_all of a family that nothing has", "all.dead4.example.org", dns.TypeAAAA, nil, nodata},
		{"serve_all without offline members", "all.half-off.example.org", dns.TypeA, nil, "NOERROR aa | all.half-off.example.org. 5 A 192.0.2.13"},
		{"serve_all with nobody but offline members", "all.offline-all.example.org", dns.TypeA, nil, nodata},
		{"serve_all takes the next set that has others", "all.off-first.example.org", dns.TypeA, nil,
			"NOERROR aa | all.off-first.example.org. 5 A 192.0.2.10 | all.off-first.example.org. 5 A 192.0.2.11"},
		{"nodata", "nodata.dead.example.org", dns.TypeA, nil, nodata},
		{"nodata, IPv6", "nodata.dead.example.org", dns.TypeAAAA, nil, nodata},
		{"servfail", "servfail.dead.example.org", dns.TypeA, nil, servfail},
		{"servfail is not for other types", "servfail.dead.example.org", dns.TypeTXT, nil, nodata},
		{"next", "next.dead.example.org", dns.TypeA, nil, "NOERROR | next.dead.example.org. 60 A " + fake.Anything},
		{"next, IPv6", "next.dead.example.org", dns.TypeAAAA, nil, "NOERROR"},
		{"cname of the block", "cname.dead.example.org", dns.TypeA, nil,
			"NOERROR aa | cname.dead.example.org. 5 CNAME live.example.org. | live.example.org. 60 A 192.0.2.99"},
		{"cname for another type", "cname.dead.example.org", dns.TypeTXT, []option{iterative},
			"NOERROR aa | cname.dead.example.org. 5 CNAME live.example.org. | authority example.org. 5 SOA 5"},
		{"cname elsewhere", "away.dead.example.org", dns.TypeAAAA, []option{iterative}, "NOERROR aa | away.dead.example.org. 5 CNAME edge.example.net."},
		{"address", "addr.dead.example.org", dns.TypeA, nil, "NOERROR aa | addr.dead.example.org. 5 A 198.51.100.7"},
		{"address, IPv6", "addr.dead.example.org", dns.TypeAAAA, nil, "NOERROR aa | addr.dead.example.org. 5 AAAA 2001:db8::7"},
		{"address of the other family alone", "addr4.dead.example.org", dns.TypeAAAA, nil, nodata},

		{"the other family is available: no serve_all", "all.mixed.example.org", dns.TypeA, nil, nodata},
		{"the other family is available: no servfail", "servfail.mixed.example.org", dns.TypeA, nil, nodata},
		{"the other family is available: no next", "next.mixed.example.org", dns.TypeA, nil, nodata},
		{"the other family is available: no cname", "cname.mixed.example.org", dns.TypeA, nil, nodata},
		{"the other family is available: no address", "addr.mixed.example.org", dns.TypeA, nil, nodata},
		{"the other family itself", "addr.mixed.example.org", dns.TypeAAAA, nil, "NOERROR aa | addr.mixed.example.org. 60 AAAA 2001:db8::10"},
	})
}

// TestNextNeedsAPlugin: on_all_down next with nothing below is an error at start.
func TestNextNeedsAPlugin(t *testing.T) {
	body := strings.Replace(refusing, "use web", "{\nuse web\non_all_down next\n}", 1) + "}\n"
	if _, err := tryStart(t, block("example.org", body)); err == nil || !strings.Contains(err.Error(), "Corefile:9:") {
		t.Errorf("want an error with its place, got %v", err)
	}
	start(t, block("example.org", body+"whoami"))
}

// TestModes: offline is never answered, online always available.
func TestModes(t *testing.T) {
	ruled(t, `
		pool modes {
			address 192.0.2.10 probe DEAD
			address 192.0.2.11 probe DEAD mode online
			address 192.0.2.12 mode offline
			check web
		}
		pool last {
			address 192.0.2.20 probe DEAD
			address 192.0.2.21 weight 0 mode online
			address 192.0.2.22 weight 0 mode offline
			check web
		}
		pool spare {
			address 192.0.2.30
			address 192.0.2.31 weight 0
		}
		pool drained {
			address 192.0.2.40 weight 0
		}
		failover backed {
			set drained
			set spare
		}
		failover all-drained {
			set last
			set drained
		}
		domain modes.example.org use modes
		domain last.example.org {
			use last
			on_all_down servfail
		}
		domain spare.example.org use spare
		domain backed.example.org use backed
		domain drained.example.org {
			use all-drained
			on_all_down servfail
		}
	`, []answerCase{
		{"online alone is available", "modes.example.org", dns.TypeA, nil, "NOERROR aa | modes.example.org. 30 A 192.0.2.11"},
		{"weight 0 is not answered beside others", "spare.example.org", dns.TypeA, nil, "NOERROR aa | spare.example.org. 30 A 192.0.2.30"},
		{"weight 0 makes no set available", "backed.example.org", dns.TypeA, nil, "NOERROR aa | backed.example.org. 30 A 192.0.2.30"},
		{"weight 0 that is up is the last resort", "last.example.org", dns.TypeA, nil, "NOERROR aa | last.example.org. 30 A 192.0.2.21"},
		{"the last resort goes by sets", "drained.example.org", dns.TypeA, nil, "NOERROR aa | drained.example.org. 30 A 192.0.2.21"},
	})
}

// TestFence: nothing available in the rule's target falls to the default, unless
// a fence stops it.
func TestFence(t *testing.T) {
	policy := func(name, fence string) string {
		return fmt.Sprintf("policy %s geo {\nfrom 127.0.0.0/8 use dead%s\ndefault use world\n}\n", name, fence)
	}
	domain := func(name, use, form string) string {
		return fmt.Sprintf("domain %s.example.org {\nuse %s\n%s\n}\n", name, use, form)
	}
	ruled(t, `
		pool dead {
			address 192.0.2.10 probe DEAD
			check web
		}
		pool dual-dead {
			address 192.0.2.11 probe DEAD
			address 2001:db8::11 mode online
			check web
		}
		pool world {
			address 203.0.113.1
			address 2001:db8::1
		}
		pool deader {
			address 192.0.2.12 probe DEAD
			check web
		}
	`+policy("open", "")+policy("fenced", " fence")+`
		policy nested geo {
			from 127.0.0.0/8 use nested-inner
			default use world
		}
		policy nested-inner geo {
			from 127.0.0.2 use dead
			from 127.0.0.3 use dead fence
			from 127.0.0.4 use deader
			default use deader
		}
		policy outer-fence geo {
			from 127.0.0.0/8 use inner-open fence
			default use world
		}
		policy inner-open geo {
			from 127.0.0.2 use dead
			default use near
		}
		pool near {
			address 203.0.113.2
		}
		policy nobody geo {
			from 127.0.0.2 use dead
			default use deader
		}
		policy half geo {
			from 127.0.0.0/8 use dual-dead fence
			default use world
		}
	`+domain("open", "open", "on_all_down servfail")+domain("nested", "nested", "on_all_down servfail")+
		domain("fenced", "fenced", "")+domain("fenced-servfail", "fenced", "on_all_down servfail")+
		domain("fenced-nodata", "fenced", "on_all_down nodata")+domain("fenced-next", "fenced", "on_all_down next")+
		domain("fenced-cname", "fenced", "on_all_down cname away.example.net")+domain("fenced-address", "fenced", "on_all_down address 203.0.113.7")+
		domain("outer", "outer-fence", "")+domain("nobody", "nobody", "")+domain("half", "half", ""),
		[]answerCase{
			{"falls to the default", "open.example.org", dns.TypeA, nil, "NOERROR aa | open.example.org. 30 A 203.0.113.1"},
			{"a family that is missing goes with the other one", "open.example.org", dns.TypeAAAA, nil,
				"NOERROR aa | open.example.org. 30 AAAA 2001:db8::1"},
			{"a fence stops it", "fenced.example.org", dns.TypeA, nil, "NOERROR aa | fenced.example.org. 30 A 192.0.2.10"},
			{"behind a fence: servfail", "fenced-servfail.example.org", dns.TypeA, nil, "SERVFAIL"},
			{"behind a fence: nodata", "fenced-nodata.example.org", dns.TypeA, nil, "NOERROR aa | authority example.org. 30 SOA 30"},
			{"behind a fence: not next", "fenced-next.example.org", dns.TypeA, nil, "NOERROR aa | fenced-next.example.org. 30 A 192.0.2.10"},
			{"behind a fence: not cname", "fenced-cname.example.org", dns.TypeA, nil, "NOERROR aa | fenced-cname.example.org. 30 A 192.0.2.10"},
			{"behind a fence: not address", "fenced-address.example.org", dns.TypeA, nil, "NOERROR aa | fenced-address.example.org. 30 A 192.0.2.10"},
			{"inner default, then the outer one", "nested.example.org", dns.TypeA, []option{from("127.0.0.2")}, "NOERROR aa | nested.example.org. 30 A 203.0.113.1"},
			{"an inner fence stops at its level", "nested.example.org", dns.TypeA, []option{from("127.0.0.3")}, "SERVFAIL"},
			{"an inner rule", "nested.example.org", dns.TypeA, []option{from("127.0.0.4")}, "NOERROR aa | nested.example.org. 30 A 203.0.113.1"},
			{"the innermost default first, behind an outer fence", "outer.example.org", dns.TypeA, []option{from("127.0.0.2")}, "NOERROR aa | outer.example.org. 30 A 203.0.113.2"},
			{"nothing in the default either: serve_all of the rule", "nobody.example.org", dns.TypeA, []option{from("127.0.0.2")}, "NOERROR aa | nobody.example.org. 30 A 192.0.2.10"},
			{"nothing in the default", "nobody.example.org", dns.TypeA, []option{from("127.0.0.3")}, "NOERROR aa | nobody.example.org. 30 A 192.0.2.12"},
			{"behind a fence, but the other family is available", "half.example.org", dns.TypeA, nil, "NOERROR aa | authority example.org. 30 SOA 30"},
		})
}

// TestQuorums: check_require, healthy_when and min_available.
func TestQuorums(t *testing.T) {
	live := fake.NewTCP(t)
	pool := func(name, options string) string {
		return fmt.Sprintf(`pool %s {
			address 192.0.2.1 mode online
			address 192.0.2.2 mode online
			address 192.0.2.3 probe DEAD
			address 192.0.2.4 mode offline
			address 192.0.2.5 weight 0
			address 2001:db8::1 mode online
			address 2001:db8::2 mode online
			address 2001:db8::3 mode online
			check web
			balance sequence
			answers all
			%s
		}
		failover %[1]s-f {
			set %[1]s
			set backup
		}
		domain %[1]s.example.org use %[1]s-f
		`, name, options)
	}
	ok := func(name string) string {
		return fmt.Sprintf("NOERROR aa | %[1]s. 30 A 192.0.2.1 | %[1]s. 30 A 192.0.2.2", name)
	}
	backup := func(name string) string { return "NOERROR aa | " + name + ". 30 A 203.0.113.1" }
	checks := func(name, require string) string {
		return fmt.Sprintf("pool %s {\naddress 192.0.2.9 probe %s\ncheck tcp %d\ncheck alive\n%s\n}\nfailover %[1]s-f {\nset %[1]s\nset backup\n}\ndomain %[1]s.example.org use %[1]s-f\n",
			name, live.Host(), live.Port(), require)
	}
	dead := fake.NewTCP(t)
	dead.Down()
	ruled(t, `
		pool backup {
			address 203.0.113.1
			address 2001:db8::9
		}
		`+quickCheck("alive", "tcp", dead.Port())+`
		`+pool("any-of", "")+pool("two", "healthy_when 2")+pool("percent", "healthy_when 66%")+
		pool("more", "healthy_when 67%")+pool("all-of", "healthy_when all")+
		checks("req-all", "")+checks("req-any", "check_require any")+checks("req-one", "check_require 1")+checks("req-half", "check_require 50%")+checks("req-more", "check_require 51%")+`
		failover short {
			set both {
				pool any-of
				min_available 3
			}
			set backup
		}
		failover enough {
			set both {
				pool any-of
				min_available 2
			}
			set backup
		}
		domain short.example.org use short
		domain enough.example.org use enough
	`, []answerCase{
		{"healthy_when any", "any-of.example.org", dns.TypeA, nil, ok("any-of.example.org")},
		{"healthy_when N", "two.example.org", dns.TypeA, nil, ok("two.example.org")},
		{"healthy_when P%, of those that count", "percent.example.org", dns.TypeA, nil, ok("percent.example.org")},
		{"healthy_when P% rounds up", "more.example.org", dns.TypeA, nil, backup("more.example.org")},
		{"healthy_when all: the whole pool leaves", "all-of.example.org", dns.TypeA, nil, backup("all-of.example.org")},
		{"each family is judged alone", "all-of.example.org", dns.TypeAAAA, nil, "NOERROR aa | all-of.example.org. 30 AAAA 2001:db8::1 | all-of.example.org. 30 AAAA 2001:db8::2 | all-of.example.org. 30 AAAA 2001:db8::3"},
		{"min_available", "enough.example.org", dns.TypeA, nil, ok("enough.example.org")},
		{"min_available is not reached", "short.example.org", dns.TypeA, nil, backup("short.example.org")},
		{"check_require all", "req-all.example.org", dns.TypeA, nil, backup("req-all.example.org")},
		{"check_require any", "req-any.example.org", dns.TypeA, nil, "NOERROR aa | req-any.example.org. 30 A 192.0.2.9"},
		{"check_require N", "req-one.example.org", dns.TypeA, nil, "NOERROR aa | req-one.example.org. 30 A 192.0.2.9"},
		{"check_require P%", "req-half.example.org", dns.TypeA, nil, "NOERROR aa | req-half.example.org. 30 A 192.0.2.9"},
		{"check_require P% rounds up", "req-more.example.org", dns.TypeA, nil, backup("req-more.example.org")},
	})
}
