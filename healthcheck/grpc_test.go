package healthcheck

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthserver "google.golang.org/grpc/health"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// serveGRPC is a gRPC server; cfg may be nil, and so may h.
func serveGRPC(t *testing.T, host string, cfg *tls.Config, h health.HealthServer) Target {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var options []grpc.ServerOption
	if cfg != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(cfg)))
	}
	s := grpc.NewServer(options...)
	if h != nil {
		health.RegisterHealthServer(s, h)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(ln); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		s.Stop()
		<-ended
	})
	return targetOf(t, ln.Addr())
}

// healthFunc is a health service of one function.
type healthFunc struct {
	health.UnimplementedHealthServer
	check func(context.Context, *health.HealthCheckRequest) (*health.HealthCheckResponse, error)
}

func (h healthFunc) Check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return h.check(ctx, r)
}

func sayStatus(s health.HealthCheckResponse_ServingStatus) health.HealthServer {
	return healthFunc{check: func(context.Context, *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
		return &health.HealthCheckResponse{Status: s}, nil
	}}
}

func sayCode(code codes.Code) health.HealthServer {
	return healthFunc{check: func(context.Context, *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
		return nil, status.Error(code, "planted")
	}}
}

func TestGRPC(t *testing.T) {
	ordinary := healthserver.NewServer()
	ordinary.SetServingStatus("up", health.HealthCheckResponse_SERVING)
	ordinary.SetServingStatus("down", health.HealthCheckResponse_NOT_SERVING)
	stopped := healthserver.NewServer()
	stopped.Shutdown()
	forever := healthFunc{check: func(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	for _, c := range []struct {
		name    string
		server  health.HealthServer
		service string
		timeout time.Duration
		want    string
	}{
		{"the whole server", ordinary, "", longEnough, "pass"},
		{"a service that is up", ordinary, "up", longEnough, "pass"},
		{"a service that is down", ordinary, "down", longEnough, "fail: not serving"},
		{"a service that it does not know", ordinary, "other", longEnough, "fail: status NotFound"},
		{"a server that stops", stopped, "", longEnough, "fail: not serving"},
		{"unknown", sayStatus(health.HealthCheckResponse_UNKNOWN), "", longEnough, "fail: not serving"},
		{"service unknown", sayStatus(health.HealthCheckResponse_SERVICE_UNKNOWN), "", longEnough, "fail: not serving"},
		{"a status of the future", sayStatus(77), "", longEnough, "fail: not serving"},
		{"no health service", nil, "", longEnough, "fail: status Unimplemented"},
		{"not allowed", sayCode(codes.PermissionDenied), "", longEnough, "fail: status PermissionDenied"},
		{"who are you", sayCode(codes.Unauthenticated), "", longEnough, "fail: status Unauthenticated"},
		{"unavailable", sayCode(codes.Unavailable), "", longEnough, "fail: status Unavailable"},
		{"its own deadline", sayCode(codes.DeadlineExceeded), "", longEnough, "fail: timeout"},
		{"canceled by the server", sayCode(codes.Canceled), "", longEnough, "fail: status Canceled"},
		{"a code of the future", sayCode(4711), "", longEnough, "fail: status Unknown"},
		{"the largest code", sayCode(1<<31 - 1), "", longEnough, "fail: status Unknown"},
		{"hangs", forever, "", soon, "fail: timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, host := range loopbacks {
				o := DefaultOptions(GRPC)
				o.Service = c.service
				wantSaid(t, probe(t, o, serveGRPC(t, host, nil, c.server), c.timeout), c.want)
			}
		})
	}
}

