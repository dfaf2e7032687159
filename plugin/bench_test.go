package gtm

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	_ "github.com/coredns/coredns/plugin/hosts" // what ServeDNS is measured against
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// sink is a ResponseWriter that keeps the last message.
type sink struct {
	from net.Addr
	msg  *dns.Msg
}

func newSink() *sink {
	return &sink{from: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 200), Port: 40000}}
}

func (s *sink) LocalAddr() net.Addr         { return s.from }
func (s *sink) RemoteAddr() net.Addr        { return s.from }
func (s *sink) WriteMsg(m *dns.Msg) error   { s.msg = m; return nil }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) Close() error                { return nil }
func (s *sink) TsigStatus() error           { return nil }
func (s *sink) TsigTimersOnly(bool)         {}
func (s *sink) Hijack()                     {}

// hostsHandler is CoreDNS's hosts plugin with three addresses of a name.
func hostsHandler(tb testing.TB) plugin.Handler {
	tb.Helper()
	setup, err := caddy.DirectiveAction("dns", "hosts")
	if err != nil {
		tb.Fatal(err)
	}
	c := caddy.NewTestController("dns", "hosts {\n192.0.2.1 www.example.org\n192.0.2.2 www.example.org\n192.0.2.3 www.example.org\nreload 0\n}")
	c.ServerBlockKeys = []string{"example.org."}
	if err := setup(c); err != nil {
		tb.Fatal(err)
	}
	return dnsserver.GetConfig(c).Plugin[0](nil)
}

// still is a registry that probes nothing.
func still(tb testing.TB) *healthcheck.Registry {
	tb.Helper()
	r := healthcheck.NewRegistry(healthcheck.Config{})
	tb.Cleanup(r.Close)
	return r
}

// serving is a handler whose publisher has started without a probe in sight.
func serving(tb testing.TB, body string) *GTM {
	tb.Helper()
	plan := compiled(tb, body)
	pub := publisherOf(plan)
	if err := pub.start(still(tb), nil); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { pub.stop(false) })
	return &GTM{instance: &instance{plan: plan, publisher: pub}}
}

func compiled(tb testing.TB, corefile string) *plan {
	tb.Helper()
	d, keys := directives(tb, corefile)
	configs, err := parseTokens(d, keys, "")
	if err != nil {
		tb.Fatal(err)
	}
	plan, _, err := compile(configs[0])
	if err != nil {
		tb.Fatal(err)
	}
	return plan
}

const threeAddresses = `example.org {
gtm {
	pool web {
		address 192.0.2.1
		address 192.0.2.2
		address 192.0.2.3
	}
	pool far {
		address 198.51.100.1
	}
	policy near geo {
		from 192.0.2.0/24 use web
		default use far
	}
	domain www.example.org use web
	domain geo.example.org use near
}
}`

// BenchmarkServeDNS compares, in one run, the way from a query to the finished
// message of hosts and of gtm, for the same three A records.
func BenchmarkServeDNS(b *testing.B) {
	g := serving(b, threeAddresses)
	hosts := hostsHandler(b)
	edns := func(m *dns.Msg) *dns.Msg { return m.SetEdns0(1232, false) }
	ecs := func(m *dns.Msg) *dns.Msg {
		edns(m)
		m.Extra[0].(*dns.OPT).Option = []dns.EDNS0{&dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(192, 0, 2, 0),
		}}
		return m
	}
	plain := func(m *dns.Msg) *dns.Msg { return m }
	for _, bm := range []struct {
		name    string
		handler plugin.Handler
		qname   string
		shape   func(*dns.Msg) *dns.Msg
	}{
		{"hosts", hosts, "www.example.org.", plain},
		{"gtm", g, "www.example.org.", plain},
		{"hosts-mixed-case", hosts, "wWw.eXample.org.", plain},
		{"gtm-mixed-case", g, "wWw.eXample.org.", plain},
		{"hosts-edns", hosts, "www.example.org.", edns},
		{"gtm-edns", g, "www.example.org.", edns},
		{"gtm-policy-ecs", g, "geo.example.org.", ecs},
	} {
		b.Run(bm.name, func(b *testing.B) {
			w := newSink()
			r := bm.shape(new(dns.Msg).SetQuestion(bm.qname, dns.TypeA))
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bm.handler.ServeDNS(ctx, w, r); err != nil {
					b.Fatal(err)
				}
			}
			if len(w.msg.Answer) != 3 {
				b.Fatalf("%d answers", len(w.msg.Answer))
			}
		})
	}
}

