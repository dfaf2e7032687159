package healthcheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

func TestPingLoopback(t *testing.T) {
	for _, host := range append(loopbacks, "localhost", "::ffff:127.0.0.1") {
		r := probe(t, DefaultOptions(Ping), Target{Host: host}, longEnough)
		if r.Verdict != Pass {
			t.Errorf("%s: %s", host, said(r))
		}
	}
}

// All probers of the process share one socket per family, which is gone after
// the last of them.
func TestPingShares(t *testing.T) {
	a, b := mustNew(t, DefaultOptions(Ping)), mustNew(t, DefaultOptions(Ping))
	ask := func(p Prober) string {
		ctx, cancel := context.WithTimeout(t.Context(), longEnough)
		defer cancel()
		return said(p.Probe(ctx, Target{Host: "127.0.0.1"}))
	}
	var wg sync.WaitGroup
	for range 20 {
		for _, p := range []Prober{a, b} {
			wg.Go(func() {
				if got := ask(p); got != "pass" {
					t.Error(got)
				}
			})
		}
	}
	wg.Wait()
	one := sharedPinger.sockets[0]
	closeProber(a)
	if got := ask(a); got != "inconclusive: canceled" {
		t.Errorf("a closed prober: %s", got)
	}
	if got := ask(b); got != "pass" {
		t.Errorf("the other: %s", got)
	}
	if sharedPinger.sockets[0] != one || len(one.waiting) != 0 {
		t.Error("not one socket, or it keeps what is over")
	}
	closeProber(b)
	closeProber(b)
	if sharedPinger.sockets != [2]*pingSocket{} || sharedPinger.holders != 0 || !one.isDead() {
		t.Error("a socket is left")
	}
}

// fakeICMP is a network: what happens to the n-th request is up to answer.
type fakeICMP struct {
	net.PacketConn // or nil: what is not written out here is not used
	answer         func(f *fakeICMP, n int, echo *icmp.Echo, to net.Addr) error

	sent int
	in   chan fakePacket
	done chan struct{}
	once sync.Once
}

type fakePacket struct {
	data []byte
	from net.Addr
	err  error
}

func (f *fakeICMP) WriteTo(b []byte, to net.Addr) (int, error) {
	m, err := icmp.ParseMessage(1, b)
	if err != nil {
		return 0, err
	}
	f.sent++
	return len(b), f.answer(f, f.sent, m.Body.(*icmp.Echo), to)
}

func (f *fakeICMP) reply(after time.Duration, e icmp.Echo, from net.Addr) {
	b, err := (&icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &e}).Marshal(nil)
	if err != nil {
		panic(err)
	}
	time.AfterFunc(after, func() { f.in <- fakePacket{data: b, from: from} })
}

func (f *fakeICMP) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-f.in:
		return copy(b, p.data), p.from, p.err
	case <-f.done:
		return 0, nil, net.ErrClosed
	}
}

func (f *fakeICMP) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

