package test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

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
		{"not yet valid", server(ca.For(name, fake.Valid(day, 2*day))), nil, "fail: tls: not yet valid", ""},
		{"10 days left of 14", server(ca.For(name, fake.Valid(-day, 10*day))), func(o *healthcheck.Options) { o.MinCertDays = 14 }, "fail: tls: expiring", ""},
		{"90 days left of 14", server(ca.For(name)), func(o *healthcheck.Options) { o.MinCertDays = 14 }, "pass", ""},
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
