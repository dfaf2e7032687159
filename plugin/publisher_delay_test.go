package gtm

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// step is what happens to a block at an instant, and what it then answers.
type step struct {
	at     time.Duration
	orders string // of drive
	want   string // of text
}

func (pub *publisher) follow(t *testing.T, start time.Time, steps []step) {
	t.Helper()
	for _, s := range steps {
		advance(time.Until(start.Add(s.at)))
		pub.drive(t, s.orders)
		snap := pub.snapshot.Load()
		if got := snap.text(pool.IPv4); got != s.want {
			t.Errorf("at %v, %q: got %q, want %q", s.at, s.orders, got, s.want)
		}
		want := strings.NewReplacer("a ", "a6 ", "b ", "b6 ").Replace(s.want)
		if got := snap.text(pool.IPv6); snap.domains[0].families[pool.IPv6] && got != want {
			t.Errorf("at %v, %q: got %q for IPv6, want %q", s.at, s.orders, got, want)
		}
	}
}

// TestDelays says at which instant a failover moves, with one family or with two
// that fare alike.
func TestDelays(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name, options string
		steps         []step
	}{
		{"no delays", "", []step{
			{0, "", "active a 60"},
			{0, "-a", "backup b 5"},
			{1 * s, "+a", "active a 60"},
			{2 * s, "-a -b", "serve_all a 5"},
			{3 * s, "+b", "backup b 5"},
		}},
		{"failover_delay", "failover_delay 30s", []step{
			{0, "+a +b", "active a 60"},
			{10 * s, "-a", "failover_delay a 5"},
			{40*s - 1, "", "failover_delay a 5"},
			{40 * s, "", "backup b 5"},
			{50 * s, "+a", "active a 60"},
		}},
		{"failover_delay, and back in time", "failover_delay 30s", []step{
			{0, "+a +b", "active a 60"},
			{10 * s, "-a", "failover_delay a 5"},
			{40*s - 1, "+a", "active a 60"},
			{41 * s, "-a", "failover_delay a 5"},
			{71*s - 1, "", "failover_delay a 5"},
			{71 * s, "", "backup b 5"},
		}},
		{"failover_delay goes on under other changes", "failover_delay 30s", []step{
			{0, "+a +b", "active a 60"},
			{10 * s, "-a", "failover_delay a 5"},
			{20 * s, "~b", "failover_delay a 5"},
			{30 * s, "+b", "failover_delay a 5"},
			{40*s - 1, "", "failover_delay a 5"},
			{40 * s, "", "backup b 5"},
		}},
		{"failover_delay not at start", "failover_delay 30s", []step{
			{0, "", "active a 60"},
			{1, "-a", "backup b 5"},
		}},
		{"failover_delay not where nothing else is available", "failover_delay 30s", []step{
			{0, "+a +b", "active a 60"},
			{1 * s, "-b", "active a 60"},
			{2 * s, "-a", "serve_all a 5"},
			{3 * s, "+b", "failover_delay a 5"},
			{32*s - 1, "", "failover_delay a 5"},
			{32 * s, "", "backup b 5"},
		}},
		{"failback_delay", "failback_delay 1m", []step{
			{0, "+a +b", "active a 60"},
			{10 * s, "-a", "backup b 5"},
			{20 * s, "+a", "backup b 5"},
			{80*s - 1, "", "backup b 5"},
			{80 * s, "", "active a 60"},
		}},
		{"failback_delay, an outage starts it anew", "failback_delay 1m", []step{
			{0, "+a +b", "active a 60"},
			{10 * s, "-a", "backup b 5"},
			{20 * s, "+a", "backup b 5"},
			{50 * s, "-a", "backup b 5"},
			{51 * s, "+a", "backup b 5"},
			{111*s - 1, "", "backup b 5"},
			{111 * s, "", "active a 60"},
		}},
		{"failback_delay ends when the backup does", "failback_delay 1m", []step{
			{0, "+a +b", "active a 60"},
			{10 * s, "-a", "backup b 5"},
			{20 * s, "+a", "backup b 5"},
			{21 * s, "-b", "active a 60"},
		}},
		{"hold", "recovery hold", []step{
			{0, "+a +b", "active a 60"},
			{1 * s, "-a", "backup b 60"},
			{2 * s, "+a", "held b 60"},
			{3 * s, "-b", "active a 60"},
		}},
		{"manual", "recovery manual", []step{
			{0, "+a +b", "active a 60"},
			{1 * s, "-a", "locked b 60"},
			{2 * s, "+a", "locked b 60"},
			{3 * s, "-b", "active a 60"},
		}},
		{"a streak has the min", "", []step{
			{0, "+a +b", "active a 60"},
			{1 * s, "~a", "active a 5"},
			{2 * s, "+a", "active a 60"},
			{3 * s, "~b", "active a 60"},
		}},
		{"pin", "pin two", []step{
			{0, "+a +b", "pinned b 60"},
			{1 * s, "-b", "pinned b 60"},
		}},
	} {
		for kind, body := range map[string]string{"one family": twoSets(test.options), "two": dual(twoSets(test.options))} {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
					pub := launch(t, r, body, nil)
					pub.follow(t, time.Now(), test.steps)
					pub.stop(true)
					r.Close()
				})
			})
		}
	}
}
