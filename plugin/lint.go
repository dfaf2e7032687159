package gtm

import (
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// lint warns of what works, but is hardly meant.
func (c *compiler) lint() {
	for _, cfg := range c.cfg.Failovers {
		if cfg.Recovery != pool.Preempt && c.cfg.State == "" {
			c.warnf(cfg.Pos, "failover %q: recovery %s without a state file forgets its active set over a restart: add state FILE", cfg.Name, cfg.Recovery)
		}
		c.lintFamilies(cfg)
	}
	for _, cfg := range c.cfg.Policies {
		c.lintDefault(cfg)
	}
	for _, cfg := range c.cfg.Pools {
		if !c.used[cfg.Name] {
			c.warnf(cfg.Pos, "pool %q is not used: its members are checked, but never answered", cfg.Name)
		}
	}
	if a := c.cfg.Authority; a != nil {
		for _, ns := range a.NS {
			if longestZone(c.cfg.Zones, ns) == "" {
				continue
			}
			if n := c.plan.names[ns]; n == nil || n.domain == nil {
				c.warnf(a.Pos, "authority names %q, which is in the zone but no domain of this block: resolvers will find no address for it", ns)
			}
		}
	}
	for _, cfg := range c.cfg.Domains {
		if p := c.policies[cfg.Use]; p != nil && cfg.OnAllDown.Kind == policy.AllDownNoData && looks(p) {
			c.warnf(cfg.OnAllDown.Pos, "domain %q: on_all_down nodata under policy %q: resolvers cache negative answers for every client, whatever its network", cfg.Names[0], cfg.Use)
		}
	}
}

// looks says whether a policy, or one that it leads to, looks at the client.
func looks(p *policy.Policy) bool {
	return len(p.Rules) > 1 || slices.ContainsFunc(p.Rules, func(r policy.Rule) bool {
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

// lintDefault warns of a rule whose target lacks a family that the default has.
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
		}
	}
}
