package gtm

import (
	"fmt"
	"net/netip"
	"unique"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

func (c *compiler) compilePools() {
	for i := range c.cfg.Checks {
		c.checks[c.cfg.Checks[i].Name] = &c.cfg.Checks[i]
	}
	for i := range c.cfg.Pools {
		c.pool(&c.cfg.Pools[i])
	}
}

func (c *compiler) pool(cfg *PoolConfig) {
	what := "pool " + quote(cfg.Name)
	if len(cfg.Members) == 0 {
		c.errorf(cfg.Pos, "%s has no members: add an address", what)
		return
	}
	p := pool.Pool{
		Name: cfg.Name, Require: cfg.CheckRequire, HealthyWhen: cfg.HealthyWhen,
		Balance: cfg.Balance, Answers: cfg.Answers,
	}
	var from [][]policy.Term
	near := false
	for _, m := range cfg.Members {
		if (m.Host != "") != (cfg.Members[0].Host != "") {
			c.errorf(m.Pos, "%s mixes addresses and host names: put them in pools of their own", what)
			return
		}
		near = near || len(m.From) > 0
		from = append(from, c.terms(m.Pos, m.From))
		p.Members = append(p.Members, &pool.Member{
			ID: identity(m), Addr: m.Addr, Host: m.Host, Weight: uint32(m.Weight), Mode: m.Mode,
			Index: len(c.plan.members) + len(p.Members),
		})
	}
	if near && cfg.Balance != pool.Nearest {
		c.errorf(cfg.Pos, "%s: a member's from is for balance nearest, and its balance is %s", what, cfg.Balance)
	}
	p.Near = policy.NewNearness(from)
	c.quorum(cfg, what)
	checks := c.checkUses(cfg, what)
	c.pools[cfg.Name], c.places[cfg.Name] = pool.New(p), cfg.Pos
	c.plan.pools = append(c.plan.pools, c.pools[cfg.Name])
	c.plan.members = append(c.plan.members, c.pools[cfg.Name].Members...)
	for i, m := range cfg.Members {
		c.memberChecks(len(c.plan.members)-len(cfg.Members)+i, m, checks)
	}
	c.plan.holders = append(c.plan.holders, make([][]int, len(cfg.Members))...)
}

// quorum checks the pool's numbers against what it declares.
func (c *compiler) quorum(cfg *PoolConfig, what string) {
	if have := len(cfg.Checks); cfg.CheckRequire.Need(have) > max(1, have) {
		c.errorf(cfg.Pos, "%s: check_require %s exceeds its %s", what, cfg.CheckRequire, count(have, "check"))
	}
	hosts := cfg.Members[0].Host != ""
	var have [2]int
	for _, m := range cfg.Members {
		if hosts {
			have[0]++
		} else {
			have[familyOf(m.Addr)]++
		}
	}
	c.enough(cfg.Pos, what+": healthy_when "+cfg.HealthyWhen.String(), cfg.HealthyWhen.Need, have, hosts)
	if cfg.Answers > len(cfg.Members) {
		c.errorf(cfg.Pos, "%s: answers %d exceeds its %s", what, cfg.Answers, count(len(cfg.Members), "member"))
	}
}

// enough checks that a number of members is there, in each family that is: else
// that family could never be available. Joint, the first number is of both.
func (c *compiler) enough(at Pos, what string, need func(total int) int, have [2]int, joint bool) {
	for f, have := range have {
		kind := pool.Family(f).String() + " member"
		if joint {
			kind = "member"
		}
		if have > 0 && need(have) > have {
			c.errorf(at, "%s exceeds its %s", what, count(have, kind))
		}
	}
}

// checkUses are the checks that a pool's check lines stand for.
func (c *compiler) checkUses(cfg *PoolConfig, what string) []CheckConfig {
	var uses []CheckConfig
	for _, use := range cfg.Checks {
		var check CheckConfig
		switch declared := c.checks[use.Name]; {
		case use.Inline != nil:
			check = *use.Inline
		case declared != nil:
			check = *declared
		default:
			var names []string
			for name := range c.checks {
				names = append(names, name)
			}
			c.errorf(use.Pos, "%s uses check %q, which is not declared%s", what, use.Name, known(names))
			continue
		}
		if use.Port != 0 {
			check.Port = use.Port
		}
		check.Name, check.Pos = "", Pos{}
		for i, other := range uses {
			if other == check {
				c.errorf(use.Pos, "%s has the same check twice: it is on line %d", what, cfg.Checks[i].Pos.Line)
			}
		}
		uses = append(uses, check)
	}
	return uses
}

// memberChecks adds a member's checks to the plan.
func (c *compiler) memberChecks(index int, m MemberConfig, checks []CheckConfig) {
	from := len(c.plan.checks)
	for _, check := range checks {
		target := healthcheck.Target{Host: m.Probe, Port: check.Port}
		if target.Host == "" {
			target.Host = m.Host
			if m.Host == "" {
				target.Host = m.Addr.String()
			}
		}
		if m.Port != 0 && check.Port != 0 {
			target.Port = m.Port
		}
		c.plan.checks = append(c.plan.checks, healthcheck.Check{
			Target: target, Options: unique.Make(check.Options), Thresholds: check.Thresholds,
		})
		c.plan.ownerOf = append(c.plan.ownerOf, index)
	}
	c.plan.checksOf = append(c.plan.checksOf, span{from, len(c.plan.checks)})
}

func (c *compiler) compileFailovers() {
	for i := range c.cfg.Failovers {
		c.failover(&c.cfg.Failovers[i])
	}
}

func (c *compiler) failover(cfg *FailoverConfig) {
	what := "failover " + quote(cfg.Name)
	f := pool.Failover{
		Name: cfg.Name, Recovery: cfg.Recovery, Pin: pool.NoSet,
		FailoverDelay: cfg.FailoverDelay, FailbackDelay: cfg.FailbackDelay,
	}
	if len(cfg.Sets) == 0 {
		c.errorf(cfg.Pos, "%s has no sets: add set POOL", what)
		return
	}
	for i := range cfg.Sets {
		set := &cfg.Sets[i]
		if cfg.Pin == set.Name {
			f.Pin = i
		}
		if s := c.set(set, what); s != nil {
			f.Sets = append(f.Sets, s)
		}
	}
	if cfg.Pin != "" && f.Pin == pool.NoSet {
		var names []string
		for _, set := range cfg.Sets {
			names = append(names, set.Name)
		}
		c.errorf(cfg.PinPos, "%s: pin %q is none of its sets%s", what, cfg.Pin, known(names))
	}
	if len(f.Sets) < len(cfg.Sets) {
		return // the error is told
	}
	c.places[cfg.Name] = cfg.Pos
	joint := c.addFailover(f).Joint
	for i, set := range f.Sets {
		var have [2]int
		for _, part := range set.Pools {
			for _, m := range part.Members {
				if joint {
					have[0]++
				} else {
					have[familyOf(m.Addr)]++
				}
			}
		}
		at := cfg.Sets[i]
		c.enough(at.MinPos, fmt.Sprintf("%s: set %q: min_available %d", what, at.Name, at.MinAvailable),
			func(int) int { return at.MinAvailable }, have, joint)
	}
}

// set is a set of a failover, or nil after an error.
func (c *compiler) set(cfg *SetConfig, failover string) *pool.Set {
	what := failover + ": set " + quote(cfg.Name)
	s := &pool.Set{Name: cfg.Name, Balance: cfg.Balance, Answers: cfg.Answers, MinAvailable: cfg.MinAvailable}
	if len(cfg.Pools) == 0 {
		c.errorf(cfg.Pos, "%s has no pools: add pool NAME", what)
		return nil
	}
	if cfg.Balance == pool.Nearest {
		c.errorf(cfg.Pos, "%s: balance nearest among pools needs their location, which is not built yet", what)
		return nil
	}
	for _, sp := range cfg.Pools {
		p, ok := c.pools[sp.Name]
		if other := c.kindOf(sp.Name); other != "" {
			c.errorf(sp.Pos, "%s: %q is a %s, and a set takes pools", what, sp.Name, other)
			return nil
		}
		if !ok {
			var names []string
			for name := range c.pools {
				names = append(names, name)
			}
			c.errorf(sp.Pos, "%s: %q is no pool%s", what, sp.Name, known(names))
			return nil
		}
		c.used[sp.Name] = true
		if len(s.Pools) > 0 && (p.Members[0].Host != "") != (s.Pools[0].Members[0].Host != "") {
			c.errorf(sp.Pos, "%s mixes pools of addresses and of host names: put them in sets of their own", what)
			return nil
		}
		s.Pools = append(s.Pools, pool.Part{Pool: p, Weight: uint32(sp.Weight)})
	}
	if cfg.Answers > len(s.Pools) {
		c.errorf(cfg.Pos, "%s: answers %d exceeds its %s", what, cfg.Answers, count(len(s.Pools), "pool"))
		return nil
	}
	return s
}

// kindOf says whether a name is a failover's or a policy's, or "".
func (c *compiler) kindOf(name string) string {
	for _, f := range c.cfg.Failovers {
		if f.Name == name {
			return "failover"
		}
	}
	for _, p := range c.cfg.Policies {
		if p.Name == name {
			return "policy"
		}
	}
	return ""
}

// addFailover gives a failover its index, and its members their holder.
func (c *compiler) addFailover(f pool.Failover) *pool.Failover {
	f.Index = len(c.plan.failovers)
	done := pool.NewFailover(f)
	c.failovers[f.Name] = done
	c.plan.failovers = append(c.plan.failovers, done)
	for _, set := range f.Sets {
		for _, part := range set.Pools {
			for _, m := range part.Members {
				held := c.plan.holders[m.Index]
				if len(held) == 0 || held[len(held)-1] != f.Index {
					c.plan.holders[m.Index] = append(held, f.Index)
				}
			}
		}
	}
	return done
}

// identity is a member's name in its pool.
func identity(m MemberConfig) string {
	switch {
	case m.Name != "":
		return m.Name
	case m.Host != "":
		return m.Host
	}
	return m.Addr.String()
}

func familyOf(addr netip.Addr) pool.Family {
	if addr.Is4() {
		return pool.IPv4
	}
	return pool.IPv6
}
