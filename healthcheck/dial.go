package healthcheck

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// dialer opens the connections of all probers. A probe is too short for
// keep-alive packets.
var dialer = net.Dialer{KeepAlive: -1}

// connectAny opens a TCP connection to one of the addresses of a host.
func connectAny(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, error) {
	return tryEach(ctx, addrs, func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		return connect(ctx, "tcp", netip.AddrPortFrom(a, port))
	})
}

func connect(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, network, to.String()) // DialTCP would bind, and so use up the ports for all targets together
	return conn, fromAfar(err, to)
}

// tryEach tries the addresses of one host in turn, until one works; there is at
// least one. Each leaves time for those behind it. Of several errors a fail is
// returned before one that only says that this host could not try: an IPv6
// address that an IPv4-only prober cannot reach must not hide that the IPv4
// address is dead.
func tryEach[T any](ctx context.Context, addrs []netip.Addr, try func(context.Context, netip.Addr) (T, error)) (T, error) {
	var none T
	var firstErr error
	for i, a := range addrs {
		got, err := tryOne(ctx, a, len(addrs)-i, try)
		if err == nil {
			return got, nil
		}
		if firstErr == nil || cause(firstErr).Verdict == Inconclusive {
			firstErr = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return none, firstErr
}

// tryOne takes the share of the time that is due to the first of so many addresses.
func tryOne[T any](ctx context.Context, a netip.Addr, addrs int, try func(context.Context, netip.Addr) (T, error)) (T, error) {
	if deadline, ok := ctx.Deadline(); ok && addrs > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(addrs))
		defer cancel()
	}
	return try(ctx, a)
}

// fromAfar makes unreachable of an error that looks as if this host could not
// try, but came from a router or firewall on the way, for there is a route: an
// answer about the target. (EACCES is how Linux reports ICMPv6 "administratively
// prohibited".)
func fromAfar(err error, to netip.AddrPort) error {
	if (errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EACCES)) && hasRoute(to) {
		return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
	}
	return err
}

// hasRoute asks the kernel alone: connecting a UDP socket sends nothing.
func hasRoute(to netip.AddrPort) bool {
	conn, err := net.Dial("udp", to.String())
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// bind ends all reads and writes on a connection when ctx ends. The caller
// calls the returned function when it is done with the connection.
func bind(ctx context.Context, conn net.Conn) (release func() bool) {
	return context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0)) // long past: a pending read wakes up
	})
}

// told is a target's host as its peer is told of it: without the zone of an IPv6
// address, and without the last dot of a host name.
func told(host string) string {
	host, _, _ = strings.Cut(host, "%")
	return strings.TrimSuffix(host, ".")
}

// maxRead is how much of a peer's answer is ever looked at.
const maxRead = 64 << 10

// readMatch reads until the expression matches, the peer ends, or maxRead.
// n is how much was read. err is nil on a match, at the end and at maxRead.
func readMatch(r io.Reader, re *regexp.Regexp) (matched bool, n int, err error) {
	// Matching anew after each read is quadratic if the peer drips; once this
	// much has been searched, the next search waits for the end.
	budget := 16 * maxRead
	buf := make([]byte, 0, 4<<10)
	for len(buf) < maxRead {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*cap(buf), maxRead))
			copy(grown, buf)
			buf = grown
		}
		var got int
		got, err = r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+got]
		if got > 0 && budget > 0 {
			budget -= len(buf)
			if re.Match(buf) {
				return true, len(buf), nil
			}
		}
		if err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if re.Match(buf) {
		return true, len(buf), nil
	}
	return false, len(buf), err
}
