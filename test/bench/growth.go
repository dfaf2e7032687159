//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const growthIntro = `growth starts CoreDNS with 1, 10, 100... 100,000 domains, members or rules, and says
what a query costs then, how much memory there is, and how soon a failover is seen
in answers. The server has a core of its own, and dnsperf, which asks, another one.
Each configuration takes turns with that of one.

    go run ./test/bench growth -out docs/bench/growth.csv

The series:

    domains   N domains that share one failover; all are asked, at random
    members   N members in pools of ten, each pool with a failover and a domain of its own
    pool      N members in one pool
    rules     N rules of a /24 in one geo policy; clients of all are asked for, at random

With -max-growth, the exit code says whether the goal was reached.
`

// growthRun is what the command line asks for.
type growthRun struct {
	series    string // names, with commas
	most      int
	rounds    int
	window    time.Duration
	path      string // normal or fast
	out       string // the file of all rows
	binary    string // or "": it is built
	maxGrowth float64
}

// growth is the command.
func growth(args []string, out io.Writer) error {
	var g growthRun
	flags := flag.NewFlagSet("growth", flag.ContinueOnError)
	flags.StringVar(&g.series, "series", "domains,members,pool,rules", "`which` series")
	flags.IntVar(&g.most, "most", mostOf, "the largest `N`")
	flags.IntVar(&g.rounds, "rounds", 5, "how often each configuration has its turn")
	flags.DurationVar(&g.window, "for", time.Second, "how long it is asked in a turn; in whole seconds")
	flags.StringVar(&g.path, "path", "normal", "`how` queries are answered: normal or fast")
	flags.StringVar(&g.out, "out", "docs/bench/growth.csv", "write all that was measured to this `file`")
	flags.StringVar(&g.binary, "coredns", "", "CoreDNS's `binary`; by default it is built")
	flags.Float64Var(&g.maxGrowth, "max-growth", 0, "goal: with the most domains, a query costs at most so many `times` what it costs with one")
	if err := parse(flags, growthIntro, args); err != nil {
		return err
	}
	rows, err := g.measure(out)
	if len(rows) > 0 {
		err = errors.Join(err, writeGrowth(g.out, rows))
	}
	if err != nil {
		return err
	}
	return g.judge(rows)
}

// growthRow is what was measured in one turn.
type growthRow struct {
	series string
	n      int
	round  int
	cpu    float64       // µs per query, in user and kernel mode
	times  float64       // that, by that of N = 1 in the same round
	rss    float64       // MB resident, after the turn
	flip   time.Duration // from the failing answer of a check to the first answer to a client that knows
	start  time.Duration // from the start of the process until it served
	settle time.Duration // from when all checks had spoken until nothing was left to do
	qps    float64
}

// measure runs all series, and prints each point once it is there.
func (g growthRun) measure(out io.Writer) ([]growthRow, error) {
	if g.path != "normal" && g.path != "fast" {
		return nil, fmt.Errorf("path %q is none of normal and fast", g.path)
	}
	if g.rounds < 1 || g.window < time.Second {
		return nil, errors.New("there must be a round, and a second to ask in")
	}
	if g.most < 10 || g.most > mostOf {
		return nil, fmt.Errorf("up to %d: it must be 10 to %d", g.most, mostOf)
	}
	names := strings.Split(g.series, ",")
	for _, name := range names {
		if growthSeries[name] == nil {
			return nil, fmt.Errorf("series %q is none of domains, members, pool and rules", name)
		}
	}
	bench, err := newGrowthBench(g)
	if err != nil {
		return nil, err
	}
	defer bench.close()
	var rows []growthRow
	for _, name := range names {
		fmt.Fprintf(out, "%-8s %7s   %-28s %-20s %-8s %-26s %s\n", name, "N", "CPU µs per query", "times that of N=1", "MB", "flip to answer, ms", "start, s   settled, s")
		more, err := bench.series(name, out)
		rows = append(rows, more...)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", name, err)
		}
	}
	return rows, nil
}

// mostOf is up to what all names have one length, and all clients a network.
const mostOf = 100_000

// mostPool is more than anyone has in one pool. Each first verdict of its members
// costs as much as there are: for 10,000 that is half a minute.
const mostPool = 10_000

// series measures one series: each N in turns with N = 1.
func (b *growthBench) series(name string, out io.Writer) (rows []growthRow, err error) {
	one, err := b.start(name, 1)
	if err != nil {
		return nil, fmt.Errorf("with one: %w", err)
	}
	defer one.stop()
	most := b.most
	if name == "pool" {
		most = min(most, mostPool)
	}
	for n := 10; n <= most; n *= 10 {
		more, err := b.point(one, name, n)
		if err != nil {
			return rows, fmt.Errorf("with %d: %w", n, err)
		}
		if n == 10 {
			printGrowth(out, more, 1)
		}
		printGrowth(out, more, n)
		rows = append(rows, more...)
	}
	return rows, nil
}

// point measures one N, in turns with N = 1; who begins takes turns, too.
func (b *growthBench) point(one *grown, name string, n int) (rows []growthRow, err error) {
	many, err := b.start(name, n)
	if err != nil {
		return nil, err
	}
	defer many.stop()
	for round := range b.rounds {
		turns := []*grown{one, many}
		if round%2 != 0 {
			slices.Reverse(turns)
		}
		var both [2]growthRow
		for i, s := range turns {
			if both[i], err = b.turn(s, round); err != nil {
				return nil, err
			}
		}
		if round%2 != 0 {
			both[0], both[1] = both[1], both[0]
		}
		both[0].times, both[1].times = 1, both[1].cpu/both[0].cpu
		rows = append(rows, both[:]...)
	}
	return rows, nil
}

// judge says whether the goal was missed.
func (g growthRun) judge(rows []growthRow) error {
	if g.maxGrowth == 0 {
		return nil
	}
	most := 0
	for _, r := range rows {
		if r.series == "domains" {
			most = max(most, r.n)
		}
	}
	ratio := growthSpreadOf(rows, "domains", most, func(r growthRow) float64 { return r.times })
	if most < 2 || ratio.median > g.maxGrowth {
		return fmt.Errorf("with %d domains, a query costs %.2f times what it costs with one, and the goal is %.2f", most, ratio.median, g.maxGrowth)
	}
	return nil
}
