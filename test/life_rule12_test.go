package test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// poolOf is a Corefile with one pool, whose members are probed with a check that
// waits for as long as a gate does.
func poolOf(name, path, members string) string {
	return block("example.org", fmt.Sprintf(`gtm {
		name waiting
		%s
		pool %s {
			%s
			check slow
		}
		domain www.example.org use %s
	}`, slowCheck("slow", path), name, members, name))
}

const (
	steady  = "192.0.2.10"
	newcome = "192.0.2.11"
)

func at(addr, probe string) string { return fmt.Sprintf("address %s probe %s\n", addr, probe) }

// TestStartBeforeVerdicts is that at the first start unknown counts as up.
func TestStartBeforeVerdicts(t *testing.T) {
	g := newGate(t)
	web := fake.NewHTTP(t)
	s := start(t, poolOf("web", "/", at(steady, web.Addr())+at(newcome, g.addr)))
	s.wantAnswer(t, "www.example.org", steady, newcome)
	g.probed(t)
	s.wantAnswer(t, "www.example.org", steady, newcome)
	g.answer(http.StatusServiceUnavailable)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady)
}

// TestMemberAddedWaits is a member that is added to a pool that already serves:
// it is not answered before its first verdict.
func TestMemberAddedWaits(t *testing.T) {
	for _, tc := range []struct {
		name string
		code int
		want []string
	}{
		{"pass", http.StatusOK, []string{steady, newcome}},
		{"fail", http.StatusServiceUnavailable, []string{steady}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g, web := newGate(t), fake.NewHTTP(t)
			s := start(t, poolOf("web", "/", at(steady, web.Addr())))
			load := s.load(t, "www.example.org", exactly(steady))
			s.mustReload(t, poolOf("web", "/", at(steady, web.Addr())+at(newcome, g.addr)))
			g.probed(t)
			load.more(t)
			load.end(t)
			g.answer(tc.code)
			s.eventuallyAnswers(t, "www.example.org", dns.TypeA, tc.want...)
		})
	}
}

// TestMemberAddedWaitsOverReloads is that the wait does not end by reloading.
func TestMemberAddedWaitsOverReloads(t *testing.T) {
	g, web := newGate(t), fake.NewHTTP(t)
	s := start(t, poolOf("web", "/", at(steady, web.Addr())))
	load := s.load(t, "www.example.org", exactly(steady))
	for range 3 {
		s.mustReload(t, poolOf("web", "/", at(steady, web.Addr())+at(newcome, g.addr)))
		load.more(t)
	}
	load.end(t)
	g.answer(http.StatusOK)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady, newcome)
}

// TestPoolAddedServes is that a pool which is new does not wait.
func TestPoolAddedServes(t *testing.T) {
	g, web := newGate(t), fake.NewHTTP(t)
	s := start(t, poolOf("web", "/", at(steady, web.Addr())))
	s.wantAnswer(t, "www.example.org", steady)
	s.mustReload(t, poolOf("fresh", "/new", at(steady, web.Addr())+at(newcome, g.addr)))
	s.wantAnswer(t, "www.example.org", steady, newcome)
	g.probed(t)
	s.wantAnswer(t, "www.example.org", steady, newcome)
}

// TestChangedCheckOfDownMember is a member that was unavailable: it stays so
// until the first verdict of its new check.
func TestChangedCheckOfDownMember(t *testing.T) {
	for _, tc := range []struct {
		name string
		code int
		want []string
	}{
		{"pass", http.StatusOK, []string{steady, newcome}},
		{"fail", http.StatusServiceUnavailable, []string{steady}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g, web := newGate(t), fake.NewHTTP(t)
			s := start(t, poolOf("web", "/", at(steady, web.Addr())+at(newcome, spare(t))))
			s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady) // refused: the first verdict
			load := s.load(t, "www.example.org", exactly(steady))
			s.mustReload(t, poolOf("web", "/new", at(steady, web.Addr())+at(newcome, g.addr)))
			g.probed(t)
			load.more(t)
			load.end(t)
			g.answer(tc.code)
			s.eventuallyAnswers(t, "www.example.org", dns.TypeA, tc.want...)
		})
	}
}

// TestChangedCheckOfUpMember is a member that was available: it stays so until
// its new check says otherwise.
func TestChangedCheckOfUpMember(t *testing.T) {
	g, web := newGate(t), fake.NewHTTPs(t, 2)
	old := poolOf("web", "/", at(steady, web[0].Addr())+at(newcome, web[1].Addr()))
	s := start(t, old)
	eventually(t, func() string {
		return unless(web[0].Hits() > 0 && web[1].Hits() > 0, "not probed yet")
	})
	load := s.load(t, "www.example.org", exactly(steady, newcome))
	s.mustReload(t, poolOf("web", "/new", at(steady, web[0].Addr())+at(newcome, g.addr)))
	g.probed(t)
	load.more(t)
	load.end(t)
	g.answer(http.StatusServiceUnavailable)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady)
}

// TestThresholdsChanged is a check that is changed in its thresholds alone: its
// state is kept, and needs the whole rise.
func TestThresholdsChanged(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	corefile := func(rise int) string {
		return block("example.org", fmt.Sprintf(`gtm {
			check web http {
				port %d
				interval 100ms
				timeout 100ms
				recheck 100ms
				fall 2
				rise %d
			}
			pool web {
				%s
				check web
			}
			domain www.example.org use web
		}`, web[0].Port(), rise, fake.Members(web, steady, newcome)))
	}
	web[1].Down()
	s := start(t, corefile(1))
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady)
	s.mustReload(t, corefile(5))
	s.wantAnswer(t, "www.example.org", steady)

	hits := web[1].Hits()
	web[1].Up(t)
	load := s.load(t, "www.example.org", func(m *dns.Msg) string {
		// The fifth pass is counted before it can be answered.
		if n := web[1].Hits() - hits; len(m.Answer) == 2 && n < 5 {
			return fmt.Sprintf("answered after %d passes", n)
		}
		return ""
	})
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady, newcome)
	load.end(t)
}

// TestMemberRenamed is a member whose name alone changes: its check is the same,
// so there is nothing to wait for.
func TestMemberRenamed(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	members := func(name string) string {
		return at(steady, web[0].Addr()) + fmt.Sprintf("address %s probe %s name %s\n", newcome, web[1].Addr(), name)
	}
	const passes = "coredns_gtm_probes_total"
	before := metrics(t).sum(passes, `verdict="pass"`)
	s := start(t, poolOf("web", "/", members("a")))
	eventually(t, func() string {
		return unless(metrics(t).sum(passes, `verdict="pass"`) == before+2, "not probed yet")
	})
	load := s.load(t, "www.example.org", exactly(steady, newcome))
	for _, name := range []string{"b", "c"} {
		s.mustReload(t, poolOf("web", "/", members(name)))
		load.more(t)
	}
	load.end(t)
}
