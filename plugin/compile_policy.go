package gtm

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// compileRegions makes the regions known to each other, and refuses circles.
func (c *compiler) compileRegions() {
	for _, cfg := range c.cfg.Regions {
		c.regions[cfg.Name] = &policy.Region{Name: cfg.Name}
	}
	leads := map[string][]string{} // region -> regions it speaks of
	places := map[string]Pos{}
	defer func() { c.leads, c.usedRegions = leads, map[string]bool{} }() // by each other alone is not used
	for _, cfg := range c.cfg.Regions {
		places[cfg.Name] = cfg.Pos
		if len(cfg.Match) == 0 {
			c.errorf(cfg.Pos, "region %q matches nothing: add match SOURCE", cfg.Name)
		}
		for _, line := range cfg.Match {
			c.regions[cfg.Name].Add(c.terms(line.Pos, line.Sources)...)
			for _, s := range line.Sources {
				if s.Region != "" {
					leads[cfg.Name] = append(leads[cfg.Name], s.Region)
				}
			}
		}
	}
	if circle := findCircle(leads); circle != nil {
		c.errorf(places[circle[0]], "regions refer to each other in a circle: %s", strings.Join(circle, " -> "))
	}
}

// reachRegions counts as used what a used region speaks of.
func (c *compiler) reachRegions() {
	reached := slices.Collect(maps.Keys(c.usedRegions))
	for len(reached) > 0 {
		last := len(reached) - 1
		next := c.leads[reached[last]]
		reached = reached[:last]
		for _, name := range next {
			if !c.usedRegions[name] {
				c.usedRegions[name] = true
				reached = append(reached, name)
			}
		}
	}
}

// terms finds the regions that sources name.
func (c *compiler) terms(at Pos, sources []policy.Source) []policy.Term {
	var terms []policy.Term
	for _, s := range sources {
		t := policy.Term{Source: s}
		if s.Region != "" {
			c.usedRegions[s.Region] = true
			if t.In = c.regions[s.Region]; t.In == nil {
				c.errorf(at, "region %q is not declared%s", s.Region, known(s.Region, slices.Collect(maps.Keys(c.regions))))
				continue
			}
		}
		terms = append(terms, t)
	}
	return terms
}

func (c *compiler) compilePolicies() {
	leads := map[string][]string{} // policy -> its targets
	for _, cfg := range c.cfg.Policies {
		c.places[cfg.Name] = cfg.Pos
		leads[cfg.Name] = append(leads[cfg.Name], cfg.Default)
		for _, r := range cfg.Rules {
			leads[cfg.Name] = append(leads[cfg.Name], r.Use)
		}
		c.policy(cfg)
	}
	if circle := findCircle(leads); circle != nil {
		c.errorf(c.places[circle[0]], "policies lead to each other in a circle: %s", strings.Join(circle, " -> "))
		return
	}
	for _, cfg := range c.cfg.Policies { // now that each has its place
		what := "policy " + quote(cfg.Name)
		rules := c.policies[cfg.Name].Rules
		for i, r := range cfg.Rules {
			rules[i].Target, _ = c.target(r.Pos, what, r.Use)
		}
		if cfg.Default != "" {
			rules[len(rules)-1].Target, _ = c.target(cfg.DefaultPos, what, cfg.Default)
		}
	}
}

func (c *compiler) policy(cfg PolicyConfig) {
	if cfg.Default == "" {
		c.errorf(cfg.Pos, "policy %q has no default: add default use TARGET, for clients that no rule matches", cfg.Name)
	}
	var rules []policy.Rule
	for _, r := range cfg.Rules {
		rules = append(rules, policy.Rule{From: c.terms(r.Pos, r.From), Fence: r.Fence})
	}
	if cfg.Latency != nil {
		c.addPolicy(policy.NewLatencyPolicy(cfg.Name, c.latency(cfg), policy.Target{}))
		return
	}
	p, dead := policy.NewPolicy(cfg.Name, rules, policy.Target{})
	for _, i := range dead[:min(len(dead), maxDead)] {
		c.errorf(cfg.Rules[i].Pos, "policy %q: from %s can never match: %s", cfg.Name, policy.Sources(cfg.Rules[i].From), why(cfg.Rules, rules, i))
	}
	c.addPolicy(p)
}

// addPolicy gives a policy its index.
func (c *compiler) addPolicy(p *policy.Policy) {
	p.Index = len(c.plan.policies)
	c.plan.policies = append(c.plan.policies, p)
	c.policies[p.Name] = p
}

// maxDead is how many dead rules of a policy are told.
const maxDead = 10

// why says why a rule can never match, and what to do.
func why(cfg []RuleConfig, rules []policy.Rule, dead int) string {
	if _, alone := policy.NewPolicy("", rules[dead:dead+1], policy.Target{}); len(alone) > 0 {
		return "its sources exclude each other"
	}
	for i := range dead {
		if _, pair := policy.NewPolicy("", []policy.Rule{rules[i], rules[dead]}, policy.Target{}); len(pair) > 0 {
			return fmt.Sprintf("line %d has all of its clients: move it above that line, or remove it", cfg[i].Pos.Line)
		}
	}
	return "the rules above it have all of its clients together: move it up, or remove it"
}

// findCircle is a circle in a graph, its first name again at its end, or nil.
func findCircle(leads map[string][]string) []string {
	const (
		open = 1
		done = 2
	)
	marks := map[string]int{}
	var path []string
	var visit func(name string) []string
	visit = func(name string) []string {
		switch marks[name] {
		case done:
			return nil
		case open:
			return append(slices.Clone(path[slices.Index(path, name):]), name)
		}
		marks[name] = open
		path = append(path, name)
		for _, next := range leads[name] {
			if circle := visit(next); circle != nil {
				return circle
			}
		}
		path = path[:len(path)-1]
		marks[name] = done
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(leads)) {
		if circle := visit(name); circle != nil {
			return circle
		}
	}
	return nil
}
