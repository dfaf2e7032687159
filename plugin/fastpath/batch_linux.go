package fastpath

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"github.com/miekg/dns"
)

const (
	batchSize = 32
	// packetSize is CoreDNS's own room for a UDP query. What is longer is cut.
	packetSize = dns.MinMsgSize
	// controlSize is room for struct in6_pktinfo (20 bytes) and its header.
	controlSize = 48
	// replySize is what most replies are shorter than. Longer ones cost an
	// allocation.
	replySize = 1280
)

// A sockaddr is a client's address as the kernel writes it: struct sockaddr_in, or
// sockaddr_in6, whose bytes it counts. Port and address are in network order.
type sockaddr [syscall.SizeofSockaddrInet6]byte

func (s *sockaddr) ipv4() bool { return binary.NativeEndian.Uint16(s[:]) == familyIPv4 }

func (s *sockaddr) port() uint16 { return binary.BigEndian.Uint16(s[2:]) }

// addr is as the kernel says it: an IPv4 address on an IPv6 socket is mapped.
func (s *sockaddr) addr() netip.Addr {
	if s.ipv4() {
		return netip.AddrFrom4([4]byte(s[4:8]))
	}
	return netip.AddrFrom16([16]byte(s[8:24]))
}

// zone is the interface of a link-local address, or 0.
func (s *sockaddr) zone() uint32 {
	if s.ipv4() {
		return 0
	}
	return binary.NativeEndian.Uint32(s[24:])
}

// A control is the address that a packet was sent to, as the kernel writes it and
// as it takes it back for the reply's: struct cmsghdr, then in_pktinfo or in6_pktinfo.
type control [controlSize]byte

// turn makes it the source of a reply. Which interface it leaves by is for the
// routes to say, but for a link-local address, which is nothing without its own.
func (c *control) turn(family int) {
	info := c[syscall.CmsgLen(0):]
	switch {
	case family == familyIPv4: // ifindex, spec_dst, addr
		clear(info[:4])
	case info[0] != 0xfe || info[1]&0xc0 != 0x80: // addr, ifindex
		clear(info[16:20])
	}
}

// A batch is what is read and sent at once. Its memory is used again and again.
type batch struct {
	in, out       [batchSize]packet
	inVec, outVec [batchSize]iovec
	from          [batchSize]sockaddr
	asked         [batchSize]control
	packets       [batchSize][packetSize]byte
	replies       [batchSize * replySize]byte

	family   int
	controls bool // packets come with the address that was asked
	received int
	used     int // of replies
	ready    int // of out
}

func newBatch(family int, controls bool) *batch {
	b := &batch{family: family, controls: controls}
	for i := range b.in {
		b.inVec[i].Base = &b.packets[i][0]
		b.inVec[i].SetLen(packetSize)
		in, out := &b.in[i].hdr, &b.out[i].hdr
		in.Iov, out.Iov = &b.inVec[i], &b.outVec[i]
		in.Iovlen, out.Iovlen = 1, 1
		in.Name = &b.from[i][0]
		if controls {
			in.Control = &b.asked[i][0]
		}
	}
	b.received = batchSize
	b.clear()
	return b
}

// clear makes the batch ready to receive.
func (b *batch) clear() {
	for i := range b.received {
		in := &b.in[i].hdr
		in.Namelen = uint32(len(b.from[i]))
		if b.controls {
			in.SetControllen(controlSize)
		}
	}
	b.received, b.used, b.ready = 0, 0, 0
}

// data is what was received.
func (b *batch) data(i int) []byte { return b.packets[i][:b.in[i].len] }

// room is where the next reply goes.
func (b *batch) room() []byte { return b.replies[b.used:b.used] }

// reply makes a reply ready to be sent to the sender of packet i.
func (b *batch) reply(i int, reply []byte) {
	if len(reply) == 0 {
		return
	}
	if len(reply) <= len(b.replies)-b.used { // else it did not fit, and is elsewhere
		b.used += len(reply)
	}
	in, out := &b.in[i].hdr, &b.out[b.ready].hdr
	b.outVec[b.ready].Base = &reply[0]
	b.outVec[b.ready].SetLen(len(reply))
	out.Name, out.Namelen = in.Name, in.Namelen
	if b.controls {
		b.asked[i].turn(b.family)
		out.Control, out.Controllen = in.Control, in.Controllen
	}
	b.ready++
}

// client is the sender of packet i.
func (b *batch) client(i int) netip.AddrPort {
	from := &b.from[i]
	return netip.AddrPortFrom(from.addr().Unmap(), from.port())
}
