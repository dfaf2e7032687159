package gtm

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// failoverBlock is that of failover NAME.
var failoverBlock = block[FailoverConfig]{
	name: "failover",
	options: []option[FailoverConfig]{
		{usage: "set NAME { ... } | POOL...", args: someArgs, braces: mayBlock, repeat: true, need: true, of: readSet},
		{usage: "recovery " + strings.Join(pool.Recoveries(), "|"), args: oneArg, set: (*FailoverConfig).setRecovery},
		{usage: "failover_delay DURATION", args: oneArg, set: (*FailoverConfig).setFailoverDelay},
		{usage: "failback_delay DURATION", args: oneArg, set: (*FailoverConfig).setFailbackDelay},
		{usage: "pin auto|SET", args: oneArg, set: (*FailoverConfig).setPin},
	},
}

// readFailover reads a failover.
func readFailover(g *gtmDraft, l *line) error {
	f := FailoverConfig{Pos: l.pos, Name: l.words[1]}
	_, err := failoverBlock.read(fmt.Sprintf("failover %q", f.Name), &f, l, l.block)
	g.Failovers = append(g.Failovers, f)
	return errors.Join(place(l, "failover", validName(f.Name)), err)
}

func (f *FailoverConfig) setRecovery(l *line) (err error) {
	if f.Recovery, err = pool.ParseRecovery(l.words[1]); err != nil {
		return fmt.Errorf("%w: %s", err, suggest(l.words[1], "want one of", pool.Recoveries()))
	}
	return nil
}

func (f *FailoverConfig) setFailoverDelay(l *line) (err error) {
	f.FailoverDelay, err = parseDuration(l.words[1], 0, forever)
	return err
}

func (f *FailoverConfig) setFailbackDelay(l *line) (err error) {
	f.FailbackDelay, err = parseDuration(l.words[1], 0, forever)
	return err
}

func (f *FailoverConfig) setPin(l *line) error {
	f.PinPos = l.pos
	if f.Pin = l.words[1]; f.Pin == "auto" {
		f.Pin = ""
	}
	return nil
}

// setBlock is that of set NAME.
var setBlock = block[SetConfig]{
	name: "set",
	options: []option[SetConfig]{
		{usage: "pool NAME [weight N]", args: arity{1, 3}, repeat: true, need: true, set: (*SetConfig).addPool},
		{usage: "balance " + strings.Join(pool.Balances(), "|"), args: oneArg, set: (*SetConfig).setBalance},
		{usage: "answers all|N", args: oneArg, set: (*SetConfig).setAnswers},
		{usage: "min_available N", args: oneArg, set: (*SetConfig).setMinAvailable},
	},
}

// readSet reads a set of a failover: named, with a block, or the names of its pools.
func readSet(f *FailoverConfig, l *line) error {
	s := SetConfig{Pos: l.pos, MinAvailable: 1}
	what := fmt.Sprintf("failover %q: set", f.Name)
	var err error
	var seen said
	switch names := l.args(); {
	case !l.braces:
		s.Name = strings.Join(names, "+")
		for _, name := range names {
			s.Pools = append(s.Pools, SetPool{Pos: l.pos, Name: name, Weight: 1})
		}
	case len(names) > 1:
		return l.pos.Errorf("%s: left-over %q behind %s: before a block stands the set's name alone, without one the names of its pools", what, names[1], l.words[1])
	default:
		s.Name = names[0]
		seen, err = setBlock.read(fmt.Sprintf("%s %q", what, s.Name), &s, l, l.block)
		err = errors.Join(place(l, what, validName(s.Name)), err)
	}
	if seen["answers"] == nil {
		s.Answers = s.Balance.DefaultAnswers()
	}
	f.Sets = append(f.Sets, s)
	return err
}

func (s *SetConfig) addPool(l *line) (err error) {
	p := SetPool{Pos: l.pos, Name: l.words[1], Weight: 1}
	if rest := l.words[2:]; len(rest) > 0 {
		if rest[0] != "weight" || len(rest) != 2 {
			return fmt.Errorf("%q does not follow a pool: write pool NAME [weight N]", phrase(rest))
		}
		p.Weight, err = parseNumber(rest[1], 0, maxWeight)
	}
	s.Pools = append(s.Pools, p)
	return err
}

func (s *SetConfig) setBalance(l *line) (err error) {
	s.Balance, err = parseBalance(l.words[1])
	return err
}

func (s *SetConfig) setAnswers(l *line) (err error) {
	s.Answers, err = parseAnswers(l.words[1])
	return err
}

func (s *SetConfig) setMinAvailable(l *line) (err error) {
	s.MinPos = l.pos
	s.MinAvailable, err = parseNumber(l.words[1], 1, math.MaxUint16)
	return err
}
