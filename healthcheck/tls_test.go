package healthcheck

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// authorityCert is a certificate authority of one test.
type authorityCert struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authorityCert {
	t.Helper()
	a := &authorityCert{t: t}
	tmpl := &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	cert := a.sign(tmpl)
	a.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	a.key = cert.PrivateKey.(*ecdsa.PrivateKey)
	a.cert, _ = x509.ParseCertificate(cert.Certificate[0])
	return a
}

// sign signs with the authority's key, or makes the authority itself.
func (a *authorityCert) sign(tmpl *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	tmpl.SerialNumber = big.NewInt(1)
	if tmpl.NotAfter.IsZero() {
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authorityCert) server(names ...string) tls.Certificate {
	tmpl := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, n)
		}
	}
	return a.sign(tmpl)
}

func pemPair(t *testing.T, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

// secured speaks TLS before handle. After a failed handshake it drains, so that
// its alert is not overtaken by a reset.
func secured(cfg *tls.Config, handle func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		s := tls.Server(c, cfg)
		if s.Handshake() != nil {
			_ = c.(*net.TCPConn).CloseWrite()
			hang(c)
			return
		}
		handle(s)
		s.Close()
	}
}

func TestTLS(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	expired := &x509.Certificate{
		DNSNames: []string{"www.example.org"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}
	forClients := ca.sign(&x509.Certificate{
		DNSNames: []string{"www.example.org"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	cert, key := pemPair(t, forClients)
	clients := x509.NewCertPool()
	clients.AddCert(ca.cert)
	named := ca.server("www.example.org")
	chain := tls.Certificate{Certificate: bytes.Fields(nil), PrivateKey: named.PrivateKey}
	for range 100 {
		chain.Certificate = append(chain.Certificate, named.Certificate[0])
	}
	one := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	mutual := one(named)
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, clients
	old := one(named)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11

	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	www := func(o *Options) { o.Host = "www.example.org:8443" }
	for _, c := range []struct {
		name    string
		handle  func(net.Conn)
		change  func(*Options)
		timeout time.Duration
		want    string
	}{
		{"by host", secured(one(named), answering(ok, nil)), www, longEnough, "pass"},
		{"by sni", secured(one(named), answering(ok, nil)), func(o *Options) { o.Host, o.SNI = "other.example.org", "www.example.org" }, longEnough, "pass"},
		{"by address", secured(one(ca.server("127.0.0.1", "::1")), answering(ok, nil)), nil, longEnough, "pass"},
		{"address not named", secured(one(named), answering(ok, nil)), nil, longEnough, "fail: tls: name"},
		{"other name", secured(one(named), answering(ok, nil)), func(o *Options) { o.Host = "other.example.org" }, longEnough, "fail: tls: name"},
		{"expired", secured(one(ca.sign(expired)), answering(ok, nil)), www, longEnough, "fail: tls: expired"},
		{"untrusted", secured(one(stranger.server("www.example.org")), answering(ok, nil)), www, longEnough, "fail: tls: untrusted"},
		{"the system's roots", secured(one(named), answering(ok, nil)), func(o *Options) { www(o); o.CA = "" }, longEnough, "fail: tls: untrusted"},
		{"not for servers", secured(one(forClients), answering(ok, nil)), www, longEnough, "fail: tls: untrusted"},
		{"unverified", secured(one(stranger.server("x.example.org")), answering(ok, nil)), func(o *Options) { o.TLSVerify = false }, longEnough, "pass"},
		{"wrong code", secured(one(named), answering("HTTP/1.1 404 No\r\n\r\n", nil)), www, longEnough, "fail: code 404"},
		{"body", secured(one(named), answering(ok, nil)), func(o *Options) { www(o); o.Body = "hello" }, longEnough, "pass"},
		{"client certificate", secured(mutual, answering(ok, nil)), func(o *Options) { www(o); o.Cert, o.Key = cert, key }, longEnough, "pass"},
		{"no client certificate", secured(mutual, answering(ok, nil)), www, longEnough, "fail: tls"},
		{"long chain", secured(one(chain), answering(ok, nil)), www, longEnough, "pass"},
		{"old version", secured(old, answering(ok, nil)), www, longEnough, "fail: tls"},
		{"plain http", func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad\r\n\r\n"); hang(c) }, www, longEnough, "fail: tls"},
		{"handshake hangs", hang, www, soon, "fail: timeout"},
		{"closed", func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }, www, longEnough, "fail: closed"},
		{"reset", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); reset(c) }, www, longEnough, "fail: reset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, host := range loopbacks {
				o := DefaultOptions(HTTPS)
				o.CA = ca.pem
				if c.change != nil {
					c.change(&o)
				}
				wantSaid(t, probe(t, o, serve(t, host, c.handle), c.timeout), c.want)
			}
		})
	}
}

