package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const signOfLife = ": alive"

// listener is a client that follows events.
type listener struct {
	lines  *bufio.Scanner
	cancel context.CancelFunc
	body   interface{ Close() error }
}

// listen opens a stream, and has read its first line once it returns.
func (s *served) listen(t testing.TB, query string, how ...asked) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/events/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range how {
		f(r)
	}
	a, err := http.DefaultTransport.RoundTrip(r) // without a bound of time
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{bufio.NewScanner(a.Body), cancel, a.Body}
	t.Cleanup(func() { cancel(); a.Body.Close() })
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v", a.StatusCode, a.Header)
	}
	if line := l.line(t); line != "retry: 2000" {
		t.Fatalf("it begins with %q", line)
	}
	return l
}

// line is the next line that is not empty, or "" at the end.
func (l *listener) line(t testing.TB) string {
	t.Helper()
	for l.lines.Scan() {
		if text := l.lines.Text(); text != "" {
			return text
		}
	}
	return ""
}

// wantEvent is that the next event is this one.
func (l *listener) wantEvent(t testing.TB, id uint64, kind string) {
	t.Helper()
	var lines []string
	for len(lines) < 3 {
		if line := l.line(t); line != signOfLife {
			lines = append(lines, line)
		}
	}
	var e Event
	data, ok := strings.CutPrefix(lines[2], "data: ")
	if err := json.Unmarshal([]byte(data), &e); !ok || err != nil || e.ID != id || e.Kind != kind ||
		lines[0] != fmt.Sprintf("id: %d", id) || lines[1] != "event: "+kind {
		t.Fatalf("got %q (%v), want %d %s", lines, err, id, kind)
	}
}

// TestStream is events as they happen, those from before first; and a client that
// comes back.
func TestStream(t *testing.T) {
	s := serve(t, Options{})
	s.sys.happen("started")
	s.sys.happen("member_down")
	l := s.listen(t, "")
	l.wantEvent(t, 1, "started")
	l.wantEvent(t, 2, "member_down")
	s.sys.happen("member_up")
	l.wantEvent(t, 3, "member_up")
	l.cancel()
	s.sys.happen("order")
	l = s.listen(t, "?after=1", header("Last-Event-ID", "3")) // what it saw counts, not where it began
	l.wantEvent(t, 4, "order")
	s.listen(t, "?after=3").wantEvent(t, 4, "order")
	s.listen(t, "?kind=order&kind=member_up").wantEvent(t, 3, "member_up")
	s.sys.happen("stopped")
	l.wantEvent(t, 5, "stopped")
}

// TestStreamIsAlive is that a stream on which nothing happens shows signs of life,
// for longer than any other request may take.
func TestStreamIsAlive(t *testing.T) {
	s := serve(t, Options{}, func(l *limits) {
		l.alive, l.header, l.read, l.answer = 20*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	})
	l := s.listen(t, "")
	for range 10 {
		if line := l.line(t); line != signOfLife {
			t.Fatalf("got %q", line)
		}
	}
	s.sys.happen("order")
	for {
		if line := l.line(t); line != signOfLife {
			if line != "id: 1" {
				t.Errorf("got %q", line)
			}
			return
		}
	}
}

// TestManyStreams is as many streams as there may be, one more, and one in the
// place of one that has gone.
func TestManyStreams(t *testing.T) {
	const many = 300
	s := serve(t, Options{}, func(l *limits) { l.streams = many })
	all := make([]*listener, many)
	for i := range all {
		all[i] = s.listen(t, "")
	}
	g := s.get(t, "/api/v1/events/stream")
	g.wantProblem(t, http.StatusServiceUnavailable, "300 streams")
	if g.header.Get("Retry-After") == "" {
		t.Error("it does not say when to come again")
	}
	s.sys.happen("order")
	var each sync.WaitGroup
	for _, l := range all {
		each.Go(func() { l.wantEvent(t, 1, "order") })
	}
	each.Wait()
	all[0].cancel()
	eventually(t, func() string {
		if n := s.streaming.Load(); n != many-1 {
			return fmt.Sprintf("%d streams", n)
		}
		return ""
	})
	s.listen(t, "").wantEvent(t, 1, "order")
}

// TestSlowStream is a client that does not read: it is let go, and others get
// their events meanwhile.
func TestSlowStream(t *testing.T) {
	s := serve(t, Options{}, func(l *limits) { l.write = 100 * time.Millisecond })
	s.sys.padding = strings.Repeat("x", 32<<10)
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	other := s.listen(t, "")
	eventually(t, func() string {
		if n := s.streaming.Load(); n != 2 {
			return fmt.Sprintf("%d streams", n)
		}
		return ""
	})
	for id := uint64(1); s.streaming.Load() == 2; id++ {
		if id > 1000 { // 32 MB
			t.Fatal("it was not let go")
		}
		s.sys.happen("order")
		other.wantEvent(t, id, "order")
	}
}

// TestStreamEnds is that a stream ends with the server, and with the token that it
// was opened with.
func TestStreamEnds(t *testing.T) {
	s := withTokens(t)
	alice, bob := s.listen(t, "", bearer(aliceToken)), s.listen(t, "", bearer(bobToken))
	rewrite(t, s.Access().Token, "bob "+bobToken+"\n")
	s.look()
	s.sys.happen("order")
	bob.wantEvent(t, 1, "order")
	if line := alice.line(t); line != "" {
		t.Errorf("alice got %q", line)
	}
	s.Close()
	if line := bob.line(t); line != "" {
		t.Errorf("bob got %q", line)
	}
}
