package gtm

import (
	"sync/atomic"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

const subsystem = "gtm"

// The metrics of what happens once in a while. Those of what is are collected
// from the blocks when they are asked for, and so vanish with their objects.
var (
	probes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: subsystem, Name: "probes_total",
		Help: "Probes made, by kind of check, verdict and reason.",
	}, []string{"kind", "verdict", "reason"})
	durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: plugin.Namespace, Subsystem: subsystem, Name: "probe_duration_seconds",
		Help:    "How long probes took that said something about their target, by kind of check.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 14), // 1 ms to 8 s
	}, []string{"kind"})
	freezes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: subsystem, Name: "check_freezes_total",
		Help: "Mass failures at which the states of checks were frozen, by kind of check.",
	}, []string{"kind"})
	checkChanges = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: subsystem, Name: "check_changes_total",
		Help: "Changes of a check's status, by kind of check and new status.",
	}, []string{"kind", "to"})
	fastQueries = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: subsystem, Name: "fast_path_queries_total",
		Help: "Queries that reached the fast path, by listener and by what became of them.",
	}, []string{"server", "outcome"})
	fastPanics = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: subsystem, Name: "fast_path_panics_total",
		Help: "Faults on the fast path that were caught; the query was handed over.",
	})
	adminPanics = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: subsystem, Name: "admin_panics_total",
		Help: "Faults in the admin API that were caught.",
	})

	answersDesc   = desc("answers_total", "Queries for a domain that were decided, by reason.", "gtm", "domain", "reason")
	memberDesc    = desc("member_available", "Whether a member is available (1) or not (0).", "gtm", "pool", "member")
	givenDesc     = desc("member_answers_total", "Answers that have a member.", "gtm", "pool", "member")
	ordersDesc    = desc("orders", "Operators' orders that stand.", "gtm")
	plansDesc     = desc("plans_executed", "Recovery plans that are executed.", "gtm")
	activeSetDesc = desc("failover_active", "Whether a set is its failover's active one (1) or not (0).", "gtm", "failover", "family", "set")
	switchesDesc  = desc("failover_switches_total", "Changes of a failover's active set.", "gtm", "failover")
	sentDesc      = desc("notify_sent_total", "Messages that a sink of alerts took.", "gtm", "sink")
	failedDesc    = desc("notify_failed_total", "Tries to send to a sink of alerts that failed.", "gtm", "sink")
	droppedDesc   = desc("notify_dropped_total", "Messages that a sink of alerts did not get: its queue was full, or trying was of no use.", "gtm", "sink")
	checkUpDesc   = desc("check_up", "Whether a member's check is up (1) or down (0); it is missing before the first verdict.", "gtm", "pool", "member", "check")
	builtDesc     = desc("geoip_build_timestamp_seconds", "When a geo file at work was built, by its metadata.", "gtm", "file")
	geoFailsDesc  = desc("geoip_reload_failures_total", "Times that a changed geo file could not be used.", "gtm", "file")
	tableFailDesc = desc("latency_table_reload_failures_total", "Times that a changed latency table could not be used.", "gtm", "file")
	checksDesc    = desc("checks", "Checks that are being probed, each once.")
	heldDesc      = desc("checks_held", "Checks that flap damping holds down.")
	frozenDesc    = desc("checks_frozen", "Checks whose states a mass failure has frozen.")
	inFlightDesc  = desc("probes_in_flight", "Probes that are being made.")
	mostDesc      = desc("probes_max", "Probes that may be in flight.")
	lateDesc      = desc("probes_late_total", "Probes that began 100 ms or more after their time.")
	panicsDesc    = desc("probe_panics_total", "Faults of probes that were caught.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, subsystem, name), help, labels, nil)
}

// reasons are all that a domain's answers are counted by.
var reasons = [...]policy.Reason{
	policy.Reason(pool.First.String()), policy.Reason(pool.Backup.String()), policy.Reason(pool.Held.String()),
	policy.Reason(pool.Locked.String()), policy.Reason(pool.Delayed.String()), policy.Reason(pool.Pinned.String()),
	policy.Reason(pool.Resort.String()), policy.Reason(pool.ServeAll.String()),
	policy.Default, policy.MissingFamily, policy.OtherFamily, policy.AllDownAnswer,
}

// counters count a domain's answers, by reason.
type counters struct {
	byReason [len(reasons)]atomic.Uint64
}

func (c *counters) count(r policy.Reason) {
	for i, reason := range reasons {
		if reason == r {
			c.byReason[i].Add(1)
			return
		}
	}
}

// shareCounters lets domains and files that were there before go on counting.
func (p *plan) shareCounters(old *plan) {
	before := make(map[string]*counters, len(old.domains))
	for _, d := range old.domains {
		before[d.Name] = d.counters
	}
	for _, d := range p.domains {
		if c := before[d.Name]; c != nil {
			d.counters = c
		}
	}
	p.given.goOn(p, old)
	for file := range p.failures {
		if n := old.failures[file]; n != nil {
			p.failures[file] = n
		}
	}
}

