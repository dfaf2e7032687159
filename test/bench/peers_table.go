//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// print writes tables in Markdown.
func (r *results) print(out io.Writer, run peersRun) error {
	var b strings.Builder
	fmt.Fprint(&b, "| | |\n|---|---|\n")
	for _, f := range r.machine {
		fmt.Fprintf(&b, "| %s | %s |\n", f.name, f.value)
	}
	fmt.Fprint(&b, "\n| server | version | how |\n|---|---|---|\n")
	for _, v := range r.versions {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", v.peer, v.version, v.what)
	}
	for _, w := range works {
		r.printWork(&b, w.name, w.what, run)
	}
	fmt.Fprint(&b, notes)
	for i, l := range r.left {
		if i == 0 {
			fmt.Fprint(&b, "\nLeft out:\n\n")
		}
		where := l.peer
		if l.work != "" {
			where += ", " + l.work
		}
		fmt.Fprintf(&b, "- %s: %v\n", where, l.why)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// notes say how the figures came about.
const notes = `
Each server has a core of its own and dnsperf another one; CoreDNS runs with GOMAXPROCS=1. CPU is user and
system time of the server's process, of all its threads, by the answers that dnsperf got. Where less than 100 %
of the core was used, dnsperf was the slower one, or the machine had other work. Ratios are between the turns of one
round: below 1, gtm costs less. The times of answers are of a second, slower load at a fixed rate, for which dnsperf
notes each (-v): at full load they would be those of its own queue.
`

// printWork writes the table of a kind of work.
func (r *results) printWork(b *strings.Builder, work, what string, run peersRun) {
	if !slices.ContainsFunc(r.turns, func(t turn) bool { return t.work == work }) {
		return
	}
	fmt.Fprintf(b, "\n%s: %s. Medians (least to most) of %d rounds.\n\n", work, what, run.rounds)
	head := []string{"server", "CPU µs per query", "fast path / it", "normal path / it", "queries/s", "core used", "lost", "resident MB"}
	if run.rate > 0 {
		head = append(head, fmt.Sprintf("at %d/s: CPU µs", run.rate), "p50 µs", "p99 µs")
	}
	head = append(head, "remark")
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, v := range r.versions {
		if turns := r.of(v.peer, work); len(turns) > 0 {
			fmt.Fprintf(b, "| %s |\n", strings.Join(r.row(v.peer, work, turns, run), " | "))
		}
	}
}

// row is a server's line.
func (r *results) row(peer, work string, turns []turn, run peersRun) []string {
	lost := 0
	for _, t := range turns {
		lost += t.full.lost + t.paced.lost
	}
	cells := []string{
		peer,
		over(turns, func(t turn) float64 { return t.full.cpu() }).text(2),
		r.ratioCell(fast, peer, work),
		r.ratioCell(normal, peer, work),
		fmt.Sprintf("%.0f", over(turns, func(t turn) float64 { return t.full.qps() }).median),
		fmt.Sprintf("%.0f %%", 100*over(turns, func(t turn) float64 { return t.full.busy() }).median),
		fmt.Sprint(lost),
		fmt.Sprintf("%.0f", over(turns, func(t turn) float64 { return t.resident }).median),
	}
	if run.rate > 0 {
		at := func(percent int) string {
			return fmt.Sprintf("%.0f", over(turns, func(t turn) float64 {
				return float64(part(t.paced.latencies, percent)) / float64(time.Microsecond)
			}).median)
		}
		cells = append(cells, fmt.Sprintf("%.2f", over(turns, func(t turn) float64 { return t.paced.cpu() }).median), at(50), at(99))
	}
	remark := turns[0].remark
	if n := len(turns); n < run.rounds {
		remark = strings.TrimPrefix(fmt.Sprintf("%s; %d rounds", remark, n), "; ")
	}
	return append(cells, remark)
}

func (r *results) ratioCell(one, other, work string) string {
	if one == other {
		return ""
	}
	s, ok := r.ratio(one, other, work)
	if !ok {
		return ""
	}
	return s.text(2)
}
