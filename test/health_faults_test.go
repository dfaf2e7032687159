package test

import (
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// Probes that ought to end by themselves have all the time there is; those that
// end by their timeout have little, but enough for what a busy machine does
// before.
const brief = 500 * time.Millisecond

// said probes once and tells the result in words. It fails if the probe outlives
// its timeout by far.
func said(t testing.TB, o healthcheck.Options, to healthcheck.Target, timeout time.Duration) string {
	t.Helper()
	p, err := healthcheck.New(o)
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	start := time.Now()
	r := p.Probe(ctx, to)
	if took := time.Since(start); took > 10*timeout {
		t.Errorf("the probe took %s with a timeout of %s", took, timeout)
	}
	if r.Reason == healthcheck.NoReason {
		return r.Verdict.String()
	}
	return r.Verdict.String() + ": " + r.Reason.String()
}

// targetAt is where a backend listens.
func targetAt(addr string) healthcheck.Target {
	a := netip.MustParseAddrPort(addr)
	return healthcheck.Target{Host: a.Addr().String(), Port: a.Port()}
}

// A dialect is how a kind of check is spoken to, up to each of the points where
// a backend may fail.
type dialect struct {
	name    string
	options healthcheck.Options
	phases  []phase
}

// phase is a point in a conversation, and what happens up to it.
type phase struct {
	name string
	said fake.Script
	// What is said of a backend that stops here, where it is not the usual.
	drip, hang, close string
}

// ways are the ways to stop in the middle of a conversation.
var ways = []struct {
	name    string
	step    fake.Step
	timeout time.Duration
	want    string
	other   func(phase) string
}{
	{"reset", fake.Reset, patience, "fail: reset", nil},
	{"close", fake.Close, patience, "fail: closed", func(p phase) string { return p.close }},
	{"cut", fake.Cut, patience, "fail: closed", func(p phase) string { return p.close }},
	{"hang", fake.Hang, brief, "fail: timeout", func(p phase) string { return p.hang }},
	{"drip", fake.Drip("1"), brief, "fail: timeout", func(p phase) string { return p.drip }},
}

// bigHello is a handshake record that begins a ServerHello of 16,380 bytes.
const bigHello = "\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"

// httpPhases are those of an answer, on any connection.
func httpPhases(first ...fake.Step) []phase {
	after := func(text string) fake.Script {
		return append(slices.Clone(first), fake.Request, fake.Say(text))
	}
	return []phase{
		{name: "request", said: append(slices.Clone(first), fake.Request)},
		{name: "status line", said: after("HTTP/1.1 20")},
		{name: "header", said: after("HTTP/1.1 200 OK\r\nX-A")},
		{name: "body", said: after("HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\nhel")},
		{name: "chunk", said: after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\nhel")},
	}
}

// grpcPhases are those of an answer, on any connection.
func grpcPhases(first ...fake.Step) []phase {
	after := func(text string) fake.Script {
		return append(slices.Clone(first), fake.Hear, fake.Say(text))
	}
	return []phase{
		{name: "preface", said: append(slices.Clone(first), fake.Hear), drip: "fail: protocol"},
		{name: "settings", said: after(h2Settings), drip: "fail: protocol"},
		{name: "header", said: after(h2Settings + "\x00\x00\xff\x01\x04\x00\x00\x00\x01\x88")},
	}
}

// queryOptions are those of a check that asks for an address.
func queryOptions(transport string) healthcheck.Options {
	o := healthcheck.DefaultOptions(healthcheck.DNS)
	o.Query, o.QueryType, o.Transport = "www.example.org.", dns.TypeA, transport
	return o
}

func dialects(ca *fake.Authority) []dialect {
	const tcp, web, webs, rpc = healthcheck.TCP, healthcheck.HTTP, healthcheck.HTTPS, healthcheck.GRPC
	with := func(k healthcheck.Kind, change func(*healthcheck.Options)) healthcheck.Options {
		o := healthcheck.DefaultOptions(k)
		change(&o)
		return o
	}
	body := func(o *healthcheck.Options) { o.Body = "bye" }
	trust := func(o *healthcheck.Options) { o.CA, o.Host, o.Body = ca.PEM(), "www.example.org", "bye" }
	secure := fake.Secure(&tls.Config{Certificates: []tls.Certificate{ca.For("www.example.org")}, NextProtos: []string{"h2", "http/1.1"}})
	handshakes := []phase{
		{name: "accept", drip: "fail: tls"},
		{name: "client hello", said: fake.Script{fake.Hear}, drip: "fail: tls"},
		{name: "server hello", said: fake.Script{fake.Hear, fake.Say(bigHello)}},
	}
	return []dialect{
		{"tcp", with(tcp, func(o *healthcheck.Options) { o.Send, o.Receive = "PING\n", "PONG" }), []phase{
			{name: "accept", drip: "fail: receive"},
			{name: "request", said: fake.Script{fake.Hear}, drip: "fail: receive"},
			// It spoke, but never said it: that is what an operator wants to know.
			{name: "answer", said: fake.Script{fake.Hear, fake.Say("PO")}, drip: "fail: receive", hang: "fail: receive", close: "fail: receive"},
		}},
		{"tcp with tls", with(tcp, func(o *healthcheck.Options) { o.TLS, o.CA, o.SNI = true, ca.PEM(), "www.example.org" }), handshakes},
		{"http", with(web, body), append([]phase{{name: "accept"}}, httpPhases()...)},
		{"https", with(webs, trust), append(slices.Clone(handshakes), httpPhases(secure)...)},
		{"grpc", healthcheck.DefaultOptions(rpc), append([]phase{{name: "accept", drip: "fail: protocol"}}, grpcPhases()...)},
		{"grpc with tls", with(rpc, func(o *healthcheck.Options) { o.TLS, o.CA, o.SNI = true, ca.PEM(), "www.example.org" }),
			append(slices.Clone(handshakes), grpcPhases(secure)...)},
		{"dns over tcp", queryOptions(healthcheck.OverTCP), []phase{
			{name: "accept"},
			{name: "query", said: fake.Script{fake.Hear}},
			{name: "length", said: fake.Script{fake.Hear, fake.Say("\x40")}},
			{name: "message", said: fake.Script{fake.Hear, fake.Say("\x10\x00\x00\x00")}},
		}},
	}
}

// TestFaultyPhases is every kind against a backend that stops at every point of
// the conversation, in every way. The probes all wait at the same time.
func TestFaultyPhases(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, d := range dialects(fake.NewAuthority(t)) {
		for _, p := range d.phases {
			for _, w := range ways {
				want := w.want
				if w.other != nil && w.other(p) != "" {
					want = w.other(p)
				}
				timeout := w.timeout
				if want == "fail: protocol" || want == "fail: tls" { // seen once enough has come, however slow the machine is
					timeout = patience
				}
				b := fake.NewBox(t, append(slices.Clone(p.said), w.step)...)
				all.Go(func() {
					if got := said(t, d.options, targetAt(b.Addr()), timeout); got != want {
						t.Errorf("%s, %s at %s: got %q, want %q", d.name, w.name, p.name, got, want)
					}
				})
			}
		}
	}
}

// TestFaultyDoor is every kind against a backend that does not open.
func TestFaultyDoor(t *testing.T) {
	for _, d := range dialects(fake.NewAuthority(t)) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			b := fake.NewBox(t)
			b.Down()
			if got, want := said(t, d.options, targetAt(b.Addr()), patience), "fail: refused"; got != want {
				t.Errorf("nothing listens: got %q, want %q", got, want)
			}
			b.Full(t)
			if got, want := said(t, d.options, targetAt(b.Addr()), brief), "fail: timeout"; got != want {
				t.Errorf("the backlog is full: got %q, want %q", got, want)
			}
		})
	}
}
