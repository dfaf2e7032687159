package healthcheck

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestKinds(t *testing.T) {
	if want := []Kind{Ping, TCP, HTTP, HTTPS, GRPC, DNS}; !slices.Equal(Kinds(), want) {
		t.Errorf("got %v, want %v", Kinds(), want)
	}
	for k, want := range map[Kind]uint16{HTTP: 80, HTTPS: 443, DNS: 53, TCP: 0, Ping: 0, GRPC: 0, "x": 0} {
		if got, ok := DefaultPort(k); got != want || ok != (want != 0) {
			t.Errorf("DefaultPort(%q) = %d, %v", k, got, ok)
		}
		if got := TakesPort(k); got != (k != Ping && k != "x") {
			t.Errorf("TakesPort(%q) = %v", k, got)
		}
	}
	for _, k := range []Kind{Ping, TCP, HTTP, HTTPS, GRPC} {
		mustNew(t, DefaultOptions(k))
	}
	mustNew(t, dnsOptions("example.org.", dns.TypeA))
}

func TestNewErrors(t *testing.T) {
	with := func(k Kind, change func(*Options)) Options {
		o := DefaultOptions(k)
		change(&o)
		return o
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Kind: "foo"}, `unknown check kind "foo": one of ping, tcp, http, https, grpc, dns`},
		{Options{}, `unknown check kind ""`},
		{DefaultOptions(DNS), `check kind "dns": query ""`},
		{with(DNS, func(o *Options) { o.Query, o.QueryType = "example.org", dns.TypeA }), `query "example.org" is not a domain name with its last dot`},
		{with(DNS, func(o *Options) { o.Query, o.QueryType = "a..b.", dns.TypeA }), `query "a..b."`},
		{with(DNS, func(o *Options) { o.Query = "example.org." }), "query: type 0 cannot be asked for"},
		{with(DNS, func(o *Options) { o.Query, o.QueryType = ".", dns.TypeAXFR }), "query: type 252 cannot be asked for"},
		{with(DNS, func(o *Options) { *o = dnsOptions(".", dns.TypeNS); o.Rcode = 16 }), "rcode 16"},
		{with(DNS, func(o *Options) { *o = dnsOptions(".", dns.TypeNS); o.Rcode = -1 }), "rcode -1"},
		{with(DNS, func(o *Options) { *o = dnsOptions(".", dns.TypeNS); o.Transport = "" }), `transport ""`},
		{with(DNS, func(o *Options) { *o = dnsOptions(".", dns.TypeNS); o.Path = "/" }), "takes query, rcode and transport"},
		{with(GRPC, func(o *Options) { o.Host = "www.example.org" }), "takes service and tls"},
		{with(GRPC, func(o *Options) { o.SNI = "www.example.org" }), "with tls also sni"},
		{with(GRPC, func(o *Options) { o.MinCertDays = 1 }), "with tls also sni"},
		{with(GRPC, func(o *Options) { o.Service = "\xff" }), "service: the name is not UTF-8"},
		{with(GRPC, func(o *Options) { o.TLS, o.CA = true, "junk" }), "tls_ca holds no certificate"},
		{with(HTTP, func(o *Options) { o.MinCertDays = 1 }), "https also sni"},
		{with(HTTPS, func(o *Options) { o.MinCertDays = -1 }), "min_cert_days -1"},
		{with(HTTPS, func(o *Options) { o.MinCertDays = 3651 }), "min_cert_days 3651"},
		{with(HTTPS, func(o *Options) { o.Rcode = 1 }), "takes method"},
		{with(Ping, func(o *Options) { o.Path = "/" }), `check kind "ping": takes count and loss`},
		{with(Ping, func(o *Options) { o.Count = 0 }), "count 0"},
		{with(Ping, func(o *Options) { o.Count = 101 }), "count 101"},
		{with(Ping, func(o *Options) { o.Loss = 0 }), "loss 0%"},
		{with(Ping, func(o *Options) { o.Loss = 101 }), "loss 101%"},
		{with(TCP, func(o *Options) { o.SNI = "www.example.org" }), "with tls also sni"},
		{with(TCP, func(o *Options) { o.Count = 1 }), "takes send, receive and tls"},
		{with(TCP, func(o *Options) { o.Receive = "(" }), "receive: error parsing regexp"},
		{with(HTTP, func(o *Options) { o.TLS = true }), "https also sni"},
		{with(HTTP, func(o *Options) { o.Send = "x" }), "takes method"},
		{with(HTTP, func(o *Options) { o.Method = "" }), `method ""`},
		{with(HTTP, func(o *Options) { o.Method = "GE T" }), `method "GE T"`},
		{with(HTTP, func(o *Options) { o.Method = "CONNECT" }), `method "CONNECT"`},
		{with(HTTP, func(o *Options) { o.Path = "healthz" }), `path "healthz"`},
		{with(HTTP, func(o *Options) { o.Path = "http://192.0.2.1/" }), `path "http://192.0.2.1/"`},
		{with(HTTP, func(o *Options) { o.Path = "/a\r\nX: y" }), "path"},
		{with(HTTP, func(o *Options) { o.Host = "www.example.org/x" }), `host "www.example.org/x"`},
		{with(HTTP, func(o *Options) { o.Host = "a\r\nb" }), "host"},
		{with(HTTP, func(o *Options) { o.Header = "no colon\n" }), `"no colon" is not the name of a header`},
		{with(HTTP, func(o *Options) { o.Header = "X: a\rb\n" }), "header"},
		{with(HTTP, func(o *Options) { o.Header = "X Y: a\n" }), "header"},
		{with(HTTP, func(o *Options) { o.Header = "host: a\n" }), "write host NAME"},
		{with(HTTP, func(o *Options) { o.Header = "Content-Length: 7\n" }), "cannot be set"},
		{with(HTTP, func(o *Options) { o.Expect = "" }), "expect:"},
		{with(HTTP, func(o *Options) { o.Expect = "700" }), "expect:"},
		{with(HTTP, func(o *Options) { o.Body = "[" }), "body: error parsing regexp"},
		{with(HTTP, func(o *Options) { o.Body, o.Method = "x", "HEAD" }), "body: the answer to HEAD has none"},
		{with(HTTPS, func(o *Options) { o.CA = "junk" }), "tls_ca holds no certificate"},
		{with(HTTPS, func(o *Options) { o.Cert = "junk" }), "tls_cert needs"},
		{with(HTTPS, func(o *Options) { o.Cert, o.Key = "junk", "junk" }), "tls_cert: "},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%+v): got %v, want %q", c.o, err, c.want)
		}
	}
}