func TestGRPCWithTLS(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	cert, key := pemPair(t, ca.sign(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}))
	clients := x509.NewCertPool()
	clients.AddCert(ca.cert)
	named := ca.server("www.example.org", "127.0.0.1")
	one := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	mutual := one(named)
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, clients
	expired := ca.sign(&x509.Certificate{DNSNames: []string{"www.example.org"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})
	serving := sayStatus(health.HealthCheckResponse_SERVING)
	for _, c := range []struct {
		name   string
		config *tls.Config
		change func(*Options)
		want   string
	}{
		{"by address", one(named), func(*Options) {}, "pass"},
		{"by sni", one(named), func(o *Options) { o.SNI = "www.example.org" }, "pass"},
		{"other name", one(named), func(o *Options) { o.SNI = "other.example.org" }, "fail: tls: name"},
		{"untrusted", one(stranger.server("127.0.0.1")), func(*Options) {}, "fail: tls: untrusted"},
		{"unverified", one(stranger.server("x")), func(o *Options) { o.TLSVerify = false }, "pass"},
		{"expired", one(expired), func(o *Options) { o.SNI = "www.example.org" }, "fail: tls: expired"},
		{"client certificate", mutual, func(o *Options) { o.Cert, o.Key = cert, key }, "pass"},
		{"expiring", one(named), func(o *Options) { o.MinCertDays = 1 }, "fail: tls: expiring"},
		{"no tls", nil, func(*Options) {}, "fail: tls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := DefaultOptions(GRPC)
			o.TLS, o.CA = true, ca.pem
			c.change(&o)
			wantSaid(t, probe(t, o, serveGRPC(t, "127.0.0.1", c.config, serving), longEnough), c.want)
		})
	}
	t.Run("no protocol chosen", func(t *testing.T) {
		o := DefaultOptions(GRPC)
		o.TLS, o.CA = true, ca.pem
		wantSaid(t, probe(t, o, serve(t, "127.0.0.1", secured(one(named), hang)), longEnough), "fail: tls")
		other := one(named)
		other.NextProtos = []string{"http/1.1"}
		wantSaid(t, probe(t, o, serve(t, "127.0.0.1", secured(other, hang)), longEnough), "fail: tls")
	})
}

// What the server is told: who is asked for, and who asks.
func TestGRPCAuthority(t *testing.T) {
	ca := newAuthority(t)
	told := make(chan metadata.MD, 1)
	h := healthFunc{check: func(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		told <- md
		return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
	}}
	plain := serveGRPC(t, "127.0.0.1", nil, h)
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.server("localhost", "127.0.0.1", "www.example.org")}}
	overTLS := serveGRPC(t, "127.0.0.1", cfg, h)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	for _, c := range []struct {
		to        Target
		host, sni string
		want      string
	}{
		{plain, "127.0.0.1", "", "127.0.0.1:" + portText(plain)},
		{plain, "localhost", "", "localhost:" + portText(plain)},
		{overTLS, "127.0.0.1", "", "127.0.0.1:" + portText(overTLS)},
		{overTLS, "127.0.0.1", "www.example.org", "www.example.org:" + portText(overTLS)},
	} {
		o := DefaultOptions(GRPC)
		if c.to == overTLS {
			o.TLS, o.CA, o.SNI = true, ca.pem, c.sni
		}
		wantSaid(t, probe(t, o, Target{Host: c.host, Port: c.to.Port}, longEnough), "pass")
		md := <-told
		if got := md.Get(":authority"); len(got) != 1 || got[0] != c.want {
			t.Errorf("%+v: asked for %q", c, got)
		}
		if got := md.Get("user-agent"); len(got) != 1 || !strings.HasPrefix(got[0], userAgent+" ") {
			t.Errorf("asked as %q", got)
		}
	}
}

// hostile is a server that speaks HTTP/2 by hand: after the preface and its own
// SETTINGS, and the request where one is awaited.
func hostile(awaits bool, then func(conn net.Conn, f *http2.Framer, stream uint32)) func(net.Conn) {
	return func(conn net.Conn) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(conn, preface); err != nil {
			return
		}
		f := http2.NewFramer(conn, conn)
		if f.WriteSettings() != nil {
			return
		}
		var stream uint32
		if awaits {
			stream = awaitHeaders(f)
		}
		then(conn, f, stream)
	}
}

// awaitHeaders returns the stream of the next request, or 0 at the end.
func awaitHeaders(f *http2.Framer) (stream uint32) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return 0
		}
		if h, ok := frame.(*http2.HeadersFrame); ok {
			return h.StreamID
		}
	}
}

// end says that nothing follows, and reads on: a close would reset what is unread.
func end(conn net.Conn) {
	_ = conn.(*net.TCPConn).CloseWrite()
	hang(conn)
}

func headerBlock(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()
}

func writeHeaders(f *http2.Framer, stream uint32, end bool, fields ...string) {
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: headerBlock(fields...), EndHeaders: true, EndStream: end})
}

var grpcHeader = []string{":status", "200", "content-type", "application/grpc"}

