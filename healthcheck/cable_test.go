package healthcheck

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
)

// What linux/if_link.h and linux/veth.h call so, and package syscall does not.
const (
	iflaLinkInfo = 18
	iflaInfoKind = 1
	iflaInfoData = 2
	vethInfoPeer = 1
	ifaNoDAD     = 2
)

// layCable is, with the ends up and the prober's addresses at the near one,
//
//	ip link add near type veth peer name far
//
// Without ARP a packet to anybody goes down the cable.
func layCable() error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() { _ = syscall.Close(fd) }()
	create := append(linkMessage(0), attribute(syscall.IFLA_IFNAME, []byte("near\x00"))...)
	create = append(create, attribute(iflaLinkInfo,
		attribute(iflaInfoKind, []byte("veth")),
		attribute(iflaInfoData,
			attribute(vethInfoPeer, linkMessage(0), attribute(syscall.IFLA_IFNAME, []byte("far\x00")))))...)
	if err := netlink(fd, syscall.RTM_NEWLINK, create); err != nil {
		return err
	}
	for _, name := range []string{"far", "near"} {
		end, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		if err := netlink(fd, syscall.RTM_NEWLINK, linkMessage(end.Index)); err != nil {
			return fmt.Errorf("%s up: %w", name, err)
		}
		if name == "far" {
			continue
		}
		for _, a := range nearAddrs {
			if err := netlink(fd, syscall.RTM_NEWADDR, addrMessage(end.Index, a)); err != nil {
				return fmt.Errorf("%s: %w", a, err)
			}
		}
	}
	return nil
}

// linkMessage is a struct ifinfomsg: of a link to be, or of one that is, which is
// to be up and without ARP.
func linkMessage(index int) []byte {
	flags := uint32(0)
	if index > 0 {
		flags = syscall.IFF_UP | syscall.IFF_NOARP
	}
	b := make([]byte, 4, 16)
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	b = binary.NativeEndian.AppendUint32(b, flags)
	return binary.NativeEndian.AppendUint32(b, flags) // the ones to change
}

// addrMessage is a struct ifaddrmsg with its address.
func addrMessage(index int, a netip.Prefix) []byte {
	family := byte(syscall.AF_INET)
	if a.Addr().Is6() {
		family = syscall.AF_INET6
	}
	b := binary.NativeEndian.AppendUint32([]byte{family, byte(a.Bits()), ifaNoDAD, 0}, uint32(index))
	b = append(b, attribute(syscall.IFA_LOCAL, a.Addr().AsSlice())...)
	return append(b, attribute(syscall.IFA_ADDRESS, a.Addr().AsSlice())...)
}

// attribute is a struct rtattr, padded.
func attribute(kind uint16, values ...[]byte) []byte {
	value := slices.Concat(values...)
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

// netlink makes one request and waits for its acknowledgement.
func netlink(fd int, kind uint16, body []byte) error {
	const flags = syscall.NLM_F_REQUEST | syscall.NLM_F_ACK | syscall.NLM_F_CREATE
	b := binary.NativeEndian.AppendUint32(nil, uint32(syscall.NLMSG_HDRLEN+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	if err := syscall.Sendto(fd, append(b, body...), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	answer := make([]byte, 4<<10)
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		return os.NewSyscallError("recvfrom", err)
	}
	if n < syscall.NLMSG_HDRLEN+4 {
		return fmt.Errorf("an answer of %d bytes", n)
	}
	if errno := -int32(binary.NativeEndian.Uint32(answer[syscall.NLMSG_HDRLEN:])); errno != 0 {
		return os.NewSyscallError("netlink", syscall.Errno(errno))
	}
	return nil
}

// networkOrder is a number in network byte order, for what takes it as a number.
func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// pseudo is the header that stands before a packet in its checksum: RFC 793,
// section 3.1, and RFC 8200, section 8.1.
func pseudo(from, to netip.Addr, proto byte, size int) []byte {
	b := append(from.AsSlice(), to.AsSlice()...)
	return append(b, 0, 0, byte(size>>8), byte(size), 0, 0, 0, proto) // the same sum for both
}

// checksum is RFC 1071, over parts of which all but the last are even.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, p := range parts {
		for i, b := range p {
			if i%2 == 0 {
				sum += uint32(b) << 8
			} else {
				sum += uint32(b)
			}
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
