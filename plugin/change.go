package gtm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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

	by    string // the plan that makes it, or ""
	reset bool   // takes back what such a change said
	auto  bool   // of a weight: the word, not the number that it stands for
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
