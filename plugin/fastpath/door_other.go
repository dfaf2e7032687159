//go:build !linux

package fastpath

import (
	"errors"
	"fmt"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// A door needs what only Linux has.
type door struct{ addr string }

// A service is what a generation does in a door.
type service struct {
	door *door
	over chan struct{}
}

func newDoor(*Doors, string) (*door, error) {
	return nil, fmt.Errorf("fast_path works on Linux alone: %w", errors.ErrUnsupported)
}

func (*door) take(*Generation, *dnsserver.Server, Handler, int) error { return errors.ErrUnsupported }

func (*door) leave(*Generation) {}

func (*door) decorate(w dns.Writer) dns.Writer { return w }
