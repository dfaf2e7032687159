package fake

import (
	"net"
	"slices"
	"sync"
)

// each handles every connection of a listener until stopped, and counts them.
// The stop function closes what is open and waits for the handlers.
func (b *Backend) each(l net.Listener, handle func(*net.TCPConn)) (stop func()) {
	var (
		all  conns
		done sync.WaitGroup
	)
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.hits.Add(1)
			if !all.add(conn) {
				_ = conn.Close()
				return
			}
			done.Go(func() {
				handle(conn.(*net.TCPConn))
				_ = conn.Close()
				all.remove(conn)
			})
		}
	})
	return func() {
		_ = l.Close()
		all.close()
		done.Wait()
	}
}

// conns are the open connections of a listener.
type conns struct {
	mu     sync.Mutex // guards following
	closed bool
	open   []net.Conn
}

// add keeps a connection to be closed with the others, and says whether it is
// still in time.
func (c *conns) add(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.open = append(c.open, conn)
	}
	return !c.closed
}

func (c *conns) remove(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = slices.DeleteFunc(c.open, func(other net.Conn) bool { return other == conn })
}

func (c *conns) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, conn := range c.open {
		_ = conn.Close()
	}
}
