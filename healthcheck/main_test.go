package healthcheck

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"
)

// loopbacks are the addresses on which every kind is tried.
var loopbacks = []string{"127.0.0.1", "::1"}

// serve handles each connection to a port of its own until the test ends.
func serve(t *testing.T, host string, handle func(net.Conn)) Target {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		conns []net.Conn
	)
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wg.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return targetOf(t, ln.Addr())
}

func targetOf(t *testing.T, a net.Addr) Target {
	t.Helper()
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return Target{Host: ap.Addr().String(), Port: ap.Port()}
}

// closedPort is a port on which nothing listens.
func closedPort(t *testing.T, host string) Target {
	t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return targetOf(t, ln.Addr())
}

// hang reads and says nothing.
func hang(conn net.Conn) {
	buf := make([]byte, 4<<10)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

// reset breaks a connection off.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
}

func mustNew(t *testing.T, o Options) Prober {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeProber(p) })
	return p
}

// longEnough is for probes that end by themselves, soon for those that time out.
const (
	longEnough = 10 * time.Second
	soon       = 50 * time.Millisecond
)

func probe(t *testing.T, o Options, to Target, timeout time.Duration) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	r := mustNew(t, o).Probe(ctx, to)
	if r.At.IsZero() || r.RTT <= 0 {
		t.Errorf("result %+v lacks its time", r)
	}
	return r
}

// said is a result in words.
func said(r Result) string {
	if r.Reason == NoReason {
		return r.Verdict.String()
	}
	return r.Verdict.String() + ": " + r.Reason.String()
}

func wantSaid(t *testing.T, r Result, want string) {
	t.Helper()
	if got := said(r); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func portText(t Target) string { return strconv.Itoa(int(t.Port)) }
