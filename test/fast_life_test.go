//go:build linux

package test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// living is a Corefile whose www.example.org has always the same answer, with options
// of the gtm block and lines of the server block.
func living(options, lines string) string {
	return block("example.org", lines+"\ngtm {\nname living\n"+options+`
		pool web {
			address 192.0.2.10
			address 192.0.2.11
		}
		domain www.example.org use web
	}
	whoami`)
}

const (
	off      = ""
	on       = "fast_path"
	onOthers = "fast_path\nauthority ns1.example.net\npool more {\naddress 192.0.2.20\n}\ndomain more.example.org use more"
)

// wantFast says whether the next query is answered on the fast path.
func (s *server) wantFast(t testing.TB, want bool) {
	t.Helper()
	if want {
		s.fast(t)
	}
	packet, err := question("www.example.org", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if got := isFast(raw(t, s.udp, packet)); got != want {
		t.Errorf("answered on the fast path: %v, want %v", got, want)
	}
}

// TestFastOverReloads is that no query is lost, and none has a wrong answer, when
// fast_path comes and goes, with other pools, with reloads that fail, and when the block
// comes and goes; and that nothing is left of it.
func TestFastOverReloads(t *testing.T) {
	leak, open := goleak.IgnoreCurrent(), sockets(t)
	const elsewhere = "hosts {\n192.0.2.10 www.example.org\n192.0.2.11 www.example.org\n}"
	host, port := hostPort(taken(t))
	fails := fmt.Sprintf("example.com:%s {\nbind %s\nwhoami\n}\n", port, host)
	wrong := strings.Replace(living(on, ""), "use web", "use nothing", 1)
	s := startFast(t, living(on, ""))
	load := s.load(t, "www.example.org", sameAddresses("192.0.2.10", "192.0.2.11"))
	for _, step := range []struct {
		name, corefile string
		fast           bool
		fails          bool
	}{
		{"the same", living(on, ""), true, false},
		{"off", living(off, ""), false, false},
		{"on", living(on, ""), true, false},
		{"other pools", living(onOthers, ""), true, false},
		{"a listener that is taken", living(onOthers, "") + fails, true, true},
		{"a target that is not there", wrong, true, true},
		{"a plugin that must see all", living(on, "acl {\nallow\n}"), true, true},
		{"off, and it fails", living(off, "") + fails, true, true},
		{"no block", block("example.org", elsewhere), false, false},
		{"a block, and it fails", living(on, "") + fails, false, true},
		{"a block again", living(on, ""), true, false},
	} {
		err := s.reloadTo(t, step.corefile)
		if (err != nil) != step.fails {
			t.Fatalf("%s: %v", step.name, err)
		}
		s.wantFast(t, step.fast)
		load.more(t)
		if len(load.faulty()) > 0 {
			t.Errorf("after %s", step.name)
			break
		}
	}
	load.end(t)
	listener := s.udp
	s.stop(t)
	wantNothingFast(t, listener)
	eventually(t, func() string { return leakOfOurs(leak) })
	eventually(t, func() string {
		runtime.GC() // of a reload that fails, Caddy leaves the listeners to their finalizers
		now := sockets(t)
		return unless(now <= open+1, fmt.Sprintf("%d sockets are open, %d were", now, open)) // the one that is taken
	})
}

// sameAddresses is exactly for answers that may be another plugin's.
func sameAddresses(addrs ...string) func(*dns.Msg) string {
	check := exactly(addrs...)
	return func(m *dns.Msg) string {
		m.Authoritative = true
		return check(m)
	}
}

// wantNothingFast waits until nothing is left of a listener's fast path.
func wantNothingFast(t testing.TB, listener string) {
	t.Helper()
	eventually(t, ofFastPath) // it is ""
	for series := range metrics(t) {
		if strings.Contains(series, listener) {
			t.Errorf("the listener is gone, and its metric is there: %s", series)
		}
	}
}

// TestFastMultisocket is that no query is lost when sockets of CoreDNS's own come beside
// those of the fast path, and that these are found when some go. What CoreDNS closes may
// lose what is queued there, with a fast path and without, so nothing is asked meanwhile.
func TestFastMultisocket(t *testing.T) {
	s := startFast(t, living(on, ""))
	for _, n := range []int{2, 3, 1} {
		load := newTraffic(t, s.udp, "", "www.example.org", exactly("192.0.2.10", "192.0.2.11"))
		if n == 1 {
			load.end(t)
		}
		s.mustReload(t, living(on, fmt.Sprintf("multisocket %d", n)))
		if got := len(s.instance.Servers()); got != n {
			t.Fatalf("%d servers, want %d", got, n)
		}
		s.wantFast(t, true)
		if n > 1 {
			load.more(t)
			load.end(t)
		}
	}
	listener := s.udp
	s.stop(t)
	wantNothingFast(t, listener)
}

// TestFastListenersCome is that addresses are added and taken away under load, with the
// fast path of each and its metrics.
func TestFastListenersCome(t *testing.T) {
	of := func(hosts string) string {
		return strings.Replace(living(on, ""), "bind 127.0.0.1", "bind "+hosts, 1)
	}
	s := start(t, of("127.0.0.1 ::1"))
	at := func(host string) string { return net.JoinHostPort(host, s.port) }
	for _, host := range []string{"127.0.0.1", "::1"} {
		fastAt(t, at(host))
	}
	load := newTraffic(t, at("127.0.0.1"), at("127.0.0.1"), "www.example.org", exactly("192.0.2.10", "192.0.2.11"))
	for _, step := range []struct{ hosts, gone string }{
		{"127.0.0.1 127.0.0.2", "::1"}, {"127.0.0.1 ::1 127.0.0.3", "127.0.0.2"}, {"127.0.0.1", "127.0.0.3"},
	} {
		s.mustReload(t, of(step.hosts))
		for host := range strings.FieldsSeq(step.hosts) {
			fastAt(t, at(host))
		}
		for series := range metrics(t) {
			if strings.Contains(series, at(step.gone)) {
				t.Errorf("%s is gone, and its metric is there: %s", step.gone, series)
			}
		}
		load.more(t)
	}
	load.end(t)
	s.stop(t)
	wantNothingFast(t, at("127.0.0.1"))
}

// TestFastMetricsOverReload is that the counters of a listener go on over a reload.
func TestFastMetricsOverReload(t *testing.T) {
	s := startFast(t, living(on, ""))
	before := fastCounts(t, s.udp)
	for range 3 {
		s.ask(t, "www.example.org", dns.TypeA)
	}
	wantCounts(t, s.udp, before, counts{answered: 3})
	s.mustReload(t, living(onOthers, ""))
	s.fast(t) // the new servers may open it after the old ones have closed it
	if got := fastCounts(t, s.udp); got.answered != before.answered+3 || got.handed <= before.handed {
		t.Errorf("after the reload it is %+v, before the queries it was %+v", got, before)
	}
	before = fastCounts(t, s.udp)
	s.ask(t, "www.example.org", dns.TypeA)
	wantCounts(t, s.udp, before, counts{answered: 1})
}

// TestFastReloadKeepsProbing is a reload that fails: the old configuration goes on on
// the fast path, and sees what goes down.
func TestFastReloadKeepsProbing(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	good := block("example.org", "gtm {\nfast_path\n"+quickCheck("web", "http", web[0].Port())+
		"\npool web {\n"+fake.Members(web, "192.0.2.10", "192.0.2.11")+"\ncheck web\n}\ndomain www.example.org use web\n}")
	s := startFast(t, good)
	if s.reloadTo(t, good+"example.com:0 {\nno_such_plugin\n}\n") == nil {
		t.Fatal("the reload did not fail")
	}
	s.wantAnswer(t, "www.example.org", "192.0.2.10", "192.0.2.11")
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.11")
	s.wantFast(t, true)
}

// TestFastStop is that queries which came in before the end have answers.
func TestFastStop(t *testing.T) {
	open := sockets(t)
	s := startFast(t, living(on, ""))
	listener := s.udp
	if ofFastPath() == "" || sockets(t) == open {
		t.Fatal("a fast path shows no goroutine, or no socket")
	}
	conn, err := dial("udp", "", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const n = 50
	for range n {
		if err := conn.WriteMsg(question("www.example.org", dns.TypeA).Msg); err != nil {
			t.Fatal(err)
		}
	}
	s.stop(t)
	for i := range n {
		if _, err := conn.ReadMsg(); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
	}
	wantNothingFast(t, listener)
}

// TestFastFailedReloadAddingIt is a reload that fails where the configuration at work has
// no gtm block: nothing is left of the block that it began, fast_path or not.
func TestFastFailedReloadAddingIt(t *testing.T) {
	web := fake.NewHTTP(t)
	s := start(t, block(".", "whoami"))
	host, port := hostPort(taken(t))
	fails := fmt.Sprintf("example.com:%s {\nbind %s\nwhoami\n}\n", port, host)
	if s.reloadTo(t, block(".", oneMember("added", "192.0.2.10", web, "fast_path"))+fails) == nil {
		t.Fatal("the reload did not fail")
	}
	s.mustReload(t, block(".", "whoami"))
	eventually(t, func() string {
		runtime.GC() // it ends with its instance, which nobody holds any more
		n := checksNow(t)
		return unless(n == 0, fmt.Sprintf("%d checks are being probed", n))
	})
}
