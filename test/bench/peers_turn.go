//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// turn is what was measured of a server in its turn.
type turn struct {
	work, peer string
	round      int
	remark     string
	full       stretch
	paced      stretch // at a fixed rate; of nothing where there was none
	resident   float64 // MB, at the end
}

// stretch is what a load did.
type stretch struct {
	report
	spent spent
}

// cpu is the processor time of an answer, in microseconds.
func (s stretch) cpu() float64 {
	return float64(s.spent.total) / float64(time.Microsecond) / float64(s.completed)
}

// qps is how many answers came in a second.
func (s stretch) qps() float64 { return float64(s.completed) / s.took.Seconds() }

// busy is the part of the core that the server used: below 1, dnsperf was slower.
func (s stretch) busy() float64 { return float64(s.spent.total) / float64(s.took) }

// take is a turn: start, check, load, load at a rate, stop.
func (r *peersRun) take(ctx context.Context, f *field, e entrant, work string) (t turn, err error) {
	t = turn{work: work, peer: e.name}
	dir, err := os.MkdirTemp(f.dir, "server-*")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	s := site{dir: dir, geo: r.asking.material.geo, plugins: strings.ReplaceAll(r.plugins, ";", "\n")}
	if s.port, err = freePort(); err != nil {
		return t, err
	}
	v, err := startPinned(ctx, r.serverCore, e.path, e.peer, e.works[work], s)
	if err != nil {
		return t, err
	}
	defer v.stop()
	if t.remark, err = v.check(e.peer, work, r.asking.material.clients); err != nil {
		return t, err
	}
	if _, err := r.asking.run(ctx, v.addr, work, r.warm, 0); err != nil {
		return t, err
	}
	if t.full, err = r.load(ctx, v, work, r.length, 0); err != nil {
		return t, err
	}
	if r.rate > 0 {
		if t.paced, err = r.load(ctx, v, work, r.rateLength, r.rate); err != nil {
			return t, err
		}
	}
	t.resident, err = v.resident()
	return t, err
}

// load loads a server once. What it spends before dnsperf's first question, and
// after the last answer, is next to nothing.
func (r *peersRun) load(ctx context.Context, v *pinned, work string, length time.Duration, rate int) (s stretch, err error) {
	before, err := v.spent()
	if err != nil {
		return s, err
	}
	if s.report, err = r.asking.run(ctx, v.addr, work, length, rate); err != nil {
		return s, err
	}
	after, err := v.spent()
	if err != nil {
		return s, fmt.Errorf("ended under load: %w: %s", err, v.lastWords())
	}
	s.spent = after.since(before)
	if s.completed == 0 || s.noError != s.completed {
		return s, fmt.Errorf("of %d answers under load, %d were NOERROR", s.completed, s.noError)
	}
	return s, nil
}
