package healthcheck

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
	"unique"
)

// far is a network of which the prober is one end, and the test is all the rest:
// it plays the hosts and the router before them, packet by packet, on the other
// end of a cable. The kernel between them is a real one.
type far struct {
	cable *os.File // packets without their Ethernet header
	fd    int
	to    syscall.SockaddrLinklayer // the prober's end
	asked map[netip.Addr]int        // how often; for play alone
	later sync.WaitGroup
}

// The prober's addresses; those of the hosts differ in the last byte, and the
// router is the last one.
var (
	nearAddrs  = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")}
	farRouters = []netip.Addr{netip.MustParseAddr("192.0.2.254"), netip.MustParseAddr("2001:db8::fe")}
)

// The hosts, by their last byte.
const (
	hostGood       = 2  // answers; closes its ports
	hostLossy      = 3  // answers two of five
	hostSlow       = 4  // answers after slowness
	hostSilent     = 5  // never says a word
	hostGone       = 6  // the router: host unreachable
	netGone        = 7  // the router: network unreachable
	hostProhibited = 8  // a firewall: administratively prohibited
	hostLooped     = 9  // the router: time to live exceeded
	hostPortless   = 10 // itself: port or protocol unreachable
	hostFickle     = 11 // answers two of five; else the router: host unreachable
	hostFickle2    = 12 // so, too
)

const slowness = 300 * time.Millisecond

// routerSays are the type and code of what is said of a host, by family.
var routerSays = map[byte][2][2]byte{
	hostGone:       {{3, 1}, {1, 3}},
	netGone:        {{3, 0}, {1, 0}},
	hostProhibited: {{3, 13}, {1, 1}},
	hostLooped:     {{11, 0}, {3, 0}},
	hostPortless:   {{3, 3}, {1, 4}},
}

// inFarNet runs f where the far hosts are to be had, on a thread of its own.
func inFarNet(t *testing.T, f func()) {
	t.Helper()
	inEmptyNet(t, func() {
		n, err := newFar()
		if err != nil {
			t.Error(err)
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.play()
		}()
		f()
		_ = n.cable.SetReadDeadline(time.Unix(1, 0)) // long past
		<-done
		n.later.Wait()
		n.cable.Close()
	})
}

func newFar() (*far, error) {
	if err := layCable(); err != nil {
		return nil, fmt.Errorf("laying a cable: %w", err)
	}
	near, err := net.InterfaceByName("near")
	if err != nil {
		return nil, err
	}
	end, err := net.InterfaceByName("far")
	if err != nil {
		return nil, err
	}
	all := networkOrder(syscall.ETH_P_ALL)
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, int(all))
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: all, Ifindex: end.Index}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	n := &far{cable: os.NewFile(uintptr(fd), "cable"), fd: fd, asked: map[netip.Addr]int{}}
	n.to = syscall.SockaddrLinklayer{Ifindex: end.Index, Halen: 6}
	copy(n.to.Addr[:], near.HardwareAddr)
	return n, nil
}

// play answers packets until the cable is cut.
func (n *far) play() {
	buf := make([]byte, 2048)
	for {
		size, err := n.cable.Read(buf)
		if err != nil {
			return
		}
		if p, ok := parsePacket(buf[:size]); ok {
			n.receive(p)
		}
	}
}

// packet is one IP packet.
type packet struct {
	from, to netip.Addr
	proto    byte
	payload  []byte
	whole    []byte
}

// parsePacket takes what the prober sends to the far hosts.
func parsePacket(b []byte) (packet, bool) {
	p := packet{whole: append([]byte(nil), b...)}
	switch {
	case len(b) >= 20 && b[0] == 0x45:
		p.from, p.to = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		p.proto, p.payload = b[9], p.whole[20:]
	case len(b) >= 40 && b[0]>>4 == 6:
		p.from, p.to = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		p.proto, p.payload = b[6], p.whole[40:]
	}
	for _, near := range nearAddrs {
		if p.from == near.Addr() && near.Contains(p.to) && len(p.payload) >= 8 {
			return p, true
		}
	}
	return packet{}, false
}

func (p packet) v6() bool    { return p.to.Is6() }
func (p packet) family() int { return map[bool]int{false: 0, true: 1}[p.v6()] }
func (p packet) host() byte  { b := p.to.AsSlice(); return b[len(b)-1] }
func (p packet) isTCP() bool { return p.proto == syscall.IPPROTO_TCP }
func (p packet) isPing() bool {
	return p.proto == syscall.IPPROTO_ICMP && p.payload[0] == 8 || p.proto == syscall.IPPROTO_ICMPV6 && p.payload[0] == 128
}

