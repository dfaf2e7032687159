package gtm

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// compileText parses and compiles the lines of one gtm block of example.org, the
// first of which is line 3. A panic is an error, too: of its case alone.
func compileText(tb testing.TB, body string) (p *plan, err error) {
	tb.Helper()
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	cfg, err := parseOne(tb, body)
	if err != nil {
		return nil, err
	}
	p, _, err = compile(cfg)
	return p, err
}

// publisherOf is a publisher of a plan without geo files.
func publisherOf(p *plan) *publisher { return newPublisher(p, p.chart(policy.Knowledge{})) }

// mustCompile is compileText of what is right.
func mustCompile(tb testing.TB, body string) *plan {
	tb.Helper()
	p, err := compileText(tb, body)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// everything has all that a gtm block can hold, wired together.
const everything = `ttl 60 min 5
authority ns1.example.org mbox hostmaster.example.org
fallthrough sub.example.org
ecs from 192.0.2.0/24
state gtm.json
region office {
match 10.0.0.0/8 !10.9.0.0/16
match 2001:db8:10::/48
}
region near {
match region:office
match 198.51.100.0/24
}
check web http {
path /healthz
}
pool a {
address 192.0.2.1 from region:near
address 192.0.2.2 weight 3 from 203.0.113.0/24 !203.0.113.7
address 2001:db8::1 name six probe 10.0.0.1:8080
check web
check tcp 22
check_require 50%
healthy_when all
balance nearest
answers 2
}
pool b {
address 192.0.2.11 weight 0
address 192.0.2.12 mode offline
address 192.0.2.13 mode online
address 192.0.2.1
check web port 81
balance weighted
}
pool names {
address one.example.net
address next.example.org
}
failover f {
set both {
pool a weight 2
pool b
balance hash
min_available 2
}
set names
recovery manual
failover_delay 10s
failback_delay 1m
}
policy inner geo {
from !region:office use b
default use f
}
policy outer geo {
from 192.0.2.0/24 use inner fence
default use a
}
domain www.example.org use outer
domain ns1.example.org use a
domain *.apps.example.org {
use names
ttl 10
on_all_down cname sorry.example.net
}
domain deep.er.example.org {
use f
on_all_down address 192.0.2.99 2001:db8::99
}
domain next.example.org {
use a
on_all_down next
}`

// TestCompilePure says that compile writes into no Config, starts nothing, and
// gives the same plan twice.
func TestCompilePure(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	cfg, err := parseOne(t, everything)
	if err != nil {
		t.Fatal(err)
	}
	untouched, _ := parseOne(t, everything)
	first, _, err := compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(cfg, untouched) {
		t.Errorf("compile changed its input:\n%+v\n%+v", cfg, untouched)
	}
	second, _, err := compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, second) {
		t.Error("two plans of one Config differ")
	}
	if !reflect.DeepEqual(cfg, untouched) {
		t.Error("compile changed its input the second time")
	}
	cfg.Domains[0].Use = "f" // the comparison can fail
	if other, _, err := compile(cfg); err != nil || reflect.DeepEqual(first, other) {
		t.Errorf("another target makes the same plan, %v", err)
	}
}

// TestCompileErrorsTwice says that errors, too, are the same each time, whatever
// order maps have.
func TestCompileErrorsTwice(t *testing.T) {
	cfg, err := parseOne(t, `region a {
match region:b
}
region b {
match region:c region:x
}
region c {
match region:a region:b
}`)
	if err != nil {
		t.Fatal(err)
	}
	_, _, first := compile(cfg)
	for range 20 {
		if _, _, err := compile(cfg); err == nil || err.Error() != first.Error() {
			t.Fatalf("got  %v\nthen %v", first, err)
		}
	}
}

// TestCompileIndices says that what the plan knows by number is what it says.
func TestCompileIndices(t *testing.T) {
	p := mustCompile(t, everything)
	for i, m := range p.members {
		if m.Index != i {
			t.Errorf("member %s/%s is number %d at %d", m.Pool.Name, m.ID, m.Index, i)
		}
		checks := p.checksOf[i]
		for c := checks.from; c < checks.to; c++ {
			if p.ownerOf[c] != i {
				t.Errorf("check %d of member %d belongs to member %d", c, i, p.ownerOf[c])
			}
		}
		var holders []int
		for j, f := range p.failovers {
			held := false
			for _, set := range f.Sets {
				for _, part := range set.Pools {
					held = held || slices.Contains(part.Members, m)
				}
			}
			if held {
				holders = append(holders, j)
			}
		}
		if !slices.Equal(holders, p.holders[i]) {
			t.Errorf("member %s/%s is held by failovers %v, said %v", m.Pool.Name, m.ID, holders, p.holders[i])
		}
	}
	for i, f := range p.failovers {
		if f.Index != i {
			t.Errorf("failover %s is number %d at %d", f.Name, f.Index, i)
		}
	}
	if got := len(p.ownerOf); got != len(p.checks) {
		t.Errorf("%d owners of %d checks", got, len(p.checks))
	}
}