func TestPingLoss(t *testing.T) {
	good := func(f *fakeICMP, e *icmp.Echo, to net.Addr) { f.reply(20*time.Millisecond, *e, to) }
	for _, c := range []struct {
		name        string
		count, loss int
		answer      func(f *fakeICMP, n int, e *icmp.Echo, to net.Addr) error
		want        string
		rtt         time.Duration
	}{
		{"all", 3, 1, func(f *fakeICMP, n int, e *icmp.Echo, to net.Addr) error {
			f.reply(time.Duration(n)*10*time.Millisecond, *e, to)
			return nil
		}, "pass", 20 * time.Millisecond},
		{"none", 3, 100, func(*fakeICMP, int, *icmp.Echo, net.Addr) error { return nil }, "fail: loss 100%", time.Second},
		{"two of five, less than enough", 5, 61, func(f *fakeICMP, n int, e *icmp.Echo, to net.Addr) error {
			if n > 3 {
				good(f, e, to)
			}
			return nil
		}, "pass", 20 * time.Millisecond},
		{"two of five, just enough", 5, 60, func(f *fakeICMP, n int, e *icmp.Echo, to net.Addr) error {
			if n > 3 {
				good(f, e, to)
			}
			return nil
		}, "fail: loss 60%", 20 * time.Millisecond},
		{"duplicates", 2, 50, func(f *fakeICMP, n int, e *icmp.Echo, to net.Addr) error {
			if n == 1 {
				good(f, e, to)
				good(f, e, to)
			}
			return nil
		}, "fail: loss 50%", 20 * time.Millisecond},
		{"too late", 1, 100, func(f *fakeICMP, _ int, e *icmp.Echo, to net.Addr) error {
			f.reply(2*time.Second, *e, to)
			return nil
		}, "fail: loss 100%", time.Second},
		{"another id is the kernel's doing", 1, 100, func(f *fakeICMP, _ int, e *icmp.Echo, to net.Addr) error {
			other := *e
			other.ID++
			f.reply(20*time.Millisecond, other, to)
			return nil
		}, "pass", 20 * time.Millisecond},
		{"another sequence", 1, 100, func(f *fakeICMP, _ int, e *icmp.Echo, to net.Addr) error {
			other := *e
			other.Seq++
			f.reply(0, other, to)
			return nil
		}, "fail: loss 100%", time.Second},
		{"another token", 1, 100, func(f *fakeICMP, _ int, e *icmp.Echo, to net.Addr) error {
			other := *e
			other.Data = bytes.Repeat([]byte{1}, len(token{}))
			f.reply(0, other, to)
			return nil
		}, "fail: loss 100%", time.Second},
		{"another peer", 1, 100, func(f *fakeICMP, _ int, e *icmp.Echo, _ net.Addr) error {
			f.reply(0, *e, &net.IPAddr{IP: net.IPv4(192, 0, 2, 66)})
			return nil
		}, "fail: loss 100%", time.Second},
		{"rubbish", 1, 100, func(f *fakeICMP, _ int, e *icmp.Echo, to net.Addr) error {
			for n := range 12 {
				f.in <- fakePacket{data: make([]byte, n), from: to}
			}
			f.reply(0, icmp.Echo{Data: []byte("short")}, to)
			f.reply(0, *e, nil)
			return nil
		}, "fail: loss 100%", time.Second},
		{"no route", 1, 100, func(*fakeICMP, int, *icmp.Echo, net.Addr) error {
			return os.NewSyscallError("sendto", syscall.ENETUNREACH)
		}, "inconclusive: no route", 0},
		{"unreachable", 1, 100, func(*fakeICMP, int, *icmp.Echo, net.Addr) error {
			return os.NewSyscallError("sendto", syscall.EHOSTUNREACH)
		}, "fail: unreachable", 0},
		{"broken socket", 1, 100, func(f *fakeICMP, _ int, _ *icmp.Echo, _ net.Addr) error {
			f.in <- fakePacket{err: errors.New("broken")}
			return nil
		}, "inconclusive: no socket", 0},
	} {
		for _, datagram := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, datagram %v", c.name, datagram), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					opened := 0
					p := &pingProber{count: c.count, loss: c.loss, pinger: &pinger{open: func(bool) (pingConn, error) {
						opened++
						return pingConn{&fakeICMP{answer: c.answer, in: make(chan fakePacket, 100), done: make(chan struct{})}, datagram}, nil
					}}}
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					r := p.Probe(ctx, Target{Host: "192.0.2.1"})
					wantSaid(t, r, c.want)
					if r.RTT != c.rtt {
						t.Errorf("took %v, want %v", r.RTT, c.rtt)
					}
					synctest.Wait()
					if s := p.pinger.sockets[0]; len(s.waiting) > 0 {
						t.Error("still waits")
					} else if s.isDead() {
						// A broken socket is replaced when it is next asked for.
						p.Probe(ctx, Target{Host: "192.0.2.1"})
						if opened != 2 {
							t.Errorf("opened %d times", opened)
						}
					}
					closeProber(p)
				})
			})
		}
	}
}