func (n *far) receive(p packet) {
	host := p.host()
	if said, ok := routerSays[host]; ok {
		n.complain(p, said[p.family()])
		return
	}
	if host == hostSilent {
		return
	}
	if p.isTCP() {
		n.refuse(p)
		return
	}
	if !p.isPing() {
		return
	}
	switch host {
	case hostGood:
		n.echo(p)
	case hostLossy, hostFickle, hostFickle2:
		if n.asked[p.to]++; n.asked[p.to]%5 < 2 {
			n.echo(p)
		} else if host != hostLossy {
			n.complain(p, routerSays[hostGone][p.family()])
		}
	case hostSlow:
		n.later.Add(1)
		time.AfterFunc(slowness, func() {
			defer n.later.Done()
			n.echo(p)
		})
	}
}

// echo answers a ping.
func (n *far) echo(p packet) {
	body := append([]byte(nil), p.payload...)
	body[0] = 0
	if p.v6() {
		body[0] = 129
	}
	n.sendICMP(p.to, p.from, body)
}

// complain is what a router says of a packet, with as much of it as fits.
func (n *far) complain(p packet, typeAndCode [2]byte) {
	from := farRouters[p.family()]
	if p.host() == hostPortless {
		from = p.to
	}
	n.sendICMP(from, p.from, append([]byte{typeAndCode[0], typeAndCode[1], 0, 0, 0, 0, 0, 0}, p.whole...))
}

// refuse answers a SYN with a reset.
func (n *far) refuse(p packet) {
	syn := p.payload
	rst := make([]byte, 20)
	copy(rst[0:2], syn[2:4])
	copy(rst[2:4], syn[0:2])
	binary.BigEndian.PutUint32(rst[8:], binary.BigEndian.Uint32(syn[4:8])+1)
	rst[12], rst[13] = 5<<4, 0x14 // RST, ACK
	binary.BigEndian.PutUint16(rst[16:], checksum(pseudo(p.to, p.from, syscall.IPPROTO_TCP, len(rst)), rst))
	n.send(p.to, p.from, syscall.IPPROTO_TCP, rst)
}

func (n *far) sendICMP(from, to netip.Addr, body []byte) {
	body[2], body[3] = 0, 0
	proto, before := byte(syscall.IPPROTO_ICMP), []byte(nil)
	if to.Is6() {
		proto = syscall.IPPROTO_ICMPV6
		before = pseudo(from, to, proto, len(body))
	}
	binary.BigEndian.PutUint16(body[2:], checksum(before, body))
	n.send(from, to, proto, body)
}

// send lays an IP packet on the cable.
func (n *far) send(from, to netip.Addr, proto byte, payload []byte) {
	var header []byte
	addr := n.to
	if to.Is4() {
		header = binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(payload)))
		header = append(header, 0, 0, 0, 0, 64, proto, 0, 0)
		header = append(append(header, from.AsSlice()...), to.AsSlice()...)
		binary.BigEndian.PutUint16(header[10:], checksum(nil, header))
		addr.Protocol = networkOrder(syscall.ETH_P_IP)
	} else {
		header = binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(payload)))
		header = append(header, proto, 64)
		header = append(append(header, from.AsSlice()...), to.AsSlice()...)
		addr.Protocol = networkOrder(syscall.ETH_P_IPV6)
	}
	_ = syscall.Sendto(n.fd, append(header, payload...), 0, &addr)
}

