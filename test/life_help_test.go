package test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// spare is an address of loopback that nobody listens on, for listeners whose
// port must be known before they start.
func spare(t testing.TB) string {
	t.Helper()
	b := fake.NewTCP(t)
	b.Down()
	return b.Addr()
}

// spareOn is spare on a host.
func spareOn(t testing.TB, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// taken is an address that nobody else can listen on.
func taken(t testing.TB) string {
	t.Helper()
	return fake.NewTCP(t).Addr() // without SO_REUSEPORT
}

// unless is what eventually and the checks of answers return.
func unless(ok bool, wrong string) string {
	if ok {
		return ""
	}
	return wrong
}

// hostPort splits what spare and taken return.
func hostPort(addr string) (host, port string) {
	i := strings.LastIndexByte(addr, ':')
	return addr[:i], addr[i+1:]
}

// journal is what is logged in this process.
type journal struct {
	mu  sync.Mutex // guards following
	buf bytes.Buffer
}

// capture keeps what CoreDNS logs until the test ends.
func capture(t testing.TB) *journal {
	j := &journal{}
	log.SetOutput(j)
	t.Cleanup(func() { log.SetOutput(io.Discard) })
	return j
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// wants waits for a text in the log.
func (j *journal) wants(t testing.TB, text string) {
	t.Helper()
	eventually(t, func() string {
		if logged := j.String(); !strings.Contains(logged, text) {
			return fmt.Sprintf("no %q in the log:\n%s", text, logged)
		}
		return ""
	})
}

// samples are gtm's metrics: series as they are exposed -> value.
type samples map[string]float64

// metrics are gtm's metrics now, without a listener.
func metrics(t testing.TB) samples {
	t.Helper()
	rec := httptest.NewRecorder()
	h := promhttp.HandlerFor(prometheus.DefaultGatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("metrics: %d %s", rec.Code, rec.Body)
	}
	return readSamples(t, rec.Body.String())
}

func readSamples(t testing.TB, text string) samples {
	t.Helper()
	s := samples{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "coredns_gtm_") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		s[line[:i]] = v
	}
	return s
}

// sum adds up all series of a metric that have all of some labels, in the form
// label="value".
func (s samples) sum(name string, labels ...string) float64 {
	total := 0.0
	for series, v := range s {
		metric, rest, _ := strings.Cut(series, "{")
		has := func(label string) bool { return strings.Contains("{,"+rest, label) }
		if metric == name && !slices.ContainsFunc(labels, func(l string) bool { return !has(l) }) {
			total += v
		}
	}
	return total
}

// checksNow is how many checks are being probed in this process.
func checksNow(t testing.TB) int {
	t.Helper()
	return int(metrics(t)["coredns_gtm_checks"])
}

// wantChecks says how many checks are to be probed, now.
func wantChecks(t testing.TB, want int) {
	t.Helper()
	if got := checksNow(t); got != want {
		t.Errorf("%d checks are being probed, want %d", got, want)
	}
}

// wantAvailable waits until so many members of a block are available.
func wantAvailable(t testing.TB, gtm string, want float64) {
	t.Helper()
	eventually(t, func() string {
		got := metrics(t).sum("coredns_gtm_member_available", fmt.Sprintf("gtm=%q", gtm))
		return unless(got == want, fmt.Sprintf("%v members of %s are available, want %v", got, gtm, want))
	})
}

const module = "github.com/gtm-dns/coredns-gtm"

// ours are the stacks of goroutines that run code of gtm.
func ours() []string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	return onlyOurs(string(buf))
}

// onlyOurs picks the stacks that run code of gtm, other than tests.
func onlyOurs(stacks string) []string {
	var own []string
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		for _, pkg := range []string{"healthcheck", "pool", "policy", "plugin"} {
			if strings.Contains(stack, module+"/"+pkg+".") {
				own = append(own, stack)
				break
			}
		}
	}
	return own
}

// wantNoneOfOurs waits until the probes that were called off are gone.
func wantNoneOfOurs(t testing.TB) {
	t.Helper()
	eventually(t, func() string { return strings.Join(ours(), "\n\n") })
}

// gate is a web server that lets probes wait until it is told what to answer.
type gate struct {
	addr   string
	hits   chan struct{} // one for each request
	opened chan struct{} // closed with code set
	code   int
	once   sync.Once
}

// newGate is a gate that is shut.
func newGate(t testing.TB) *gate {
	g := &gate{hits: make(chan struct{}, 1000), opened: make(chan struct{})}
	s := httptest.NewServer(g)
	g.addr = strings.TrimPrefix(s.URL, "http://")
	t.Cleanup(func() {
		g.answer(http.StatusOK)
		s.Close()
	})
	return g
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.hits <- struct{}{}
	select {
	case <-g.opened:
		w.WriteHeader(g.code)
	case <-r.Context().Done():
	}
}

// answer opens the gate, once: all probes get this code from now on.
func (g *gate) answer(code int) {
	g.once.Do(func() {
		g.code = code
		close(g.opened)
	})
}

// probed waits until a probe waits at the gate.
func (g *gate) probed(t testing.TB) {
	t.Helper()
	eventually(t, func() string {
		select {
		case <-g.hits:
			return ""
		default:
			return "no probe came"
		}
	})
}

// slowCheck declares a check whose probes wait at gates for as long as a test does.
func slowCheck(name, path string) string {
	return fmt.Sprintf(`check %s http {
		path %s
		interval 30s
		timeout 30s
		fall 1
		rise 1
	}`, name, path)
}
