package test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestRefusedAtStart is what can only be known once all plugins are: CoreDNS
// does not start, and says why and where.
func TestRefusedAtStart(t *testing.T) {
	const next = `gtm {
		pool web {
			address 192.0.2.10
		}
		domain www.example.org {
			use web
			on_all_down next
		}
	}`
	for _, tc := range []struct {
		name, body string
		err        string // expression; "" where it starts
	}{
		{"loadbalance", "loadbalance\n" + simple("{", "www.example.org", "192.0.2.10"), `loadbalance .*remove it`},
		{"loadbalance by name", "loadbalance round_robin\n" + simple("{", "www.example.org", "192.0.2.10"), `loadbalance`},
		{"next without a plugin below", next, `Corefile:9: .*on_all_down next: there is no plugin below`},
		{"next with plugins above alone", "errors\nlog\ncache\n" + next, `on_all_down next`},
		{"next with a plugin below", next + "\nwhoami", ""},
		{"next with a gtm block below", next + "\n" + simple("{\nname below", "api.example.org", "192.0.2.11"), ""},
		{"unknown option", "gtm {\nnonsense\n}", `Corefile:4: .*"nonsense"`},
		{"unknown target", "gtm {\ndomain www.example.org use nothing\n}", `Corefile:4: .*"nothing"`},
		{"a feature that is not built", "gtm {\nfleet x\n}", `not built yet`},
		{"a member of no pool", "gtm {\npool web {\n}\n}", `pool`},
		{"no closing brace", "gtm {\npool web {\naddress 192.0.2.1", `Corefile:\d`},
		{"a domain outside the zones", simple("{", "www.example.com", "192.0.2.10"), `www.example.com`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			corefile := block("example.org", tc.body)
			s, err := tryStartSafely(t, corefile)
			if tc.err == "" {
				if err != nil {
					t.Fatal(err)
				}
				s.wantAnswer(t, "www.example.org", "192.0.2.10")
				return
			}
			if err == nil {
				t.Fatal("it started")
			}
			if got := err.Error(); !regexp.MustCompile(tc.err).MatchString(got) {
				t.Errorf("the error is %q, want %q", got, tc.err)
			}
			if got := checksNow(t); got != 0 {
				t.Errorf("%d checks are being probed", got)
			}

			running := start(t, block("example.org", simple("{\nname running", "www.example.org", "192.0.2.77")))
			if running.reloadTo(t, corefile) == nil {
				t.Error("it was taken over by a reload")
			}
			running.wantAnswer(t, "www.example.org", "192.0.2.77")
		})
	}
}

// tryStartSafely is tryStart for what has made it panic.
func tryStartSafely(t *testing.T, corefile string) (s *server, err error) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("panic: %v", r)
		}
	}()
	return tryStart(t, corefile)
}

// TestWarningsAtStart is what is logged at start, with its place; and that it is said
// where it is meant alone.
func TestWarningsAtStart(t *testing.T) {
	failover := func(state, recovery string) string {
		return fmt.Sprintf(`gtm {
			ecs off
			%s
			pool web {
				address 192.0.2.10
			}
			pool spare {
				address 192.0.2.11
			}
			failover chain {
				set web
				set spare
				recovery %s
			}
			domain www.example.org use chain
		}`, state, recovery)
	}
	state := "state " + t.TempDir() + "/gtm.state"
	for _, tc := range []struct{ name, body, want string }{
		{"minimal with ECS", "minimal\n" + strings.Replace(failover("", "preempt"), "ecs off", "ecs on", 1), "minimal in the same server block drops"},
		{"minimal without ECS", "minimal\n" + failover("", "preempt"), ""},
		{"hold without state", failover("", "hold"), "recovery hold without a state file"},
		{"manual without state", failover("", "manual"), "recovery manual without a state file"},
		{"hold with state", failover(state, "hold"), ""},
		{"preempt without state", failover("", "preempt"), ""},
		{"pool that is not used", "gtm {\nname unused\npool web {\naddress 192.0.2.10\n}\npool idle {\naddress 192.0.2.11\n}\ndomain www.example.org use web\n}",
			`pool "idle" is not used`},
		{"authority without glue", "gtm {\nauthority ns1.example.org\npool web {\naddress 192.0.2.10\n}\ndomain www.example.org use web\n}",
			`"ns1.example.org."`},
		{"families", strings.Replace(failover("", "preempt"), "address 192.0.2.11", "address 2001:db8::1", 1), "has no IPv6"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := capture(t)
			s := start(t, block("example.org", tc.body))
			s.wantAnswer(t, "www.example.org", "192.0.2.10")
			warned := strings.Contains(j.String(), "[WARNING] plugin/gtm")
			if tc.want == "" {
				if warned {
					t.Errorf("there is a warning:\n%s", j)
				}
				return
			}
			if !warned || !strings.Contains(j.String(), tc.want) {
				t.Errorf("no warning of %q:\n%s", tc.want, j)
			}
			if !strings.HasPrefix(tc.name, "minimal") && !regexp.MustCompile(`Corefile:\d+`).MatchString(j.String()) {
				t.Errorf("the warning has no place:\n%s", j)
			}
		})
	}
}

// TestLogOfLife is what an operator reads of what happens: without a line in the
// log nobody knows why a name moved.
func TestLogOfLife(t *testing.T) {
	j := capture(t)
	s, _ := failed(t, "recovery manual")
	j.wants(t, "check web (http ")
	j.wants(t, "is down: refused")
	j.wants(t, "member first/"+primary+" is unavailable")
	j.wants(t, "failover chain")
	j.wants(t, "set first -> second")
	j.wants(t, "member first/"+primary+" is available")
	if n := strings.Count(j.String(), "set first -> second"); n != 1 {
		t.Errorf("the switch was logged %d times:\n%s", n, j)
	}
	s.ask(t, "www.example.org", dns.TypeA)
}
