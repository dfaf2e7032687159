package healthcheck

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// grpcProber asks the health service, version 1 of the gRPC health checking
// protocol. It opens and secures the connection itself, one for each probe, so
// that errors keep their types and each byte is counted; grpc only speaks on it.
type grpcProber struct {
	service string
	sni     string
	tls     *tlsClient // or nil
}

func newGRPC(o Options) (Prober, error) {
	own := Options{Kind: o.Kind, Service: o.Service, TLS: o.TLS, TLSVerify: o.TLSVerify}
	if o.TLS {
		own.SNI, own.CA, own.Cert, own.Key, own.MinCertDays = o.SNI, o.CA, o.Cert, o.Key, o.MinCertDays
	}
	if o != own {
		return nil, errors.New("takes service and tls, and with tls also sni, tls_verify, tls_ca, tls_cert and min_cert_days")
	}
	if !utf8.ValidString(o.Service) {
		return nil, errors.New("service: the name is not UTF-8")
	}
	p := &grpcProber{service: o.Service, sni: o.SNI}
	var err error
	if o.TLS {
		p.tls, err = newTLSClient(o, "h2")
	}
	return p, err
}

func (p *grpcProber) Probe(ctx context.Context, t Target) Result {
	return measured(ctx, t, func(addrs []netip.Addr) Result { return p.probe(ctx, t, addrs) })
}

func (p *grpcProber) probe(ctx context.Context, t Target, addrs []netip.Addr) Result {
	conn, err := connectAny(ctx, addrs, t.Port)
	if err != nil {
		return judge(ctx, err)
	}
	defer func() { conn.Close() }()
	defer bind(ctx, conn)()
	if p.tls != nil {
		if conn, err = p.tls.secure(conn, t); err != nil {
			return judge(ctx, err)
		}
	}
	return p.ask(ctx, &grpcCall{Conn: conn, left: maxRead}, p.authority(t))
}

// authority is what the server is asked for: the name that its certificate is
// for, else the target.
func (p *grpcProber) authority(t Target) string {
	if p.sni != "" {
		t.Name = p.sni
	}
	if p.tls != nil {
		return authority("https", t)
	}
	return authority("http", t)
}

func (p *grpcProber) ask(ctx context.Context, call *grpcCall, authority string) Result {
	client, err := grpc.NewClient("passthrough:///target", p.options(call, authority)...)
	if err != nil {
		return judge(ctx, err)
	}
	defer client.Close()
	answer, err := health.NewHealthClient(client).Check(ctx, &health.HealthCheckRequest{Service: p.service})
	switch {
	case err != nil:
		return call.judge(ctx, status.Code(err))
	case answer.GetStatus() != health.HealthCheckResponse_SERVING:
		return fail(ReasonNotServing)
	}
	return pass()
}

// options leave grpc nothing to do on its own account: it resolves no name, knows
// no proxy, retries nothing, and connects once, to what is connected already.
func (p *grpcProber) options(call *grpcCall, authority string) []grpc.DialOption {
	secrecy := insecure.NewCredentials()
	if p.tls != nil {
		secrecy = securedAlready{}
	}
	return []grpc.DialOption{
		grpc.WithContextDialer(call.dial),
		grpc.WithTransportCredentials(secrecy),
		grpc.WithStatsHandler(call),
		grpc.WithAuthority(authority),
		grpc.WithUserAgent(userAgent),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithDisableHealthCheck(),
		grpc.WithIdleTimeout(0),
		grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxRead)),
		grpc.WithStaticStreamWindowSize(maxRead),
		grpc.WithStaticConnWindowSize(maxRead),
		grpc.WithReadBufferSize(4 << 10),
		grpc.WithWriteBufferSize(4 << 10),
	}
}

// grpcCall is one call, on a connection of its own. It reads up to a bound, and
// remembers what became of it: grpc hands out texts.
type grpcCall struct {
	net.Conn
	left int // bytes; only grpc's reader uses it

	taken    atomic.Bool // by grpc
	answered atomic.Bool // the server has told a status

	mu  sync.Mutex // guards following
	err error      // the first one of the connection
}

// judge turns the status that a call ended with into a result: the server's own,
// or one that stands for an error of the connection.
func (c *grpcCall) judge(ctx context.Context, code codes.Code) Result {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	switch {
	case code == codes.DeadlineExceeded: // the server may be quicker to say so
		return judge(ctx, context.DeadlineExceeded)
	case c.answered.Load():
		return failStatus(code)
	case err != nil:
		return judge(ctx, err)
	}
	return judge(ctx, errors.New("not the protocol"))
}

// failStatus makes Unknown of all that the protocol does not know.
func failStatus(code codes.Code) Result {
	if code > codes.Unauthenticated {
		code = codes.Unknown
	}
	return fail(ReasonStatus.with(int(code)))
}

func statusName(code int) string { return codes.Code(code).String() }

var errOneConnection = errors.New("one connection for each probe")

// dial gives the connection away.
func (c *grpcCall) dial(context.Context, string) (net.Conn, error) {
	if c.taken.Swap(true) {
		return nil, errOneConnection
	}
	return c, nil
}

func (c *grpcCall) Read(b []byte) (n int, err error) {
	if c.left <= 0 {
		err = errTooLong
	} else {
		n, err = c.Conn.Read(b[:min(len(b), c.left)])
		c.left -= n
	}
	c.note(err)
	return n, err
}

func (c *grpcCall) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.note(err)
	return n, err
}

// note keeps the first error, unless we are closing the connection ourselves.
func (c *grpcCall) note(err error) {
	if err == nil || errors.Is(err, net.ErrClosed) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// The probe's context alone ends reads and writes; grpc would grant itself more.

func (c *grpcCall) SetDeadline(time.Time) error      { return nil }
func (c *grpcCall) SetReadDeadline(time.Time) error  { return nil }
func (c *grpcCall) SetWriteDeadline(time.Time) error { return nil }

// HandleRPC sees that a status comes from the server: with its trailer.
func (c *grpcCall) HandleRPC(_ context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.InTrailer); ok {
		c.answered.Store(true)
	}
}

func (c *grpcCall) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c *grpcCall) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *grpcCall) HandleConn(context.Context, stats.ConnStats)                       {}

// securedAlready tells grpc that its connection speaks TLS; so the requests say
// https.
type securedAlready struct{}

func (securedAlready) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	common := credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}
	return conn, credentials.TLSInfo{CommonAuthInfo: common}, nil
}

func (securedAlready) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.ErrUnsupported
}

func (securedAlready) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (s securedAlready) Clone() credentials.TransportCredentials { return s }
func (securedAlready) OverrideServerName(string) error           { return nil }
