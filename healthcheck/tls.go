package healthcheck

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// maxCertDays bounds min_cert_days: no certificate of a public authority lasts
// nearly as long.
const maxCertDays = 3650

// tlsClient speaks TLS as the options say.
type tlsClient struct {
	config  *tls.Config
	minLeft time.Duration // the certificate lasts as long, or it is a fail; 0: no matter
}

// errHandshake marks what went wrong in a handshake: crypto/tls has no type for
// most of what a peer can do.
var errHandshake = errors.New("handshake")

// The handshakes that succeed, and are fails all the same.
var (
	errExpired  = errors.New("the certificate has expired")
	errExpiring = errors.New("the certificate has less than min_cert_days left")
	errProtocol = errors.New("the peer does not speak the protocol over TLS")
)

// newTLSClient compiles the TLS options. protocols are those of ALPN, of which
// the peer must choose one; none: whatever it speaks.
func newTLSClient(o Options, protocols ...string) (*tlsClient, error) {
	c := &tls.Config{
		InsecureSkipVerify: !o.TLSVerify, // tls_verify off is the user's own word
		MinVersion:         tls.VersionTLS12,
		NextProtos:         protocols,
	}
	if o.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(o.CA)) {
			return nil, errors.New("tls_ca holds no certificate")
		}
	}
	if (o.Cert == "") != (o.Key == "") {
		return nil, errors.New("tls_cert needs a certificate and its key")
	}
	if o.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(o.Cert), []byte(o.Key))
		if err != nil {
			return nil, fmt.Errorf("tls_cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if o.MinCertDays < 0 || o.MinCertDays > maxCertDays {
		return nil, fmt.Errorf("min_cert_days %d is not within 1 to %d", o.MinCertDays, maxCertDays)
	}
	c.ServerName = o.SNI
	if c.ServerName == "" {
		c.ServerName = hostname(o.Host)
	}
	return &tlsClient{c, time.Duration(o.MinCertDays) * 24 * time.Hour}, nil
}

// secure speaks TLS on a connection that ctx is bound to. Where the options name
// nobody, the target's own name or address is verified; crypto/tls sends no SNI
// for an address.
func (c *tlsClient) secure(conn net.Conn, t Target) (net.Conn, error) {
	config := c.config
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = t.told()
	}
	secured := tls.Client(conn, config)
	if err := secured.Handshake(); err != nil {
		return secured, fmt.Errorf("%w: %w", errHandshake, err)
	}
	return secured, c.accept(secured.ConnectionState())
}

// accept judges a handshake that succeeded. It comes after it, so that the peer's
// log has no alert of a certificate that is still good.
func (c *tlsClient) accept(state tls.ConnectionState) error {
	if len(c.config.NextProtos) > 0 && state.NegotiatedProtocol == "" {
		return errProtocol
	}
	left := time.Until(state.PeerCertificates[0].NotAfter)
	switch {
	case c.minLeft == 0 || left >= c.minLeft:
		return nil
	case left < 0: // tls_verify is off
		return errExpired
	}
	return errExpiring
}

// hostname cuts the port and brackets from a Host header.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}
