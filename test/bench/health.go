//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
	"unique"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

const healthIntro = `health probes thousands of targets, all different addresses of 127.0.0.0/8, with a
registry of health checks like that of the plugin, and says what that costs this
process. What answers is another process (for ping: the kernel), but the
kernel's work on both ends of a packet on the loopback is largely counted as ours.

    go run ./test/bench health -kind http -checks 10000 -interval 10s -for 60s

With a -max flag, the exit code says whether the goal was reached.
`

// healthRun is what the command line asks for.
type healthRun struct {
	kind       string
	checks     int
	interval   time.Duration
	runIn      time.Duration
	window     time.Duration
	maxCPU     float64       // percent of one core; 0: no goal
	maxRSS     float64       // MB; 0: no goal
	maxLate    time.Duration // 0: no goal
	cpuProfile string        // file, or ""
	memProfile string        // file, or ""
}

// health is the command.
func health(args []string, out io.Writer) error {
	var h healthRun
	flags := flag.NewFlagSet("health", flag.ContinueOnError)
	flags.StringVar(&h.kind, "kind", "http", "`kind` of check: http, tcp or ping")
	flags.IntVar(&h.checks, "checks", 10_000, "how many targets")
	flags.DurationVar(&h.interval, "interval", 10*time.Second, "from one probe of a target to the next")
	flags.DurationVar(&h.runIn, "run-in", 5*time.Second, "time before the measurement; the first probes of all are made within a second")
	flags.DurationVar(&h.window, "for", time.Minute, "time of the measurement")
	flags.Float64Var(&h.maxCPU, "max-cpu", 0, "goal: at most so many `percent` of one core")
	flags.Float64Var(&h.maxRSS, "max-rss", 0, "goal: at most so many `MB` resident, ever")
	flags.DurationVar(&h.maxLate, "max-late", 0, "goal: 99 of 100 probes begin at most so much after their time")
	flags.StringVar(&h.cpuProfile, "cpuprofile", "", "write a CPU profile of the measurement to this `file`")
	flags.StringVar(&h.memProfile, "memprofile", "", "write a profile of all allocations to this `file`")
	if err := parse(flags, healthIntro, args); err != nil {
		return err
	}
	cost, err := h.measure()
	if err != nil {
		return err
	}
	if err := cost.print(out, h); err != nil {
		return err
	}
	return cost.judge(h)
}

// healthCost is what was measured.
type healthCost struct {
	cpu        float64 // percent of one core
	peak, rss  float64 // MB: ever, and at the end
	goroutines int     // the most
	results    []healthcheck.Result
}

func (h healthRun) measure() (cost healthCost, err error) {
	port := uint16(0)
	if serving[h.kind] != nil {
		child, err := startBackend(h.kind)
		if err != nil {
			return cost, err
		}
		defer child.stop()
		port = child.port
	}
	checks, err := h.list(port)
	if err != nil {
		return cost, err
	}
	var kept keptResults
	registry := healthcheck.NewRegistry(healthcheck.Config{OnResult: kept.add})
	defer registry.Close()
	if _, err := registry.Lease(healthcheck.Terms{Checks: checks}); err != nil {
		return cost, err
	}
	<-time.After(h.runIn)
	kept.take()
	if err := cost.over(h.window, h.cpuProfile); err != nil {
		return cost, err
	}
	cost.results = kept.take()
	return cost, writeAllocs(h.memProfile)
}

// list are the checks: with the defaults of their kind, each of its own target.
func (h healthRun) list(port uint16) ([]healthcheck.Check, error) {
	if h.kind != string(healthcheck.Ping) && serving[h.kind] == nil {
		return nil, fmt.Errorf("kind %q is none of http, tcp and ping", h.kind)
	}
	if h.checks < 1 || h.checks > 1<<20 {
		return nil, fmt.Errorf("%d checks: there must be 1 to %d", h.checks, 1<<20)
	}
	options := unique.Make(healthcheck.DefaultOptions(healthcheck.Kind(h.kind)))
	thresholds := healthcheck.DefaultThresholds()
	thresholds.Interval = h.interval
	thresholds.Timeout = min(thresholds.Timeout, h.interval)
	list := make([]healthcheck.Check, h.checks)
	addr := netip.MustParseAddr("127.1.0.1")
	for i := range list {
		list[i] = healthcheck.Check{
			Target:  healthcheck.Target{Host: addr.String(), Port: port},
			Options: options, Thresholds: thresholds,
		}
		addr = addr.Next()
	}
	return list, nil
}

