package fastpath

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/pkg/reuseport"
	"golang.org/x/sys/unix"
)

// block is a Corefile of one server block.
func block(lines ...string) string {
	return ".:0 {\n" + strings.Join(lines, "\n") + "\nwhoami\n}\n"
}

func TestAddresses(t *testing.T) {
	tests := []struct {
		name, bind string
		asked      []string
	}{
		{"IPv4", "bind 127.0.0.1", []string{"127.0.0.1"}},
		{"IPv6", "bind ::1", []string{"::1"}},
		{"two", "bind 127.0.0.1 127.0.0.2", []string{"127.0.0.1", "127.0.0.2"}},
		{"all", "", []string{"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"}},
		{"all, as IPv4", "bind 0.0.0.0", []string{"127.0.0.1", "127.0.0.2"}},
		{"all, as IPv6", "bind ::", []string{"127.0.0.2", "::1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, sockets := range []int{1, 3} {
				s := start(t, block(tt.bind, fmt.Sprintf("door %d", sockets)))
				for _, ip := range tt.asked {
					s.wantFast(t, s.at(ip), 10)
					wantHanded(t, s.at(ip))
				}
				s.stop(t)
			}
		})
	}
}

// TestLinkLocal is that a reply finds its interface.
func TestLinkLocal(t *testing.T) {
	addr := linkLocal(t)
	s := start(t, block("door 2"))
	s.wantFast(t, s.at(addr), 10)
	wantHanded(t, s.at(addr))
}

// linkLocal is an address of this host with its zone.
func linkLocal(t *testing.T) string {
	t.Helper()
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() == nil && n.IP.IsLinkLocalUnicast() {
				return n.IP.String() + "%" + i.Name
			}
		}
	}
	t.Skip("no interface has a link-local address")
	return ""
}

func TestMultisocket(t *testing.T) {
	s := start(t, block("bind 127.0.0.1", "multisocket 3", "door 2"))
	s.wantFast(t, s.at("127.0.0.1"), 100)
	wantHanded(t, s.at("127.0.0.1"))
}

// TestBesideLoopback is a door on all addresses, where 127.0.0.1 and ::1 have listeners of
// their own.
func TestBesideLoopback(t *testing.T) {
	s := start(t, block("", "door 0"))
	for _, ip := range []string{"127.0.0.1", "::1"} {
		other, err := reuseport.ListenPacket("udp", s.at(ip))
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
	}
	g := s.Enter()
	defer g.Leave()
	if _, err := g.Open(s.server.Load(), lanes{s.house}, 2); err != nil {
		t.Fatal(err)
	}
	s.wantFast(t, s.at("127.0.0.2"), 30)
}

// TestStraysHeal is that sockets are found anew when others leave their group.
func TestStraysHeal(t *testing.T) {
	for _, sockets := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(sockets), func(t *testing.T) {
			s := start(t, block("bind 127.0.0.1", "door 0"))
			others := make([]net.PacketConn, 3)
			for i := range others { // they join before the door's sockets
				var err error
				if others[i], err = reuseport.ListenPacket("udp", s.at("127.0.0.1")); err != nil {
					t.Fatal(err)
				}
				defer others[i].Close()
			}
			g := s.Enter()
			defer g.Leave()
			decorate, err := g.Open(s.server.Load(), lanes{s.house}, sockets)
			if err != nil {
				t.Fatal(err)
			}
			s.wantFast(t, s.at("127.0.0.1"), 30)
			for _, o := range others {
				o.Close()
				decorate(nil) // as CoreDNS would on the first that comes its way
			}
			eventually(t, func() string {
				before := s.answered.Load()
				const times = 30
				for range times {
					ask(t, s.at("127.0.0.1"), "fast.example.org.")
				}
				if n := s.answered.Load() - before; n != times {
					decorate(nil)
					return fmt.Sprintf("lanes answered %d of %d", n, times)
				}
				return ""
			})
		})
	}
}

// TestQueueStaysLarge is that a socket keeps room for more packets than a door asks for,
// as where net.core.rmem_default says so.
func TestQueueStaysLarge(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := newSocket(conn)
	if err != nil {
		t.Fatal(err)
	}
	var room int
	if err := s.set(func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4*queueBytes) }); err != nil {
		t.Skipf("needs CAP_NET_ADMIN: %v", err)
	}
	if s, err = newSocket(conn); err != nil {
		t.Fatal(err)
	}
	err = s.set(func(fd int) (err error) {
		room, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	if err != nil || room != 8*queueBytes {
		t.Errorf("%d bytes, %v; want %d", room, err, 8*queueBytes)
	}
}
