//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// results are all turns, and who had none.
type results struct {
	machine  []fact
	versions []version
	turns    []turn
	left     []leaving
}

// version is a server that took part.
type version struct{ peer, what, version string }

// leaving is a server that was left out.
type leaving struct {
	peer, work string // work "": of all
	why        error
}

func (r *results) leave(peer, work string, why error) {
	r.left = append(r.left, leaving{peer, work, why})
}

func (r *results) isOut(peer, work string) bool {
	return slices.ContainsFunc(r.left, func(l leaving) bool { return l.peer == peer && l.work == work })
}

// of are a server's turns at a kind of work.
func (r *results) of(peer, work string) []turn {
	var all []turn
	for _, t := range r.turns {
		if t.peer == peer && t.work == work {
			all = append(all, t)
		}
	}
	return all
}

// spread is the median of numbers, the least and the most.
type spread struct{ median, least, most float64 }

func spreadOf(numbers []float64) spread {
	if len(numbers) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(numbers))
	n := len(sorted)
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

func (s spread) text(digits int) string {
	return fmt.Sprintf("%.*f (%.*f to %.*f)", digits, s.median, digits, s.least, digits, s.most)
}

// over is the spread of a number of each turn.
func over(turns []turn, number func(turn) float64) spread {
	var all []float64
	for _, t := range turns {
		all = append(all, number(t))
	}
	return spreadOf(all)
}

// ratio is what an answer of one server costs by that of another, in each round
// that both have.
func (r *results) ratio(one, other, work string) (s spread, ok bool) {
	var all []float64
	for _, a := range r.of(one, work) {
		for _, b := range r.of(other, work) {
			if a.round == b.round {
				all = append(all, a.full.cpu()/b.full.cpu())
			}
		}
	}
	return spreadOf(all), len(all) > 0
}

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

// printWork writes the table of a kind of work.
func (r *results) printWork(b *strings.Builder, work, what string, run peersRun) {
	if !slices.ContainsFunc(r.turns, func(t turn) bool { return t.work == work }) {
		return
	}
	fmt.Fprintf(b, "\n%s: %s. Medians (least to most) of %d rounds.\n\n", work, what, run.rounds)
	head := []string{"server", "CPU µs per query", "fast path by it", "normal path by it", "queries/s", "core used", "lost", "resident MB"}
	if run.rate > 0 {
		head = append(head, fmt.Sprintf("at %d/s: CPU µs", run.rate), "p50 µs", "p99 µs")
	}
	head = append(head, "remark")
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, v := range r.versions {
		if turns := r.of(v.peer, work); len(turns) > 0 {
			fmt.Fprintf(b, "| %s |\n", strings.Join(r.row(v.peer, work, turns, run.rate > 0), " | "))
		}
	}
}

// row is a server's line.
func (r *results) row(peer, work string, turns []turn, paced bool) []string {
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
	if paced {
		at := func(percent int) string {
			return fmt.Sprintf("%.0f", over(turns, func(t turn) float64 {
				return float64(part(t.paced.latencies, percent)) / float64(time.Microsecond)
			}).median)
		}
		cells = append(cells, fmt.Sprintf("%.2f", over(turns, func(t turn) float64 { return t.paced.cpu() }).median), at(50), at(99))
	}
	return append(cells, turns[0].remark)
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
