package test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestAlertRestart is that what lasts over a restart is told again, and its end, too.
func TestAlertRestart(t *testing.T) {
	backends, sink, second := fake.NewHTTPs(t, 1), fake.NewSink(t), fake.NewSink(t)
	body := func(url string) string {
		return alertBody(backends, "state "+filepath.Join(t.TempDir(), "gtm.json")+"\nnotify hook webhook "+url+" {\non check_down member_down failover_switched\n}")
	}
	corefile := body(sink.URL)
	s := start(t, corefile)
	checksUp(t, 1)
	backends[0].Down()
	eventually(t, func() string { return unless(len(notices(t, sink)) == 3, "not all was told") })
	s.stop(t)
	s = start(t, strings.Replace(corefile, sink.URL, second.URL, 1))
	eventually(t, func() string { return unless(len(notices(t, second)) == 3, "not all was told again") })
	backends[0].Up(t)
	eventually(t, func() string { return unless(len(notices(t, second)) == 6, "not all ends were told") })
	got := strings.Join(notices(t, second), ", ")
	for _, want := range []string{"firing check_down", "firing member_down a", "firing failover_switched site", "resolved check_up", "resolved member_up a", "resolved failover_back site"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing: told %s", want, got)
		}
	}
	s.stop(t)
}

// TestAlertReloadEnds is that a reload ends what it takes away: the check, the order
// of sets, the domain by whose name it was told; and what goes on has its own name.
func TestAlertReloadEnds(t *testing.T) {
	backends, sink := fake.NewHTTPs(t, 1), fake.NewSink(t)
	hook := "notify hook webhook " + sink.URL + " {\non check_down failover_switched domain_down\n}\n"
	before := alertBody(backends, hook+"domain a.example.org b.example.org use web")
	s := start(t, before)
	checksUp(t, 1)
	backends[0].Down()
	eventually(t, func() string { return unless(len(notices(t, sink)) == 3, "not all was told") })
	if err := s.reload(t, strings.NewReplacer("set web\n", "", "a.example.org b.", "b.").Replace(before)); err != nil {
		t.Fatal(err)
	}
	wants := func(want string) {
		t.Helper()
		eventually(t, func() string {
			got := strings.Join(notices(t, sink), ", ")
			return unless(strings.Contains(got, want), "not told: "+want+": "+got)
		})
	}
	wants("resolved failover_switched site")
	wants("resolved domain_down")
	if got := strings.Join(notices(t, sink), ", "); strings.Count(got, "firing domain_down") != 2 || strings.Contains(got, "resolved check") {
		t.Errorf("told %s", got)
	}
	if err := s.reload(t, strings.Replace(alertBody(backends, hook), "check alive\n", "", 2)); err != nil {
		t.Fatal(err)
	}
	wants("resolved check_down")
}
