// Package fastpath answers UDP queries without CoreDNS's goroutine, unpacking and
// packing for each: from sockets of its own beside CoreDNS's, in batches. What it
// cannot answer is CoreDNS's, in the same process.
package fastpath

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"
)

// A Handler answers packets of one listener, as of one generation of the
// configuration.
type Handler interface {
	// Lane makes what answers the packets of one socket.
	Lane() Lane
}

// A Lane is used by one goroutine at a time, and may keep scratch space.
type Lane interface {
	// Answer appends the reply to a packet of 12 bytes or more to dst. Where ok is
	// false, the packet is CoreDNS's to answer, and nothing was counted. An empty
	// reply is not sent.
	Answer(dst, packet []byte, from netip.AddrPort) (reply []byte, ok bool)
	// Sent is called once the replies of a batch have been sent.
	Sent()
}

// Doors are the fast path's sockets in a process, a door for each listener. They
// outlive reloads: a new generation of the configuration takes over the doors of the
// one before, with their sockets and all that is queued in these.
type Doors struct {
	// Warn logs; or nil. It and Panicked are called from any goroutine.
	Warn func(format string, args ...any)
	// Panicked is told of each panic of a Lane; or nil. The packet goes to CoreDNS,
	// and the socket gets a new Lane.
	Panicked func(value any)

	generations atomic.Uint64

	mu     sync.Mutex             // guards following
	doors  map[string]*door       // address -> door
	awaits map[string]*Generation // address -> the newest generation that is to open there
}

// A Generation is a configuration that opens doors until another one takes over.
type Generation struct {
	all    *Doors
	number uint64
	left   atomic.Bool

	mu       sync.Mutex // guards following
	services []*service
}

// Enter begins a generation. It is newer than all before.
func (d *Doors) Enter() *Generation {
	return &Generation{all: d, number: d.generations.Add(1)}
}

// Await says that the generation will open a door at a server's address. One before
// it, at its end, leaves the door open for it.
func (g *Generation) Await(server string) {
	d := g.all
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.awaits == nil {
		d.awaits = map[string]*Generation{}
	}
	d.awaits[strings.TrimPrefix(server, transport.DNS+"://")] = g
}

// Open lets a handler answer what comes in at the server's address, from so many
// sockets; a door that is open keeps those that it has. It is for
// dnsserver.Config.UDPDecorateWriterFunc: what it returns tells the door of packets
// that came in at CoreDNS's own socket. Under multisocket, the later servers of an
// address share the door of the first. With an error, no door is open, or that of a
// generation before goes on.
func (g *Generation) Open(server *dnsserver.Server, h Handler, sockets int) (dns.DecorateWriter, error) {
	addr, ok := strings.CutPrefix(server.Addr, transport.DNS+"://")
	if !ok {
		return nil, fmt.Errorf("fast_path on %q: only %s listeners have one", server.Addr, transport.DNS)
	}
	for {
		at, err := g.door(addr)
		if err != nil {
			return nil, fmt.Errorf("fast_path on %q: %w", addr, err)
		}
		err = at.take(g, server, h, max(sockets, 1))
		switch {
		case err == nil:
			return at.decorate, nil
		case !errors.Is(err, errClosed):
			return nil, fmt.Errorf("fast_path on %q: %w", addr, err)
		}
	}
}

var (
	errClosed = errors.New("the door is closed")
	errLeft   = errors.New("the configuration has ended")
)

// door is the one at an address, made where there is none.
func (g *Generation) door(addr string) (*door, error) {
	d := g.all
	d.mu.Lock()
	defer d.mu.Unlock()
	if at, ok := d.doors[addr]; ok {
		return at, nil
	}
	at, err := newDoor(d, addr)
	if err != nil {
		return nil, err
	}
	if d.doors == nil {
		d.doors = map[string]*door{}
	}
	d.doors[addr] = at
	return at, nil
}

// takeover is how long a door is kept open for a generation that is to take it over.
// CoreDNS starts its servers in goroutines, and does not wait for them.
const takeover = time.Second

// Leave ends the generation. Doors that are still its own close, once all that came
// in there is answered; those that a newer one takes over stay. When it returns, none
// of its Lanes is in use.
func (g *Generation) Leave() {
	g.left.Store(true)
	g.all.forgo(g)
	g.mu.Lock()
	services := g.services
	g.services = nil
	g.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range services {
		wg.Go(func() {
			if g.all.awaited(s.door) {
				select {
				case <-s.over:
				case <-time.After(takeover):
				}
			}
			s.door.leave(g)
			<-s.over
		})
	}
	wg.Wait()
}

// awaited says whether a generation is to take a door over. Those that have left are
// not, and one that has opened it is its owner.
func (d *Doors) awaited(at *door) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.awaits[at.addr] != nil
}

// forgo forgets what a generation was to open.
func (d *Doors) forgo(g *Generation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.awaits, func(_ string, awaiting *Generation) bool { return awaiting == g })
}

// forget drops a door that has closed.
func (d *Doors) forget(old *door) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.doors[old.addr] == old {
		delete(d.doors, old.addr)
	}
}

func (d *Doors) warn(format string, args ...any) {
	if d.Warn != nil {
		d.Warn(format, args...)
	}
}
