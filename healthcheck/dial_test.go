package healthcheck

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

func TestCause(t *testing.T) {
	dial := func(e syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", e)}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{dial(syscall.EMFILE), "inconclusive: descriptors"},
		{dial(syscall.ENFILE), "inconclusive: descriptors"},
		{dial(syscall.ENOBUFS), "inconclusive: no socket"},
		{dial(syscall.ENOMEM), "inconclusive: no socket"},
		{dial(syscall.EACCES), "inconclusive: no socket"},
		{dial(syscall.EPERM), "inconclusive: no socket"},
		{dial(syscall.EADDRNOTAVAIL), "inconclusive: no socket"},
		{dial(syscall.EAFNOSUPPORT), "inconclusive: no socket"},
		{dial(syscall.ENETUNREACH), "inconclusive: no route"},
		{dial(syscall.ENETDOWN), "inconclusive: no route"},
		{dial(syscall.EINVAL), "inconclusive: no route"},
		{dial(syscall.ECONNREFUSED), "fail: refused"},
		{dial(syscall.ECONNRESET), "fail: reset"},
		{dial(syscall.EPIPE), "fail: reset"},
		{dial(syscall.EHOSTUNREACH), "fail: unreachable"},
		{dial(syscall.ETIMEDOUT), "fail: timeout"},
		{context.DeadlineExceeded, "fail: timeout"},
		{os.ErrDeadlineExceeded, "fail: timeout"},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, "fail: resolution"},
		{&net.DNSError{Err: "i/o timeout", IsTimeout: true}, "fail: resolution"},
		{fmt.Errorf("wrapped: %w", x509.HostnameError{}), "fail: tls: name"},
		{x509.CertificateInvalidError{Reason: x509.TooManyIntermediates}, "fail: tls: untrusted"},
		{http.ErrSchemeMismatch, "fail: tls"},
		{io.EOF, "fail: closed"},
		{errors.New("anything else"), "fail: protocol"},
	} {
		if got := said(cause(c.err)); got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantSaid(t, judge(ctx, dial(syscall.ECONNREFUSED)), "inconclusive: canceled")
}

// In turn: one address that answers is enough, and a fail is told before what
// says nothing of the target.
func TestConnectAny(t *testing.T) {
	up, down := serve(t, "127.0.0.1", hang), closedPort(t, "127.0.0.1")
	good, cannot := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("fe80::1") // without its zone: EINVAL
	for _, c := range []struct {
		addrs []netip.Addr
		port  uint16
		want  string
	}{
		{[]netip.Addr{cannot, good}, up.Port, "pass"},
		{[]netip.Addr{cannot, good}, down.Port, "fail: refused"},
		{[]netip.Addr{good, cannot}, down.Port, "fail: refused"},
		{[]netip.Addr{cannot, cannot}, up.Port, "inconclusive: no route"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), longEnough)
		conn, err := connectAny(ctx, c.addrs, c.port)
		r := pass()
		if err != nil {
			r = judge(ctx, err)
		} else {
			conn.Close()
		}
		cancel()
		wantSaid(t, r, c.want)
	}
}

// A full accept queue drops what comes: the connect itself hangs.
func TestConnectTimeout(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	to := Target{Host: "127.0.0.1", Port: uint16(sa.(*syscall.SockaddrInet4).Port)}
	loopback := []netip.Addr{netip.MustParseAddr(to.Host)}
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		conn, err := connectAny(ctx, loopback, to.Port)
		cancel()
		if err != nil {
			break
		}
		defer conn.Close()
	}
	for _, o := range everyTCP() {
		wantSaid(t, probe(t, o, to, soon), "fail: timeout")
	}
}

// everyTCP are options of all kinds that connect over TCP.
func everyTCP() []Options {
	var all []Options
	for _, o := range everyKind() {
		if o.Kind == DNS {
			o.Transport = OverTCP
		}
		if o.Kind != Ping {
			all = append(all, o)
		}
	}
	return all
}

func TestOutOfDescriptors(t *testing.T) {
	to := serve(t, "127.0.0.1", hang)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	few := was
	few.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was) }()
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	for _, o := range everyKind() {
		wantSaid(t, probe(t, o, to, longEnough), "inconclusive: descriptors")
	}
	to.Host = "www.test."
	withResolver(t, systemLookup{dialer.DialContext}.lookup)
	wantSaid(t, probe(t, DefaultOptions(TCP), to, longEnough), "inconclusive: descriptors")
}

// inEmptyNet runs f where there is no route at all. Its thread ends with it.
func inEmptyNet(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is not to be used again
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestNoRoute(t *testing.T) {
	inEmptyNet(t, func() {
		for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
			for _, o := range everyKind() {
				k := o.Kind
				p, err := New(o)
				if err != nil {
					t.Error(err)
					continue
				}
				to := Target{Host: host, Port: 80}
				ctx, cancel := context.WithTimeout(context.Background(), longEnough)
				if r := p.Probe(ctx, to); r.Verdict != Inconclusive {
					t.Errorf("%s to %s: %s", k, host, said(r))
				} else if k != Ping && r.Reason != ReasonNoRoute && r.Reason != ReasonNoSocket {
					t.Errorf("%s to %s: %s", k, host, said(r))
				}
				cancel()
				closeProber(p)
			}
		}
	})
}

// ENETUNREACH from a router is an answer about the target: there is a route.
func TestHasRoute(t *testing.T) {
	if !hasRoute(netip.MustParseAddrPort("127.0.0.1:80")) {
		t.Error("no route to the loopback")
	}
	inEmptyNet(t, func() {
		if hasRoute(netip.MustParseAddrPort("192.0.2.1:80")) {
			t.Error("a route out of nowhere")
		}
	})
}

// What a router or firewall says is about the target; what the kernel says
// without a route is not.
func TestFromAfar(t *testing.T) {
	near, nowhere := netip.MustParseAddrPort("127.0.0.1:80"), netip.MustParseAddrPort("192.0.2.1:80")
	for _, errno := range []syscall.Errno{syscall.ENETUNREACH, syscall.EACCES} {
		if r := cause(fromAfar(errno, near)); r.Verdict != Fail || r.Reason != ReasonUnreachable {
			t.Errorf("%v with a route: %s", errno, said(r))
		}
		inEmptyNet(t, func() {
			if r := cause(fromAfar(errno, nowhere)); r.Verdict != Inconclusive {
				t.Errorf("%v without a route: %s", errno, said(r))
			}
		})
	}
	if err := fromAfar(nil, near); err != nil {
		t.Error(err)
	}
}

// A peer that drips cannot make us search the same bytes without end: after a
// while the search waits for the end.
func TestReadMatchBound(t *testing.T) {
	re := regexp.MustCompile("end")
	for _, c := range []struct {
		text    string
		matched bool
		n       int
	}{
		{strings.Repeat("x", 100) + "end" + strings.Repeat("y", 100), true, 103},
		{strings.Repeat("x", 3000) + "end" + strings.Repeat("y", 100), true, 3103},
		{strings.Repeat("x", 2*maxRead), false, maxRead},
	} {
		matched, n, err := readMatch(iotest.OneByteReader(strings.NewReader(c.text)), re)
		if matched != c.matched || n != c.n || err != nil {
			t.Errorf("%d bytes: got %v after %d, %v", len(c.text), matched, n, err)
		}
	}
}

func TestTold(t *testing.T) {
	for host, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "fe80::1%eth0": "fe80::1",
		"www.example.org.": "www.example.org", "www.example.org": "www.example.org",
	} {
		if got := told(host); got != want {
			t.Errorf("told(%q) = %q, want %q", host, got, want)
		}
	}
}
