package admin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestPortTaken is a port that another has: it is told once, tried again, and had
// when it is free.
func TestPortTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	access, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &served{}
	within := usual
	within.listen = 10 * time.Millisecond
	s.Server = newServer(other.Addr().String(), newShown(), access, Hooks{Info: s.note, Error: s.note}, within)
	s.Start()
	defer s.Wait()
	defer s.Close()
	if said := s.log(); len(said) != 1 || !strings.Contains(said[0], "address already in use: trying again every 10ms") {
		t.Errorf("got %q", said)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		r, err := http.Get("http://" + other.Addr().String() + "/api/v1/status")
		if err != nil {
			return err.Error()
		}
		read(t, r)
		return ""
	})
	http.DefaultClient.CloseIdleConnections()
	if said := s.log(); len(said) != 2 {
		t.Errorf("got %q", said)
	}
}

// TestCloseBeforeItListens is that a server that never had its port ends, too.
func TestCloseBeforeItListens(t *testing.T) {
	s := serve(t, Options{})
	access, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	second := NewServer(s.address(), newShown(), access, Hooks{Info: s.note, Error: s.note})
	second.Start()
	second.Close()
	second.Wait()
	if g := s.get(t, "/api/v1/status"); g.status != http.StatusOK {
		t.Errorf("the first one: %d", g.status)
	}
}

// TestUse is that connections go on when it changes who may come in.
func TestUse(t *testing.T) {
	s := serve(t, Options{})
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	ask := func(want int) {
		t.Helper()
		fmt.Fprint(conn, "GET /api/v1/whoami HTTP/1.1\r\nHost: localhost\r\n\r\n")
		a, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if g := read(t, a); g.status != want {
			t.Errorf("got %d %s, want %d", g.status, g.body, want)
		}
	}
	l := s.listen(t, "")
	ask(http.StatusOK)
	use := func(o Options) {
		t.Helper()
		access, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Use(access)
	}
	use(Options{ReadOnly: true})
	ask(http.StatusOK)
	s.sys.happen("order")
	l.wantEvent(t, 1, "order")
	use(Options{Token: writeFile(t, "tokens", "alice "+aliceToken+"\n")})
	ask(http.StatusUnauthorized)
	a := newAuthority(t)
	cert, key := writeFile(t, "cert", ""), writeFile(t, "key", "")
	a.files(cert, key)
	use(Options{Cert: cert, Key: key})
	ask(http.StatusForbidden) // it speaks TLS now
	s.sys.happen("order")
	if line := l.line(t); line != "" {
		t.Errorf("the stream got %q", line)
	}
}

// TestMaxConns is a connection too many: it is let go, and the others go on.
func TestMaxConns(t *testing.T) {
	s := serve(t, Options{}, func(l *limits) { l.conns, l.header, l.read = 2, time.Hour, time.Hour })
	var conns []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", s.address())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /api/v1/whoami HTTP/1.1\r\nHost: localhost\r\n\r\n")
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		read(t, a)
		conns = append(conns, c)
	}
	third, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if err := third.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(third); len(text) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %q, %v", text, err)
	}
	conns[0].Close()
	eventually(t, func() string {
		r, err := s.client.Get(s.url + "/api/v1/whoami")
		if err != nil {
			return err.Error()
		}
		read(t, r)
		return ""
	})
}
