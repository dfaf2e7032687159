package fake

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// call is a connection as a script sees it.
type call struct {
	net.Conn // TCP, or TLS on it
	tcp      *net.TCPConn
	buf      [4 << 10]byte
}

// errOver ends a script that has seen to the connection itself.
var errOver = errors.New("the connection is over")

// end closes what we say, and waits for the peer to do so, too: closed with
// something unread, the kernel would reset the connection.
func (c *call) end() error {
	if s, ok := c.Conn.(*tls.Conn); ok {
		_ = s.CloseWrite()
	}
	_ = c.tcp.CloseWrite()
	return Hang(c)
}

// Close ends the connection in order. It is what the end of a script does.
func Close(c *call) error { return c.end() }

// Cut ends the connection without a word of TLS about it.
func Cut(c *call) error {
	_ = c.tcp.CloseWrite()
	return Hang(c)
}

// Reset breaks the connection off.
func Reset(c *call) error {
	_ = c.tcp.SetLinger(0)
	_ = c.tcp.Close()
	return errOver
}

// Hang says nothing more, until the peer goes.
func Hang(c *call) error {
	for {
		if _, err := c.tcp.Read(c.buf[:]); err != nil {
			return errOver
		}
	}
}

// Echo gives back what it gets.
func Echo(c *call) error {
	_, _ = io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{c}, c.buf[:])
	return nil
}

// Hear waits until the peer says something.
func Hear(c *call) error {
	_, err := c.Read(c.buf[:])
	return err
}

// Request waits for the header of an HTTP request.
var Request = Await("\r\n\r\n")

// Await waits until the peer has said a text.
func Await(text string) Step {
	return func(c *call) error {
		seen := make([]byte, 0, len(text)+len(c.buf))
		for {
			n, err := c.Read(c.buf[:])
			seen = append(seen, c.buf[:n]...)
			if bytes.Contains(seen, []byte(text)) {
				return nil
			}
			if err != nil {
				return err
			}
			// The end may be the beginning of it.
			seen = append(seen[:0], seen[max(0, len(seen)-len(text)+1):]...)
		}
	}
}

// Say writes a text as it is.
func Say(text string) Step {
	b := []byte(text)
	return func(c *call) error {
		_, err := c.Write(b)
		return err
	}
}

// Flood writes a text over and over, n bytes in all. The step makes the bytes
// once: what a probe allocates can be told from what is written.
func Flood(text string, n int) Step {
	b := bytes.Repeat([]byte(text), 1+16<<10/len(text))
	return func(c *call) error {
		for left := n; left > 0; left -= len(b) {
			if _, err := c.Write(b[:min(left, len(b))]); err != nil {
				return err
			}
		}
		return nil
	}
}

// Forever writes a text over and over until the peer goes.
func Forever(text string) Step {
	const most = 1 << 40
	return Flood(text, most)
}

// Drip writes a text over and over until the peer goes, a byte each 5 ms.
func Drip(text string) Step {
	b := []byte(text)
	return func(c *call) error {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			at := i % len(b)
			if _, err := c.Write(b[at : at+1]); err != nil {
				return err
			}
			<-tick.C
		}
	}
}

// Secure speaks TLS from here on. After a handshake that failed it waits for the
// peer to go, so that no alert is overtaken by a reset.
func Secure(cfg *tls.Config) Step {
	return func(c *call) error {
		s := tls.Server(c.tcp, cfg)
		if err := s.Handshake(); err != nil {
			return Cut(c)
		}
		c.Conn = s
		return nil
	}
}

// Answer waits for an HTTP request and answers it: a status line without its
// version, header lines, and a body that is as long as the header says.
func Answer(status, body string, header ...string) Step {
	lines := append([]string{"HTTP/1.1 " + status}, header...)
	text := strings.Join(lines, "\r\n") + "\r\n\r\n" + body
	return func(c *call) error {
		if err := Request(c); err != nil {
			return err
		}
		return Say(text)(c)
	}
}
