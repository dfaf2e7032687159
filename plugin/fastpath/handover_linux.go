package fastpath

import (
	"context"
	"net"
	"os"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// handoverQueue is how many packets wait for CoreDNS's goroutines to begin. When
// it is full the reader waits, and packets wait in the kernel.
const handoverQueue = 256

// grace is how long queries that are being answered may take at the end, as in
// CoreDNS's own server.
var grace = 5 * time.Second // less in tests

// A handover answers, by CoreDNS's server, the packets that a door does not answer
// itself. It is a net.PacketConn for a server of miekg/dns like the one that CoreDNS
// makes for its own socket, so that what is accepted, refused, malformed or signed
// is so in just the same way.
type handover struct {
	door    *door
	server  *dns.Server
	packets chan *parcel
	pool    sync.Pool
	zones   zones

	empty   chan struct{} // closed once all is read, and no more comes
	readAll sync.Once
	ending  chan struct{} // closed when the server is to return
	endOnce sync.Once
	stopped chan struct{} // closed when it has
}

// A parcel is a packet on its way to CoreDNS.
type parcel struct {
	data  [packetSize]byte
	len   int
	from  sockaddr
	asked control
	info  int // bytes of asked
}

// A caller is who sent a packet. It begins with the net.UDPAddr that plugins expect,
// so that a pointer to that is one to the whole; what follows is how a reply leaves
// from the address that was asked.
type caller struct {
	net.UDPAddr
	ip    [16]byte
	asked control
	info  int // bytes of asked
}

// newHandover starts a server beside CoreDNS's own, with what that one has.
func newHandover(d *door, server *dnsserver.Server) *handover {
	h := &handover{
		door:    d,
		packets: make(chan *parcel, handoverQueue),
		pool:    sync.Pool{New: func() any { return new(parcel) }},
		empty:   make(chan struct{}),
		ending:  make(chan struct{}),
		stopped: make(chan struct{}),
	}
	started := make(chan struct{})
	h.server = &dns.Server{
		PacketConn: h,
		Net:        "udp",
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			ctx := context.WithValue(context.Background(), dnsserver.Key{}, server)
			ctx = context.WithValue(ctx, dnsserver.LoopKey{}, 0)
			server.ServeDNS(ctx, w, r)
		}),
		TsigSecret:        server.TsigSecret,
		MsgAcceptFunc:     acceptFunc(),
		NotifyStartedFunc: func() { close(started) },
	}
	go func() {
		defer close(h.stopped)
		if err := h.server.ActivateAndServe(); err != nil {
			d.all.warn("fast_path on %q: the server for what is handed over ended: %v", d.addr, err)
		}
	}()
	<-started
	return h
}

// acceptFunc is CoreDNS's, as far as it can be known from outside: where a plugin is
// linked in that may have asked for dynamic updates, they are let through, and
// refused by CoreDNS's server block instead.
func acceptFunc() dns.MsgAcceptFunc {
	if !slices.Contains(caddy.ListPlugins()["others"], "dns.dynupdate") {
		return nil // the default
	}
	return func(header dns.Header) dns.MsgAcceptAction {
		action := dns.DefaultMsgAcceptFunc(header)
		switch {
		case action != dns.MsgRejectNotImplemented:
			return action
		case header.Qdcount != 1:
			return dns.MsgReject
		}
		return dns.MsgAccept
	}
}

// give hands a packet of a batch over.
func (h *handover) give(b *batch, i int) {
	p := h.pool.Get().(*parcel)
	p.len = copy(p.data[:], b.data(i))
	p.from, p.info = b.from[i], 0
	if b.controls {
		p.asked, p.info = b.asked[i], int(b.in[i].hdr.Controllen)
		p.asked.turn(b.family)
	}
	h.packets <- p
}

// stop lets the server read what was given, waits until it is answered, for as long
// as CoreDNS does, and ends it. Nothing may be given any more.
func (h *handover) stop() {
	close(h.packets)
	<-h.empty
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = h.server.ShutdownContext(ctx) // what takes longer is answered to nobody
	select {
	case <-h.stopped:
	case <-ctx.Done(): // it waits for every query, for as long as that takes
	}
}

// ReadFrom is net.PacketConn's, for miekg/dns.
func (h *handover) ReadFrom(b []byte) (int, net.Addr, error) {
	p, ok := <-h.packets
	if !ok {
		h.readAll.Do(func() { close(h.empty) })
		<-h.ending
		return 0, nil, os.ErrDeadlineExceeded
	}
	n := copy(b, p.data[:p.len])
	c := h.caller(p)
	h.pool.Put(p)
	return n, &c.UDPAddr, nil
}

// caller is who sent a packet. Its address is as net would have read it from
// CoreDNS's own socket: of 16 bytes on one for both families, and with the name of a
// link-local client's interface.
func (h *handover) caller(p *parcel) *caller {
	c := &caller{asked: p.asked, info: p.info}
	c.Port = int(p.from.port())
	if p.from.ipv4() {
		c.IP = c.ip[:copy(c.ip[:], p.from[4:8]):4]
		return c
	}
	c.IP = c.ip[:copy(c.ip[:], p.from[8:24])]
	if zone := p.from.zone(); zone != 0 {
		c.Zone = h.zones.name(int(zone))
	}
	return c
}

// WriteTo is net.PacketConn's. The address is one that ReadFrom returned.
func (h *handover) WriteTo(b []byte, addr net.Addr) (int, error) {
	c := (*caller)(unsafe.Pointer(addr.(*net.UDPAddr)))
	n, _, err := h.door.voice.WriteMsgUDP(b, c.asked[:c.info], &c.UDPAddr)
	return n, err
}

// SetReadDeadline is how the server unblocks ReadFrom at its end; that its other
// deadlines pass says nothing.
func (h *handover) SetReadDeadline(t time.Time) error {
	if t.Before(longAgo) {
		h.endOnce.Do(func() { close(h.ending) })
	}
	return nil
}

// longAgo is after the deadline that means now, and before all others.
var longAgo = time.Unix(1<<30, 0)

// LocalAddr is that of CoreDNS's own socket.
func (h *handover) LocalAddr() net.Addr { return h.door.voice.LocalAddr() }

// Close is net.PacketConn's. The sockets are the door's.
func (h *handover) Close() error { return nil }

// SetDeadline is net.PacketConn's.
func (h *handover) SetDeadline(time.Time) error { return nil }

// SetWriteDeadline is net.PacketConn's.
func (h *handover) SetWriteDeadline(time.Time) error { return nil }

// zones are the names of interfaces.
type zones struct {
	names map[int]string // index -> name
	until time.Time
}

// name is an interface's. It is what net would have said, for as long.
func (z *zones) name(index int) string {
	if now := time.Now(); now.After(z.until) {
		z.names, z.until = map[int]string{}, now.Add(time.Minute)
	}
	name, ok := z.names[index]
	if !ok {
		if i, err := net.InterfaceByIndex(index); err == nil {
			name = i.Name
		}
		z.names[index] = name
	}
	return name
}
