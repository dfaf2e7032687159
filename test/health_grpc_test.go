package test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestFaultyGRPC is a gRPC check against what a server can say.
func TestFaultyGRPC(t *testing.T) {
	ca := fake.NewAuthority(t)
	const service = "shop.Cart"
	for _, c := range []struct {
		name    string
		service string
		say     func(*fake.GRPC)
		want    string
	}{
		{"serving", "", nil, "pass"},
		{"serving a service", service, func(g *fake.GRPC) { g.Only(service) }, "pass"},
		{"unknown service", "shop.Card", func(g *fake.GRPC) { g.Only(service) }, "fail: status NotFound"},
		{"not serving", "", func(g *fake.GRPC) { g.Say("NOT_SERVING") }, "fail: not serving"},
		{"unknown", "", func(g *fake.GRPC) { g.Say("UNKNOWN") }, "fail: not serving"},
		{"service unknown", service, func(g *fake.GRPC) { g.Say("SERVICE_UNKNOWN") }, "fail: not serving"},
		{"unimplemented", "", func(g *fake.GRPC) { g.Err(12) }, "fail: status Unimplemented"},
		{"internal", "", func(g *fake.GRPC) { g.Err(13) }, "fail: status Internal"},
		{"unavailable", "", func(g *fake.GRPC) { g.Err(14) }, "fail: status Unavailable"},
		{"unauthenticated", "", func(g *fake.GRPC) { g.Err(16) }, "fail: status Unauthenticated"},
		{"no such code", "", func(g *fake.GRPC) { g.Err(4711) }, "fail: status Unknown"},
		{"hangs", "", (*fake.GRPC).Hang, "fail: timeout"},
	} {
		for name, secrets := range map[string]*tls.Config{
			"plain": nil, "tls": {Certificates: []tls.Certificate{ca.For("www.example.org")}},
		} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				g := fake.NewGRPC(t, secrets)
				if c.say != nil {
					c.say(g)
				}
				o := healthcheck.DefaultOptions(healthcheck.GRPC)
				o.Service = c.service
				if secrets != nil {
					o.TLS, o.CA, o.SNI = true, ca.PEM(), "www.example.org"
				}
				timeout := patience
				if c.want == "fail: timeout" {
					timeout = brief
				}
				if got := said(t, o, targetAt(g.Addr()), timeout); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
	}
}

// frame is an HTTP/2 frame, RFC 9113, section 4.1.
func frame(kind, flags byte, stream byte, payload string) string {
	n := len(payload)
	return string([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, 0, 0, 0, stream}) + payload
}

// The frames that are used here, and their flags.
const (
	h2Data, h2Headers, h2Reset, h2Ping, h2GoAway, h2Window, h2Continuation = 0, 1, 3, 6, 7, 8, 9

	endStream, endHeaders = 1, 4
)

var (
	h2Settings = frame(4, 0, 0, "")
	// The end of a call whose message is empty: one byte and four of its length.
	h2Call = frame(h2Data, endStream, 1, "\x00\x00\x00\x00\x00")
	// ":status 200" and "content-type application/grpc", RFC 7541.
	h2OK = "\x88" + field("\x00", "content-type", "application/grpc")
)

// field is a header field in the form of RFC 7541, section 6.2.
func field(form, name, value string) string {
	return form + string(rune(len(name))) + name + string(rune(len(value))) + value
}

// hostileGRPC is what a peer can do that speaks HTTP/2 well enough to hurt.
func hostileGRPC() []hostile {
	then := func(frames string, steps ...fake.Step) fake.Script {
		return append(fake.Script{fake.Hear, fake.Say(h2Settings), fake.Await(h2Call), fake.Say(frames)}, steps...)
	}
	const chunk = 16 << 10
	x := strings.Repeat("x", chunk)
	headers := frame(h2Headers, endHeaders, 1, h2OK)
	// A field of 4,000 bytes is put into the table, and then named again and
	// again: each byte stands for all of it.
	bomb := h2OK + "\x40\x01a\x7f\xa1\x1e" + x[:4000] + strings.Repeat("\xbe", 12000)
	return []hostile{
		{"http/1.1", fake.Script{fake.Hear, fake.Say("HTTP/1.1 400 Bad Request\r\n\r\n")}, nil, "fail: protocol"},
		{"endless garbage", fake.Script{fake.Hear, fake.Forever("\x00\xff\x13")}, nil, "fail: protocol"},
		{"endless settings", then("", fake.Forever(h2Settings)), nil, "fail: protocol"},
		{"endless pings", then("", fake.Forever(frame(h2Ping, 0, 0, "12345678"))), nil, "fail: protocol"},
		{"endless windows", then("", fake.Forever(frame(h2Window, 0, 0, "\x00\x00\x00\x01"))), nil, "fail: protocol"},
		{"endless unknown frames", then("", fake.Forever(frame(0x77, 0, 0, x))), nil, "fail: protocol"},
		{"endless header", then(frame(h2Headers, 0, 1, h2OK), fake.Forever(frame(h2Continuation, 0, 1, field("\x00", "a", "b")))), nil, "fail: protocol"},
		{"endless empty continuations", then(frame(h2Headers, 0, 1, h2OK), fake.Forever(frame(h2Continuation, 0, 1, ""))), nil, "fail: protocol"},
		{"header bomb", then(frame(h2Headers, endHeaders, 1, bomb), fake.Hang), nil, "fail: protocol"},
		{"endless data", then(headers, fake.Forever(frame(h2Data, 0, 1, x))), nil, "fail: protocol"},
		{"endless padding", then(headers, fake.Forever(frame(h2Data, 8, 1, "\xff"+x[:255]))), nil, "fail: protocol"},
		{"message of 4 GB", then(headers, fake.Say(frame(h2Data, 0, 1, "\x00\xff\xff\xff\xff")), fake.Forever(frame(h2Data, 0, 1, x))), nil, "fail: protocol"},
		{"frame of 16 MB", then("\xff\xff\xff\x00\x00\x00\x00\x00\x01", fake.Forever("x")), nil, "fail: protocol"},
		{"go away", then(frame(h2GoAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x02"), fake.Hang), nil, "fail: protocol"},
		{"stream reset", then(frame(h2Reset, 0, 1, "\x00\x00\x00\x02"), fake.Hang), nil, "fail: protocol"},
		{"no status", then(headers+frame(h2Data, endStream, 1, ""), fake.Hang), nil, "fail: protocol"},
		{"a web page", then(frame(h2Headers, endHeaders, 1, "\x88"+field("\x00", "content-type", "text/html"))+frame(h2Data, endStream, 1, "hello"), fake.Hang), nil, "fail: protocol"},
		{"code 503", then(frame(h2Headers, endHeaders|endStream, 1, "\x08\x03503"), fake.Hang), nil, "fail: protocol"},
	}
}
