package test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

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
		// Twenty bytes on the wire for each of the body: the bound is on both.
		{"match after 600 KB of crumbs", then("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
			fake.Flood("0000000000000001\r\nx\r\n", 21*30000), fake.Say("3\r\nbye\r\n0\r\n\r\n")), seekBye, "fail: body"},
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

// eachHostile runs f for http and grpc with all they can meet, and for both over
// TLS with more.
func eachHostile(t *testing.T, f func(t *testing.T, o healthcheck.Options, h hostile)) {
	ca := fake.NewAuthority(t)
	secure := fake.Secure(&tls.Config{
		Certificates: []tls.Certificate{ca.For("www.example.org")}, NextProtos: []string{"h2", "http/1.1"},
	})
	for _, c := range []struct {
		kind healthcheck.Kind
		list []hostile
		tls  bool
	}{
		{healthcheck.HTTP, hostileHTTP(), false},
		{healthcheck.HTTPS, hostileHTTP(), true},
		{healthcheck.GRPC, hostileGRPC(), false},
		{healthcheck.GRPC, hostileGRPC(), true},
		{healthcheck.HTTPS, hostileTLS(), false},
	} {
		for _, h := range c.list {
			o := healthcheck.DefaultOptions(c.kind)
			name := string(c.kind) + "/" + h.name
			if c.tls {
				h.steps = append(fake.Script{secure}, h.steps...)
				name = string(c.kind) + " with tls/" + h.name
			}
			if c.tls || c.kind == healthcheck.HTTPS {
				o.TLS, o.CA, o.SNI = true, ca.PEM(), "www.example.org"
			}
			if h.opt != nil {
				h.opt(&o)
			}
			t.Run(name, func(t *testing.T) { f(t, o, h) })
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