func TestTCPWithTLS(t *testing.T) {
	ca := newAuthority(t)
	banner := func(c net.Conn) { _, _ = io.WriteString(c, "* OK IMAP4\r\n"); hang(c) }
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.server("127.0.0.1", "imap.example.org")}}
	to := serve(t, "127.0.0.1", secured(cfg, banner))
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"address", func(*Options) {}, "pass"},
		{"sni", func(o *Options) { o.SNI = "imap.example.org" }, "pass"},
		{"wrong name", func(o *Options) { o.SNI = "www.example.org" }, "fail: tls: name"},
		{"untrusted", func(o *Options) { o.CA = "" }, "fail: tls: untrusted"},
		{"unverified", func(o *Options) { o.CA, o.TLSVerify = "", false }, "pass"},
		{"receive", func(o *Options) { o.Receive = "^\\* OK" }, "pass"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := DefaultOptions(TCP)
			o.TLS, o.CA = true, ca.pem
			c.change(&o)
			wantSaid(t, probe(t, o, to, longEnough), c.want)
		})
	}
}

// A certificate with less than so many days left is a fail, whether it is verified
// or not, and only the peer's own counts. (grpc: TestGRPCWithTLS.)
func TestMinCertDays(t *testing.T) {
	ca := newAuthority(t)
	const days = 30
	lasting := func(left time.Duration) tls.Certificate {
		c := ca.sign(&x509.Certificate{
			DNSNames: []string{"www.example.org"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(left),
		})
		c.Certificate = append(c.Certificate, ca.cert.Raw) // of which an hour is left
		return c
	}
	for _, c := range []struct {
		left time.Duration
		days int
		want string
	}{
		{days*24*time.Hour + time.Minute, days, "pass"},
		{days*24*time.Hour - time.Minute, days, "fail: tls: expiring"},
		{time.Minute, 0, "pass"},
		{time.Minute, 1, "fail: tls: expiring"},
		{maxCertDays * 24 * time.Hour, maxCertDays - 1, "pass"},
	} {
		cfg := &tls.Config{Certificates: []tls.Certificate{lasting(c.left)}}
		to := serve(t, "127.0.0.1", secured(cfg, answering("HTTP/1.1 200 OK\r\n\r\n", nil)))
		for _, kind := range []Kind{HTTPS, TCP} {
			for _, verify := range []bool{true, false} {
				o := DefaultOptions(kind)
				o.TLS, o.SNI, o.TLSVerify, o.MinCertDays = true, "www.example.org", verify, c.days
				if verify {
					o.CA = ca.pem
				}
				if got := said(probe(t, o, to, longEnough)); got != c.want {
					t.Errorf("%s, verified %v, %v left of %d days: got %q, want %q", kind, verify, c.left, c.days, got, c.want)
				}
			}
		}
	}
}

// What the peer is told of a name: the SNI option, else the host, else the
// target's own name; nothing for an address.
func TestServerName(t *testing.T) {
	ca := newAuthority(t)
	var told atomic.Value
	cert := ca.server("a.example.org", "b.example.org", "localhost", "127.0.0.1")
	to := serve(t, "127.0.0.1", secured(&tls.Config{
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			told.Store(h.ServerName)
			return &cert, nil
		},
	}, answering("HTTP/1.1 200 OK\r\n\r\n", nil)))
	for _, c := range []struct{ target, host, sni, want string }{
		{"127.0.0.1", "", "", ""},
		{"localhost", "", "", "localhost"},
		{"127.0.0.1", "a.example.org:8443", "", "a.example.org"},
		{"127.0.0.1", "a.example.org", "b.example.org", "b.example.org"},
		{"127.0.0.1", "127.0.0.1", "", ""},
	} {
		o := DefaultOptions(HTTPS)
		o.CA, o.Host, o.SNI = ca.pem, c.host, c.sni
		wantSaid(t, probe(t, o, Target{Host: c.target, Port: to.Port}, longEnough), "pass")
		if got := told.Load(); got != c.want {
			t.Errorf("%v: told %q", c, got)
		}
	}
}
