package gtm

import (
	"fmt"
	"os"
	"time"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// latencyDraft is a latency policy while its block is read.
type latencyDraft struct {
	*PolicyConfig
	g *gtmDraft
}

// latencyBlock is that of policy NAME latency.
var latencyBlock = block[latencyDraft]{
	name: "policy latency",
	options: []option[latencyDraft]{
		{usage: "pool NAME...", args: someArgs, repeat: true, need: true, set: (*latencyDraft).addPools},
		{usage: "table FILE", args: oneArg, set: (*latencyDraft).setTable},
		{usage: "tolerance DURATION", args: oneArg, set: (*latencyDraft).setTolerance},
		{usage: "answers N", args: oneArg, set: (*latencyDraft).setAnswers},
		{usage: "default use TARGET", args: arity{2, 2}, need: true, set: (*latencyDraft).setDefault},
	},
}

// defaultTolerance is below what users notice.
const defaultTolerance = 10 * time.Millisecond

// readLatency reads a latency policy.
func readLatency(g *gtmDraft, what string, p *PolicyConfig, l *line) error {
	p.Latency = &LatencyConfig{Tolerance: defaultTolerance, Answers: 1}
	_, err := latencyBlock.read(what, &latencyDraft{p, g}, l, l.block)
	return err
}

func (d *latencyDraft) addPools(l *line) error {
	for _, name := range l.args() {
		d.Latency.Pools = append(d.Latency.Pools, PoolUse{l.pos, name})
	}
	return nil
}

func (d *latencyDraft) setTable(l *line) (err error) {
	if l.words[1] == "" {
		return errNameless
	}
	t := &TableConfig{Pos: l.pos, File: inRoot(d.g.root, l.words[1])}
	t.Content, err = readTableFile(t.File)
	d.Latency.Table = t
	return err
}

// maxTable bounds a latency table, in bytes: it is some million rows.
const maxTable = 64 << 20

func readTableFile(name string) ([]byte, error) {
	if info, err := os.Stat(name); err == nil && (!info.Mode().IsRegular() || info.Size() > maxTable) {
		return nil, fmt.Errorf("%s: it is no regular file of at most %d bytes", name, maxTable)
	}
	return os.ReadFile(name)
}

func (d *latencyDraft) setTolerance(l *line) (err error) {
	d.Latency.Tolerance, err = parseDuration(l.words[1], 0, time.Minute)
	return err
}

func (d *latencyDraft) setAnswers(l *line) (err error) {
	d.Latency.Answers, err = parseNumber(l.words[1], 1, policy.MaxLatencyAnswers)
	return err
}

func (d *latencyDraft) setDefault(l *line) error { return d.PolicyConfig.setDefault(l) }