// TestFarPing is what becomes of hosts that lose, are slow or gone. All are
// pinged at the same time, through sockets that were opened where the cable is.
func TestFarPing(t *testing.T) {
	const little = 500 * time.Millisecond
	cases := []struct {
		name     string
		host     byte
		loss     int
		timeout  time.Duration
		raw      string
		datagram string // "": the same
	}{
		{"good", hostGood, 1, longEnough, "pass", ""},
		{"loss of 60%", hostLossy, 60, little, "fail: loss 60%", ""},
		{"slow", hostSlow, 100, longEnough, "pass", ""},
		{"slower than the timeout", hostSlow, 100, slowness / 3, "fail: loss 100%", ""},
		{"silent", hostSilent, 100, little, "fail: loss 100%", ""},
		// The kernel tells a shared datagram socket nothing.
		{"host unreachable", hostGone, 100, little, "fail: unreachable", "fail: loss 100%"},
		{"network unreachable", netGone, 100, little, "fail: unreachable", "fail: loss 100%"},
		{"prohibited", hostProhibited, 100, little, "fail: unreachable", "fail: loss 100%"},
		{"loop", hostLooped, 100, little, "fail: unreachable", "fail: loss 100%"},
		{"no ping there", hostPortless, 100, little, "fail: unreachable", "fail: loss 100%"},
		{"some lost, some unreachable", hostFickle, 60, little, "fail: loss 60%", ""},
		{"no more than is allowed", hostFickle2, 61, little, "pass", ""},
	}
	for kind, open := range map[string]func(bool) (pingConn, error){"datagram": openPingDatagram, "raw": openPingRaw} {
		inFarNet(t, func() {
			if kind == "datagram" {
				// A new network lets nobody have them.
				if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 0"), 0); err != nil {
					t.Log("no datagram socket:", err)
					return
				}
			}
			shared := &pinger{open: open}
			shared.acquire()
			defer shared.release()
			var all sync.WaitGroup
			defer all.Wait()
			for _, v6 := range []bool{false, true} {
				if _, err := shared.socket(v6); err != nil {
					t.Errorf("%s, IPv6 %v: %v", kind, v6, err)
					return
				}
				for _, c := range cases {
					want := c.raw
					if kind == "datagram" && c.datagram != "" {
						want = c.datagram
					}
					all.Go(func() {
						p := &pingProber{pinger: shared, count: 5, loss: c.loss}
						defer closeProber(p)
						ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
						defer cancel()
						if got := said(p.Probe(ctx, Target{Host: farAddr(c.host, v6)})); got != want {
							t.Errorf("%s, IPv6 %v, %s: got %q, want %q", kind, v6, c.name, got, want)
						}
					})
				}
			}
		})
	}
}

// TestFarTooSlow is a host that answers, but after max_latency.
func TestFarTooSlow(t *testing.T) {
	inFarNet(t, func() {
		shared := &pinger{open: openPingRaw}
		shared.acquire()
		defer shared.release()
		results := make(chan string, 100)
		r := NewRegistry(Config{
			New:      func(Options) (Prober, error) { return &pingProber{pinger: shared, count: 1, loss: 100}, nil },
			OnResult: func(c Check, r Result) { results <- c.Target.Host + " " + said(r) },
		})
		defer r.Close()
		var checks []Check
		for _, v6 := range []bool{false, true} {
			if _, err := shared.socket(v6); err != nil {
				t.Error(err)
				return
			}
			th := DefaultThresholds()
			th.MaxLatency = slowness / 2
			checks = append(checks, Check{Target: Target{Host: farAddr(hostSlow, v6)}, Options: unique.Make(DefaultOptions(Ping)), Thresholds: th})
		}
		if _, err := r.Lease(Terms{Checks: checks}); err != nil {
			t.Error(err)
			return
		}
		got := []string{<-results, <-results}
		slices.Sort(got)
		if want := []string{"192.0.2.4 fail: too slow", "2001:db8::4 fail: too slow"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// TestFarConnect is what the kernel makes of what routers say of a connection.
func TestFarConnect(t *testing.T) {
	query := DefaultOptions(DNS)
	query.Query, query.QueryType = "www.example.org.", 1
	inFarNet(t, func() {
		for _, c := range []struct {
			name string
			host byte
			tcp  string
			udp  string
		}{
			{"closed", hostGood, "fail: refused", ""},
			{"silent", hostSilent, "fail: timeout", "fail: timeout"},
			// To UDP these are no more than hints (RFC 1122, section 4.1.3.3).
			{"host unreachable", hostGone, "fail: unreachable", "fail: timeout"},
			{"network unreachable", netGone, "fail: unreachable", "fail: timeout"},
			{"prohibited", hostProhibited, "fail: unreachable", "fail: unreachable"},
			{"loop", hostLooped, "fail: unreachable", "fail: timeout"},
			{"port unreachable", hostPortless, "fail: refused", "fail: refused"},
		} {
			for _, v6 := range []bool{false, true} {
				for _, o := range []Options{DefaultOptions(TCP), DefaultOptions(HTTPS), DefaultOptions(GRPC), query} {
					want := c.tcp
					if o.Kind == DNS {
						want = c.udp
					}
					if want == "" {
						continue
					}
					timeout := longEnough
					if want == "fail: timeout" {
						timeout = soon
					}
					if got := farProbe(o, farAddr(c.host, v6), timeout); got != want {
						t.Errorf("%s, %s, IPv6 %v: got %q, want %q", o.Kind, c.name, v6, got, want)
					}
				}
			}
		}
	})
}

// farProbe is for a thread that has a network of its own: what opens a socket
// opens it there.
func farProbe(o Options, host string, timeout time.Duration) string {
	p, err := New(o)
	if err != nil {
		return err.Error()
	}
	defer closeProber(p)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return said(p.Probe(ctx, Target{Host: host, Port: 80}))
}

// farAddr is a host's address.
func farAddr(host byte, v6 bool) string {
	if v6 {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: host}).String()
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, host}).String()
}