// startAtZero makes the metrics of every kind of check appear before anything
// happens: a counter that comes into being with its first event hides it from
// rate().
func startAtZero() {
	for _, kind := range healthcheck.Kinds() {
		probes.WithLabelValues(string(kind), healthcheck.Pass.String(), "")
		for _, reason := range healthcheck.Reasons() {
			probes.WithLabelValues(string(kind), reason.Verdict().String(), reason.String())
		}
		durations.WithLabelValues(string(kind))
		freezes.WithLabelValues(string(kind))
		for _, to := range []healthcheck.Status{healthcheck.Up, healthcheck.Down} {
			checkChanges.WithLabelValues(string(kind), to.String())
		}
	}
}

func countResult(c healthcheck.Check, r healthcheck.Result) {
	kind := string(c.Options.Value().Kind)
	probes.WithLabelValues(kind, r.Verdict.String(), r.Reason.Class().String()).Inc()
	if r.Verdict != healthcheck.Inconclusive {
		durations.WithLabelValues(kind).Observe(r.RTT.Seconds())
	}
}

// Describe implements prometheus.Collector.
func (l *life) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		answersDesc, memberDesc, givenDesc, ordersDesc, plansDesc, activeSetDesc, switchesDesc, builtDesc, geoFailsDesc, tableFailDesc,
		checkUpDesc, checksDesc, heldDesc, frozenDesc, inFlightDesc, mostDesc, lateDesc, panicsDesc,
		sentDesc, failedDesc, droppedDesc,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector: the blocks as they are now. Of two
// generations of a block the newer one counts.
func (l *life) Collect(ch chan<- prometheus.Metric) {
	stats := l.registry.Stats()
	for _, g := range []struct {
		desc  *prometheus.Desc
		value int
	}{{checksDesc, stats.Checks}, {heldDesc, stats.Held}, {frozenDesc, stats.Frozen}, {inFlightDesc, stats.InFlight}, {mostDesc, stats.Most}} {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(g.value))
	}
	ch <- prometheus.MustNewConstMetric(lateDesc, prometheus.CounterValue, float64(stats.Late))
	ch <- prometheus.MustNewConstMetric(panicsDesc, prometheus.CounterValue, float64(stats.Panics))
	for _, b := range l.newest() {
		b.collect(ch)
	}
}

func (b *instance) collect(ch chan<- prometheus.Metric) {
	name := b.plan.name
	b.collectSinks(ch)
	for _, d := range b.plan.domains {
		for i, reason := range reasons {
			n := d.counters.byReason[i].Load()
			if n > 0 || i == 0 {
				ch <- prometheus.MustNewConstMetric(answersDesc, prometheus.CounterValue, float64(n), name, d.Name, string(reason))
			}
		}
	}
	for i, m := range b.plan.members {
		ch <- prometheus.MustNewConstMetric(memberDesc, prometheus.GaugeValue, oneIf(b.publisher.board.health(i)&pool.Available != 0), name, m.Pool.Name, m.ID)
		ch <- prometheus.MustNewConstMetric(givenDesc, prometheus.CounterValue, float64(b.plan.given.members[i].Load()), name, m.Pool.Name, m.ID)
	}
	for i := range b.plan.checks {
		s := b.publisher.board.state(i)
		if m := b.plan.members[b.plan.ownerOf[i]]; s.Status != healthcheck.Unknown {
			ch <- prometheus.MustNewConstMetric(checkUpDesc, prometheus.GaugeValue, oneIf(s.Status == healthcheck.Up), name, m.Pool.Name, m.ID, b.plan.labels[i])
		}
	}
	snap := b.publisher.snapshot.Load()
	ch <- prometheus.MustNewConstMetric(ordersDesc, prometheus.GaugeValue, float64(len(snap.standing.orders)), name)
	ch <- prometheus.MustNewConstMetric(plansDesc, prometheus.GaugeValue, float64(snap.standing.executed()), name)
	for _, f := range snap.atlas.Files {
		ch <- prometheus.MustNewConstMetric(builtDesc, prometheus.GaugeValue, float64(f.Built.Unix()), name, f.Name)
		ch <- prometheus.MustNewConstMetric(geoFailsDesc, prometheus.CounterValue, float64(b.plan.failures[f.Name].Load()), name, f.Name)
	}
	for _, file := range b.plan.tables {
		ch <- prometheus.MustNewConstMetric(tableFailDesc, prometheus.CounterValue, float64(b.plan.failures[file].Load()), name, file)
	}
	for i, f := range snap.failovers {
		v := snap.views.At(i)
		ch <- prometheus.MustNewConstMetric(switchesDesc, prometheus.CounterValue, float64(b.publisher.switches[i].Load()), name, f.Name)
		for _, fam := range v.Failover.Judged() {
			active := v.Active(fam)
			for i, set := range v.Failover.Sets {
				ch <- prometheus.MustNewConstMetric(activeSetDesc, prometheus.GaugeValue, oneIf(i == active), name, v.Failover.Name, fam.String(), set.Name)
			}
		}
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