// TestCompileChecks says what each member's checks probe.
func TestCompileChecks(t *testing.T) {
	p := mustCompile(t, everything)
	got := map[string][]string{}
	for i, c := range p.checks {
		m := p.members[p.ownerOf[i]]
		o := c.Options.Value()
		key := m.Pool.Name + "/" + m.ID
		got[key] = append(got[key], fmt.Sprintf("%s %s %d %s", o.Kind, c.Target.Host, c.Target.Port, o.Path))
	}
	want := map[string][]string{
		"a/192.0.2.1":  {"http 192.0.2.1 80 /healthz", "tcp 192.0.2.1 22 "},
		"a/192.0.2.2":  {"http 192.0.2.2 80 /healthz", "tcp 192.0.2.2 22 "},
		"a/six":        {"http 10.0.0.1 8080 /healthz", "tcp 10.0.0.1 8080 "},
		"b/192.0.2.11": {"http 192.0.2.11 81 /healthz"},
		"b/192.0.2.12": {"http 192.0.2.12 81 /healthz"},
		"b/192.0.2.13": {"http 192.0.2.13 81 /healthz"},
		"b/192.0.2.1":  {"http 192.0.2.1 81 /healthz"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestCompileNames says whom a check that is made elsewhere takes its peer for: the
// member, unless an option says who it is.
func TestCompileNames(t *testing.T) {
	p := mustCompile(t, `check named https {
host www.example.net
}
check told tcp {
port 1
tls
sni www.example.net
}
check hidden tcp {
port 2
tls
}
check bare grpc {
port 3
}
pool hosts {
address cdn.example.net probe 127.0.0.1
address cdn.example.com
check http
check named
check told
check hidden
check bare
check ping
check tcp 22
}
pool addrs {
address 192.0.2.1 probe 127.0.0.1
check https
}
domain www.example.org use hosts
domain api.example.org use addrs`)
	var got []string
	for i, c := range p.checks {
		got = append(got, p.members[p.ownerOf[i]].ID+" "+p.labels[i]+" "+c.Target.Host+" "+c.Target.Name)
	}
	want := []string{
		"cdn.example.net http:80/ 127.0.0.1 cdn.example.net.", "cdn.example.net named 127.0.0.1 ", "cdn.example.net told 127.0.0.1 ",
		"cdn.example.net hidden 127.0.0.1 cdn.example.net.", "cdn.example.net bare 127.0.0.1 cdn.example.net.",
		"cdn.example.net ping 127.0.0.1 ", "cdn.example.net tcp:22 127.0.0.1 ",
		"cdn.example.com http:80/ cdn.example.com. ", "cdn.example.com named cdn.example.com. ", "cdn.example.com told cdn.example.com. ",
		"cdn.example.com hidden cdn.example.com. ", "cdn.example.com bare cdn.example.com. ",
		"cdn.example.com ping cdn.example.com. ", "cdn.example.com tcp:22 cdn.example.com. ",
		"192.0.2.1 https:443/ 127.0.0.1 192.0.2.1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestCompileDomains says what a domain can answer, and for how long.
func TestCompileDomains(t *testing.T) {
	p := mustCompile(t, everything)
	var got []string
	for _, d := range p.domains {
		text := fmt.Sprintf("%s %d/%d %s", d.Name, d.TTL, d.Min, d.AllDown.Kind)
		for fam, has := range d.families {
			if has {
				text += fmt.Sprintf(" IPv%d", 4+2*fam)
			}
		}
		if d.cnames {
			text += " CNAME"
		}
		got = append(got, text)
	}
	want := []string{
		"www.example.org. 60/5 serve_all IPv4 IPv6 CNAME",
		"ns1.example.org. 60/5 serve_all IPv4 IPv6",
		"*.apps.example.org. 10/5 cname CNAME",
		"deep.er.example.org. 60/5 address IPv4 IPv6 CNAME",
		"next.example.org. 60/5 next IPv4 IPv6",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	last := 3 + strings.Count(everything, "\n")
	if !slices.Equal(p.nexts, []Pos{onLine(last - 1)}) {
		t.Errorf("on_all_down next at %v", p.nexts)
	}
}

// TestCompileTTL says what a domain and an SOA inherit.
func TestCompileTTL(t *testing.T) {
	for _, test := range []struct {
		name, gtm, domain string
		ttl, minimum, soa uint32
	}{
		{"default", "", "", 30, 30, 30},
		{"the block's", "ttl 60", "", 60, 60, 60},
		{"the block's min", "ttl 60 min 5", "", 60, 5, 5},
		{"its own, the block's min", "ttl 60 min 5", "ttl 20", 20, 5, 5},
		{"its own min", "ttl 60 min 5", "ttl 20 min 2", 20, 2, 5},
		{"its own, no min", "ttl 60", "ttl 5m", 300, 300, 60},
		{"zero", "ttl 0", "", 0, 0, 0},
		{"min zero", "ttl 60 min 0", "", 60, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := mustCompile(t, test.gtm+"\npool web {\naddress 192.0.2.1\n}\ndomain a.example.org {\nuse web\n"+test.domain+"\n}").domains[0]
			if d.TTL != test.ttl || d.Min != test.minimum || d.zone.soa.Minttl != test.soa {
				t.Errorf("ttl %d min %d SOA %d, want %d %d %d", d.TTL, d.Min, d.zone.soa.Minttl, test.ttl, test.minimum, test.soa)
			}
		})
	}
}
