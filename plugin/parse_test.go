package gtm

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// parseOne parses the lines of one gtm block, the first of which is line 3.
func parseOne(tb testing.TB, body string) (*Config, error) {
	tb.Helper()
	d, keys := directives(tb, "example.org:53 {\ngtm {\n"+body+"\n}\n}\n")
	configs, err := parseTokens(d, keys, "..")
	if err != nil {
		return nil, err
	}
	if len(configs) != 1 {
		tb.Fatalf("%d configs", len(configs))
	}
	return configs[0], nil
}

func onLine(line int) Pos { return Pos{"Corefile", line} }

// bareConfig is the Config of a block that says nothing.
func bareConfig() *Config {
	return &Config{Pos: onLine(2), Name: "example.org", Zones: []string{"example.org."}, ECS: ECSConfig{On: true}, TTL: TTLConfig{TTL: 30}}
}

// withConfig is bareConfig, changed.
func withConfig(f func(*Config)) *Config {
	c := bareConfig()
	f(c)
	return c
}

func aCheck(kind healthcheck.Kind, f func(*CheckConfig)) CheckConfig {
	port, _ := healthcheck.DefaultPort(kind)
	c := CheckConfig{Pos: onLine(3), Name: "web", Port: port, Options: healthcheck.DefaultOptions(kind), Thresholds: healthcheck.DefaultThresholds()}
	if f != nil {
		f(&c)
	}
	return c
}

