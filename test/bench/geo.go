//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

const geoIntro = `geo starts CoreDNS with a geo file, and says how long that takes and how much
memory. Then it asks 1,000 questions a second while a new version of the file is
renamed over the old one, again and again, and says how long answers take while
that is read, against just before.

    go run ./test/bench geo -file geodata/city-ipv4.mmdb -policy distance -procs 1

The first questions of each round wait for the watch of the files, which looks
every 5 seconds. With a -max flag, the exit code says whether the goal was reached.
`

// geoRun is what the command line asks for.
type geoRun struct {
	file      string
	policy    string // in corefiles
	procs     int    // GOMAXPROCS of CoreDNS
	rounds    int
	before    time.Duration
	binary    string        // or "": it is built
	maxLoad   time.Duration // 0: no goal
	maxRSS    float64       // MB; 0: no goal
	maxSlower float64       // p99 while the file is read, by that before; 0: no goal
}

// geo is the command.
func geo(args []string, out io.Writer) error {
	var g geoRun
	flags := flag.NewFlagSet("geo", flag.ContinueOnError)
	flags.StringVar(&g.file, "file", "geodata/city-ipv4.mmdb", "the geo `file`")
	flags.StringVar(&g.policy, "policy", "distance", "`kind` of policy: country, distance or nearest")
	flags.IntVar(&g.procs, "procs", 1, "GOMAXPROCS of CoreDNS")
	flags.IntVar(&g.rounds, "rounds", 5, "how many new versions of the file")
	flags.DurationVar(&g.before, "before", 5*time.Second, "how long to ask before each new version")
	flags.StringVar(&g.binary, "coredns", "", "CoreDNS's `binary`; by default it is built")
	flags.DurationVar(&g.maxLoad, "max-load", 0, "goal: it answers at most so long after it was started, and has a new version at work so soon")
	flags.Float64Var(&g.maxRSS, "max-rss", 0, "goal: at most so many `MB` resident, ever")
	flags.Float64Var(&g.maxSlower, "max-slower", 0, "goal: p99 grows at most so many `times` while a file is read (median of the rounds)")
	if err := parse(flags, geoIntro, args); err != nil {
		return err
	}
	cost, err := g.measure()
	if err != nil {
		return err
	}
	if err := cost.print(out, g); err != nil {
		return err
	}
	return cost.judge(g)
}

// geoCost is what was measured.
type geoCost struct {
	load, loadCPU   time.Duration // from start to the first answer
	loadPeak, ready float64       // MB until then: at most, and then
	peak, rss       float64       // MB ever, and at the end
	rounds          []geoRound
}

// geoRound is what a new version of the file did.
type geoRound struct {
	reload, cpu    time.Duration // from when the file was opened until it was at work
	before, during []time.Duration
}

// slower is the ratio of the times of answers at p99.
func (r geoRound) slower() float64 {
	return float64(part(r.during, 99)) / float64(part(r.before, 99))
}

func (g geoRun) measure() (cost geoCost, err error) {
	s, err := startServer(g)
	if err != nil {
		return cost, err
	}
	defer s.stop()
	cost.load = s.took
	if cost.loadCPU, err = s.cpuTime(); err != nil {
		return cost, err
	}
	if cost.loadPeak, cost.ready, err = s.memory(); err != nil {
		return cost, err
	}
	load, err := startLoad(s.addr)
	if err != nil {
		return cost, err
	}
	defer load.stop()
	for n := range g.rounds {
		r, err := s.round(load, n, g.before)
		if err != nil {
			return cost, fmt.Errorf("round %d: %w", n+1, err)
		}
		cost.rounds = append(cost.rounds, r)
	}
	cost.peak, cost.rss, err = s.memory()
	return cost, err
}

// round renames a new version over the file, and waits until it is at work.
func (s *server) round(l *load, n int, before time.Duration) (r geoRound, err error) {
	<-time.After(before)
	if r.before, err = l.take(); err != nil {
		return r, err
	}
	opened, err := s.renew(n)
	if err != nil {
		return r, err
	}
	if err := wait(opened, "the file is opened"); err != nil {
		return r, err
	}
	if _, err := l.take(); err != nil { // it waited for the watch
		return r, err
	}
	start := time.Now()
	cpu, err := s.cpuTime()
	if err != nil {
		return r, err
	}
	if err := wait(l.turned(n), "the file is at work"); err != nil {
		return r, err
	}
	r.reload = time.Since(start)
	if r.during, err = l.take(); err != nil {
		return r, err
	}
	r.cpu, err = s.cpuTime()
	r.cpu -= cpu
	return r, err
}

// wait waits for what may never come.
func wait(c <-chan struct{}, what string) error {
	select {
	case <-c:
		return nil
	case <-time.After(2 * time.Minute):
		return errors.New("not after two minutes: " + what)
	}
}

// print writes the table.
func (c geoCost) print(out io.Writer, g geoRun) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "%s, policy by %s, GOMAXPROCS=%d\n\n", filepath.Base(g.file), g.policy, g.procs)
	fmt.Fprintf(w, "start\t%.2f s, %.2f s of CPU, %.0f MB at most, %.0f MB then\n", c.load.Seconds(), c.loadCPU.Seconds(), c.loadPeak, c.ready)
	for _, r := range c.rounds {
		fmt.Fprintf(w, "new version\t%.2f s, %.2f s of CPU with the answers\tbefore: p50 %v, p99 %v\twhile it is read: p50 %v, p99 %v, most %v of %d\tp99: %.2f times\n",
			r.reload.Seconds(), r.cpu.Seconds(), part(r.before, 50), part(r.before, 99),
			part(r.during, 50), part(r.during, 99), part(r.during, 100), len(r.during), r.slower())
	}
	reload, slower := c.medians()
	fmt.Fprintf(w, "median\t%.2f s\tp99: %.2f times\n", reload.Seconds(), slower)
	fmt.Fprintf(w, "resident\t%.0f MB at most, %.0f MB at the end\n", c.peak, c.rss)
	return w.Flush()
}

// medians are those of the rounds.
func (c geoCost) medians() (reload time.Duration, slower float64) {
	var reloads []time.Duration
	var ratios []float64
	for _, r := range c.rounds {
		reloads, ratios = append(reloads, r.reload), append(ratios, r.slower())
	}
	if len(ratios) == 0 {
		return 0, 0
	}
	slices.Sort(reloads)
	slices.Sort(ratios)
	return reloads[len(reloads)/2], ratios[len(ratios)/2]
}

// judge says which goals were missed.
func (c geoCost) judge(g geoRun) error {
	var missed []error
	reload, slower := c.medians()
	if longest := max(c.load, reload); g.maxLoad > 0 && longest > g.maxLoad {
		missed = append(missed, fmt.Errorf("%v until it was read, and the goal is %v", longest.Round(time.Millisecond), g.maxLoad))
	}
	if g.maxRSS > 0 && c.peak > g.maxRSS {
		missed = append(missed, fmt.Errorf("%.0f MB resident, and the goal is %.0f MB", c.peak, g.maxRSS))
	}
	if g.maxSlower > 0 && (slower > g.maxSlower || slower == 0) {
		missed = append(missed, fmt.Errorf("p99 is %.2f times that before, and the goal is %.2f times", slower, g.maxSlower))
	}
	return errors.Join(missed...)
}
