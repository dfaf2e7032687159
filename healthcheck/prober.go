package healthcheck

import "context"

// Prober makes one kind of probe with fixed options. It has no state of its
// own between probes; ctx carries the timeout.
type Prober interface {
	Probe(ctx context.Context, t Target) Result
}

// Kind is a kind of check.
type Kind string

// The kinds of check.
const (
	Ping  Kind = "ping"
	TCP   Kind = "tcp"
	HTTP  Kind = "http"
	HTTPS Kind = "https"
	GRPC  Kind = "grpc"
	DNS   Kind = "dns"
)
