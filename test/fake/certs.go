package fake

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
	"slices"
	"strconv"
	"testing"
	"time"
)

// Authority issues certificates, good ones and bad ones.
type Authority struct {
	t    testing.TB
	pair tls.Certificate // its own, with all that stands above it but the root
	root *x509.Certificate
}

// NewAuthority is a root of trust.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t}
	a.pair = a.sign(authority("root"))
	a.root = a.pair.Leaf
	return a
}

// authority is the certificate of one that signs.
func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

// PEM is the root, for tls_ca.
func (a *Authority) PEM() string { return pemOf("CERTIFICATE", a.root.Raw) }

// Pool is the root, for a server that verifies its clients.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root)
	return p
}

// Below is an authority that is n steps below this one.
func (a *Authority) Below(n int) *Authority {
	for i := range n {
		a = &Authority{t: a.t, pair: a.sign(authority("intermediate " + strconv.Itoa(i))), root: a.root}
	}
	return a
}

// For issues a certificate for a name or an address, good for 90 days unless
// changed.
func (a *Authority) For(host string, change ...func(*x509.Certificate)) tls.Certificate {
	cert := &x509.Certificate{Subject: pkix.Name{CommonName: host}}
	if ip := net.ParseIP(host); ip != nil {
		cert.IPAddresses = []net.IP{ip}
	} else {
		cert.DNSNames = []string{host}
	}
	for _, f := range change {
		f(cert)
	}
	return a.sign(cert)
}

// Valid is a change of a certificate's time, counted from now.
func Valid(from, to time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
}

// sign signs a certificate, or makes the authority's own.
func (a *Authority) sign(cert *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	cert.SerialNumber = big.NewInt(time.Now().UnixNano())
	if cert.NotAfter.IsZero() {
		Valid(-time.Hour, 90*24*time.Hour)(cert)
	}
	parent, signer := cert, any(key)
	if a.pair.Leaf != nil {
		parent, signer = a.pair.Leaf, a.pair.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	chain := [][]byte{der}
	if a.pair.Leaf != a.root {
		chain = slices.Concat(chain, a.pair.Certificate)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}
}

// SelfSigned is a certificate that nobody vouches for.
func SelfSigned(t testing.TB, host string) tls.Certificate {
	t.Helper()
	return (&Authority{t: t}).For(host)
}

// Pair is a certificate and its key in PEM, for tls_cert.
func Pair(t testing.TB, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf("CERTIFICATE", c.Certificate[0]), pemOf("PRIVATE KEY", der)
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
