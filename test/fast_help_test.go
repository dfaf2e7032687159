//go:build linux

package test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// counts is what became of queries on the fast path of a listener.
type counts struct{ answered, handed int }

// fastCounts is what has become so far of the queries of a listener, such as
// 127.0.0.1:53.
func fastCounts(t testing.TB, listener string) counts {
	t.Helper()
	m := metrics(t)
	of := func(outcome string) int {
		return int(m[fmt.Sprintf(`coredns_gtm_fast_path_queries_total{outcome="%s",server="dns://%s"}`, outcome, listener)])
	}
	return counts{of("answered"), of("handed_over")}
}

// wantCounts waits until a listener's counters are so much further. A batch is counted
// once it has been sent.
func wantCounts(t testing.TB, listener string, before, more counts) {
	t.Helper()
	want := counts{before.answered + more.answered, before.handed + more.handed}
	var got counts
	eventually(t, func() string {
		got = fastCounts(t, listener)
		return unless(got.answered+got.handed >= want.answered+want.handed, fmt.Sprintf("%s: %+v, want %+v", listener, got, want))
	})
	if got != want {
		t.Errorf("%s: %+v, want %+v", listener, got, want)
	}
}

// startFast is start, and waits for the fast path.
func startFast(t testing.TB, corefile string) *server {
	t.Helper()
	s := start(t, corefile)
	s.fast(t)
	return s
}

// fast waits until the fast path gets all that comes in, at every listener. CoreDNS
// opens it as it begins to serve; until the kernel steers packets there, its own
// sockets get their share.
func (s *server) fast(t testing.TB) {
	t.Helper()
	for _, l := range s.instance.Servers() {
		if a := l.LocalAddr(); a != nil {
			fastAt(t, a.String())
		}
	}
}

// fastAt is fast for one listener.
func fastAt(t testing.TB, listener string) {
	t.Helper()
	at := listener
	if host, port, err := net.SplitHostPort(listener); err == nil && net.ParseIP(host).IsUnspecified() {
		at, listener = net.JoinHostPort("127.0.0.1", port), ":"+port
	}
	enough := 12 * (runtime.GOMAXPROCS(0) + 1) // so many do not miss one socket of all by chance
	before, waits := 0, 0
	eventually(t, func() string {
		if waits == 0 {
			before = fastCounts(t, listener).handed
			for range enough {
				if _, err := exchange(at, question(".", dns.TypeNS)); err != nil {
					return err.Error()
				}
			}
		}
		waits = (waits + 1) % 20 // the last may not be counted yet
		got := fastCounts(t, listener).handed - before
		return unless(got >= enough, fmt.Sprintf("%s: %d of %d queries reach the fast path", listener, got, enough))
	})
}

// isFast says whether a reply with an address or a SOA was written by the fast path:
// it alone compresses names in small replies.
func isFast(reply []byte) bool {
	var m dns.Msg
	if m.Unpack(reply) != nil {
		return false
	}
	m.Compress = false
	return len(reply) < m.Len()
}

// raw asks over UDP, and does not mind what it is that comes back.
func (s *server) raw(t testing.TB, q query) *dns.Msg {
	t.Helper()
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(raw(t, s.udp, packet)); err != nil {
		t.Fatal(err)
	}
	return m
}

// ofFastPath are the stacks of goroutines that the fast path has.
func ofFastPath() string {
	buf := make([]byte, 1<<20)
	var own []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, module+"/plugin/fastpath.") {
			own = append(own, stack)
		}
	}
	return strings.Join(own, "\n\n")
}

// sockets is how many sockets the process has open.
func sockets(t testing.TB) int {
	t.Helper()
	const dir = "/proc/self/fd"
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		if to, err := os.Readlink(dir + "/" + f.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
