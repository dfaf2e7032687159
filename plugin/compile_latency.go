package gtm

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// latency is what a latency policy chooses among, and how.
func (c *compiler) latency(cfg PolicyConfig) *policy.Latency {
	what := "policy " + quote(cfg.Name)
	l := &policy.Latency{Tolerance: float64(cfg.Latency.Tolerance.Microseconds()) / 1000, Answers: cfg.Latency.Answers}
	if len(cfg.Latency.Pools) > policy.MaxCandidates {
		c.errorf(cfg.Latency.Pools[policy.MaxCandidates].Pos, "%s has %d pools, and at most %d can be compared", what, len(cfg.Latency.Pools), policy.MaxCandidates)
	}
	for _, use := range cfg.Latency.Pools {
		p, ok := c.pools[use.Name]
		switch {
		case !ok:
			c.noPool(use, what, "latency is compared among pools")
			continue
		case slices.ContainsFunc(l.Pools, func(other policy.Candidate) bool { return other.Pool == p }):
			c.errorf(use.Pos, "%s: pool %q stands there twice", what, use.Name)
			continue
		case len(l.Pools) > 0 && hasHosts(p) != hasHosts(l.Pools[0].Pool):
			c.errorf(use.Pos, "%s mixes pools of addresses and of host names: put them in policies of their own", what)
		}
		l.Pools = append(l.Pools, policy.Candidate{Pool: p, Failover: c.direct(use.Name).Index, At: c.points[use.Name]})
	}
	if t := cfg.Latency.Table; t != nil {
		l.Table = t.File
		table, err := c.plan.readTable(t.File, t.Content)
		if err != nil {
			c.errorf(t.Pos, "%s: table %w", what, err)
			return l
		}
		c.know.Tables[t.File] = table
		c.plan.tables = append(c.plan.tables, t.File)
	}
	return l
}

// direct is the failover of a pool on its own.
func (c *compiler) direct(name string) *pool.Failover {
	c.used[name] = true
	if f, ok := c.failovers[name]; ok {
		return f
	}
	return c.addFailover(pool.Failover{Name: name, Pin: pool.NoSet, Sets: []*pool.Set{{
		Name: name, Pools: []pool.Part{{Pool: c.pools[name], Weight: 1}}, MinAvailable: 1,
	}}})
}

// noPool tells that what should be a pool is none.
func (c *compiler) noPool(use PoolUse, what, why string) {
	for _, other := range []struct {
		kind string
		is   bool
	}{
		{"a failover", slices.ContainsFunc(c.cfg.Failovers, func(f FailoverConfig) bool { return f.Name == use.Name })},
		{"a policy", slices.ContainsFunc(c.cfg.Policies, func(p PolicyConfig) bool { return p.Name == use.Name })},
	} {
		if other.is {
			c.errorf(use.Pos, "%s: %q is %s, and %s", what, use.Name, other.kind, why)
			return
		}
	}
	c.errorf(use.Pos, "%s: %q is no pool%s", what, use.Name, known(use.Name, slices.Collect(maps.Keys(c.pools))))
}

// hasHosts says whether a pool's members are host names.
func hasHosts(p *pool.Pool) bool { return p.Members[0].Host != "" }

// compileAtlas works out what the files say to the plan.
func (c *compiler) compileAtlas() {
	for _, cfg := range c.cfg.Geo {
		c.know.Files = append(c.know.Files, cfg.File)
		if cfg.Err != nil {
			c.warnf(cfg.Pos, "geoip: %w: it stays as it was read last", cfg.Err)
		}
	}
	slices.Sort(c.plan.tables)
	c.plan.tables = slices.Compact(c.plan.tables)
	for _, f := range c.know.Files {
		c.plan.failures[f.Name] = new(atomic.Uint64)
	}
	for _, name := range c.plan.tables {
		c.plan.failures[name] = new(atomic.Uint64)
	}
	c.reachRegions()
	c.lintSources()
	if len(c.errs) == 0 {
		c.atlas = c.plan.chart(c.know)
	}
}

// chart works out what the plan's policies and balances decide about clients.
func (p *plan) chart(k policy.Knowledge) *policy.Atlas {
	return policy.NewAtlas(k, p.policies, p.near)
}

// near is the number of a neighbourhood, for the Atlas.
func (c *compiler) near(n policy.Neighbourhood) int {
	if n.Flat() {
		return 0
	}
	c.plan.near = append(c.plan.near, n)
	return len(c.plan.near)
}

// readTable reads a latency table anew.
func (p *plan) readTable(file string, content []byte) (*policy.LatencyTable, error) {
	pools := make(map[string]bool, len(p.pools))
	for _, own := range p.pools {
		pools[own.Name] = true
	}
	table, err := policy.ReadLatencyTable(content, func(name string) bool { return pools[name] })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return table, nil
}

// fits says what a latency policy would lack with a table and these geo files: at
// start, lintLatency says it with its line.
func (p *plan) fits(file string, t *policy.LatencyTable, known geo.Files) error {
	for _, other := range p.policies {
		if other.Latency == nil || other.Latency.Table != file {
			continue
		}
		for _, c := range other.Latency.Pools {
			for _, kind := range t.Kinds(c.Pool.Name) {
				if !known.Knows(kind) {
					return fmt.Errorf("%s: it has a source of pool %q by %s, which no geo file of the block knows", file, c.Pool.Name, kind)
				}
			}
			if c.At == nil && !t.Has(c.Pool.Name) {
				return fmt.Errorf("%s: it has no row of pool %q, and nothing else tells policy %q how far that is", file, c.Pool.Name, other.Name)
			}
		}
	}
	return nil
}