var (
	anyClient = []policy.Source{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
	addr1     = netip.MustParseAddr("192.0.2.1")
)

func onePool(line int) PoolConfig {
	return PoolConfig{Pos: onLine(line), Name: "web", Members: []MemberConfig{{Pos: onLine(line + 1), Addr: addr1, Weight: 1}}, HealthyWhen: pool.QuorumAny}
}

// rightInputs is inputs, and what they mean.
var rightInputs = slices.Concat(rightBlocks, rightPlaces)

type rightInput struct {
	name, in string
	want     *Config
}

var rightBlocks = []rightInput{
	{"gtm", `name main-1
ecs from 192.0.2.0/24 2001:db8::1 ::ffff:10.0.0.0/104
ttl 5m min 10s
authority NS1.example.org ns2.example.net. mbox hostmaster.example.org
fallthrough example.org 192.0.2.0/24
state gtm.json`, withConfig(func(c *Config) {
		c.Name = "main-1"
		c.ECS.From = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("10.0.0.0/8")}
		c.TTL = TTLConfig{TTL: 300, Min: 10, HasMin: true}
		c.Authority = &AuthorityConfig{Pos: onLine(6), NS: []string{"ns1.example.org.", "ns2.example.net."}, Mbox: "hostmaster.example.org."}
		c.Fall = fall.F{Zones: []string{"example.org.", "2.0.192.in-addr.arpa."}}
		c.State = "../gtm.json"
	})},
	{"ecs off, fallthrough everywhere", "ecs off\nfallthrough", withConfig(func(c *Config) {
		c.ECS.On = false
		c.Fall = fall.F{Zones: []string{"."}}
	})},
	{"region", "region apac {\nmatch 10.0.0.0/8 !10.1.0.0/16\nmatch region:other\n}", withConfig(func(c *Config) {
		c.Regions = []RegionConfig{{Pos: onLine(3), Name: "apac", Match: []RegionMatch{
			{onLine(4), []policy.Source{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, {Not: true, Prefix: netip.MustParsePrefix("10.1.0.0/16")}}},
			{onLine(5), []policy.Source{{Region: "other"}}},
		}}}
	})},
	{"check ping", "check web ping", withConfig(func(c *Config) { c.Checks = []CheckConfig{aCheck(healthcheck.Ping, nil)} })},
	{"check ping, all options", "check web ping {\ncount 5\nloss 40%\ninterval 1s\ntimeout 500ms\nfall 1\nrise 100\nrecheck 0\nmax_latency 200ms\nflap 3 10m hold 5m\nfreeze 80% min 5\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.Ping, func(k *CheckConfig) {
			k.Options.Count, k.Options.Loss = 5, 40
			k.Thresholds = healthcheck.Thresholds{Interval: time.Second, Timeout: 500 * time.Millisecond, Fall: 1, Rise: 100, MaxLatency: 200 * time.Millisecond}
			k.Thresholds.Flap = healthcheck.Flap{Falls: 3, Within: 10 * time.Minute, Hold: 5 * time.Minute}
			k.Thresholds.Freeze = healthcheck.Freeze{Percent: 80, Min: 5}
		})}
	})},
	{"freeze, with its default", "check web ping {\nfreeze 100%\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.Ping, func(k *CheckConfig) {
			k.Thresholds.Freeze = healthcheck.Freeze{Percent: 100, Min: 10}
		})}
	})},
	{"max_probes", "max_probes 500", withConfig(func(c *Config) { c.MaxProbes = 500 })},
	{"the defaults follow a short interval", "check web ping {\ninterval 200ms\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.Ping, func(k *CheckConfig) {
			k.Thresholds.Interval, k.Thresholds.Timeout, k.Thresholds.Recheck = 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
		})}
	})},
	{"check http", `check web http {
port 8080
method POST
path /healthz?full=1
host WWW.example.org:8080
header x-token "a b"
header X-Token c
expect 200-299 304,301
body "ok|fine"
follow_redirects on
}`, withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.HTTP, func(k *CheckConfig) {
			k.Port = 8080
			o := &k.Options
			o.Method, o.Path, o.Host, o.Header = "POST", "/healthz?full=1", "www.example.org:8080", "X-Token: a b\nX-Token: c\n"
			o.Expect, o.Body, o.FollowRedirects = "200-299,301,304", "ok|fine", true
		})}
	})},
	{"check http with an address as host", "check web http {\nhost 2001:DB8::1\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.HTTP, func(k *CheckConfig) { k.Options.Host = "[2001:db8::1]" })}
	})},
	{"check https", "check web https {\nsni WWW.example.org\ntls_verify off\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.HTTPS, func(k *CheckConfig) { k.Options.SNI, k.Options.TLSVerify = "www.example.org", false })}
	})},
	{"check https, the certificate's days", "check web https {\nmin_cert_days 3650\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.HTTPS, func(k *CheckConfig) { k.Options.MinCertDays = 3650 })}
	})},
	{"check grpc", "check web grpc {\nport 50051\nservice helloworld.Greeter\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.GRPC, func(k *CheckConfig) { k.Port, k.Options.Service = 50051, "helloworld.Greeter" })}
	})},
	{"check grpc with tls", "check web grpc {\nport 443\nmin_cert_days 14\nsni WWW.example.org\ntls_verify off\ntls\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.GRPC, func(k *CheckConfig) {
			k.Port = 443
			k.Options.TLS, k.Options.TLSVerify, k.Options.SNI, k.Options.MinCertDays = true, false, "www.example.org", 14
		})}
	})},
	{"check dns", "check web dns {\nquery WWW.Example.org AAAA\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.DNS, func(k *CheckConfig) { k.Options.Query, k.Options.QueryType = "www.example.org.", dns.TypeAAAA })}
	})},
	{"check dns, all options", "check web dns {\nport 5353\nquery . SOA\nrcode REFUSED\ntransport tcp\n}", withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.DNS, func(k *CheckConfig) {
			k.Port = 5353
			o := &k.Options
			o.Query, o.QueryType, o.Rcode, o.Transport = ".", dns.TypeSOA, dns.RcodeRefused, healthcheck.OverTCP
		})}
	})},
	{"check tcp", `check web tcp {
send "PING\r\n\x00é\"{"
receive ^PONG
sni www.example.org
tls
}
pool web {
address 192.0.2.1
check web port 6379
}`, withConfig(func(c *Config) {
		c.Checks = []CheckConfig{aCheck(healthcheck.TCP, func(k *CheckConfig) {
			k.Options.Send, k.Options.Receive, k.Options.TLS, k.Options.SNI = "PING\r\n\x00é\"{", "^PONG", true, "www.example.org"
		})}
		p := onePool(9)
		p.Checks = []CheckUse{{Pos: onLine(11), Name: "web", Port: 6379}}
		c.Pools = []PoolConfig{p}
	})},
	{"pool", "pool web {\naddress 192.0.2.1\n}", withConfig(func(c *Config) { c.Pools = []PoolConfig{onePool(3)} })},
	{"pool, all options", `pool web {
address 192.0.2.1 weight 0 name bj-1 mode offline probe 10.0.0.1:8080 from 10.0.0.0/8
address 2001:db8::1 from 10.0.0.0/8 probe [2001:db8::2]:80 mode online
address ::ffff:192.0.2.2 probe Health.example.org:81
address 192.0.2.3 probe [2001:db8::3]
check ping
check tcp 22
check http 8080
check https 8443 /healthz
check grpc 50051
check_require 50%
healthy_when all
balance hash
answers 2
slow_start 24h
}`, withConfig(func(c *Config) {
		inline := func(line int, kind healthcheck.Kind, port uint16, path string) CheckUse {
			k := aCheck(kind, func(k *CheckConfig) { k.Pos, k.Name, k.Port, k.Options.Path = onLine(line), "", port, path })
			return CheckUse{Pos: onLine(line), Inline: &k}
		}
		half, _ := pool.ParseQuorum("50%")
		c.Pools = []PoolConfig{{
			Pos: onLine(3), Name: "web",
			Members: []MemberConfig{
				{Pos: onLine(4), Addr: addr1, Name: "bj-1", Mode: pool.Offline, Probe: "10.0.0.1", Port: 8080, From: anyClient},
				{Pos: onLine(5), Addr: netip.MustParseAddr("2001:db8::1"), Weight: 1, Mode: pool.Online, Probe: "2001:db8::2", Port: 80, From: anyClient},
				{Pos: onLine(6), Addr: netip.MustParseAddr("192.0.2.2"), Weight: 1, Probe: "health.example.org.", Port: 81},
				{Pos: onLine(7), Addr: netip.MustParseAddr("192.0.2.3"), Weight: 1, Probe: "2001:db8::3"},
			},
			Checks: []CheckUse{
				inline(8, healthcheck.Ping, 0, ""), inline(9, healthcheck.TCP, 22, ""),
				inline(10, healthcheck.HTTP, 8080, "/"), inline(11, healthcheck.HTTPS, 8443, "/healthz"),
				inline(12, healthcheck.GRPC, 50051, ""),
			},
			CheckRequire: half, HealthyWhen: pool.QuorumAll, Balance: pool.Hash, Answers: 2, SlowStart: 24 * time.Hour,
		}}
	})},
	{"pool of names, answers by balance", "pool web {\naddress Backend.example.net\nbalance random\n}", withConfig(func(c *Config) {
		c.Pools = []PoolConfig{{Pos: onLine(3), Name: "web", Members: []MemberConfig{{Pos: onLine(4), Host: "backend.example.net.", Weight: 1}}, HealthyWhen: pool.QuorumAny, Balance: pool.Random, Answers: 1}}
	})},
	{"answers all before balance", "pool web {\nanswers all\naddress 192.0.2.1\nbalance weighted\n}", withConfig(func(c *Config) {
		p := onePool(3)
		p.Members[0].Pos, p.Balance, p.Answers = onLine(5), pool.Weighted, pool.All
		c.Pools = []PoolConfig{p}
	})},
	{"failover", `failover china-first {
set primary {
pool beijing weight 3
pool shenzhen
balance weighted
min_available 2
}
set singapore frankfurt
set world
recovery manual
failover_delay 30s
failback_delay 0
pin singapore+frankfurt
}`, withConfig(func(c *Config) {
		c.Failovers = []FailoverConfig{{
			Pos: onLine(3), Name: "china-first",
			Sets: []SetConfig{
				{Pos: onLine(4), Name: "primary", Pools: []SetPool{{onLine(5), "beijing", 3}, {onLine(6), "shenzhen", 1}}, Balance: pool.Weighted, Answers: 1, MinAvailable: 2, MinPos: onLine(8)},
				{Pos: onLine(10), Name: "singapore+frankfurt", Pools: []SetPool{{onLine(10), "singapore", 1}, {onLine(10), "frankfurt", 1}}, MinAvailable: 1},
				{Pos: onLine(11), Name: "world", Pools: []SetPool{{onLine(11), "world", 1}}, MinAvailable: 1},
			},
			Recovery: pool.Manual, FailoverDelay: 30 * time.Second, Pin: "singapore+frankfurt", PinPos: onLine(15),
		}}
	})},
	{"pin auto", "failover f {\nset a\npin auto\n}", withConfig(func(c *Config) {
		c.Failovers = []FailoverConfig{{Pos: onLine(3), Name: "f", Sets: []SetConfig{{Pos: onLine(4), Name: "a", Pools: []SetPool{{onLine(4), "a", 1}}, MinAvailable: 1}}, PinPos: onLine(5)}}
	})},
	{"policy", "policy p geo {\nfrom 10.0.0.0/8 use office fence\nfrom region:apac !192.0.2.1 use other\ndefault use world\n}", withConfig(func(c *Config) {
		c.Policies = []PolicyConfig{{Pos: onLine(3), Name: "p", Rules: []RuleConfig{
			{Pos: onLine(4), From: anyClient, Use: "office", Fence: true},
			{Pos: onLine(5), From: []policy.Source{{Region: "apac"}, {Not: true, Prefix: netip.MustParsePrefix("192.0.2.1/32")}}, Use: "other"},
		}, Default: "world", DefaultPos: onLine(6)}}
	})},
	{"domains", `ttl 60 min 5
domain WWW.example.org *.Apps.example.org. use web
domain use.example.org {
use web
ttl 10
on_all_down cname Sorry.example.net
}
domain example.org {
use web
ttl 10 min 0
on_all_down address 192.0.2.1 2001:db8::1
}
domain use use web`, withConfig(func(c *Config) {
		c.TTL = TTLConfig{TTL: 60, Min: 5, HasMin: true}
		c.Domains = []DomainConfig{
			{Pos: onLine(4), Names: []string{"www.example.org.", "*.apps.example.org."}, Use: "web", UsePos: onLine(4)},
			{
				Pos: onLine(5), Names: []string{"use.example.org."}, Use: "web", UsePos: onLine(6), TTL: &TTLConfig{TTL: 10, Min: 5, HasMin: true}, TTLPos: onLine(7),
				OnAllDown: AllDownConfig{Pos: onLine(8), Kind: policy.AllDownCNAME, CNAME: "sorry.example.net."},
			},
			{
				Pos: onLine(10), Names: []string{"example.org."}, Use: "web", UsePos: onLine(11), TTL: &TTLConfig{TTL: 10, HasMin: true}, TTLPos: onLine(12),
				OnAllDown: AllDownConfig{Pos: onLine(13), Kind: policy.AllDownAddress, Addrs: []netip.Addr{addr1, netip.MustParseAddr("2001:db8::1")}},
			},
			{Pos: onLine(15), Names: []string{"use."}, Use: "web", UsePos: onLine(15)},
		}
	})},
}

func TestParse(t *testing.T) {
	for _, test := range rightInputs {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseOne(t, test.in)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
	for i, word := range policy.AllDowns()[:4] {
		c, err := parseOne(t, "domain example.org {\nuse a\non_all_down "+word+"\n}")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Domains[0].OnAllDown.Kind; got != policy.AllDownKind(i) {
			t.Errorf("on_all_down %s is %v", word, got)
		}
	}
}
