package gtm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// change is one thing that an operator orders, a recovery plan makes or a what-if
// supposes. Its names are resolved in the plan that it is for.
type change struct {
	verb   verb
	about  string // what it is of: POOL/MEMBER, POOL, FAILOVER or DOMAIN
	pool   int    // of plan.pools; or -1
	member int    // of plan.members; or -1: all of the pool
	at     int    // failover, of plan.failovers; or -1
	domain *domain
	mode   pool.Mode
	weight uint32
	set    int // of the failover; or pool.NoSet

	reset bool // takes back what such a change said
	auto  bool // of a weight: the word, not the number that it stands for
}

// verb is what a change does.
type verb uint8

const (
	verbMode verb = iota
	verbDrain
	verbWeight
	verbDisablePool
	verbDisableDomain
	verbPin
	verbResume // no order: it is done at once
	verbDown   // in plans and what-if alone
	verbUp
)

// grammar is the language of changes: its words, and how the rest of them is read.
var grammar = []struct {
	usage string
	verb  verb
	reset bool
	read  func(c *change, p *plan, words []string) error
}{
	{"mode POOL/MEMBER auto|online|offline", verbMode, false, (*change).readMode},
	{"drain POOL/MEMBER", verbDrain, false, (*change).readMember},
	{"undrain POOL/MEMBER", verbDrain, true, (*change).readMember},
	{"weight POOL/MEMBER N|auto", verbWeight, false, (*change).readWeight},
	{"disable pool POOL", verbDisablePool, false, (*change).readPool},
	{"enable pool POOL", verbDisablePool, true, (*change).readPool},
	{"disable domain DOMAIN", verbDisableDomain, false, (*change).readDomain},
	{"enable domain DOMAIN", verbDisableDomain, true, (*change).readDomain},
	{"pin FAILOVER SET", verbPin, false, (*change).readPin},
	{"unpin FAILOVER", verbPin, false, (*change).readUnpin},
	{"resume FAILOVER [SET]", verbResume, false, (*change).readResume},
	{"down pool POOL", verbDown, false, (*change).readPool},
	{"down member POOL/MEMBER", verbDown, false, (*change).readMember},
	{"up pool POOL", verbUp, false, (*change).readPool},
	{"up member POOL/MEMBER", verbUp, false, (*change).readMember},
}

// supposed says whether a change is as if probes had said so.
func (c *change) supposed() bool { return c.verb == verbDown || c.verb == verbUp }

// parseChange reads a change. Its names are those of the plan.
func parseChange(p *plan, text string) (change, error) {
	words := strings.Fields(text)
	var usages []string
	for _, g := range grammar {
		fixed := fixedWords(g.usage)
		if len(words) == 0 || words[0] != fixed[0] {
			continue
		}
		usages = append(usages, g.usage)
		if len(fixed) > len(words) || !slices.Equal(fixed, words[:len(fixed)]) {
			continue
		}
		rest := words[len(fixed):]
		least, most := arguments(g.usage)
		if len(rest) < least || len(rest) > most {
			break
		}
		c := change{verb: g.verb, reset: g.reset, pool: -1, member: -1, at: -1, set: pool.NoSet}
		if err := g.read(&c, p, rest); err != nil {
			return c, fmt.Errorf("%q: %w", text, err)
		}
		return c, nil
	}
	if usages == nil {
		for _, g := range grammar {
			usages = append(usages, g.usage)
		}
		return change{}, fmt.Errorf("%q is no change: want one of %s", text, strings.Join(usages, "; "))
	}
	return change{}, fmt.Errorf("%q is not whole: want %s", text, strings.Join(usages, ", or "))
}

// fixedWords are the words with which a usage begins.
func fixedWords(usage string) []string {
	words := strings.Fields(usage)
	end := slices.IndexFunc(words, func(w string) bool { return w[0] == '[' || 'A' <= w[0] && w[0] <= 'Z' })
	if end < 0 {
		end = len(words)
	}
	return words[:end]
}

// arguments is how many words follow the fixed ones.
func arguments(usage string) (least, most int) {
	rest := strings.Fields(usage)[len(fixedWords(usage)):]
	for _, w := range rest {
		if w[0] != '[' {
			least++
		}
	}
	return least, len(rest)
}

func (c *change) readMember(p *plan, words []string) error {
	c.about = words[0]
	name, id, ok := strings.Cut(words[0], "/")
	if !ok {
		return fmt.Errorf("%q names no member: want POOL/MEMBER, such as beijing/bj-1", words[0])
	}
	if err := c.findPool(p, name); err != nil {
		return err
	}
	members := p.pools[c.pool].Members
	i := slices.IndexFunc(members, func(m *pool.Member) bool { return m.ID == id })
	if i < 0 {
		var ids []string
		for _, m := range members {
			ids = append(ids, m.ID)
		}
		return missing(fmt.Errorf("pool %q has no member %q%s", name, id, known(id, ids)))
	}
	c.member = members[i].Index
	return nil
}

func (c *change) readPool(p *plan, words []string) error {
	c.about = words[0]
	return c.findPool(p, words[0])
}

func (c *change) findPool(p *plan, name string) error {
	i, ok := p.directory.pools[name]
	if !ok {
		var names []string
		for _, pl := range p.pools {
			names = append(names, pl.Name)
		}
		return missing(fmt.Errorf("there is no pool %q%s", name, known(name, names)))
	}
	c.pool = i
	return nil
}