// over measures this process for a time.
func (c *healthCost) over(window time.Duration, profile string) error {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	before, err := cpuTime()
	if err != nil {
		return err
	}
	start := time.Now()
	c.goroutines = mostGoroutines(window)
	after, err := cpuTime()
	if err != nil {
		return err
	}
	c.cpu = 100 * float64(after-before) / float64(time.Since(start))
	if c.peak, err = memory("self", "VmHWM"); err != nil {
		return err
	}
	c.rss, err = memory("self", "VmRSS")
	return err
}

// mostGoroutines waits, and looks once a second.
func mostGoroutines(window time.Duration) int {
	end := time.After(window)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	most := runtime.NumGoroutine()
	for {
		select {
		case <-tick.C:
			most = max(most, runtime.NumGoroutine())
		case <-end:
			return most
		}
	}
}

func writeAllocs(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}

// keptResults keeps results until they are taken.
type keptResults struct {
	mu      sync.Mutex // guards following
	results []healthcheck.Result
}

func (k *keptResults) add(_ healthcheck.Check, r healthcheck.Result) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.results = append(k.results, r)
}

func (k *keptResults) take() []healthcheck.Result {
	k.mu.Lock()
	defer k.mu.Unlock()
	taken := k.results
	k.results = nil
	return taken
}

// print writes the table.
func (c healthCost) print(out io.Writer, h healthRun) error {
	late, rtt := c.spread()
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "%d %s checks every %v, for %v\n\n", h.checks, h.kind, h.interval, h.window)
	fmt.Fprintf(w, "CPU\t%.1f %% of one core\n", c.cpu)
	fmt.Fprintf(w, "resident\t%.0f MB at most, %.0f MB at the end\n", c.peak, c.rss)
	fmt.Fprintf(w, "goroutines\t%d at most\n", c.goroutines)
	fmt.Fprintf(w, "probes\t%d, %.0f a second\n", len(c.results), float64(len(c.results))/h.window.Seconds())
	for verdict, n := range c.verdicts() {
		fmt.Fprintf(w, "  %s\t%d\n", verdict, n)
	}
	fmt.Fprintf(w, "late\tp50 %v, p99 %v, most %v\n", part(late, 50), part(late, 99), part(late, 100))
	fmt.Fprintf(w, "round trip\tp50 %v, p99 %v, most %v\n", part(rtt, 50), part(rtt, 99), part(rtt, 100))
	return w.Flush()
}

// spread are the sorted times of all results.
func (c healthCost) spread() (late, rtt []time.Duration) {
	for _, r := range c.results {
		late = append(late, r.Late)
		rtt = append(rtt, r.RTT)
	}
	slices.Sort(late)
	slices.Sort(rtt)
	return late, rtt
}

// verdicts counts them, in words and by these in order.
func (c healthCost) verdicts() func(yield func(string, int) bool) {
	counts := map[string]int{}
	for _, r := range c.results {
		words := r.Verdict.String()
		if r.Reason != healthcheck.NoReason {
			words += ": " + r.Reason.String()
		}
		counts[words]++
	}
	return func(yield func(string, int) bool) {
		for _, words := range slices.Sorted(maps.Keys(counts)) {
			if !yield(words, counts[words]) {
				return
			}
		}
	}
}

// part is the value that so many percent of the sorted ones do not exceed.
func part(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	at := (len(sorted)*percent + 99) / 100
	return sorted[max(at, 1)-1].Round(time.Microsecond)
}

// judge says which goals were missed.
func (c healthCost) judge(h healthRun) error {
	late, _ := c.spread()
	var missed []error
	if h.maxCPU > 0 && c.cpu > h.maxCPU {
		missed = append(missed, fmt.Errorf("%.1f %% CPU, and the goal is %.1f %%", c.cpu, h.maxCPU))
	}
	if h.maxRSS > 0 && c.peak > h.maxRSS {
		missed = append(missed, fmt.Errorf("%.0f MB resident, and the goal is %.0f MB", c.peak, h.maxRSS))
	}
	if p99 := part(late, 99); h.maxLate > 0 && (p99 > h.maxLate || len(late) == 0) {
		missed = append(missed, fmt.Errorf("%v late at p99 of %d probes, and the goal is %v", p99, len(late), h.maxLate))
	}
	return errors.Join(missed...)
}
