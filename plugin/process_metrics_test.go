package gtm

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// never is a prober that finds nothing out before its time is over.
type never struct{}

// Probe implements healthcheck.Prober.
func (never) Probe(ctx context.Context, _ healthcheck.Target) healthcheck.Result {
	<-ctx.Done()
	return healthcheck.Result{Verdict: healthcheck.Fail}
}

func TestReady(t *testing.T) {
	slow := strings.ReplaceAll(twoSets(""), "check ping", "check slow") + "\ncheck slow ping {\ninterval 10m\ntimeout 10m\n}"
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Fail), twoSets(""))
		if !p.ready() {
			t.Error("not ready with nothing to wait for")
		}
		p.do(t, "start A web")
		if p.ready() {
			t.Error("ready before the first results")
		}
		advance(2 * time.Second)
		if !p.ready() {
			t.Error("not ready after the first results: health does not matter")
		}
		p.do(t, "restart A")
		p.do(t, "start B web")
		if !p.ready() {
			t.Error("not ready after a reload that changed nothing")
		}
		p.do(t, "replaced A")
		p.do(t, "stop B")
		p.registry.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Pass), slow)
		p.registry = healthcheck.NewRegistry(healthcheck.Config{New: func(healthcheck.Options) (healthcheck.Prober, error) { return never{}, nil }})
		p.do(t, "start A web")
		if advance(readyDeadline); p.ready() {
			t.Error("ready before the deadline")
		}
		if advance(1); !p.ready() {
			t.Error("not ready after the deadline")
		}
		p.do(t, "stop A")
		p.registry.Close()
	})
}

// TestCollect says that metrics are of what is alive, each once.
func TestCollect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Inconclusive), dual(twoSets("")))
		r := prometheus.NewPedanticRegistry()
		r.MustRegister(p.life)
		count := func() string {
			t.Helper()
			families, err := r.Gather()
			if err != nil {
				t.Error(err)
			}
			var texts []string
			for _, f := range families {
				texts = append(texts, fmt.Sprintf("%s %d", strings.TrimPrefix(f.GetName(), "coredns_gtm_"), len(f.GetMetric())))
			}
			return strings.Join(texts, ", ")
		}
		const none = "checks 1, checks_frozen 1, checks_held 1, probe_panics_total 1, probes_in_flight 1, probes_late_total 1, probes_max 1"
		const one = "answers_total 1, checks 1, checks_frozen 1, checks_held 1, failover_active 4, failover_switches_total 1, member_answers_total 4, member_available 4, orders 1, plans_executed 1, probe_panics_total 1, probes_in_flight 1, probes_late_total 1, probes_max 1"
		for _, s := range [][2]string{
			{"start A web", one}, {"restart A", one}, {"start B web", one}, {"replaced A", one}, {"stop B", none},
		} {
			p.do(t, s[0])
			if got := count(); got != s[1] {
				t.Errorf("%s: got %s, want %s", s[0], got, s[1])
			}
		}
		p.registry.Close()
	})
}