// faults are servers that are wrong in their own way.
var grpcFaults = []struct {
	name    string
	handle  func(net.Conn)
	timeout time.Duration
	want    string
}{
	{"no settings", hang, soon, "fail: timeout"},
	{"closed at once", end, longEnough, "fail: closed"},
	{"closed before the settings", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)); end(conn) }, longEnough, "fail: closed"},
	{"reset", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)); reset(conn) }, longEnough, "fail: reset"},
	{"http/1", func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n"); hang(conn) }, longEnough, "fail: protocol"},
	{"a banner", func(conn net.Conn) { _, _ = io.WriteString(conn, "220 mail.example.org ESMTP\r\n"); hang(conn) }, longEnough, "fail: protocol"},
	{"no answer", hostile(true, func(conn net.Conn, _ *http2.Framer, _ uint32) { hang(conn) }), soon, "fail: timeout"},
	{"closed before the answer", hostile(true, func(conn net.Conn, _ *http2.Framer, _ uint32) { end(conn) }), longEnough, "fail: closed"},
	{"closed within the answer", hostile(true, func(conn net.Conn, f *http2.Framer, stream uint32) {
		writeHeaders(f, stream, false, grpcHeader...)
		end(conn)
	}), longEnough, "fail: closed"},
	{"reset before the answer", hostile(true, func(conn net.Conn, _ *http2.Framer, _ uint32) { reset(conn) }), longEnough, "fail: reset"},
	{"a 404 of http/2", hostile(true, func(conn net.Conn, f *http2.Framer, stream uint32) {
		writeHeaders(f, stream, true, ":status", "404", "content-type", "text/html")
		hang(conn)
	}), longEnough, "fail: protocol"},
	{"the stream reset", hostile(true, func(conn net.Conn, f *http2.Framer, stream uint32) {
		_ = f.WriteRSTStream(stream, http2.ErrCodeInternal)
		hang(conn)
	}), longEnough, "fail: protocol"},
	{"each stream refused", hostile(true, func(_ net.Conn, f *http2.Framer, stream uint32) {
		for ; stream != 0; stream = awaitHeaders(f) {
			_ = f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
		}
	}), longEnough, "fail: protocol"},
	{"go away", hostile(true, func(conn net.Conn, f *http2.Framer, _ uint32) {
		_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
		hang(conn)
	}), longEnough, "fail: protocol"},
	{"go away for pinging too much", hostile(true, func(conn net.Conn, f *http2.Framer, _ uint32) {
		_ = f.WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, []byte("too_many_pings"))
		hang(conn)
	}), longEnough, "fail: protocol"},
	{"a status that is none", hostile(true, func(conn net.Conn, f *http2.Framer, stream uint32) {
		writeHeaders(f, stream, true, append(grpcHeader[:4:4], "grpc-status", "x")...)
		hang(conn)
	}), longEnough, "fail: protocol"},
	{"a header too large", hostile(true, func(conn net.Conn, f *http2.Framer, stream uint32) {
		block := headerBlock(append(grpcHeader[:4:4], "x", strings.Repeat("x", 10<<10))...)
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block})
		for f.WriteContinuation(stream, false, headerBlock("x", strings.Repeat("x", 10<<10))) == nil {
		}
	}), longEnough, "fail: protocol"},
	{"a header that unpacks to much", hostile(true, func(conn net.Conn, f *http2.Framer, stream uint32) {
		var b bytes.Buffer
		e := hpack.NewEncoder(&b)
		for range 10 << 10 { // a byte each but the first
			_ = e.WriteField(hpack.HeaderField{Name: "x", Value: strings.Repeat("x", 3<<10)})
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: true})
		hang(conn)
	}), longEnough, "fail: protocol"},
	{"endless headers before the request", hostile(false, func(conn net.Conn, f *http2.Framer, _ uint32) {
		for writeHeaders(f, 1, false, "x", strings.Repeat("x", 10<<10)); f.WriteSettings() == nil; {
		}
	}), longEnough, "fail: protocol"},
	{"endless data", hostile(true, func(_ net.Conn, f *http2.Framer, stream uint32) {
		writeHeaders(f, stream, false, grpcHeader...)
		message := append([]byte{0, 0, 0, 0xff, 0}, make([]byte, 10<<10)...) // of 0xff00 bytes, it says
		for f.WriteData(stream, false, message) == nil {
		}
	}), longEnough, "fail: protocol"},
	{"a message too large", hostile(true, func(conn net.Conn, f *http2.Framer, stream uint32) {
		writeHeaders(f, stream, false, grpcHeader...)
		_ = f.WriteData(stream, false, []byte{0, 0xff, 0xff, 0xff, 0xff})
		hang(conn)
	}), longEnough, "fail: protocol"},
	{"a message compressed", hostile(true, func(conn net.Conn, f *http2.Framer, stream uint32) {
		writeHeaders(f, stream, false, append(grpcHeader[:4:4], "grpc-encoding", "gzip")...)
		_ = f.WriteData(stream, false, []byte{1, 0, 0, 0, 1, 0})
		hang(conn)
	}), longEnough, "fail: protocol"},
	{"endless pings", hostile(true, func(_ net.Conn, f *http2.Framer, _ uint32) {
		for f.WritePing(false, [8]byte{}) == nil {
		}
	}), longEnough, "fail: protocol"},
	{"endless settings", hostile(true, func(_ net.Conn, f *http2.Framer, _ uint32) {
		for f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}) == nil {
		}
	}), longEnough, "fail: protocol"},
	{"data dripped", hostile(true, func(_ net.Conn, f *http2.Framer, stream uint32) {
		writeHeaders(f, stream, false, grpcHeader...)
		for f.WriteData(stream, false, nil) == nil {
		}
	}), longEnough, "fail: protocol"},
}

