//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// asking is how dnsperf loads a server.
type asking struct {
	core        int // it is pinned to
	outstanding int
	sockets     int
	edns        bool
	material    *material
}

// report is what dnsperf says of a run.
type report struct {
	completed, lost int
	noError         int // of the completed
	took            time.Duration
	latencies       []time.Duration // sorted; of a run at a fixed rate only
}

// run loads a server. With a rate, each answer's time is noted, which costs
// dnsperf time: at full load it would wait for itself.
func (a asking) run(ctx context.Context, to netip.AddrPort, work string, length time.Duration, rate int) (report, error) {
	args := []string{
		"-c", strconv.Itoa(a.core), "dnsperf", "-s", to.Addr().String(), "-p", strconv.Itoa(int(to.Port())),
		"-l", strconv.FormatFloat(length.Seconds(), 'f', -1, 64), "-t", "1", "-T", "1",
		"-c", strconv.Itoa(a.sockets), "-q", strconv.Itoa(a.outstanding),
	}
	switch {
	case work == workGeo:
		args = append(args, "-B", "-d", a.material.packets)
	case a.edns:
		args = append(args, "-e", "-d", a.material.name)
	default:
		args = append(args, "-d", a.material.name)
	}
	if rate > 0 {
		args = append(args, "-v", "-Q", strconv.Itoa(rate))
	}
	cmd := exec.CommandContext(ctx, "taskset", args...)
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		return report{}, fmt.Errorf("dnsperf: %w: %s", err, strings.TrimSpace(wrong.String()))
	}
	return parseReport(string(out))
}

var (
	completedLine = regexp.MustCompile(`(?m)^  Queries completed: +(\d+)`)
	lostLine      = regexp.MustCompile(`(?m)^  Queries lost: +(\d+)`)
	tookLine      = regexp.MustCompile(`(?m)^  Run time \(s\): +([\d.]+)`)
	noErrorLine   = regexp.MustCompile(`(?m)^  Response codes: .*NOERROR (\d+)`)
)

// parseReport reads what dnsperf printed.
func parseReport(out string) (r report, err error) {
	for _, field := range []struct {
		line *regexp.Regexp
		to   *int
	}{{completedLine, &r.completed}, {lostLine, &r.lost}, {noErrorLine, &r.noError}} {
		found := field.line.FindStringSubmatch(out)
		if found == nil && field.to != &r.noError { // there may have been no answer at all
			return r, fmt.Errorf("dnsperf printed nothing like %s:\n%s", field.line, out)
		}
		if found != nil {
			if *field.to, err = strconv.Atoi(found[1]); err != nil {
				return r, err
			}
		}
	}
	found := tookLine.FindStringSubmatch(out)
	if found == nil {
		return r, fmt.Errorf("dnsperf printed nothing like %s:\n%s", tookLine, out)
	}
	if r.took, err = seconds(found[1]); err != nil {
		return r, err
	}
	r.latencies, err = parseLatencies(out)
	return r, err
}

// parseLatencies are of the lines of -v: "> RCODE NAME TYPE SECONDS". An answer
// that did not come has a T in the place of the code.
func parseLatencies(out string) (all []time.Duration, err error) {
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] != ">" || fields[1] == "T" || fields[1] == "I" {
			continue
		}
		took, err := seconds(fields[len(fields)-1])
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all, nil
}

func seconds(text string) (time.Duration, error) {
	s, err := strconv.ParseFloat(text, 64)
	return time.Duration(math.Round(s * float64(time.Second))), err
}
