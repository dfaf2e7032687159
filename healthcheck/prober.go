package healthcheck

import (
	"context"
	"fmt"
	"strings"
)

// Prober makes one kind of probe with fixed options. It has no state of its
// own between probes; ctx carries the timeout. A Prober may be used by several
// goroutines at once, and for any number of targets. One that is an io.Closer
// is closed by the Registry after its last use.
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

// kinds is the one list of kinds.
var kinds = []struct {
	kind   Kind
	noPort bool   // a port means nothing to it
	port   uint16 // 0: a port must be given
	build  func(Options) (Prober, error)
}{
	{kind: Ping, noPort: true, build: newPing},
	{kind: TCP, build: newTCP},
	{kind: HTTP, port: 80, build: newHTTP},
	{kind: HTTPS, port: 443, build: newHTTP},
	{kind: GRPC, build: newGRPC},
	{kind: DNS, port: 53, build: newDNS},
}

// New makes the prober of these options. It validates them and compiles what
// they hold (expressions, codes, certificates), but opens nothing.
func New(o Options) (Prober, error) {
	for _, k := range kinds {
		if k.kind != o.Kind {
			continue
		}
		p, err := k.build(o)
		if err != nil {
			return nil, fmt.Errorf("check kind %q: %w", o.Kind, err)
		}
		return p, nil
	}
	return nil, fmt.Errorf("unknown check kind %q: one of %s", o.Kind, kindNames())
}

// Kinds are all kinds, in order.
func Kinds() []Kind {
	list := make([]Kind, len(kinds))
	for i, k := range kinds {
		list[i] = k.kind
	}
	return list
}

// DefaultPort is the port of a check of this kind that names none; false where
// there is no such port.
func DefaultPort(k Kind) (uint16, bool) {
	for _, e := range kinds {
		if e.kind == k {
			return e.port, e.port != 0
		}
	}
	return 0, false
}

// TakesPort says whether a check of this kind has a port.
func TakesPort(k Kind) bool {
	for _, e := range kinds {
		if e.kind == k {
			return !e.noPort
		}
	}
	return false
}

func kindNames() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k.kind)
	}
	return strings.Join(names, ", ")
}
