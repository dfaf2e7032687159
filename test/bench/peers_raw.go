//go:build linux

package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// rawColumns are those of the CSV file, with what stands in them.
var rawColumns = []struct {
	name string
	of   func(t turn) any
}{
	{"work", func(t turn) any { return t.work }},
	{"server", func(t turn) any { return t.peer }},
	{"round", func(t turn) any { return t.round }},
	{"cpu_us", func(t turn) any { return t.full.cpu() }},
	{"user_s", func(t turn) any { return t.full.spent.user.Seconds() }},
	{"system_s", func(t turn) any { return t.full.spent.system.Seconds() }},
	{"seconds", func(t turn) any { return t.full.took.Seconds() }},
	{"answers", func(t turn) any { return t.full.completed }},
	{"lost", func(t turn) any { return t.full.lost }},
	{"qps", func(t turn) any { return t.full.qps() }},
	{"busy", func(t turn) any { return t.full.busy() }},
	{"paced_cpu_us", paced(func(t turn) any { return t.paced.cpu() })},
	{"paced_qps", paced(func(t turn) any { return t.paced.qps() })},
	{"paced_lost", paced(func(t turn) any { return t.paced.lost })},
	{"p50_us", paced(func(t turn) any { return micros(part(t.paced.latencies, 50)) })},
	{"p99_us", paced(func(t turn) any { return micros(part(t.paced.latencies, 99)) })},
	{"resident_mb", func(t turn) any { return t.resident }},
}

// paced is a column that is empty where there was no load at a fixed rate.
func paced(of func(t turn) any) func(t turn) any {
	return func(t turn) any {
		if t.paced.completed == 0 {
			return ""
		}
		return of(t)
	}
}

func micros(d time.Duration) int64 { return d.Microseconds() }

// save writes every turn, below comments that say where it was.
func (r *results) save(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	for _, m := range r.machine {
		fmt.Fprintf(f, "# %s: %s\n", m.name, m.value)
	}
	for _, v := range r.versions {
		fmt.Fprintf(f, "# %s: %s, %s\n", v.peer, v.version, v.what)
	}
	for _, l := range r.left {
		fmt.Fprintf(f, "# left out: %s %s: %v\n", l.peer, l.work, l.why)
	}
	w := csv.NewWriter(f)
	var row []string
	for _, c := range rawColumns {
		row = append(row, c.name)
	}
	err = w.Write(row)
	for _, t := range r.turns {
		row = row[:0]
		for _, c := range rawColumns {
			row = append(row, cell(c.of(t)))
		}
		err = errors.Join(err, w.Write(row))
	}
	w.Flush()
	return errors.Join(err, w.Error(), f.Close())
}

// cell is a value as CSV has it.
func cell(v any) string {
	if x, ok := v.(float64); ok {
		return strconv.FormatFloat(x, 'g', 6, 64)
	}
	return fmt.Sprint(v)
}
