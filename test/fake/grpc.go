package fake

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// GRPC is a gRPC server with the health service, which serves at first.
type GRPC struct {
	*Backend
	health.UnimplementedHealthServer

	mu     sync.Mutex // guards following
	answer func(ctx context.Context, service string) (health.HealthCheckResponse_ServingStatus, error)
}

// NewGRPC is a server on a loopback address of its own; with a configuration it
// speaks TLS.
func NewGRPC(t testing.TB, secrets *tls.Config) *GRPC {
	t.Helper()
	g := &GRPC{Backend: new(Backend)}
	g.Say(health.HealthCheckResponse_SERVING.String())
	g.accept = func(l net.Listener) func() {
		var options []grpc.ServerOption
		if secrets != nil {
			options = append(options, grpc.Creds(credentials.NewTLS(secrets)))
		}
		s := grpc.NewServer(options...)
		health.RegisterHealthServer(s, g)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = s.Serve(l) // ends when it is stopped
		}()
		return func() {
			s.Stop()
			<-done
		}
	}
	together(t, []*Backend{g.Backend})
	return g
}

// Say sets what the health service says from now on: the word of the protocol,
// such as NOT_SERVING, for the server and for every service.
func (g *GRPC) Say(word string) {
	g.set(func(context.Context, string) (health.HealthCheckResponse_ServingStatus, error) {
		return health.HealthCheckResponse_ServingStatus(health.HealthCheckResponse_ServingStatus_value[word]), nil
	})
}

// Only makes a service the only one that is known; it serves.
func (g *GRPC) Only(service string) {
	g.set(func(_ context.Context, asked string) (health.HealthCheckResponse_ServingStatus, error) {
		if asked != service {
			return 0, status.Error(codes.NotFound, "unknown service")
		}
		return health.HealthCheckResponse_SERVING, nil
	})
}

// Err makes every call end with the code of a status, such as 12 for
// Unimplemented.
func (g *GRPC) Err(code uint32) {
	g.set(func(context.Context, string) (health.HealthCheckResponse_ServingStatus, error) {
		return 0, status.Error(codes.Code(code), "as it was told to")
	})
}

// Hang makes calls wait until they are given up.
func (g *GRPC) Hang() {
	g.set(func(ctx context.Context, _ string) (health.HealthCheckResponse_ServingStatus, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	})
}

func (g *GRPC) set(answer func(context.Context, string) (health.HealthCheckResponse_ServingStatus, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = answer
}

// Check implements the health service.
func (g *GRPC) Check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	g.hits.Add(1)
	g.mu.Lock()
	answer := g.answer
	g.mu.Unlock()
	serving, err := answer(ctx, r.Service)
	if err != nil {
		return nil, err
	}
	return &health.HealthCheckResponse{Status: serving}, nil
}