// The addresses of a host are asked in turn, each in its share of the time.
func TestPingAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		p := &pingProber{count: 3, loss: 100, pinger: &pinger{open: func(bool) (pingConn, error) {
			return pingConn{&fakeICMP{answer: func(f *fakeICMP, _ int, e *icmp.Echo, to net.Addr) error {
				asked = append(asked, peer(to).String())
				if peer(to) == netip.MustParseAddr("192.0.2.3") {
					f.reply(20*time.Millisecond, *e, to)
				}
				return nil
			}, in: make(chan fakePacket, 100), done: make(chan struct{})}, true}, nil
		}}}
		defer closeProber(p)
		for _, test := range []struct {
			addrs string
			want  string
			asked int
		}{
			{"192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4", "pass", 9},
			{"192.0.2.1 192.0.2.2", "fail: loss 100%", 6},
		} {
			asked = nil
			var addrs []netip.Addr
			for a := range strings.FieldsSeq(test.addrs) {
				addrs = append(addrs, netip.MustParseAddr(a))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			wantSaid(t, p.probe(ctx, addrs), test.want)
			if cancel(); len(asked) != test.asked {
				t.Errorf("%s: asked %v", test.addrs, asked)
			}
		}
	})
}

// Loss is of what was sent: a prober that is too late to send is not the target's
// fault.
func TestPingTooLate(t *testing.T) {
	p := &pingProber{count: 3, loss: 100, pinger: &pinger{open: func(bool) (pingConn, error) {
		return pingConn{&fakeICMP{
			answer: func(*fakeICMP, int, *icmp.Echo, net.Addr) error { return nil },
			in:     make(chan fakePacket), done: make(chan struct{}),
		}, true}, nil
	}}}
	defer closeProber(p)
	for range 50 { // either may be seen first: that the time is over, or that it is time to send
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		r := p.Probe(ctx, Target{Host: "192.0.2.1"})
		cancel()
		if got := said(r); got != "inconclusive: canceled" && got != "fail: loss 100%" {
			t.Fatal(got)
		}
	}
}

func TestPingWithoutSocket(t *testing.T) {
	p := &pingProber{count: 1, loss: 100, pinger: &pinger{open: func(bool) (pingConn, error) {
		return pingConn{}, os.NewSyscallError("socket", syscall.EPERM)
	}}}
	defer closeProber(p)
	wantSaid(t, p.Probe(t.Context(), Target{Host: "192.0.2.1"}), "inconclusive: no socket")
	wantSaid(t, p.Probe(t.Context(), Target{Host: "2001:db8::1"}), "inconclusive: no socket")
}

func TestPingCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := &fakeICMP{
			answer: func(*fakeICMP, int, *icmp.Echo, net.Addr) error { return nil },
			in:     make(chan fakePacket), done: make(chan struct{}),
		}
		p := &pingProber{count: 3, loss: 100, pinger: &pinger{open: func(bool) (pingConn, error) { return pingConn{silent, false}, nil }}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		wantSaid(t, p.Probe(ctx, Target{Host: "192.0.2.1"}), "inconclusive: canceled")
		time.AfterFunc(time.Second, func() { closeProber(p) })
		wantSaid(t, p.Probe(t.Context(), Target{Host: "192.0.2.1"}), "inconclusive: no socket")
	})
}

// Both kinds of socket, where the system gives them.
func TestPingSockets(t *testing.T) {
	opened := 0
	for name, open := range map[string]func(bool) (pingConn, error){"datagram": openPingDatagram, "raw": openPingRaw} {
		for i, host := range loopbacks {
			conn, err := open(i == 1)
			if err != nil {
				t.Logf("no %s socket for %s: %v", name, host, err)
				continue
			}
			conn.Close()
			opened++
			p := &pingProber{count: 3, loss: 1, pinger: &pinger{open: open}}
			ctx, cancel := context.WithTimeout(t.Context(), longEnough)
			wantSaid(t, p.Probe(ctx, Target{Host: host}), "pass")
			cancel()
			closeProber(p)
		}
	}
	if opened < 2 {
		t.Error("neither kind can be opened")
	}
}

func TestPeer(t *testing.T) {
	if peer(nil).IsValid() || peer(&net.UDPAddr{IP: net.ParseIP("192.0.2.1")}) != netip.MustParseAddr("192.0.2.1") {
		t.Error("not the address")
	}
}
