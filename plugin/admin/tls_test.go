package admin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue signs a certificate for a day, or makes the authority's own.
func (a *authority) issue(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-2*time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(24 * time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed, key
}

// pem is the authority's certificate.
func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// server is a certificate for loopback, and its key, in PEM.
func (a *authority) server() (cert, key string) {
	a.t.Helper()
	c, k := a.issue(&x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// client is a certificate of a client, with a name.
func (a *authority) client(name string, change ...func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, f := range change {
		f(c)
	}
	signed, key := a.issue(c)
	return tls.Certificate{Certificate: [][]byte{signed.Raw}, PrivateKey: key, Leaf: signed}
}

// files writes a server's certificate and key.
func (a *authority) files(cert, key string) {
	c, k := a.server()
	rewrite(a.t, cert, c)
	rewrite(a.t, key, k)
}

// speak lets the client of a test speak TLS, and trust an authority.
func (s *served) speak(a *authority, certs ...tls.Certificate) {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	s.client.CloseIdleConnections()
	s.client.Transport = &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certs}}
	s.url = "https://" + s.address()
}

// TestTLS is a server that speaks TLS, and takes new certificates without losing a
// connection.
func TestTLS(t *testing.T) {
	old, renewed := newAuthority(t), newAuthority(t)
	cert, key := writeFile(t, "cert", ""), writeFile(t, "key", "")
	old.files(cert, key)
	s := serve(t, Options{Cert: cert, Key: key, Token: writeFile(t, "tokens", "alice "+aliceToken+"\n")}, func(l *limits) {
		l.answer, l.alive = 200*time.Millisecond, 10*time.Millisecond
	})
	plain, err := http.Get("http://" + s.address() + "/api/v1/status")
	if err == nil {
		if g := read(t, plain); g.status != http.StatusBadRequest {
			t.Errorf("without TLS: %d %s", g.status, g.body)
		}
	}
	ask := func(a *authority) error {
		s.speak(a)
		r, err := s.client.Get(s.url + "/api/v1/whoami")
		if err == nil && r.ProtoMajor != 2 {
			t.Errorf("it speaks %s", r.Proto)
		}
		if err == nil {
			read(t, r)
		}
		return err
	}
	s.speak(old)
	g := s.get(t, "/api/v1/whoami", bearer(aliceToken))
	if g.status != http.StatusOK || !strings.Contains(g.body, "alice") {
		t.Errorf("got %d %s", g.status, g.body)
	}
	s.get(t, "/api/v1/whoami").wantProblem(t, http.StatusUnauthorized, "a token")
	l := s.overTLS(t, old)

	rewrite(t, key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	s.look()
	if err := ask(old); err != nil {
		t.Errorf("with a broken key: %v", err)
	}
	renewed.files(cert, key)
	s.look()
	if err := ask(old); err == nil {
		t.Error("the old certificate is still there")
	}
	if err := ask(renewed); err != nil {
		t.Error(err)
	}
	s.sys.happen("order")
	l.wantEvent(t, 1, "order")
	for range 40 { // for longer than any other answer may take, over HTTP/2, too
		if line := l.line(t); line != signOfLife {
			t.Fatalf("got %q", line)
		}
	}
}

// overTLS opens a stream over TLS.
func (s *served) overTLS(t testing.TB, a *authority) *listener {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	before := http.DefaultTransport
	mine := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
	http.DefaultTransport = mine
	t.Cleanup(mine.CloseIdleConnections)
	defer func() { http.DefaultTransport = before }()
	return s.listen(t, "", bearer(aliceToken))
}

// TestClientCertificates is who may come in by certificate, and in whose name.
func TestClientCertificates(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	cert, key, ca := writeFile(t, "cert", ""), writeFile(t, "key", ""), writeFile(t, "ca", ours.pem())
	ours.files(cert, key)
	s := serve(t, Options{Cert: cert, Key: key, ClientCA: ca})
	s.speak(ours, ours.client("carol"))
	if g := s.get(t, "/api/v1/whoami"); g.status != http.StatusOK || !strings.Contains(g.body, `"carol"`) {
		t.Errorf("got %d %s", g.status, g.body)
	}
	if g := s.ask(t, http.MethodPost, "/api/v1/orders", goodOrder); g.status != http.StatusOK || !strings.Contains(strings.Join(s.sys.changes(), ""), "by carol") {
		t.Errorf("got %d %s: %q", g.status, g.body, s.sys.changes())
	}
	s.wantUnchanged(t, func() {
		s.ask(t, http.MethodPost, "/api/v1/orders", goodOrder, header("Sec-Fetch-Site", "cross-site")).wantProblem(t, http.StatusForbidden, "another site")
	})
	for name, certs := range map[string][]tls.Certificate{
		"none":               nil,
		"of another":         {other.client("carol")},
		"over":               {ours.client("carol", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })},
		"that of a server":   {ours.client("carol", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
		"of nobody's making": {func() tls.Certificate { a := &authority{t: t}; return a.client("carol") }()},
	} {
		s.speak(ours, certs...)
		if a, err := s.client.Get(s.url + "/api/v1/whoami"); err == nil {
			t.Errorf("a certificate that is %s: %d", name, read(t, a).status)
		}
	}
	for _, name := range []string{"", "carol\nroot", "<b>", strings.Repeat("x", 65)} {
		s.speak(ours, ours.client(name))
		s.get(t, "/api/v1/whoami").wantProblem(t, http.StatusForbidden, "has no common name")
	}
	// A connection that was let in by an authority that counts no more is not.
	s.speak(ours, ours.client("carol"))
	if g := s.get(t, "/api/v1/whoami"); g.status != http.StatusOK {
		t.Errorf("got %d", g.status)
	}
	rewrite(t, ca, other.pem())
	s.look()
	s.get(t, "/api/v1/whoami").wantProblem(t, http.StatusForbidden, "not one of the authority's")
}

// TestBothNeeded is a server that asks for a certificate and a token.
func TestBothNeeded(t *testing.T) {
	a := newAuthority(t)
	cert, key, ca := writeFile(t, "cert", ""), writeFile(t, "key", ""), writeFile(t, "ca", a.pem())
	a.files(cert, key)
	s := serve(t, Options{Cert: cert, Key: key, ClientCA: ca, Token: writeFile(t, "tokens", "alice "+aliceToken+"\n")})
	s.speak(a, a.client("carol"))
	s.get(t, "/api/v1/whoami").wantProblem(t, http.StatusUnauthorized, "a token")
	if g := s.get(t, "/api/v1/whoami", bearer(aliceToken)); !strings.Contains(g.body, `"alice"`) {
		t.Errorf("got %d %s", g.status, g.body)
	}
}

// TestKeyFiles is what is wrong with the files of TLS.
func TestKeyFiles(t *testing.T) {
	a := newAuthority(t)
	cert, key, ca, empty := writeFile(t, "cert", ""), writeFile(t, "key", ""), writeFile(t, "ca", a.pem()), writeFile(t, "empty", "")
	a.files(cert, key)
	for name, o := range map[string]Options{
		"no certificate": {Cert: empty, Key: key},
		"no key":         {Cert: cert, Key: empty},
		"swapped":        {Cert: key, Key: cert},
		"another's key":  {Cert: ca, Key: key},
		"no authority":   {Cert: cert, Key: key, ClientCA: empty},
		"no file":        {Cert: cert, Key: "/nonexistent"},
	} {
		_, err := Open(o)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantNoSecret(t, strings.ReplaceAll(err.Error(), `"PRIVATE KEY"`, "")) // a kind of block, in an error of crypto/tls
	}
}
