package gtm

import (
	"slices"
	"strings"
	"unique"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// lint warns of what works, but is hardly meant.
func (c *compiler) lint() {
	for _, cfg := range c.cfg.Failovers {
		if cfg.Recovery != pool.Preempt && c.cfg.State == "" {
			what := "its active set"
			if cfg.Recovery == pool.Manual {
				what += " and its locks"
			}
			c.warnf(cfg.Pos, "failover %q: recovery %s without a state file forgets %s over a restart: add state FILE", cfg.Name, cfg.Recovery, what)
		}
		c.lintFamilies(cfg)
	}
	for _, cfg := range c.cfg.Policies {
		c.lintDefault(cfg)
	}
	c.lintUnused()
	c.lintIdle()
	c.lintFreeze()
	c.lintLocations()
	c.lintGeo()
	c.lintWeights()
	c.lintServers()
	c.lintAdmin()
	c.lintCircles()
	for _, cfg := range c.cfg.Domains {
		if p := c.policies[cfg.Use]; p != nil && cfg.OnAllDown.Kind == policy.AllDownNoData && looks(p) {
			c.warnf(cfg.OnAllDown.Pos, "domain %q: on_all_down nodata under policy %q: resolvers cache negative answers for every client, whatever its network", cfg.Names[0], cfg.Use)
		}
	}
}

// lintUnused warns of what is declared, and nothing leads to it.
func (c *compiler) lintUnused() {
	unless := func(used map[string]bool, at Pos, what, name, so string) {
		if !used[name] {
			c.warnf(at, "%s %q is not used%s", what, name, so)
		}
	}
	for _, cfg := range c.cfg.Pools {
		unless(c.used, cfg.Pos, "pool", cfg.Name, ": its members are checked, but never answered")
	}
	for _, cfg := range c.cfg.Failovers {
		unless(c.used, cfg.Pos, "failover", cfg.Name, "")
	}
	for _, cfg := range c.cfg.Policies {
		unless(c.used, cfg.Pos, "policy", cfg.Name, "")
	}
	for _, cfg := range c.cfg.Checks {
		unless(c.usedChecks, cfg.Pos, "check", cfg.Name, "")
	}
	for _, cfg := range c.cfg.Regions {
		if cfg.Pos.File == c.cfg.Pos.File { // a file of regions that is imported has more than one needs
			unless(c.usedRegions, cfg.Pos, "region", cfg.Name, "")
		}
	}
}

// lintIdle warns of options that change nothing where they stand.
func (c *compiler) lintIdle() {
	for _, z := range c.cfg.Fall.Zones {
		if z != "." && longestZone(c.cfg.Zones, z) == "" {
			c.warnf(c.cfg.Pos, "fallthrough %s is in none of the block's zones: %s", z, strings.Join(c.cfg.Zones, " "))
		}
	}
	for _, cfg := range c.cfg.Failovers {
		if cfg.Recovery == pool.Hold && cfg.FailbackDelay > 0 {
			c.warnf(cfg.Pos, "failover %q: failback_delay does nothing under recovery hold, which never goes back by itself", cfg.Name)
		}
	}
	for _, cfg := range c.cfg.Pools {
		probes := func(m MemberConfig) bool { return m.Probe != "" }
		if i := slices.IndexFunc(cfg.Members, probes); i >= 0 && len(cfg.Checks) == 0 {
			c.warnf(cfg.Members[i].Pos, "pool %q: probe does nothing without a check", cfg.Name)
		}
		if cfg.SlowStart > 0 && !c.pools[cfg.Name].SlowStarts() {
			c.warnf(cfg.Pos, "pool %q: slow_start does nothing under balance %s, which does not go by weights: it is for weighted and hash", cfg.Name, cfg.Balance)
		}
		if cfg.SlowStart > 0 && len(cfg.Checks) == 0 {
			c.warnf(cfg.Pos, "pool %q: slow_start does nothing without a check", cfg.Name)
		}
	}
}

// lintFreeze warns of a brake that can never take hold, since there are too few
// targets.
func (c *compiler) lintFreeze() {
	targets := map[healthcheck.Kin]map[string]bool{} // -> hosts
	for _, check := range c.plan.checks {
		if check.Thresholds.Freeze == (healthcheck.Freeze{}) {
			continue
		}
		k := check.Kin()
		if targets[k] == nil {
			targets[k] = map[string]bool{}
		}
		targets[k][check.Target.Host] = true
	}
	for _, cfg := range c.cfg.Checks {
		have := len(targets[healthcheck.Kin{Options: unique.Make(cfg.Options), Thresholds: cfg.Thresholds}])
		if need := cfg.Thresholds.Freeze.Min; c.usedChecks[cfg.Name] && have < need {
			c.warnf(cfg.Pos, "check %q: freeze never takes hold: it needs %d targets, and there are %d: write min N", cfg.Name, need, have)
		}
	}
}

// lintWeights warns of what can never be available: all of it has weight 0, or
// is offline.
func (c *compiler) lintWeights() {
	for i, cfg := range c.cfg.Pools {
		if !slices.ContainsFunc(c.plan.pools[i].Members, func(m *pool.Member) bool { return m.Mode != pool.Offline }) {
			c.warnf(cfg.Pos, "pool %q: all of its members are offline", cfg.Name)
		}
		if !slices.ContainsFunc(c.plan.pools[i].Members, func(m *pool.Member) bool { return m.Weight > 0 }) {
			c.warnf(cfg.Pos, "pool %q: all of its members have weight 0: it is never available, and answered as a last resort only", cfg.Name)
		}
	}
	for _, cfg := range c.cfg.Failovers {
		for _, set := range cfg.Sets {
			if !slices.ContainsFunc(set.Pools, func(p SetPool) bool { return p.Weight > 0 }) {
				c.warnf(set.Pos, "failover %q: set %q: all of its pools have weight 0: it is never available, and answered as a last resort only", cfg.Name, set.Name)
			}
		}
	}
}

// lintServers warns of name servers in the zone that resolvers cannot find.
func (c *compiler) lintServers() {
	a := c.cfg.Authority
	if a == nil {
		return
	}
	for _, ns := range a.NS {
		if longestZone(c.cfg.Zones, ns) == "" {
			continue
		}
		switch d := c.plan.find([]byte(ns)).domain; {
		case d == nil:
			c.warnf(a.Pos, "authority names %q, which is in the zone but no domain of this block: resolvers will find no address for it", ns)
		case d.cnames:
			c.warnf(a.Pos, "authority names %q, which may be a CNAME: a name server must have addresses of its own (RFC 2181, section 10.3)", ns)
		}
	}
}

// lintCircles refuses a wildcard that leads to a name that it covers itself, and
// warns of domains whose CNAMEs lead round to each other.
func (c *compiler) lintCircles() {
	leads := map[string][]string{} // domain -> domains
	for _, d := range c.plan.domains {
		if !d.cnames {
			continue
		}
		for _, host := range append(c.reach(d.Target, new(domain)), d.AllDown.CNAME) {
			if to := c.plan.find([]byte(host)).domain; to != nil {
				leads[d.Name] = append(leads[d.Name], to.Name)
			}
		}
	}
	if circle := findCircle(leads); circle != nil {
		at := c.placeOf(circle[0])
		if len(circle) == 2 {
			c.errorf(at, "domain %q leads to itself: a CNAME to a name that it covers", circle[0])
			return
		}
		c.warnf(at, "domains can lead to each other in a circle of CNAMEs: %s", strings.Join(circle, " -> "))
	}
}

// placeOf is where a domain is declared.
func (c *compiler) placeOf(name string) Pos {
	for _, cfg := range c.cfg.Domains {
		if slices.Contains(cfg.Names, name) {
			return cfg.Pos
		}
	}
	return c.cfg.Pos
}

// looks says whether a policy, or one that it leads to, looks at the client.
func looks(p *policy.Policy) bool {
	return len(p.Rules) > 1 || p.Latency != nil || slices.ContainsFunc(p.Rules, func(r policy.Rule) bool {
		return r.Target.Policy != nil && looks(r.Target.Policy)
	})
}

// lintFamilies warns of a set that lacks a family that a later one has: clients
// of that family get no data until the set fails.
func (c *compiler) lintFamilies(cfg FailoverConfig) {
	f := c.failovers[cfg.Name]
	if f.Joint {
		return
	}
	for _, fam := range []pool.Family{pool.IPv4, pool.IPv6} {
		for i, set := range f.Sets {
			has := func(s *pool.Set) bool { return s.Declares(fam) }
			if !set.Declares(fam) && slices.ContainsFunc(f.Sets[i+1:], has) {
				c.warnf(cfg.Sets[i].Pos, "failover %q: set %q has no %s, and a later one has: while it is active, %s clients get no data", cfg.Name, set.Name, fam, fam)
			}
		}
	}
}

// lintDefault warns of a rule whose target lacks a family that the default has,
// and of a default that lacks one that all clients of a rule have.
func (c *compiler) lintDefault(cfg PolicyConfig) {
	p := c.policies[cfg.Name]
	var all domain
	c.reach(p.Rules[len(p.Rules)-1].Target, &all)
	for i, r := range cfg.Rules {
		var d domain
		c.reach(p.Rules[i].Target, &d)
		for fam, has := range all.families {
			if has && !d.families[fam] && !d.cnames {
				c.warnf(r.Pos, "policy %q: %q has no %s, and the default %q has: its %s clients get no data", cfg.Name, r.Use, pool.Family(fam), cfg.Default, pool.Family(fam))
			}
			if !has && d.families[fam] && !all.cnames {
				c.warnf(cfg.DefaultPos, "policy %q: the default %q has no %s, and %q has: all other %s clients get no data", cfg.Name, cfg.Default, pool.Family(fam), r.Use, pool.Family(fam))
			}
		}
	}
	c.lintLatencyFamilies(cfg, &all)
}

// lintLatencyFamilies warns of a pool of a latency policy that lacks a family that
// another one or the default has, and of a default that lacks one that a pool has.
func (c *compiler) lintLatencyFamilies(cfg PolicyConfig, fallback *domain) {
	pools := c.latencyPools(cfg)
	for _, fam := range []pool.Family{pool.IPv4, pool.IPv6} {
		lacks := func(use PoolUse) bool {
			return !slices.ContainsFunc(c.pools[use.Name].Members, func(m *pool.Member) bool { return m.Host != "" || familyOf(m.Addr) == fam })
		}
		has := func(use PoolUse) bool { return !lacks(use) }
		for _, use := range pools {
			if lacks(use) && (fallback.families[fam] || slices.ContainsFunc(pools, has)) {
				c.warnf(use.Pos, "policy %q: pool %q has no %s, and others have: %s clients that are nearest to it get no data", cfg.Name, use.Name, fam, fam)
			}
		}
		if !fallback.families[fam] && !fallback.cnames && slices.ContainsFunc(pools, has) {
			c.warnf(cfg.DefaultPos, "policy %q: the default %q has no %s, and pools have: %s clients of whom nothing is known get no data", cfg.Name, cfg.Default, fam, fam)
		}
	}
}

// latencyPools are those of a latency policy.
func (c *compiler) latencyPools(cfg PolicyConfig) []PoolUse {
	if cfg.Latency == nil {
		return nil
	}
	return cfg.Latency.Pools
}

// lintZones warns of zones of the block that no query of its server block can
// be for.
func (p *plan) lintZones(keys []string) {
	served := plugin.OriginsFromArgsOrServerBlock(nil, keys)
	for _, z := range p.zones {
		within := func(key string) bool { return dns.IsSubDomain(z, key) || dns.IsSubDomain(key, z) }
		if !slices.ContainsFunc(served, within) {
			p.warnings = append(p.warnings, p.pos.Errorf("zone %s is none of its server block's, %s: it will never be asked for", z, strings.Join(served, " ")).Error())
		}
	}
}
