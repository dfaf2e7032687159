package policy

import (
	"net/netip"
	"slices"
)

// Policy says which clients get which target: the first rule that matches.
type Policy struct {
	Name  string
	Rules []Rule // the last one is the default: it has no From

	table *table // of rules
}

// Rule leads clients to a target.
type Rule struct {
	From   []Term
	Target Target
	Fence  bool // never leave for the default, even when all is down
}

// Target is what a domain or a rule points at: one of both.
type Target struct {
	Policy   *Policy
	Failover int // index of its View
}

// NewPolicy makes a policy of rules and its default. The rules' targets may be
// filled in later. It also tells which rules no client can ever match, because
// earlier ones cover them.
func NewPolicy(name string, rules []Rule, fallback Target) (p *Policy, dead []int) {
	p = &Policy{Name: name, Rules: append(slices.Clip(rules), Rule{Target: fallback})}
	var cuts []netip.Prefix
	for _, r := range rules {
		cuts = prefixes(cuts, r.From)
	}
	p.table = newTable(cuts, firstOf(rules))
	alive := make([]bool, len(rules)+1)
	p.table.values(func(i int32) { alive[i] = true })
	for i := range rules {
		if !alive[i] {
			dead = append(dead, i)
		}
	}
	return p, dead
}

// firstOf finds the first rule that names an address, or len(rules), fast also
// where there are many.
func firstOf(rules []Rule) func(netip.Addr) int32 {
	var plain firsts        // of the rules that are prefixes alone
	more := map[int]*from{} // the others
	var order []int         // of more
	for i, r := range rules {
		if len(r.From) == 0 || slices.ContainsFunc(r.From, func(t Term) bool { return !t.plain() }) {
			more[i] = newFrom(r.From)
			order = append(order, i)
			continue
		}
		for _, t := range r.From {
			plain.add(t.Prefix, int32(i))
		}
	}
	return func(addr netip.Addr) int32 {
		first := plain.of(addr, int32(len(rules)))
		for _, i := range order {
			if int32(i) >= first {
				break
			}
			if more[i].names(addr) {
				return int32(i)
			}
		}
		return first
	}
}

// match is the rule for a client.
func (p *Policy) match(addr netip.Addr) int {
	i, _ := p.table.lookup(addr)
	return int(i)
}

// isDefault says whether a rule is the policy's default.
func (p *Policy) isDefault(rule int) bool { return rule == len(p.Rules)-1 }

// fallback is where clients go when their rule has nothing available.
func (p *Policy) fallback() Target { return p.Rules[len(p.Rules)-1].Target }
