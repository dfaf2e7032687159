package policy

import (
	"iter"
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// Policy says which clients get which target: by the first rule that matches, or
// by latency.
type Policy struct {
	Name    string
	Index   int      // of its chart in an Atlas
	Rules   []Rule   // the last one is the default: it has no From
	Latency *Latency // or nil

	first *finder // of the rules
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
// filled in later. It also tells which rules no client can ever match, whatever
// the geo files say, because earlier ones cover them.
func NewPolicy(name string, rules []Rule, fallback Target) (p *Policy, dead []int) {
	p = &Policy{Name: name, Rules: append(slices.Clip(rules), Rule{Target: fallback}), first: newFinder(rules)}
	return p, findDead(rules)
}

// finder finds the first rule that names a client, fast also where there are many.
type finder struct {
	plain *firsts         // of the rules that are prefixes and places alone
	more  map[int32]*from // the others
	order []int32         // of more
	none  int32           // how many rules there are
}

func newFinder(rules []Rule) *finder {
	f := &finder{plain: newFirsts(), more: map[int32]*from{}, none: int32(len(rules))}
	for i, r := range rules {
		if len(r.From) == 0 || slices.ContainsFunc(r.From, func(t Term) bool { return !t.plain() }) {
			f.more[int32(i)] = newFrom(r.From)
			f.order = append(f.order, int32(i))
			continue
		}
		for _, t := range r.From {
			f.plain.add(t, int32(i))
		}
	}
	return f
}

// rule is the first one that names a client, or none.
func (f *finder) rule(v visitor) int32 {
	first := f.plain.of(v, f.none)
	for _, i := range f.order {
		if i >= first {
			break
		}
		if f.more[i].names(v) {
			return i
		}
	}
	return first
}

// interest is what the policy's rules speak of.
func (p *Policy) interest() *geo.Interest {
	n := geo.NewInterest()
	for _, r := range p.Rules {
		interest(n, r.From)
	}
	return n
}

// Targets are all that the policy can lead to.
func (p *Policy) Targets() iter.Seq[Target] {
	return func(yield func(Target) bool) {
		for _, r := range p.Rules {
			if !yield(r.Target) {
				return
			}
		}
		if p.Latency == nil {
			return
		}
		for _, c := range p.Latency.Pools {
			if !yield(Target{Failover: c.Failover}) {
				return
			}
		}
	}
}

// isDefault says whether a rule is the policy's default.
func (p *Policy) isDefault(rule int) bool { return rule == len(p.Rules)-1 }

// fallback is where clients go when their rule has nothing available.
func (p *Policy) fallback() Target { return p.Rules[len(p.Rules)-1].Target }
