//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// growthSpread is the median of some values, with the least and the most of them.
type growthSpread struct{ least, median, most float64 }

func (s growthSpread) String() string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", s.median, s.least, s.most)
}

// growthSpreadOf is that of a figure over the turns of one N.
func growthSpreadOf(rows []growthRow, series string, n int, figure func(growthRow) float64) growthSpread {
	var values []float64
	for _, r := range rows {
		if r.series == series && r.n == n {
			values = append(values, figure(r))
		}
	}
	if len(values) == 0 {
		return growthSpread{}
	}
	slices.Sort(values)
	return growthSpread{values[0], values[len(values)/2], values[len(values)-1]}
}

// printGrowth prints the line of one N.
func printGrowth(out io.Writer, rows []growthRow, n int) {
	of := func(figure func(growthRow) float64) growthSpread {
		return growthSpreadOf(rows, rows[0].series, n, figure)
	}
	fmt.Fprintf(out, "%16d   %-28v %-20v %-8.0f %-26v %-10.2f %.1f\n", n,
		of(func(r growthRow) float64 { return r.cpu }),
		of(func(r growthRow) float64 { return r.times }),
		of(func(r growthRow) float64 { return r.rss }).median,
		of(func(r growthRow) float64 { return milliseconds(r.flip) }),
		of(func(r growthRow) float64 { return r.start.Seconds() }).median,
		of(func(r growthRow) float64 { return r.settle.Seconds() }).median)
}

// writeGrowth writes every turn to a file, for whoever draws it.
func writeGrowth(name string, rows []growthRow) error {
	var b bytes.Buffer
	b.WriteString("series,n,round,cpu_us,cpu_times,rss_mb,flip_ms,start_s,settle_s,qps\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%s,%d,%d,%.3f,%.3f,%.1f,%.3f,%.2f,%.2f,%.0f\n",
			r.series, r.n, r.round+1, r.cpu, r.times, r.rss, milliseconds(r.flip), r.start.Seconds(), r.settle.Seconds(), r.qps)
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
