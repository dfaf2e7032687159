package fastpath

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"runtime"
	"unsafe"

	"github.com/coredns/coredns/plugin/pkg/reuseport"
	"golang.org/x/sys/unix"
)

// What the kernel is asked for, and nothing else, stands in this file.

// queueBytes is the room for packets that wait, each of which counts with what the
// kernel needs for it. The kernel grants what net.core.rmem_max allows.
const queueBytes = 1 << 20

// mmsghdr is one packet of a batch: struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

type (
	iovec  = unix.Iovec
	filter = unix.SockFilter
)

// Families, and the instructions of classic BPF that steering needs.
const (
	familyIPv4 = unix.AF_INET
	familyIPv6 = unix.AF_INET6

	loadWord   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	loadLength = unix.BPF_LD | unix.BPF_W | unix.BPF_LEN
	modulo     = unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K
	ifEqual    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	ifAtLeast  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	giveValue  = unix.BPF_RET | unix.BPF_K
	giveLoaded = unix.BPF_RET | unix.BPF_A

	offsetRandom = 1<<32 - 0x1000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM: a load from here is a random draw
)

// A descriptor is a UDP socket that blocks.
type descriptor int

// open binds a socket beside CoreDNS's own: by the same function, so that it is of
// the same family and joins the same SO_REUSEPORT group.
func open(addr string) (fd descriptor, local *net.UDPAddr, err error) {
	conn, err := reuseport.ListenPacket("udp", addr)
	if err != nil {
		return -1, nil, err
	}
	defer conn.Close()
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return -1, nil, fmt.Errorf("a socket that is %T, not UDP", conn)
	}
	fd, err = duplicate(udp)
	return fd, udp.LocalAddr().(*net.UDPAddr), err
}

// duplicate makes a descriptor of a socket that Go's poller does not know.
func duplicate(conn *net.UDPConn) (descriptor, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	var fd int
	cerr := raw.Control(func(old uintptr) {
		fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err := cmp.Or(cerr, err); err != nil {
		return -1, fmt.Errorf("duplicate the socket: %w", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queueBytes) // or as much as there is by default
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("let the socket block: %w", err)
	}
	return descriptor(fd), nil
}

// family is the socket's: IPv6 for one that takes both.
func (fd descriptor) family() (int, error) {
	return unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
}

// askDestination lets each packet come with the address that it was sent to.
func (fd descriptor) askDestination(family int) error {
	if family == familyIPv4 {
		return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

// receive waits for a packet, and takes what else there is.
func (fd descriptor) receive(batch []mmsghdr) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&batch[0])), uintptr(len(batch)), unix.MSG_WAITFORONE, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// send sends a batch. A packet that cannot be sent is left out: what is wrong is
// wrong with it alone, such as port 0, or a host that a firewall refuses.
func (fd descriptor) send(batch []mmsghdr) {
	for len(batch) > 0 {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&batch[0])), uintptr(len(batch)), 0, 0, 0)
		switch {
		case errno == unix.EINTR || errno == unix.EAGAIN:
		case errno != 0:
			batch = batch[1:]
		default:
			batch = batch[n:]
		}
	}
}

// sendOne sends a packet to who sent one, from where that came in.
func (fd descriptor) sendOne(b []byte, c *caller) error {
	if len(b) == 0 {
		return nil
	}
	var vec unix.Iovec
	vec.Base = &b[0]
	vec.SetLen(len(b))
	m := unix.Msghdr{Name: &c.from[0], Namelen: c.fromLen, Iov: &vec}
	m.SetIovlen(1)
	if c.controlLen > 0 {
		m.Control = &c.asked[0]
		m.SetControllen(c.controlLen)
	}
	for {
		_, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), 0)
		switch errno {
		case 0:
			return nil
		case unix.EINTR, unix.EAGAIN:
		default:
			return errno
		}
	}
}

// steer gives the socket's SO_REUSEPORT group a program. It returns the index of
// the socket for a packet; one out of range leaves it to a hash over all sockets.
func (fd descriptor) steer(program []filter) error {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	err := unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &prog)
	runtime.KeepAlive(program)
	return err
}

// connect lets the socket receive from one address alone. It can still send to all.
func (fd descriptor) connect(to *net.UDPAddr, family int) error {
	if family == familyIPv4 {
		return unix.Connect(int(fd), &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})
	}
	sa := &unix.SockaddrInet6{Port: to.Port, Addr: [16]byte(to.IP.To16())}
	if to.Zone != "" {
		i, err := net.InterfaceByName(to.Zone)
		if err != nil {
			return err
		}
		sa.ZoneId = uint32(i.Index)
	}
	return unix.Connect(int(fd), sa)
}

// endReading lets receive return what is queued, and then nothing, from nobody.
func (fd descriptor) endReading() {
	_ = unix.Shutdown(int(fd), unix.SHUT_RD) // ENOTCONN is said of an unconnected socket, and it is done all the same
}

func (fd descriptor) close() { unix.Close(int(fd)) }

// passing says whether receive is to be tried again at once.
func passing(err error) bool {
	return errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN)
}