// BenchmarkStart is the way of a large Corefile to the first snapshot: 10,000
// domains over 2,000 failovers and 50,000 members. It also reports how much
// memory that holds.
func BenchmarkStart(b *testing.B) {
	corefile := largeCorefile(10_000, 2_000, 50_000)
	for b.Loop() {
		plan := compiled(b, corefile)
		pub := publisherOf(plan)
		if err := pub.start(healthcheck.NewRegistry(healthcheck.Config{}), nil); err != nil {
			b.Fatal(err)
		}
		pub.stop(false)
		b.StopTimer()
		b.ReportMetric(residentMB(b), "MB-resident")
		b.StartTimer()
	}
}

func residentMB(tb testing.TB) float64 {
	tb.Helper()
	runtime.GC()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		tb.Fatal(err)
	}
	return kb / 1024
}

// BenchmarkFlip is one member's way from a verdict to the published snapshot.
func BenchmarkFlip(b *testing.B) {
	for _, domains := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("domains=%d", domains), func(b *testing.B) {
			flip := flipper(b, domains)
			b.ReportAllocs()
			for b.Loop() {
				flip()
			}
		})
	}
}

// BenchmarkFlipGrowth is the ratio of the two, measured in turns.
func BenchmarkFlipGrowth(b *testing.B) {
	inTurns(b, 200, flipper(b, 100), flipper(b, 10_000))
}

// flipper turns one member down and up again, with so many domains.
func flipper(b *testing.B, domains int) func() {
	b.Helper()
	quiet(b)
	pub := publisherOf(compiled(b, largeCorefile(domains, domains/5, domains*5)))
	pub.journal = newJournal(nil)
	pub.journal.start()
	b.Cleanup(func() { pub.journal.stop()() })
	if err := pub.start(healthcheck.NewRegistry(healthcheck.Config{}), nil); err != nil {
		b.Fatal(err)
	}
	pub.lease.Load().Close() // the verdicts are ours
	b.Cleanup(func() { pub.stop(false) })
	status := healthcheck.Up
	return func() {
		status = healthcheck.Up + healthcheck.Down - status
		pub.check(7, healthcheck.State{Status: status})
	}
}

// BenchmarkState is a state file of 50,000 members, each with a check: how long the
// publisher is kept from its work, and all that is made then but for the disk.
func BenchmarkState(b *testing.B) {
	quiet(b)
	pub := publisherOf(compiled(b, largeCorefile(10_000, 2_000, 50_000)))
	if err := pub.start(healthcheck.NewRegistry(healthcheck.Config{}), nil); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { pub.stop(false) })
	for i := range pub.states {
		pub.states[i].Status = healthcheck.Up
	}
	b.Run("locked", func(b *testing.B) {
		for b.Loop() {
			pub.record(&past{growing: map[memberKey]time.Duration{}, failovers: map[string]failoverMemory{}})
		}
	})
	b.Run("encoded", func(b *testing.B) {
		var size int
		for b.Loop() {
			size = len(pub.past().encode("example.org"))
		}
		b.ReportMetric(float64(size)/1e6, "MB")
	})
}

// BenchmarkAgainstHosts is the ratio of gtm to hosts on the way from a query to
// the finished message, measured in turns.
func BenchmarkAgainstHosts(b *testing.B) {
	r := new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA)
	ask := func(h plugin.Handler) func() {
		w, ctx := newSink(), b.Context()
		return func() {
			if _, err := h.ServeDNS(ctx, w, r); err != nil {
				b.Fatal(err)
			}
		}
	}
	inTurns(b, 2000, ask(hostsHandler(b)), ask(serving(b, threeAddresses)))
}

// inTurns lets two things take turns of n calls each, and reports the ratio of
// the second's time to the first's: the median of all rounds, and the tenth and
// the ninetieth part, which say how noisy the machine was.
func inTurns(b *testing.B, n int, first, second func()) {
	b.Helper()
	turn := func(f func()) float64 {
		start := time.Now()
		for range n {
			f()
		}
		return float64(time.Since(start))
	}
	var ratios []float64
	for b.Loop() {
		base := turn(first)
		ratios = append(ratios, turn(second)/base)
	}
	slices.Sort(ratios)
	for _, part := range []struct {
		name string
		at   int
	}{{"ratio-p10", 10}, {"ratio-p50", 50}, {"ratio-p90", 90}} {
		b.ReportMetric(ratios[len(ratios)*part.at/100], part.name)
	}
}

// quiet drops log lines for the time of a benchmark.
func quiet(b *testing.B) {
	b.Helper()
	clog.SetOutput(io.Discard)
	b.Cleanup(func() { clog.SetOutput(os.Stdout) })
}