func (c *change) readMode(p *plan, words []string) (err error) {
	if err = c.readMember(p, words[:1]); err != nil {
		return err
	}
	if c.mode, err = pool.ParseMode(words[1]); err != nil {
		return fmt.Errorf("%w: want one of %s", err, strings.Join(pool.Modes(), ", "))
	}
	c.reset = c.mode == p.members[c.member].Mode
	return nil
}

func (c *change) readWeight(p *plan, words []string) error {
	if err := c.readMember(p, words[:1]); err != nil {
		return err
	}
	c.weight, c.auto = p.members[c.member].Weight, words[1] == "auto"
	if !c.auto {
		n, err := parseNumber(words[1], 0, maxWeight)
		if err != nil {
			return err
		}
		c.weight = uint32(n)
	}
	c.reset = c.weight == p.members[c.member].Weight
	return nil
}

func (c *change) readDomain(p *plan, words []string) error {
	name := strings.ToLower(dns.Fqdn(words[0]))
	c.about = name
	d, ok := p.directory.domains[name]
	if !ok {
		var names []string
		for _, d := range p.domains {
			names = append(names, d.Name)
		}
		return missing(fmt.Errorf("there is no domain %q%s", name, known(name, names)))
	}
	c.domain = d
	return nil
}

func (c *change) readFailover(p *plan, words []string) error {
	c.about = words[0]
	i, ok := p.directory.failovers[words[0]]
	if !ok {
		var names []string
		for _, f := range p.failovers {
			names = append(names, f.Name)
		}
		return missing(fmt.Errorf("there is no failover %q%s", words[0], known(words[0], names)))
	}
	c.at = i
	return nil
}

func (c *change) readPin(p *plan, words []string) error {
	if err := c.readFailover(p, words[:1]); err != nil {
		return err
	}
	if err := c.findSet(p, words[1]); err != nil {
		return err
	}
	c.reset = c.set == p.failovers[c.at].Pin
	return nil
}

func (c *change) readUnpin(p *plan, words []string) error {
	if err := c.readFailover(p, words); err != nil {
		return err
	}
	c.reset = p.failovers[c.at].Pin == pool.NoSet
	return nil
}

func (c *change) findSet(p *plan, name string) error {
	f := p.failovers[c.at]
	c.set = slices.IndexFunc(f.Sets, func(s *pool.Set) bool { return s.Name == name })
	if c.set >= 0 {
		return nil
	}
	var names []string
	for _, s := range f.Sets {
		names = append(names, s.Name)
	}
	return missing(fmt.Errorf("failover %q has no set %q%s", f.Name, name, known(name, names)))
}

func (c *change) readResume(p *plan, words []string) error {
	err := c.readFailover(p, words[:1])
	if err == nil && len(words) > 1 {
		err = c.findSet(p, words[1])
	}
	return err
}

// missing marks an error about a name that refers to nothing.
func missing(err error) error { return &missingError{err} }

type missingError struct{ error }

// text is the change as it is written.
func (c *change) text(p *plan) string {
	word := func(done, undone string) string {
		if c.reset {
			done = undone
		}
		return done + " " + c.about
	}
	of := "pool "
	if c.member >= 0 {
		of = "member "
	}
	switch c.verb {
	case verbMode:
		return "mode " + c.about + " " + c.mode.String()
	case verbDrain:
		return word("drain", "undrain")
	case verbWeight:
		if c.auto {
			return "weight " + c.about + " auto"
		}
		return "weight " + c.about + " " + strconv.FormatUint(uint64(c.weight), 10)
	case verbDisablePool:
		return word("disable pool", "enable pool")
	case verbDisableDomain:
		return word("disable domain", "enable domain")
	case verbPin:
		if c.set == pool.NoSet {
			return "unpin " + c.about
		}
		return "pin " + c.about + " " + p.failovers[c.at].Sets[c.set].Name
	case verbResume:
		if c.set == pool.NoSet {
			return "resume " + c.about
		}
		return "resume " + c.about + " " + p.failovers[c.at].Sets[c.set].Name
	case verbDown:
		return "down " + of + c.about
	case verbUp:
		return "up " + of + c.about
	}
	return ""
}

// subject is what a change says something of: of one subject the last word counts.
func (c *change) subject() string {
	of := [...]string{
		verbMode: "mode", verbDrain: "drain", verbWeight: "weight", verbDisablePool: "pool", verbDisableDomain: "domain",
		verbPin: "pin", verbResume: "resume", verbDown: "health", verbUp: "health",
	}[c.verb]
	return of + " " + c.about
}

// undo is the text of what takes the change back, or "".
func (c *change) undo(p *plan) string {
	switch c.verb {
	case verbMode:
		return fmt.Sprintf("mode %s %s", c.about, p.members[c.member].Mode)
	case verbDrain:
		return "undrain " + c.about
	case verbWeight:
		return fmt.Sprintf("weight %s auto", c.about)
	case verbDisablePool:
		return "enable pool " + c.about
	case verbDisableDomain:
		return "enable domain " + c.about
	case verbPin:
		if pin := p.failovers[c.at].Pin; pin != pool.NoSet {
			return fmt.Sprintf("pin %s %s", c.about, p.failovers[c.at].Sets[pin].Name)
		}
		return "unpin " + c.about
	case verbResume, verbDown, verbUp:
	}
	return ""
}

// isMissing says whether an error is about a name that refers to nothing.
func isMissing(err error) bool {
	var m *missingError
	return errors.As(err, &m)
}
