package test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestNothingIsLeft is that a life with reloads, good and bad, leaves no
// goroutine of gtm. CoreDNS's own leave some.
func TestNothingIsLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	wantNoneOfOurs(t) // what earlier tests left would be ignored
	web := fake.NewHTTPs(t, 3)
	state := "state " + t.TempDir() + "/gtm.state"
	withState := func(i int) string { return strings.Replace(restless(web, i), "ecs off", state, 1) }

	s := start(t, withState(0))
	load := s.load(t, "www.example.org", exactly("192.0.2.10", "192.0.2.11", "192.0.2.12"))
	for i := range len(failedReloads) {
		s.mustReload(t, withState(i))
		if s.reloadTo(t, failedReloads[i].corefile(t, web[0], web[1])) == nil {
			t.Errorf("the reload with %s did not fail", failedReloads[i].name)
		}
		load.more(t)
	}
	load.end(t)
	web[2].Hang() // probes in flight are called off
	passesOf(t, web[2], 0)
	s.stop(t)
	for _, w := range web {
		w.Down()
	}
	wantChecks(t, 0)
	eventually(t, func() string { return leakOfOurs(before) })
}

// leakOfOurs is the stacks of our goroutines that began since.
func leakOfOurs(since goleak.Option) string {
	err := goleak.Find(since)
	if err == nil {
		return ""
	}
	return strings.Join(onlyOurs(err.Error()), "\n\n")
}

// TestLeaksAreFound is that the test above can fail.
func TestLeaksAreFound(t *testing.T) {
	before := goleak.IgnoreCurrent()
	web := fake.NewHTTP(t)
	s := start(t, block(".", oneMember("going-on", "192.0.2.10", web, "")))
	if leakOfOurs(before) == "" || len(ours()) == 0 {
		t.Error("a server at work shows no goroutine of ours")
	}
	s.stop(t)
	eventually(t, func() string { return leakOfOurs(before) })
}
