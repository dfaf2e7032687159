package gtm

import (
	"fmt"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

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
		c.errorf(cfg.PinPos, "%s: pin %q is none of its sets%s", what, cfg.Pin, known(cfg.Pin, names))
	}
	if len(f.Sets) < len(cfg.Sets) {
		return // the error is told
	}
	c.places[cfg.Name] = cfg.Pos
	joint := c.addFailover(f).Joint
	for i, set := range f.Sets {
		var have [2]int
		zero := false
		for _, part := range set.Pools {
			for _, m := range part.Members {
				switch {
				case m.Weight == 0 || part.Weight == 0:
					zero = true
				case joint:
					have[0]++
				default:
					have[familyOf(m.Addr)]++
				}
			}
		}
		at := cfg.Sets[i]
		c.enough(at.MinPos, fmt.Sprintf("%s: set %q: min_available %d", what, at.Name, at.MinAvailable),
			func(int) int { return at.MinAvailable }, have, joint, zero)
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
	for _, sp := range cfg.Pools {
		p, ok := c.pools[sp.Name]
		if !ok {
			c.noPool(PoolUse{sp.Pos, sp.Name}, what, "a set takes pools")
			return nil
		}
		c.used[sp.Name] = true
		if len(s.Pools) > 0 && hasHosts(p) != hasHosts(s.Pools[0].Pool) {
			c.errorf(sp.Pos, "%s mixes pools of addresses and of host names: put them in sets of their own", what)
			return nil
		}
		s.Pools = append(s.Pools, pool.Part{Pool: p, Weight: uint32(sp.Weight)})
	}
	if cfg.Answers > len(s.Pools) {
		c.errorf(cfg.Pos, "%s: answers %d exceeds its %s", what, cfg.Answers, count(len(s.Pools), "pool"))
		return nil
	}
	if cfg.Balance == pool.Nearest {
		var neighbours policy.Neighbourhood
		for _, sp := range cfg.Pools {
			neighbours = append(neighbours, policy.Neighbour{At: c.points[sp.Name]})
		}
		if s.Near = c.near(neighbours); s.Near == 0 {
			c.errorf(cfg.Pos, "%s: balance nearest among pools needs their location: add location LAT LON to them", what)
		}
	}
	return s
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
