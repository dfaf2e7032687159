package gtm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// death is how what is probed dies.
type death uint8

const (
	alive   death = iota
	refuses       // its process is gone
	silent        // its host is gone
)

// Probe implements healthcheck.Prober. Backups, whose addresses begin with 198,
// live for ever.
func (d *mortal) Probe(ctx context.Context, t healthcheck.Target) healthcheck.Result {
	switch death(d.state.Load()) {
	case refuses:
		if !strings.HasPrefix(t.Host, "198.") {
			return healthcheck.Result{Verdict: healthcheck.Fail, Reason: healthcheck.ReasonRefused}
		}
	case silent:
		if !strings.HasPrefix(t.Host, "198.") {
			<-ctx.Done()
			return healthcheck.Result{Verdict: healthcheck.Fail, Reason: healthcheck.ReasonTimeout}
		}
	case alive:
	}
	return healthcheck.Result{Verdict: healthcheck.Pass}
}

type mortal struct{ state atomic.Uint32 }

// trials is how many services die at once, each with checks of its own.
const trials = 50

// TestDetection is how long it takes from a death to a changed answer, and back
// again, with interval 10s, fall 3, recheck 1s and timeout 1s: half of 50 trials
// are over within 8 s, and all within 14 s. In ten rounds, for the medians of the
// trials are to be below 8 s by what they are, not by luck.
func TestDetection(t *testing.T) {
	for how, name := range map[death]string{refuses: "refused", silent: "timeout"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m mortal
				r := healthcheck.NewRegistry(healthcheck.Config{
					New: func(healthcheck.Options) (healthcheck.Prober, error) { return &m, nil },
				})
				defer r.Close()
				pub := launch(t, r, manyServices(trials), nil)
				defer pub.stop(false)
				var there, back []time.Duration
				for range 10 {
					advance(time.Minute + rand.N(10*time.Second))
					m.state.Store(uint32(how))
					there = append(there, pub.turnTo(t, "198.51.100.1")...)
					advance(time.Minute + rand.N(10*time.Second))
					m.state.Store(uint32(alive))
					back = append(back, pub.turnTo(t, "192.0.2.")...)
				}
				within(t, "to the backup", there, 8*time.Second, 14*time.Second)
				within(t, "and back", back, 8*time.Second, 14*time.Second)
			})
		})
	}
}

// manyServices are n domains, each on a failover of its own from an address of
// its own to a shared one.
func manyServices(n int) string {
	var b strings.Builder
	b.WriteString("check web http {\ninterval 10s\nfall 3\nrecheck 1s\ntimeout 1s\n}\n")
	b.WriteString("pool backup {\naddress 198.51.100.1\ncheck web\n}\n")
	for i := range n {
		fmt.Fprintf(&b, "pool p%d {\naddress 192.0.2.%d\ncheck web\n}\n", i, i)
		fmt.Fprintf(&b, "failover f%d {\nset p%[1]d\nset backup\n}\ndomain d%[1]d.example.org use f%[1]d\n", i)
	}
	return b.String()
}

// turnTo waits until each domain answers with an address that begins so, and says
// how long each took.
func (pub *publisher) turnTo(t *testing.T, prefix string) []time.Duration {
	t.Helper()
	start := time.Now()
	took := make([]time.Duration, len(pub.plan.domains))
	q := policy.Query{Client: pool.Client{}, Family: pool.IPv4}
	for left := len(took); left > 0; advance(time.Millisecond) {
		snap := pub.snapshot.Load()
		q.Atlas = snap.atlas
		for i, d := range snap.domains {
			if took[i] != 0 {
				continue
			}
			m := d.Decide(snap.views, &q, new(policy.Room), nil).Members
			if len(m) == 1 && strings.HasPrefix(m[0].Addr.String(), prefix) {
				took[i] = max(1, time.Since(start))
				left--
			}
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("%d domains do not answer with %s", left, prefix)
		}
	}
	return took
}

func within(t *testing.T, what string, took []time.Duration, half, all time.Duration) {
	t.Helper()
	slices.Sort(took)
	p50, worst := took[len(took)/2], took[len(took)-1]
	t.Logf("%s: p50 %v, p90 %v, worst %v, of %d", what, p50, took[len(took)*9/10], worst, len(took))
	if p50 >= half || worst >= all {
		t.Errorf("%s: half of them took up to %v, want less than %v; the worst one took %v, want less than %v", what, p50, half, worst, all)
	}
}
