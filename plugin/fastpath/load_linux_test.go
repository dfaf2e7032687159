package fastpath

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Queries that are on their way at once: fewer than any queue on the way holds.
const (
	clients     = 8
	outstanding = 8 // of each client
)

// A load asks without a pause, half for what lanes answer, and counts.
type load struct {
	conns    []net.Conn
	wg       sync.WaitGroup
	ending   chan struct{}
	sent     atomic.Int64
	answered atomic.Int64
}

func newLoad(t *testing.T, addr string) *load {
	t.Helper()
	l := &load{ending: make(chan struct{})}
	for i := range clients {
		conn, err := net.Dial("udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		l.conns = append(l.conns, conn)
		free := make(chan struct{}, outstanding)
		l.wg.Go(func() { l.ask(conn, []string{"fast", "slow"}[i%2], free) })
		l.wg.Go(func() { l.listen(conn, free) })
	}
	return l
}

func (l *load) ask(conn net.Conn, name string, free chan struct{}) {
	q, err := new(dns.Msg).SetQuestion(name+".example.org.", dns.TypeA).Pack()
	if err != nil {
		panic(err)
	}
	for {
		select {
		case free <- struct{}{}:
			l.sent.Add(1) // an error of the socket's is a reply that does not come
			_, _ = conn.Write(q)
		case <-l.ending:
			return
		}
	}
}

func (l *load) listen(conn net.Conn, free chan struct{}) {
	reply := make([]byte, dns.MinMsgSize)
	for {
		_, err := conn.Read(reply)
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err == nil:
			l.answered.Add(1)
			<-free
		}
	}
}

// more waits for so many further answers.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	want := l.answered.Load() + n
	eventually(t, func() string {
		if got := l.answered.Load(); got < want {
			return fmt.Sprintf("%d answers, not %d", got, want)
		}
		return ""
	})
}

// end wants each query to have been answered.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.ending)
	eventually(t, func() string {
		if sent, answered := l.sent.Load(), l.answered.Load(); sent != answered {
			return fmt.Sprintf("%d queries, %d answers", sent, answered)
		}
		return ""
	})
	for _, c := range l.conns {
		if err := c.SetReadDeadline(time.Now()); err != nil {
			t.Error(err)
		}
		defer c.Close()
	}
	l.wg.Wait()
	t.Logf("%d queries", l.sent.Load())
}

// TestOpenAndCloseUnderLoad is that no query is lost by a door, on one address or on
// all, however many sockets CoreDNS has itself.
func TestOpenAndCloseUnderLoad(t *testing.T) {
	for _, where := range []string{"bind 127.0.0.1", "", "bind 127.0.0.1\nmultisocket 3"} {
		t.Run(where, func(t *testing.T) {
			s := start(t, block(where, "door 0"))
			l := newLoad(t, s.at("127.0.0.1"))
			for i := range 20 {
				g := s.Enter()
				if _, err := g.Open(s.server.Load(), lanes{s.house}, 1+i%3); err != nil {
					t.Fatal(err)
				}
				l.more(t, 100)
				g.Leave()
				l.more(t, 100)
			}
			l.end(t)
			if s.answered.Load() == 0 {
				t.Error("lanes answered nothing")
			}
		})
	}
}

// TestReloadUnderLoad is that no query is lost when generations follow each other,
// with the door and without. CoreDNS has as many sockets before as after: where it
// closes one, what is queued there is lost, door or not.
func TestReloadUnderLoad(t *testing.T) {
	for _, where := range []string{"bind 127.0.0.1", "bind 127.0.0.1\nmultisocket 2"} {
		t.Run(where, func(t *testing.T) {
			s := start(t, block(where, "door 2"))
			l := newLoad(t, s.at("127.0.0.1"))
			for i := range 20 {
				l.more(t, 100)
				s.reload(t, block(where, []string{"", "door 1", "door 2", "door 3"}[i%4]))
			}
			l.end(t)
		})
	}
}
