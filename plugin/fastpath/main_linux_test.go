package fastpath

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/debug"
	_ "github.com/coredns/coredns/plugin/multisocket"
	_ "github.com/coredns/coredns/plugin/tsig"
	_ "github.com/coredns/coredns/plugin/whoami"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

func TestMain(m *testing.M) {
	firstHealing = 20 * time.Millisecond
	plugin.Register("door", setup)
	if err := dnsserver.SetDirectives([]string{"debug", "bind", "multisocket", "tsig", "door", "whoami"}); err != nil {
		log.Fatal(err)
	}
	caddy.Quiet, dnsserver.Quiet = true, true
	log.SetOutput(io.Discard) // what caddy and CoreDNS say
	os.Exit(m.Run())
}

// doors are those of the test that runs. Its Corefiles open them by "door SOCKETS".
var doors *house

// A house is a process's doors and what became of them.
type house struct {
	Doors
	mu       chan struct{} // held while warnings are read or written
	warnings []string
	server   atomic.Pointer[dnsserver.Server] // the last to start
	opened   atomic.Int64                     // calls of Open that have returned
	panics   atomic.Int64
	answered atomic.Int64  // by lanes
	sent     atomic.Int64  // batches
	stuck    chan struct{} // CoreDNS's answers to names that begin with "stuck" wait for it
}

func newHouse() *house {
	h := &house{mu: make(chan struct{}, 1), stuck: make(chan struct{})}
	h.Warn = func(format string, args ...any) {
		h.mu <- struct{}{}
		h.warnings = append(h.warnings, fmt.Sprintf(format, args...))
		<-h.mu
	}
	h.Panicked = func(any) { h.panics.Add(1) }
	return h
}

func setup(c *caddy.Controller) error {
	c.Next()
	sockets, err := strconv.Atoi(c.RemainingArgs()[0])
	if err != nil {
		return err
	}
	h := doors
	var g *Generation
	c.OnStartup(func() error {
		g = h.Enter()
		return nil
	})
	c.OnShutdown(func() error {
		g.Leave()
		return nil
	})
	dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler {
		return plugin.HandlerFunc(func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			if strings.HasPrefix(r.Question[0].Name, "stuck") {
				<-h.stuck
			}
			return next.ServeDNS(ctx, w, r)
		})
	})
	dnsserver.GetConfig(c).UDPDecorateWriterFunc = func(s *dnsserver.Server) dns.DecorateWriter {
		h.server.Store(s)
		defer h.opened.Add(1)
		if sockets == 0 { // the test opens it
			return nil
		}
		w, err := g.Open(s, lanes{h}, sockets)
		if err != nil {
			h.warn("%v", err)
			return nil
		}
		return w
	}
	return nil
}

// lanes answer names that begin with "fast" by 192.0.2.1; at "panic" they panic.
type lanes struct{ *house }

func (l lanes) Lane() Lane { return l }

var answerA = []byte{0xc0, 12, 0, byte(dns.TypeA), 0, byte(dns.ClassINET), 0, 0, 0, 30, 0, 4, 192, 0, 2, 1}

func (l lanes) Answer(dst, packet []byte, _ netip.AddrPort) ([]byte, bool) {
	name := packet[shortestPacket:]
	switch {
	case bytes.HasPrefix(name, []byte("\x05panic")):
		panic("as asked")
	case !bytes.HasPrefix(name, []byte("\x04fast")), binary.BigEndian.Uint16(packet[4:]) != 1, binary.BigEndian.Uint16(packet[10:]) != 0:
		return nil, false
	}
	l.answered.Add(1)
	start := len(dst)
	dst = append(dst, packet...)
	dst[start+2] |= 0x84
	dst[start+7] = 1
	return append(dst, answerA...), true
}

func (l lanes) Sent() { l.sent.Add(1) }

// server is a CoreDNS that runs.
type server struct {
	*house
	instance *caddy.Instance
	port     string // that stands for port 0 in its Corefiles
}

// start runs CoreDNS with a Corefile, in which port 0 is one that is free, until the
// test ends. Then nothing of it may be left.
func start(t testing.TB, corefile string) *server {
	t.Helper()
	before := goleak.IgnoreCurrent()
	descriptors := openDescriptors(t)
	s := &server{house: newHouse(), port: freePort(t)}
	doors = s.house
	var err error
	if s.instance, err = caddy.Start(s.input(corefile)); err != nil {
		t.Fatalf("%v\nCorefile:\n%s", err, corefile)
	}
	s.wantOpen(t, corefile, 0)
	t.Cleanup(func() {
		s.stop(t)
		eventually(t, func() string {
			if err := goleak.Find(before); err != nil {
				return err.Error()
			}
			if n := openDescriptors(t); n > descriptors {
				return fmt.Sprintf("%d descriptors are open, %d were before", n, descriptors)
			}
			return ""
		})
	})
	return s
}

func (s *server) stop(t testing.TB) {
	t.Helper()
	if s.instance == nil {
		return
	}
	if err := errors.Join(s.instance.ShutdownCallbacks()...); err != nil {
		t.Error(err)
	}
	if err := s.instance.Stop(); err != nil {
		t.Error(err)
	}
	s.instance = nil
}

func (s *server) reload(t testing.TB, corefile string) {
	t.Helper()
	opened := s.opened.Load()
	i, err := s.instance.Restart(s.input(corefile))
	if err != nil {
		t.Fatalf("%v\nCorefile:\n%s", err, corefile)
	}
	s.instance = i
	s.wantOpen(t, corefile, opened)
}

// wantOpen waits for each server of a Corefile to have opened its door, for they
// start in goroutines.
func (s *server) wantOpen(t testing.TB, corefile string, before int64) {
	t.Helper()
	if !strings.Contains(corefile, "door ") {
		return
	}
	want := before + int64(len(s.instance.Servers()))
	eventually(t, func() string {
		if n := s.opened.Load(); n < want {
			return fmt.Sprintf("%d of %d doors are open", n, want)
		}
		return ""
	})
}

func (s *server) input(corefile string) caddy.Input {
	corefile = strings.ReplaceAll(corefile, ":0 ", ":"+s.port+" ")
	return caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"}
}

// at is the server's address on an IP address.
func (s *server) at(ip string) string { return net.JoinHostPort(ip, s.port) }

// freePort is a port that no socket has, on any address.
func freePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(15_000 + rand.IntN(15_000))
		packets, err := net.ListenPacket("udp", ":"+port)
		if err != nil {
			continue
		}
		listener, err := net.Listen("tcp", ":"+port)
		packets.Close()
		if err != nil {
			continue
		}
		listener.Close()
		return port
	}
	t.Fatal("no port is free")
	return ""
}

func openDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// eventually waits until what another goroutine does has come about. The check
// returns "", or what is still wrong.
func eventually(t testing.TB, check func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		wrong := check()
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", patience, wrong)
		}
		<-tick.C
	}
}
