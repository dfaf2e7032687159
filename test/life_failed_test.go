package test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// oneMember is a gtm block with one pool of one member, probed all the time. It
// is answered even if a busy machine makes it fail.
func oneMember(name, addr string, web *fake.HTTP, more string) string {
	return fmt.Sprintf(`gtm example.org {
		name %s
		check web http {
			port %d
			interval 100ms
			timeout 100ms
			host www.example.net
		}
		pool web {
			address %s probe %s
			check web
		}
		domain www.example.org use web
		%s
	}`, name, web.Port(), addr, web.Host(), more)
}

// failedReload is a Corefile that cannot be reloaded. Its gtm block is right, if
// its start is reached, and would probe new.
type failedReload struct {
	name     string
	corefile func(t testing.TB, kept, added *fake.HTTP) string
	err      string // part of the error
}

// gtmRight is a gtm block that differs from the one at work, and probes both.
func gtmRight(kept, added *fake.HTTP) string {
	return oneMember("going-on", "192.0.2.99", kept, fmt.Sprintf(`pool more {
		address 192.0.2.98 probe %s
		check web
	}
	domain more.example.org use more`, added.Host()))
}

var failedReloads = []failedReload{
	{"syntax", func(_ testing.TB, kept, added *fake.HTTP) string {
		return block(".", gtmRight(kept, added)+"\n{")
	}, ""},
	{"unknown plugin", func(_ testing.TB, kept, added *fake.HTTP) string {
		return block(".", gtmRight(kept, added)+"\nno_such_plugin")
	}, "no_such_plugin"},
	{"wrong gtm block", func(_ testing.TB, kept, added *fake.HTTP) string {
		return block(".", strings.Replace(gtmRight(kept, added), "use more", "use nothing", 1))
	}, `"nothing"`},
	{"second gtm block wrong", func(_ testing.TB, kept, added *fake.HTTP) string {
		return block(".", gtmRight(kept, added)+"\ngtm {\nname second\nnonsense\n}")
	}, `"nonsense"`},
	{"plugin below fails in setup", func(_ testing.TB, kept, added *fake.HTTP) string {
		return block(".", gtmRight(kept, added)+"\nforward . nonsense")
	}, "nonsense"},
	{"health's port is taken", func(t testing.TB, kept, added *fake.HTTP) string {
		return block(".", gtmRight(kept, added)+"\nhealth "+taken(t))
	}, "address already in use"},
	{"a listener's port is taken", func(t testing.TB, kept, added *fake.HTTP) string {
		host, port := hostPort(taken(t))
		return block(".", gtmRight(kept, added)) + fmt.Sprintf("example.com:%s {\nbind %s\nwhoami\n}\n", port, host)
	}, "address already in use"},
	{"a listener's port is taken for UDP", func(t testing.TB, kept, added *fake.HTTP) string {
		p, err := net.ListenPacket("udp", spare(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		host, port := hostPort(p.LocalAddr().String())
		return block(".", gtmRight(kept, added)) + fmt.Sprintf("example.com:%s {\nbind %s\nwhoami\n}\n", port, host)
	}, "address already in use"},
	{"second gtm block is refused at its start", func(_ testing.TB, kept, added *fake.HTTP) string {
		return block(".", gtmRight(kept, added)) +
			block("example.com", "loadbalance\n"+strings.ReplaceAll(oneMember("refused", "192.0.2.97", added, ""), "example.org", "example.com"))
	}, "loadbalance"},
	{"two gtm blocks of one name", func(_ testing.TB, kept, added *fake.HTTP) string {
		return block(".", gtmRight(kept, added)) +
			block("example.com", strings.ReplaceAll(oneMember("going-on", "192.0.2.97", added, ""), "example.org", "example.com"))
	}, `"going-on"`},
	{"a plugin's own start fails", func(_ testing.TB, kept, added *fake.HTTP) string {
		return block(".", gtmRight(kept, added)+"\ntls /no/such/cert /no/such/key")
	}, "/no/such"},
}

// TestFailedReload is each way for a reload to fail: the old configuration goes
// on answering and probing, nothing of the new one is left, and reloads go on.
func TestFailedReload(t *testing.T) {
	for _, tc := range failedReloads {
		t.Run(tc.name, func(t *testing.T) {
			web := fake.NewHTTPs(t, 2)
			kept, added := web[0], web[1]
			good := block(".", oneMember("going-on", "192.0.2.10", kept, ""))
			s := start(t, good)
			load := s.load(t, "www.example.org", exactly("192.0.2.10"))
			for range 2 {
				err := s.reloadTo(t, tc.corefile(t, kept, added))
				if err == nil {
					t.Fatal("the reload did not fail")
				}
				if !strings.Contains(err.Error(), tc.err) {
					t.Errorf("the error is %q, without %q", err, tc.err)
				}
				load.more(t)
			}
			wantChecks(t, 1)
			passesOf(t, kept, 1) // a probe in flight has arrived by now
			was := added.Hits()
			kept.Down() // its probes matter: it leaves, and as the last one is served all the same
			wantAvailable(t, "going-on", 0)
			if is := added.Hits(); is != was {
				t.Errorf("a backend of the reload that failed got %d probes after it", is-was)
			}

			s.mustReload(t, good)
			load.more(t)
			load.end(t)
			s.mustReload(t, block(".", oneMember("going-on", "192.0.2.11", kept, "")))
			s.wantAnswer(t, "www.example.org", "192.0.2.11")
			wantChecks(t, 1)
			kept.Up(t)
			wantAvailable(t, "going-on", 1)
		})
	}
}

// wantNoProbes sees that a backend gets none while another gets many.
func wantNoProbes(t testing.TB, kept, stray *fake.HTTP) {
	t.Helper()
	passesOf(t, kept, 1) // a probe in flight has arrived by now
	was := stray.Hits()
	passesOf(t, kept, 5)
	if is := stray.Hits(); is != was {
		t.Errorf("a backend of the reload that failed got %d probes after it", is-was)
	}
}

// TestFailedReloadKeepsStates is that what went down, and what was remembered,
// outlives a reload that fails.
func TestFailedReloadKeepsStates(t *testing.T) {
	s, web := failed(t, "recovery manual")
	load := s.load(t, "www.example.org", exactly(backup))
	host, port := hostPort(taken(t))
	fails := fmt.Sprintf("example.com:%s {\nbind %s\nwhoami\n}\n", port, host)
	for range 3 {
		if s.reloadTo(t, chainOf(web, 30, "recovery preempt")+fails) == nil {
			t.Fatal("the reload did not fail")
		}
		load.more(t)
		s.mustReload(t, chainOf(web, 30, "recovery manual"))
		load.more(t)
	}
	load.end(t)
}

// TestFailedReloadAddingGTM is a reload that fails where the configuration at
// work has no gtm block, so that none hears of it: nothing is left of it after the
// next one.
func TestFailedReloadAddingGTM(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	const without = "template IN A {\nanswer \"{{ .Name }} 60 IN A 192.0.2.1\"\n}"
	s := start(t, block(".", without))
	wantChecks(t, 0)
	host, port := hostPort(taken(t))
	fails := fmt.Sprintf("example.com:%s {\nbind %s\nwhoami\n}\n", port, host)
	if s.reloadTo(t, block(".", oneMember("added", "192.0.2.10", web[0], ""))+fails) == nil {
		t.Fatal("the reload did not fail")
	}
	m := s.ask(t, "www.example.org", dns.TypeA)
	if got := data(m.Answer); len(got) != 1 || got[0] != "192.0.2.1" {
		t.Errorf("after the failed reload the answer is %s", summary(m))
	}

	// Caddy tells it nothing, and keeps the instance until the next one comes.
	s.mustReload(t, block(".", without))
	eventually(t, func() string {
		runtime.GC() // it ends with its instance, which nobody holds any more
		n := checksNow(t)
		return unless(n == 0, fmt.Sprintf("%d checks are being probed", n))
	})
	wantNoneOfOurs(t)

	// It may come into being later, and go again.
	s.mustReload(t, block(".", oneMember("added", "192.0.2.11", web[1], "")))
	s.wantAnswer(t, "www.example.org", "192.0.2.11")
	wantChecks(t, 1)
	s.mustReload(t, block(".", without))
	wantChecks(t, 0)
	wantNoneOfOurs(t)
}

// TestReloadStorm is good and bad reloads in turn, under load.
func TestReloadStorm(t *testing.T) {
	web := fake.NewHTTPs(t, 3)
	kept, added := web[0], web[1]
	good := func(i int) string {
		return block(".", oneMember("going-on", "192.0.2.10", kept, fmt.Sprintf(`ttl %d
		pool round {
			address 192.0.2.96 probe %s
			check http %d /%d
		}
		domain round.example.org use round`, 30+i, web[2].Host(), web[2].Port(), i)))
	}
	s := start(t, good(0))
	load := s.load(t, "www.example.org", exactly("192.0.2.10"))
	for i := range 20 {
		if i%2 == 0 {
			s.mustReload(t, good(1+i))
			continue
		}
		bad := failedReloads[i/2%len(failedReloads)]
		if s.reloadTo(t, bad.corefile(t, kept, added)) == nil {
			t.Errorf("the reload with %s did not fail", bad.name)
		}
	}
	load.more(t)
	load.end(t)
	wantChecks(t, 2)
	wantNoProbes(t, kept, added)
	if got := s.ask(t, "www.example.org", dns.TypeA).Answer[0].Header().Ttl; got != 49 {
		t.Errorf("the TTL is %d, not that of the last good reload", got)
	}
	s.stop(t)
	wantChecks(t, 0)
	wantNoneOfOurs(t)
}

// TestTakenPortsOfOthers is plugins that only log that they cannot listen: the
// reload stands.
func TestTakenPortsOfOthers(t *testing.T) {
	web := fake.NewHTTP(t)
	for _, name := range []string{"ready", "prometheus"} {
		t.Run(name, func(t *testing.T) {
			s := start(t, block(".", oneMember("going-on", "192.0.2.10", web, "")))
			s.mustReload(t, block(".", name+" "+taken(t)+"\n"+oneMember("going-on", "192.0.2.11", web, "")))
			s.wantAnswer(t, "www.example.org", "192.0.2.11")
			s.mustReload(t, block(".", oneMember("going-on", "192.0.2.12", web, "")))
			s.wantAnswer(t, "www.example.org", "192.0.2.12")
			wantChecks(t, 1)
		})
	}
}
