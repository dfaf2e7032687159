package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
)

// tcpProber connects; then, where the options say so, it speaks TLS, sends, and
// looks for an expression in what it receives.
type tcpProber struct {
	tls     *tlsClient // or nil
	send    string
	receive *regexp.Regexp // or nil
}

func newTCP(o Options) (Prober, error) {
	own := Options{Kind: o.Kind, TLS: o.TLS, TLSVerify: o.TLSVerify, Send: o.Send, Receive: o.Receive}
	if o.TLS {
		own.SNI, own.CA, own.Cert, own.Key, own.MinCertDays = o.SNI, o.CA, o.Cert, o.Key, o.MinCertDays
	}
	if o != own {
		return nil, errors.New("takes send, receive and tls, and with tls also sni, tls_verify, tls_ca, tls_cert and min_cert_days")
	}
	p := &tcpProber{send: o.Send}
	var err error
	if o.TLS {
		if p.tls, err = newTLSClient(o); err != nil {
			return nil, err
		}
	}
	if o.Receive != "" {
		if p.receive, err = regexp.Compile(o.Receive); err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
	}
	return p, nil
}

func (p *tcpProber) Probe(ctx context.Context, t Target) Result {
	return measured(ctx, t, func(addrs []netip.Addr) Result { return p.probe(ctx, t, addrs) })
}

func (p *tcpProber) probe(ctx context.Context, t Target, addrs []netip.Addr) Result {
	conn, err := connectAny(ctx, addrs, t.Port)
	if err != nil {
		return judge(ctx, err)
	}
	// An ordinary close: a reset would stand in the peer's log as an error.
	defer func() { conn.Close() }()
	defer bind(ctx, conn)()
	if p.tls != nil {
		if conn, err = p.tls.secure(conn, t); err != nil {
			return judge(ctx, err)
		}
	}
	if p.send != "" {
		if _, err := io.WriteString(conn, p.send); err != nil {
			return judge(ctx, err)
		}
	}
	if p.receive != nil {
		return p.await(ctx, conn)
	}
	return pass()
}

func (p *tcpProber) await(ctx context.Context, conn net.Conn) Result {
	matched, n, err := readMatch(conn, p.receive)
	switch {
	case matched:
		return pass()
	case err == nil && n == 0:
		return fail(ReasonClosed)
	case err == nil:
		return fail(ReasonReceive)
	}
	r := judge(ctx, err)
	if r.Reason == ReasonTimeout && n > 0 {
		return fail(ReasonReceive) // it spoke, but said something else
	}
	return r
}
