package fastpath

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/coredns/coredns/plugin/pkg/reuseport"
	"golang.org/x/sys/unix"
)

// What the kernel is asked for, and nothing else, stands in this file.

// queueBytes is the room for packets that wait, each of which counts with what the
// kernel needs for it. The kernel grants what net.core.rmem_max allows; where there is
// more by default, that stays.
const queueBytes = 1 << 20

// A packet is one of a batch: struct mmsghdr of recvmmsg(2).
type packet struct {
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

	loadWord   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	loadLength = unix.BPF_LD | unix.BPF_W | unix.BPF_LEN
	modulo     = unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K
	ifEqual    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	giveValue  = unix.BPF_RET | unix.BPF_K
	giveLoaded = unix.BPF_RET | unix.BPF_A

	offsetRandom = 1<<32 - 0x1000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM: a load from here is a random draw
)

// A socket is a UDP socket of Go's that reads and sends in batches. One goroutine
// does so at a time.
type socket struct {
	*net.UDPConn
	raw    syscall.RawConn
	family int // IPv6 for one that takes both

	batch []packet // that is being sent
	sends func(fd uintptr) bool
}

// open binds a socket beside CoreDNS's own: by the same function, so that it is of
// the same family and joins the same SO_REUSEPORT group.
func open(addr string) (*socket, error) {
	conn, err := reuseport.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("it is %T, not UDP", conn)
	}
	s, err := newSocket(udp)
	if err != nil {
		conn.Close()
	}
	return s, err
}

// batches says why sockets cannot read and send in batches, which a sandbox may forbid.
// That must be known before one joins CoreDNS's own and gets packets.
func batches() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	for name, call := range map[string]uintptr{"recvmmsg": unix.SYS_RECVMMSG, "sendmmsg": unix.SYS_SENDMMSG} {
		if _, _, errno := unix.RawSyscall6(call, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0); errno != 0 {
			return os.NewSyscallError(name, errno)
		}
	}
	return nil
}

func newSocket(conn *net.UDPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{UDPConn: conn, raw: raw}
	s.sends = s.trySend // made once
	err = s.set(func(fd int) (err error) {
		if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil && n < 2*queueBytes { // it says twice what was set
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queueBytes) // or as much as there is by default
		}
		s.family, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		return err
	})
	return s, err
}

// set calls a function of the socket's descriptor.
func (s *socket) set(do func(fd int) error) error {
	var err error
	if cerr := s.raw.Control(func(fd uintptr) { err = do(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// askDestination lets each packet come with the address that it was sent to.
func (s *socket) askDestination() error {
	return s.set(func(fd int) error {
		if s.family == familyIPv4 {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	})
}

// serve takes batch after batch, and has each worked on, until the socket's deadline
// passes, or with another error.
func (s *socket) serve(batch []packet, work func(fd uintptr, n int)) error {
	var failed error
	err := s.raw.Read(func(fd uintptr) (done bool) {
		for {
			n, errno := receive(fd, batch)
			switch errno {
			case 0:
				work(fd, n)
				if n == 1 { // packets are rare; one that has come in meanwhile wakes the poller at once
					return false
				}
			case unix.EINTR:
			case unix.EAGAIN:
				return false
			default:
				failed = errno
				return true
			}
		}
	})
	return cmp.Or(failed, err)
}

// take takes what there is, at any time, and has it worked on.
func (s *socket) take(batch []packet, work func(fd uintptr, n int)) {
	_ = s.raw.Control(func(fd uintptr) {
		for {
			n, errno := receive(fd, batch)
			switch errno {
			case 0:
				work(fd, n)
			case unix.EINTR:
			default:
				return
			}
		}
	})
}

// receive does not block, and so need not tell Go's scheduler: a batch takes some ten
// microseconds.
func receive(fd uintptr, batch []packet) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&batch[0])), uintptr(len(batch)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// send sends a batch.
func (s *socket) send(fd uintptr, batch []packet) {
	s.batch = batch
	if !s.trySend(fd) {
		_ = s.raw.Write(s.sends) // the replies of a socket that was closed are lost
	}
}

// trySend leaves out a packet that cannot be sent: what is wrong is wrong with it
// alone, such as port 0, or a client that a firewall refuses.
func (s *socket) trySend(fd uintptr) (done bool) {
	for len(s.batch) > 0 {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.batch[0])), uintptr(len(s.batch)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			s.batch = s.batch[n:]
		case unix.EINTR:
		case unix.EAGAIN: // until there is room again
			return false
		default:
			s.batch = s.batch[1:]
		}
	}
	return true
}

// steer gives the socket's SO_REUSEPORT group a program. It returns the index of
// the socket for a packet; one out of range leaves it to a hash over all sockets.
func (s *socket) steer(program []filter) error {
	return s.set(func(fd int) error {
		prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
		err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &prog)
		runtime.KeepAlive(program)
		return err
	})
}

// connect lets the socket receive from one address alone. It can still send to all.
func (s *socket) connect(to *net.UDPAddr) error {
	return s.set(func(fd int) error {
		if s.family == familyIPv4 {
			return unix.Connect(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})
		}
		sa := &unix.SockaddrInet6{Port: to.Port, Addr: [16]byte(to.IP.To16())}
		if to.Zone != "" {
			i, err := net.InterfaceByName(to.Zone)
			if err != nil {
				return err
			}
			sa.ZoneId = uint32(i.Index)
		}
		return unix.Connect(fd, sa)
	})
}
