package test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

const (
	okHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	// A handshake record that begins a ServerHello of 16,380 bytes.
	bigHello = "\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"
)

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

func dialects(ca *fake.Authority) []dialect {
	const tcp, web, webs = healthcheck.TCP, healthcheck.HTTP, healthcheck.HTTPS
	with := func(k healthcheck.Kind, change func(*healthcheck.Options)) healthcheck.Options {
		o := healthcheck.DefaultOptions(k)
		change(&o)
		return o
	}
	body := func(o *healthcheck.Options) { o.Body = "bye" }
	trust := func(o *healthcheck.Options) { o.CA, o.Host, o.Body = ca.PEM(), "www.example.org", "bye" }
	secure := fake.Secure(&tls.Config{Certificates: []tls.Certificate{ca.For("www.example.org")}})
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
		{"https", with(webs, trust), append(handshakes, httpPhases(secure)...)},
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
				b := fake.NewBox(t, append(slices.Clone(p.said), w.step)...)
				all.Go(func() {
					if got := said(t, d.options, targetAt(b.Addr()), w.timeout); got != want {
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

// A hostile case is a backend that answers in time, but wrongly or without end.
type hostile struct {
	name  string
	steps fake.Script
	opt   func(*healthcheck.Options)
	want  string
}

func seekBye(o *healthcheck.Options) { o.Body = "bye" }
func follow(o *healthcheck.Options)  { o.FollowRedirects = true }

// gzipBomb is a body whose 4 MB inflate to 4 GB of zeros.
func gzipBomb() []fake.Step {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	zeros := make([]byte, 4<<20)
	part := func() string {
		out.Reset()
		_, _ = zip.Write(zeros) // a Buffer takes all
		_ = zip.Flush()
		return out.String()
	}
	// From the second on, all parts are the same.
	first, more := part(), part()
	return []fake.Step{fake.Say(first), fake.Flood(more, 1024*len(more))}
}

// hostileHTTP is for http and https alike.
func hostileHTTP() []hostile {
	then := func(status string, steps ...fake.Step) fake.Script {
		return append(fake.Script{fake.Request, fake.Say("HTTP/1.1 " + status)}, steps...)
	}
	return []hostile{
		{"as it should be", fake.Script{fake.Answer("200 OK", "bye")}, seekBye, "pass"},
		{"another body", fake.Script{fake.Answer("200 OK", "hello", "Content-Length: 5")}, seekBye, "fail: body"},
		{"code 404", fake.Script{fake.Answer("404 Not Found", "")}, nil, "fail: code 404"},
		{"code 500", fake.Script{fake.Answer("500 Oops", "")}, nil, "fail: code 500"},
		{"code 101", fake.Script{fake.Answer("101 Switching Protocols", "")}, nil, "fail: code 101"},
		{"code 999", fake.Script{fake.Answer("999 Whatever", "")}, nil, "fail: code 999"},
		{"code 20", fake.Script{fake.Answer("20 OK", "")}, nil, "fail: protocol"},
		{"code -200", fake.Script{fake.Answer("-200 OK", "")}, nil, "fail: protocol"},

		{"garbage", fake.Script{fake.Request, fake.Flood("\x00\xff\x13\r\n", 1000)}, nil, "fail: protocol"},
		{"endless garbage", fake.Script{fake.Request, fake.Forever("\x00\xff\x13")}, nil, "fail: protocol"},
		{"endless blank lines", fake.Script{fake.Request, fake.Forever("\r\n")}, nil, "fail: protocol"},
		{"another protocol", fake.Script{fake.Request, fake.Say("SSH-2.0-OpenSSH_9.9\r\n"), fake.Hang}, nil, "fail: protocol"},
		{"old protocol", fake.Script{fake.Request, fake.Say("<html>hello</html>\n")}, nil, "fail: protocol"},
		{"status line of 10 MB", then("200 ", fake.Flood("b", 10<<20), fake.Say("\r\n\r\n")), nil, "fail: protocol"},
		{"endless header", then("200 OK\r\n", fake.Forever("X-A: bbbbbbbbbbbb\r\n")), nil, "fail: protocol"},
		{"endless header line", then("200 OK\r\nX-A: ", fake.Forever("b")), nil, "fail: protocol"},
		{"endless folded line", then("200 OK\r\nX-A: b\r\n", fake.Forever(" b\r\n")), nil, "fail: protocol"},
		{"endless colons", then("200 OK\r\n", fake.Forever(":\r\n")), nil, "fail: protocol"},
		{"100 for ever", fake.Script{fake.Request, fake.Forever("HTTP/1.1 100 Continue\r\n\r\n")}, nil, "fail: protocol"},
		{"two lengths", then("200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nbye"), seekBye, "fail: protocol"},

		{"endless body", then("200 OK\r\n\r\n", fake.Forever("x")), seekBye, "fail: body"},
		{"endless body, not read", then("200 OK\r\n\r\n", fake.Forever("x")), nil, "pass"},
		{"endless chunks", then("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", fake.Forever("4\r\nxxxx\r\n")), seekBye, "fail: body"},
		{"endless chunk", then("200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", fake.Forever("x")), seekBye, "fail: body"},
		{"endless chunk size", then("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", fake.Forever("0")), seekBye, "fail: protocol"},
		{"endless chunk extension", then("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", fake.Forever("1;"+strings.Repeat("x", 1000)+"\r\nx\r\n")), seekBye, "fail: protocol"},
		{"endless trailer", then("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", fake.Forever("X-A: b\r\n")), seekBye, "fail: protocol"},
		{"body of 2^62", then("200 OK\r\nContent-Length: 4611686018427387904\r\n\r\n", fake.Forever("x")), seekBye, "fail: body"},
		{"gzip bomb", then("200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzipBomb()...), func(o *healthcheck.Options) { o.Body = "^\x1f" }, "pass"},
		{"gzip bomb, not inflated", then("200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzipBomb()...), func(o *healthcheck.Options) { o.Body = "^\x00" }, "fail: body"},

		{"redirect to itself", fake.Script{fake.Answer("302 Found", "", "Location: /")}, follow, "fail: redirect"},
		{"redirect ever deeper", fake.Script{fake.Answer("302 Found", "", "Location: a/")}, follow, "fail: redirect"},
		{"redirect to a link-local address", fake.Script{fake.Answer("302 Found", "", "Location: http://169.254.169.254/latest/meta-data/")}, follow, "fail: redirect"},
		{"redirect to an IPv6 link-local address", fake.Script{fake.Answer("302 Found", "", "Location: //[fe80::1%25lo]/")}, follow, "fail: redirect"},
		{"redirect to a file", fake.Script{fake.Answer("302 Found", "", "Location: file:///etc/passwd")}, follow, "fail: redirect"},
		{"redirect without location", fake.Script{fake.Answer("302 Found", "")}, follow, "pass"},
		{"redirect without location, not expected", fake.Script{fake.Answer("302 Found", "")}, func(o *healthcheck.Options) { follow(o); o.Expect = "200" }, "fail: code 302"},
		{"redirect of 60 KB", then("302 Found\r\nLocation: /", fake.Flood("a", 60<<10), fake.Say("\r\n\r\n")), follow, "fail: redirect"},
		{"redirect not followed", fake.Script{fake.Answer("302 Found", "", "Location: http://169.254.169.254/")}, nil, "pass"},
	}
}

// hostileTLS never gets to HTTP.
func hostileTLS() []hostile {
	return []hostile{
		{"plain http", fake.Script{fake.Hear, fake.Say("HTTP/1.1 400 Bad Request\r\n\r\n")}, nil, "fail: tls"},
		{"garbage", fake.Script{fake.Hear, fake.Forever("\x00\xff\x13")}, nil, "fail: tls"},
		{"alert", fake.Script{fake.Hear, fake.Say("\x15\x03\x03\x00\x02\x02\x28")}, nil, "fail: tls"},
		{"endless warnings", fake.Script{fake.Hear, fake.Forever("\x15\x03\x03\x00\x02\x01\x5a")}, nil, "fail: tls"},
		{"endless empty records", fake.Script{fake.Hear, fake.Forever("\x16\x03\x03\x00\x00")}, nil, "fail: tls"},
		{"endless change of cipher", fake.Script{fake.Hear, fake.Forever("\x14\x03\x03\x00\x01\x01")}, nil, "fail: tls"},
		{"endless handshake message", fake.Script{fake.Hear, fake.Say("\x16\x03\x03\x40\x00\x02\xff\xff\xff"), fake.Forever("\x16\x03\x03\x40\x00")}, nil, "fail: tls"},
		{"record of 64 KB", fake.Script{fake.Hear, fake.Say("\x16\x03\x03\xff\xff"), fake.Forever("x")}, nil, "fail: tls"},
		{"dripped hello", fake.Script{fake.Hear, fake.Say(bigHello), fake.Drip("x")}, nil, "fail: timeout"},
	}
}

// eachHostile runs f for http with all it can meet, and https with more.
func eachHostile(t *testing.T, f func(t *testing.T, o healthcheck.Options, h hostile)) {
	ca := fake.NewAuthority(t)
	secure := fake.Secure(&tls.Config{Certificates: []tls.Certificate{ca.For("www.example.org")}})
	all := map[healthcheck.Kind][]hostile{healthcheck.HTTP: hostileHTTP(), healthcheck.HTTPS: hostileTLS()}
	for _, h := range hostileHTTP() {
		h.steps = append(fake.Script{secure}, h.steps...)
		all[healthcheck.HTTPS] = append(all[healthcheck.HTTPS], h)
	}
	for kind, cases := range all {
		for _, h := range cases {
			o := healthcheck.DefaultOptions(kind)
			if kind == healthcheck.HTTPS {
				o.CA, o.Host = ca.PEM(), "www.example.org"
			}
			if h.opt != nil {
				h.opt(&o)
			}
			t.Run(string(kind)+"/"+h.name, func(t *testing.T) { f(t, o, h) })
		}
	}
}

// timeout is short only where nothing else ends the probe.
func (h hostile) timeout() time.Duration {
	if h.want == "fail: timeout" {
		return brief
	}
	return patience
}

// TestHostile is that nothing a backend says is worse than a fail with a clear
// reason.
func TestHostile(t *testing.T) {
	eachHostile(t, func(t *testing.T, o healthcheck.Options, h hostile) {
		t.Parallel()
		b := fake.NewBox(t, h.steps...)
		if got := said(t, o, targetAt(b.Addr()), h.timeout()); got != h.want {
			t.Errorf("got %q, want %q", got, h.want)
		}
		// The first request, and five redirects.
		if got := b.Hits(); got > 6 {
			t.Errorf("asked %d times", got)
		}
	})
}

// TestCertificates is what is said of certificates and of who shows them.
func TestCertificates(t *testing.T) {
	const name, day = "www.example.org", 24 * time.Hour
	ca, stranger := fake.NewAuthority(t), fake.NewAuthority(t)
	server := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	old := server(ca.For(name))
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	mutual := server(ca.For(name))
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool()
	mutual12 := mutual.Clone()
	mutual12.MaxVersion = tls.VersionTLS12
	// A hundred that all could have signed each other.
	crowd := ca.Below(1).For(name)
	twins := ca.Below(1)
	for range 100 {
		crowd.Certificate = append(crowd.Certificate, twins.For("x").Certificate[1])
	}
	clientCert, clientKey := fake.Pair(t, ca.For("client"))
	strangeCert, strangeKey := fake.Pair(t, stranger.For("client"))
	present := func(cert, key string) func(*healthcheck.Options) {
		return func(o *healthcheck.Options) { o.Cert, o.Key = cert, key }
	}
	for _, c := range []struct {
		name  string
		tls   *tls.Config
		opt   func(*healthcheck.Options)
		https string
		tcp   string // "": the same
	}{
		{"good", server(ca.For(name)), nil, "pass", ""},
		{"by an intermediate", server(ca.Below(1).For(name)), nil, "pass", ""},
		{"expired", server(ca.For(name, fake.Valid(-2*day, -day))), nil, "fail: tls: expired", ""},
		{"not yet valid", server(ca.For(name, fake.Valid(day, 2*day))), nil, "fail: tls: expired", ""},
		{"another name", server(ca.For("www.example.net")), nil, "fail: tls: name", ""},
		{"no name but the common one", server(ca.For(name, func(c *x509.Certificate) { c.DNSNames = nil })), nil, "fail: tls: name", ""},
		{"unknown authority", server(stranger.For(name)), nil, "fail: tls: untrusted", ""},
		{"self-signed", server(fake.SelfSigned(t, name)), nil, "fail: tls: untrusted", ""},
		{"the system's roots", server(ca.For(name)), func(o *healthcheck.Options) { o.CA = "" }, "fail: tls: untrusted", ""},
		{"expired, self-signed, and nobody cares", server(fake.SelfSigned(t, "x")), func(o *healthcheck.Options) { o.TLSVerify = false }, "pass", ""},
		{"not for servers", server(ca.For(name, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })), nil, "fail: tls: untrusted", ""},
		{"chain of 100", server(ca.Below(99).For(name)), nil, "pass", ""},
		{"chain of 200", server(ca.Below(199).For(name)), nil, "fail: tls: untrusted", ""},
		{"crowd of 100", server(crowd), nil, "pass", ""},
		{"old version", old, nil, "fail: tls", ""},
		{"client certificate", mutual, present(clientCert, clientKey), "pass", ""},
		// In TLS 1.3 the client has done its part before the server looks: a
		// check that reads nothing does not hear of it.
		{"no client certificate", mutual, nil, "fail: tls", "pass"},
		{"strange client certificate", mutual, present(strangeCert, strangeKey), "fail: tls", "pass"},
		{"no client certificate, TLS 1.2", mutual12, nil, "fail: tls", ""},
		{"strange client certificate, TLS 1.2", mutual12, present(strangeCert, strangeKey), "fail: tls", ""},
	} {
		wanted := map[healthcheck.Kind]string{healthcheck.HTTPS: c.https, healthcheck.TCP: c.tcp}
		if c.tcp == "" {
			wanted[healthcheck.TCP] = c.https
		}
		for kind, want := range wanted {
			t.Run(c.name+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				o := healthcheck.DefaultOptions(kind)
				o.TLS, o.CA, o.SNI = true, ca.PEM(), name
				if c.opt != nil {
					c.opt(&o)
				}
				b := fake.NewBox(t, fake.Secure(c.tls), fake.Answer("200 OK", ""))
				if got := said(t, o, targetAt(b.Addr()), patience); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}

// TestPortsMixedUp is plain and TLS on each other's ports.
func TestPortsMixedUp(t *testing.T) {
	ca := fake.NewAuthority(t)
	secure := fake.Secure(&tls.Config{Certificates: []tls.Certificate{ca.For("www.example.org")}})
	ok := fake.Answer("200 OK", "")
	for _, c := range []struct {
		name  string
		kind  healthcheck.Kind
		steps fake.Script
		want  string
	}{
		{"http to TLS that says nothing", healthcheck.HTTP, fake.Script{secure, ok}, "fail: closed"},
		{"http to TLS that alerts", healthcheck.HTTP, fake.Script{fake.Request, fake.Say("\x15\x03\x01\x00\x02\x02\x46")}, "fail: closed"},
		{"http to TLS that explains", healthcheck.HTTP, fake.Script{fake.Answer("400 Bad Request", "sent to an HTTPS port")}, "fail: code 400"},
		{"https to http", healthcheck.HTTPS, fake.Script{ok}, "fail: timeout"},
		{"https to http that complains", healthcheck.HTTPS, fake.Script{fake.Hear, fake.Say("HTTP/1.1 400 Bad Request\r\n\r\n")}, "fail: tls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := fake.NewBox(t, c.steps...)
			if got := said(t, healthcheck.DefaultOptions(c.kind), targetAt(b.Addr()), brief); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestRedirectsLeadNowhere is that a backend cannot make us ask another: neither
// another port of its own, nor another host, nor in turn.
func TestRedirectsLeadNowhere(t *testing.T) {
	for _, status := range []string{"301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			pair := fake.NewBoxes(t, 2)
			a, b, c := pair[0], pair[1], fake.NewBox(t)
			to := func(x *fake.Box) fake.Step { return fake.Answer(status, "", "Location: http://"+x.Addr()+"/") }
			a.Flap(fake.Script{to(b)}, fake.Script{to(c)})
			b.Do(to(a))
			o := healthcheck.DefaultOptions(healthcheck.HTTP)
			o.FollowRedirects = true
			for _, where := range []string{"the same port of another host", "another port of another host"} {
				if got := said(t, o, targetAt(a.Addr()), patience); got != "fail: redirect" {
					t.Errorf("to %s: got %q", where, got)
				}
			}
			if b.Hits()+c.Hits() > 0 {
				t.Error("went elsewhere")
			}
			if a.Hits() != 2 {
				t.Errorf("%d requests, want one for each probe", a.Hits())
			}
		})
	}
}
