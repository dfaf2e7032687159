package test

import (
	"crypto/tls"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// noDescriptors lets the process open nothing more, until lifted or the test ends:
// what it has open works on, and what it closes it does not get back, for every
// descriptor is beyond the limit, a free one too.
func noDescriptors(t testing.TB) (lift func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	none := was
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	lift = func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was) }
	t.Cleanup(lift)
	if f, err := os.Open(os.DevNull); err == nil {
		_ = f.Close()
		t.Fatal("a file could be opened")
	}
	return lift
}

// TestOutOfDescriptors is a process that has no descriptor left for its probes,
// of whatever kind: no state moves and the answers stay, though all that is
// probed dies meanwhile; with descriptors, this is seen without more ado.
func TestOutOfDescriptors(t *testing.T) {
	const mortal, online = "192.0.2.10", "192.0.2.11"
	web, rpc, names := fake.NewHTTP(t), fake.NewGRPC(t, nil), fake.NewDNS(t)
	secure := fake.NewBox(t,
		fake.Secure(&tls.Config{Certificates: []tls.Certificate{fake.SelfSigned(t, "www.example.org")}}), fake.Answer("200 OK", ""))
	backends := []struct{ kind, addr, options string }{
		{"tcp", web.Addr(), ""},
		{"http", web.Addr(), ""},
		{"https", secure.Addr(), "tls_verify off"},
		{"grpc", rpc.Addr(), ""},
		{"dns", names.Addr(), "query www.example.org A"},
	}
	var body strings.Builder
	for _, b := range backends {
		to := targetAt(b.addr)
		fmt.Fprintf(&body, `
			check %[1]s-check %[1]s {
				port %[2]d
				%[3]s
				interval 200ms
				timeout 200ms
				recheck 200ms
				fall 3
				rise 1
			}
			pool %[1]s-pool {
				address %[4]s probe %[5]s
				address %[6]s mode online probe %[5]s
				check %[1]s-check
			}
			domain %[1]s.example.org use %[1]s-pool
		`, b.kind, to.Port, b.options, mortal, to.Host, online)
	}
	s := start(t, block("example.org", "gtm {\n"+body.String()+"\n}"))
	conn, err := dial("udp", "", s.udp) // while there are sockets
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer := func(kind string) []string {
		m, err := converse(conn, question(kind+".example.org", dns.TypeA).Msg)
		if err != nil {
			t.Fatal(err)
		}
		return sorted(data(m.Answer))
	}
	// more waits until each kind has had a few more results of a sort, and looks at
	// the answers all the while.
	more := func(labels ...string) {
		t.Helper()
		count := func() map[string]float64 {
			all := metrics(t)
			got := map[string]float64{}
			for _, b := range backends {
				got[b.kind] = all.sum("coredns_gtm_probes_total", append(labels, fmt.Sprintf("kind=%q", b.kind))...)
			}
			return got
		}
		before := count()
		eventually(t, func() string {
			now := count()
			for _, b := range backends {
				if got := answer(b.kind); !slices.Equal(got, []string{mortal, online}) {
					t.Fatalf("%s: answered %q", b.kind, got)
				}
				if now[b.kind]-before[b.kind] < 5 {
					return fmt.Sprintf("%s: %v results with %s, before %v", b.kind, now[b.kind], labels, before[b.kind])
				}
			}
			return ""
		})
	}
	more(`verdict="pass"`)
	none := []string{`verdict="inconclusive"`, `reason="descriptors"`}
	lift := noDescriptors(t)
	more(none...)
	web.Down()
	rpc.Down()
	secure.Down()
	names.Answer(dns.RcodeServerFailure)
	more(none...)
	lift()
	for _, b := range backends {
		s.eventuallyAnswers(t, b.kind+".example.org", dns.TypeA, online)
	}
}