// No fault makes grpc write a log, but for one that nothing could silence without
// silencing all that others in the process do with grpc.
func TestGRPCFaults(t *testing.T) {
	log := captureStderr(t)
	for _, c := range grpcFaults {
		t.Run(c.name, func(t *testing.T) {
			for range 3 {
				wantSaid(t, probe(t, DefaultOptions(GRPC), serve(t, "127.0.0.1", c.handle), c.timeout), c.want)
			}
		})
	}
	for line := range strings.Lines(log()) {
		if !strings.Contains(line, "too_many_pings") {
			t.Errorf("logged: %s", line)
		}
	}
}

// captureStderr returns what is written to the standard error until it is called.
func captureStderr(t *testing.T) func() string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "stderr")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	was, err := syscall.Dup(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Dup3(int(f.Fd()), 2, 0); err != nil {
		t.Fatal(err)
	}
	back := func() {
		_ = syscall.Dup3(was, 2, 0)
	}
	t.Cleanup(func() {
		back()
		_ = syscall.Close(was)
	})
	return func() string {
		back()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

func TestGRPCRefused(t *testing.T) {
	for _, host := range loopbacks {
		wantSaid(t, probe(t, DefaultOptions(GRPC), closedPort(t, host), longEnough), "fail: refused")
	}
}

func TestGRPCCanceled(t *testing.T) {
	asked := make(chan struct{})
	to := serveGRPC(t, "127.0.0.1", nil, healthFunc{check: func(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	wantSaid(t, mustNew(t, DefaultOptions(GRPC)).Probe(ctx, to), "inconclusive: canceled")
}

// One connection for each probe, and none more: what a peer breaks off is not
// tried again.
func TestGRPCOneConnection(t *testing.T) {
	var conns atomic.Int32
	to := serve(t, "127.0.0.1", func(conn net.Conn) {
		conns.Add(1)
		hostile(true, func(_ net.Conn, f *http2.Framer, _ uint32) { _ = f.WriteGoAway(0, http2.ErrCodeNo, nil) })(conn)
	})
	for n := range int32(5) {
		probe(t, DefaultOptions(GRPC), to, longEnough)
		if conns.Load() != n+1 {
			t.Errorf("%d connections after %d probes", conns.Load(), n+1)
		}
	}
}

// A connection is given away once: two transports must not share it.
func TestGRPCDial(t *testing.T) {
	call := &grpcCall{}
	if conn, err := call.dial(t.Context(), ""); conn != call || err != nil {
		t.Errorf("%v, %v", conn, err)
	}
	if conn, err := call.dial(t.Context(), ""); conn != nil || err == nil {
		t.Errorf("%v, %v", conn, err)
	}
}

// The scheme's own port is left out.
func TestGRPCAuthorityPort(t *testing.T) {
	for _, c := range []struct {
		p    grpcProber
		to   Target
		want string
	}{
		{grpcProber{}, Target{Host: "192.0.2.1", Port: 80}, "192.0.2.1"},
		{grpcProber{}, Target{Host: "192.0.2.1", Port: 443}, "192.0.2.1:443"},
		{grpcProber{tls: &tlsClient{}}, Target{Host: "www.example.org.", Port: 443}, "www.example.org"},
		{grpcProber{tls: &tlsClient{}}, Target{Host: "fe80::1%eth0", Port: 80}, "[fe80::1]:80"},
		{grpcProber{tls: &tlsClient{}, sni: "www.example.org"}, Target{Host: "192.0.2.1", Port: 443}, "www.example.org"},
	} {
		if got := c.p.authority(c.to); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func BenchmarkGRPC(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := grpc.NewServer()
	health.RegisterHealthServer(s, healthserver.NewServer())
	go func() { _ = s.Serve(ln) }()
	defer s.Stop()
	p, err := New(DefaultOptions(GRPC))
	if err != nil {
		b.Fatal(err)
	}
	to := Target{Host: "127.0.0.1", Port: uint16(ln.Addr().(*net.TCPAddr).Port)}
	b.ReportAllocs()
	for b.Loop() {
		if r := p.Probe(context.Background(), to); r.Verdict != Pass {
			b.Fatal(said(r))
		}
	}
}
