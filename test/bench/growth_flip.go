//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// passing is a target that all servers share, and that never fails.
var passing = netip.MustParseAddr("127.0.0.1")

// failure is a target that is to fail.
type failure struct {
	target netip.Addr
	began  chan time.Time // takes the time of the first failing answer
}

// checked is what the servers' checks probe, on all of 127.0.0.0/8.
type checked struct {
	ln   net.Listener
	port uint16
	fail atomic.Pointer[failure] // nil: all pass
}

func startChecked() (*checked, error) {
	ln, err := listen()
	if err != nil {
		return nil, err
	}
	c := &checked{ln: ln, port: uint16(ln.Addr().(*net.TCPAddr).Port)}
	go c.serve()
	return c, nil
}

func (c *checked) stop() { c.ln.Close() }

func (c *checked) serve() {
	for {
		conn, err := c.ln.Accept()
		if err != nil {
			return
		}
		go c.answer(conn)
	}
}

// answer answers one probe. One of kind tcp asks for nothing.
func (c *checked) answer(conn net.Conn) {
	defer conn.Close()
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
		return
	}
	code := http.StatusOK
	if fail := c.fail.Load(); fail != nil && conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap() == fail.target {
		code = http.StatusServiceUnavailable
		select {
		case fail.began <- time.Now():
		default: // only the first counts
		}
	}
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", code, http.StatusText(code))
}

// flip has the members fail, and says how long after the first failing answer to
// a check (its verdict, since `fall` is 1) there is an answer of the backup. Then
// it has them pass, and waits until that is seen, too.
func (c *checked) flip(s *grown) (time.Duration, error) {
	a, err := newAsker(s)
	if err != nil {
		return 0, err
	}
	defer a.close()
	fail := &failure{target: s.failing, began: make(chan time.Time, 1)}
	c.fail.Store(fail)
	seen, err := a.until(true)
	c.fail.Store(nil)
	if err != nil {
		return 0, err
	}
	failed := <-fail.began
	if _, err := a.until(false); err != nil {
		return 0, err
	}
	return seen.Sub(failed), nil
}

// asker asks one question after the other.
type asker struct {
	conn  *net.UDPConn
	buf   []byte
	id    uint16
	first *dns.Msg // the first question of the series
}

func newAsker(s *grown) (*asker, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(s.addr))
	if err != nil {
		return nil, err
	}
	return &asker{conn: conn, buf: make([]byte, dns.MaxMsgSize), first: growthQuestion(s.series, 0)}, nil
}

func (a *asker) close() { a.conn.Close() }

// longest is how long an answer may take, and a change be waited for.
const longest = 10 * time.Second

// until asks for the first domain or client until the answer is the backup's, or
// no longer is, and says when that answer was there.
func (a *asker) until(wanted bool) (time.Time, error) {
	for end := time.Now().Add(longest); time.Now().Before(end); {
		addr, err := a.ask(a.first)
		if err != nil {
			return time.Time{}, err
		}
		if (addr == backup) == wanted {
			return time.Now(), nil
		}
	}
	return time.Time{}, fmt.Errorf("no answer changed within %v", longest)
}

// ask asks one question, whose answer must be one address.
func (a *asker) ask(q *dns.Msg) (netip.Addr, error) {
	a.id++
	q.Id = a.id
	packet, err := q.Pack()
	if err != nil {
		return netip.Addr{}, err
	}
	if _, err := a.conn.Write(packet); err != nil {
		return netip.Addr{}, err
	}
	if err := a.conn.SetReadDeadline(time.Now().Add(longest)); err != nil {
		return netip.Addr{}, err
	}
	n, err := a.conn.Read(a.buf)
	if err != nil {
		return netip.Addr{}, err
	}
	var m dns.Msg
	if err := m.Unpack(a.buf[:n]); err != nil {
		return netip.Addr{}, err
	}
	if len(m.Answer) == 1 && m.Id == q.Id {
		if record, ok := m.Answer[0].(*dns.A); ok {
			addr, _ := netip.AddrFromSlice(record.A.To4())
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("not one address: %v", &m)
}

// look asks for some of all, and wants a member of the right pool from each.
func (s *grown) look() error {
	a, err := newAsker(s)
	if err != nil {
		return err
	}
	defer a.close()
	for i := 0; i < s.n; i += max(1, s.n/100) {
		q := growthQuestion(s.series, i)
		addr, err := a.ask(q)
		if err != nil {
			return err
		}
		if from, to := growthPoolOf(s.series, i, s.n); addr.Less(from) || to.Less(addr) {
			return fmt.Errorf("%v of %d: got %v, want one from %v to %v", q.Question[0].Name, i, addr, from, to)
		}
	}
	return nil
}
