package fastpath

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// onTheWay is how long a packet may be on its way in the kernel, from the choice of
// a socket to its queue.
const onTheWay = 10 * time.Millisecond

// Sockets are found anew at most so often; less and less where it does not help.
var (
	firstHealing = time.Second // less in tests
	lastHealing  = 30 * time.Second
)

// A door is the sockets at one address, from the first generation that opens them
// to the last.
type door struct {
	all  *Doors
	addr string

	current atomic.Pointer[service] // who answers
	search  atomic.Pointer[search]  // or nil

	// What follows is set when the first socket opens.
	voice    *socket // which sends what CoreDNS answers
	wildcard bool

	mu      sync.Mutex // guards following; held while sockets open, close and are found
	closed  bool
	readers []*reader
	indices []uint32 // of the sockets in their group; nil where packets are not steered

	strays chan struct{} // a packet came in at CoreDNS's own socket
	done   chan struct{} // closed when the door closes
	healer sync.WaitGroup
}

// A service is what a generation does in a door.
type service struct {
	door     *door
	gen      *Generation
	handler  Handler
	handover *handover
	over     chan struct{} // closed when it has ended
}

func newDoor(all *Doors, addr string) (*door, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if port == "0" {
		return nil, errors.New("port 0 is another one for each socket; the fast path takes a fixed one")
	}
	return &door{all: all, addr: addr, strays: make(chan struct{}, 1), done: make(chan struct{})}, nil
}

// take makes a generation the one that answers, if it is the newest so far.
func (d *door) take(g *Generation, server *dnsserver.Server, h Handler, sockets int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.current.Load()
	switch {
	case g.left.Load():
		return errLeft
	case d.closed:
		return errClosed
	case before != nil && before.gen.number >= g.number:
		return nil // it shares the door of another server, or of a newer generation
	}
	s := &service{door: d, gen: g, handler: h, handover: newHandover(d, server), over: make(chan struct{})}
	if before == nil {
		if err := d.open(s, sockets); err != nil {
			return err
		}
	} else {
		d.current.Store(s)
		for _, r := range d.readers {
			r.settle()
		}
		go before.end() // it may take a while, and this generation serves
	}
	g.mu.Lock()
	g.services = append(g.services, s)
	g.mu.Unlock()
	return nil
}

// end lets what was handed over be answered. The readers have left the service.
func (s *service) end() {
	defer close(s.over)
	s.handover.stop()
}

// open opens the sockets, and steers packets to them.
func (d *door) open(s *service, sockets int) error {
	d.current.Store(s)
	if err := batches(); err != nil {
		d.shut(s)
		return err
	}
	for range sockets {
		if err := d.add(); err != nil {
			d.shut(s)
			return fmt.Errorf("open a socket: %w", err)
		}
	}
	err := d.steer()
	d.healer.Go(func() { d.heal(err) })
	return nil
}

// add opens a socket, and begins to read: packets come in at once.
func (d *door) add() error {
	s, err := open(d.addr)
	if err != nil {
		return err
	}
	if d.voice == nil {
		d.voice = s
		d.wildcard = d.local().IP.IsUnspecified()
	}
	if d.wildcard {
		if err := s.askDestination(); err != nil {
			s.Close()
			return fmt.Errorf("ask for the destination of packets: %w", err)
		}
	}
	r := newReader(d, s)
	d.readers = append(d.readers, r)
	go r.run()
	return nil
}

// local is the listener's address.
func (d *door) local() *net.UDPAddr { return d.voice.LocalAddr().(*net.UDPAddr) }

// heal finds the sockets anew when packets go elsewhere, for sockets that come and go
// move others in their group, and where they were not found. It waits for some random
// time: another process at the same port looks for its own, too, and a search ends
// that of another.
func (d *door) heal(failed error) {
	wait, failures := firstHealing, 0
	for {
		if failed != nil {
			failures++
			d.complain(failed, failures)
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-d.done:
			return
		}
		if failed == nil && !d.astray() {
			return
		}
		var moved bool
		if moved, failed = d.steerAnew(); moved {
			wait, failures = firstHealing, 0
		} else {
			wait = min(2*wait, lastHealing)
		}
	}
}

// complain warns of a failure once: at once, or the third time that sockets were not
// found, which another process at the port may be the cause of.
func (d *door) complain(failed error, failures int) {
	if failures == 1 && !errors.Is(failed, errUnseen) || failures == 3 && errors.Is(failed, errUnseen) {
		d.all.warn("fast_path on %q: packets are dealt out to CoreDNS's own sockets, and to other processes that listen there, too; it is tried again: %v", d.addr, failed)
	}
}

// astray waits until a packet comes in at CoreDNS's own socket, or the door closes.
// What came in before says nothing.
func (d *door) astray() bool {
	select {
	case <-d.strays:
	default:
	}
	select {
	case <-d.strays:
		return true
	case <-d.done:
		return false
	}
}

// steerAnew says whether sockets had moved.
func (d *door) steerAnew() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false, nil
	}
	before := d.indices
	err := d.steer()
	return err == nil && !slices.Equal(before, d.indices), err
}

// leave closes the door, if it is the generation's.
func (d *door) leave(g *Generation) {
	d.mu.Lock()
	s := d.current.Load()
	if d.closed || s.gen != g {
		d.mu.Unlock()
		return
	}
	close(d.done)
	d.shut(s)
	d.mu.Unlock()
	d.healer.Wait() // it may wait for mu
}

// shut closes the sockets, once all that came in there is answered.
func (d *door) shut(s *service) {
	defer close(s.over)
	d.closed = true
	if d.voice != nil {
		_ = d.voice.steer(hashed)
	}
	for _, r := range d.readers {
		d.stepAside(r.socket)
	}
	time.Sleep(onTheWay)
	var wg sync.WaitGroup
	for _, r := range d.readers {
		wg.Go(r.drain)
	}
	wg.Wait()
	s.handover.stop()
	for _, r := range d.readers {
		r.Close()
	}
	d.all.forget(d)
}

// stepAside lets the hash over the group's sockets pass one over, by connecting it to
// itself: on an address of its own it is skipped from then on, and one on all
// addresses leaves the group. What is queued there stays.
func (d *door) stepAside(s *socket) {
	for _, to := range itself(d.local()) {
		if s.connect(to) == nil {
			return
		}
	}
}

// decorate is the dns.DecorateWriter of CoreDNS's own socket: it is called for each
// packet that came in there.
func (d *door) decorate(w dns.Writer) dns.Writer {
	select {
	case d.strays <- struct{}{}:
	default:
	}
	return w
}
