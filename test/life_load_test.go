package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// traffic is clients that ask one question over and over, each waiting for its
// answer, over UDP and over TCP.
type traffic struct {
	udp, tcp string
	name     string
	check    func(*dns.Msg) string // "", or what is wrong with an answer
	answered atomic.Int64
	closed   atomic.Int64 // TCP connections that were closed under a query

	stop chan struct{}
	done sync.WaitGroup

	mu     sync.Mutex // guards following
	faults []string
}

const (
	udpClients = 4
	tcpClients = 2
	pause      = time.Millisecond // between a client's queries: loopback drops what no buffer holds
	perConn    = 8                // queries on a TCP connection
	tries      = 5                // connections for a TCP query, where one generation follows upon the other
	stuck      = 2 * time.Second  // without an answer a TCP connection is given up
)

// load asks a name until end.
func (s *server) load(t testing.TB, name string, check func(*dns.Msg) string) *traffic {
	t.Helper()
	return newTraffic(t, s.udp, s.tcp, name, check)
}

// newTraffic is load for a server that is asked at any addresses; tcp may be "".
func newTraffic(t testing.TB, udp, tcp, name string, check func(*dns.Msg) string) *traffic {
	t.Helper()
	l := &traffic{udp: udp, tcp: tcp, name: name, check: check, stop: make(chan struct{})}
	for range udpClients {
		l.done.Go(func() { l.client("udp", l.askUDP()) })
	}
	for range tcpClients {
		if tcp == "" {
			break
		}
		l.done.Go(func() { l.client("tcp", l.askTCP()) })
	}
	t.Cleanup(l.halt)
	l.more(t)
	return l
}

// client asks until the end, or until its first fault.
func (l *traffic) client(network string, ask func(*dns.Msg) (*dns.Msg, error)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			_, _ = ask(nil)
			return
		case <-tick.C:
		}
		m, err := ask(question(l.name, dns.TypeA).Msg)
		var wrong string
		if err != nil {
			wrong = "lost: " + err.Error()
		} else {
			wrong = l.check(m)
		}
		if wrong != "" {
			l.fault(network + ": " + wrong)
			return
		}
		l.answered.Add(1)
	}
}

// askUDP asks from one socket, once. It is closed by asking nothing.
func (l *traffic) askUDP() func(*dns.Msg) (*dns.Msg, error) {
	conn, err := dial("udp", "", l.udp)
	return func(q *dns.Msg) (*dns.Msg, error) {
		switch {
		case err != nil:
			return nil, err
		case q == nil:
			return nil, conn.Close()
		}
		return converse(conn, q)
	}
}

// askTCP asks a few times on each connection. A server may close one at any
// time, and CoreDNS does when a generation ends: the query is then asked again
// on another, as RFC 7766, section 6.2.4, has it. One on which no answer comes is
// given up for the same reason: see nudge.
func (l *traffic) askTCP() func(*dns.Msg) (*dns.Msg, error) {
	var conn *dns.Conn
	left := 0
	hangUp := func() {
		if conn != nil {
			_ = conn.Close()
			conn = nil
		}
	}
	return func(q *dns.Msg) (m *dns.Msg, err error) {
		for try := 1; q != nil; try++ {
			if conn == nil || left == 0 {
				hangUp()
				if conn, err = dial("tcp", "", l.tcp); err != nil {
					return nil, err
				}
				left = perConn
			}
			left--
			open := conn
			giveUp := time.AfterFunc(stuck, func() { _ = open.Close() })
			m, err = converse(conn, q)
			giveUp.Stop()
			if err == nil {
				return m, nil
			}
			hangUp()
			if try == tries || !hungUp(err) {
				return nil, err
			}
			l.closed.Add(1)
		}
		hangUp()
		return nil, nil
	}
}

func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (l *traffic) fault(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, text)
}

func (l *traffic) faulty() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.faults)
}

// more waits for as many answers as make a reload between them no chance.
func (l *traffic) more(t testing.TB) {
	t.Helper()
	const enough = 50
	until := l.answered.Load() + enough
	eventually(t, func() string {
		if n := l.answered.Load(); n < until && len(l.faulty()) == 0 {
			return fmt.Sprintf("%d answers are still to come", until-n)
		}
		return ""
	})
}

func (l *traffic) halt() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.done.Wait()
}

// end stops the clients. Every query must have had its right answer.
func (l *traffic) end(t testing.TB) {
	t.Helper()
	l.halt()
	for _, f := range l.faulty() {
		t.Errorf("%s: %s", l.name, f)
	}
	t.Logf("%d answers; %d TCP connections were closed under a query", l.answered.Load(), l.closed.Load())
}

// exactly is the check for an answer with these addresses, in any order.
func exactly(addrs ...string) func(*dns.Msg) string {
	want := sorted(slices.Clone(addrs))
	return func(m *dns.Msg) string {
		if got := sorted(data(m.Answer)); m.Rcode != dns.RcodeSuccess || !m.Authoritative || !slices.Equal(got, want) {
			return fmt.Sprintf("got %s, want %q", summary(m), want)
		}
		return ""
	}
}

// wantAnswer asks once, now.
func (s *server) wantAnswer(t testing.TB, name string, addrs ...string) {
	t.Helper()
	if wrong := exactly(addrs...)(s.ask(t, name, dns.TypeA)); wrong != "" {
		t.Errorf("%s: %s", name, wrong)
	}
}
