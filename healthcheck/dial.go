package healthcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// maxAddrs bounds what a hostile resolver makes us try for one host name.
const maxAddrs = 8

// dialer opens the connections of all probers. A probe is too short for
// keep-alive packets.
var dialer = net.Dialer{KeepAlive: -1}

// resolve returns at least one address, or an error.
func resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		if _, ok := errors.AsType[*net.DNSError](err); !ok {
			err = &net.DNSError{Err: err.Error(), Name: host}
		}
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	addrs = addrs[:min(len(addrs), maxAddrs)]
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs, nil
}

// connect opens a TCP connection to the target.
func connect(ctx context.Context, t Target) (net.Conn, error) {
	addrs, err := resolve(ctx, t.Host)
	if err != nil {
		return nil, err
	}
	return connectAny(ctx, addrs, t.Port)
}

// connectAny tries the addresses of one host in turn. Of several errors a fail is
// returned before one that only says that this host could not try: an IPv6
// address that an IPv4-only prober cannot reach must not hide that the IPv4
// address is dead.
func connectAny(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, error) {
	var firstErr error
	for i, a := range addrs {
		conn, err := connectAddr(ctx, netip.AddrPortFrom(a, port), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		if firstErr == nil || cause(firstErr).Verdict == Inconclusive {
			firstErr = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, firstErr
}

// connectAddr leaves time for the other addresses that are still to be tried.
func connectAddr(ctx context.Context, to netip.AddrPort, share int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && share > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(share))
		defer cancel()
	}
	conn, err := dialer.DialContext(ctx, "tcp", to.String())
	return conn, fromAfar(err, to)
}

// fromAfar makes unreachable of an error that looks as if this host could not
// try, but came from a router or firewall on the way, for there is a route: an
// answer about the target. (EACCES is how Linux reports ICMPv6 "administratively
// prohibited".)
func fromAfar(err error, to netip.AddrPort) error {
	if (errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EACCES)) && hasRoute(to) {
		return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
	}
	return err
}

// hasRoute asks the kernel alone: connecting a UDP socket sends nothing.
func hasRoute(to netip.AddrPort) bool {
	conn, err := net.Dial("udp", to.String())
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// bind ends all reads and writes on a connection when ctx ends. The caller
// calls the returned function when it is done with the connection.
func bind(ctx context.Context, conn net.Conn) (release func() bool) {
	return context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0)) // long past: a pending read wakes up
	})
}

// tlsConfig compiles the TLS options.
func tlsConfig(o Options) (*tls.Config, error) {
	c := &tls.Config{
		InsecureSkipVerify: !o.TLSVerify, // tls_verify off is the user's own word
		MinVersion:         tls.VersionTLS12,
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
	c.ServerName = o.SNI
	if c.ServerName == "" {
		c.ServerName = hostname(o.Host)
	}
	return c, nil
}

// handshake speaks TLS on a connection that ctx is bound to. Where the options
// name nobody, the target's own name or address is verified; crypto/tls sends no
// SNI for an address.
func handshake(conn net.Conn, c *tls.Config, t Target) (net.Conn, error) {
	if c.ServerName == "" {
		c = c.Clone()
		c.ServerName = told(t.Host)
	}
	secured := tls.Client(conn, c)
	return secured, secured.Handshake()
}

// hostname cuts the port and brackets from a Host header.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// told is a target's host as its peer is told of it: without the zone of an IPv6
// address, and without the last dot of a host name.
func told(host string) string {
	host, _, _ = strings.Cut(host, "%")
	return strings.TrimSuffix(host, ".")
}

// maxRead is how much of a peer's answer is ever looked at.
const maxRead = 64 << 10

// readMatch reads until the expression matches, the peer ends, or maxRead.
// n is how much was read. err is nil on a match, at the end and at maxRead.
func readMatch(r io.Reader, re *regexp.Regexp) (matched bool, n int, err error) {
	// Matching anew after each read is quadratic if the peer drips; once this
	// much has been searched, the next search waits for the end.
	budget := 16 * maxRead
	buf := make([]byte, 0, 4<<10)
	for len(buf) < maxRead {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*cap(buf), maxRead))
			copy(grown, buf)
			buf = grown
		}
		var got int
		got, err = r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+got]
		if got > 0 && budget > 0 {
			budget -= len(buf)
			if re.Match(buf) {
				return true, len(buf), nil
			}
		}
		if err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if re.Match(buf) {
		return true, len(buf), nil
	}
	return false, len(buf), err
}
