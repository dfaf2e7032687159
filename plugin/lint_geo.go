package gtm

import (
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// databases are those that know a kind of fact.
var databases = map[geo.Kind]string{
	geo.Continent:   "a Country or City database",
	geo.Country:     "a Country or City database",
	geo.Subdivision: "a City database with ISO codes of subdivisions",
	geo.ASN:         "an ASN or ISP database",
	geo.Location:    "a City database with coordinates",
}

// lintSources refuses what no geo file can know, and locations that are of no use.
func (c *compiler) lintSources() {
	for _, cfg := range c.cfg.Policies {
		what := "policy " + quote(cfg.Name)
		told := map[geo.Kind]bool{}
		for i, rule := range cfg.Rules {
			c.knowable(rule.Pos, what, c.policies[cfg.Name].Rules[i].From, told)
		}
		if cfg.Latency != nil {
			c.lintLatency(cfg, what)
		}
	}
	for _, cfg := range c.cfg.Pools {
		if near := c.pools[cfg.Name].Near; near != 0 {
			c.lintNear(cfg, c.plan.near[near-1])
		}
	}
	for _, cfg := range c.cfg.Failovers {
		for i, set := range c.failovers[cfg.Name].Sets {
			if set.Near != 0 {
				c.needs(cfg.Sets[i].Pos, "failover "+quote(cfg.Name)+": balance nearest", geo.Location)
			}
		}
	}
}

// lintNear refuses what no geo file can know for balance nearest. A location without
// use beside members that have a from is worth a warning.
func (c *compiler) lintNear(cfg PoolConfig, n policy.Neighbourhood) {
	what := "pool " + quote(cfg.Name)
	told := map[geo.Kind]bool{}
	at, located, named := cfg.Pos, cfg.At != nil, false
	for i, m := range cfg.Members {
		c.knowable(m.Pos, what, n[i].From, told)
		named = named || len(m.From) > 0
		if m.At != nil && !located {
			at, located = m.Pos, true
		}
	}
	switch {
	case !located || c.know.Files.Knows(geo.Location):
	case named:
		c.warnf(at, "%s: location does nothing: no geo file knows where clients are: add geoip FILE with %s", what, databases[geo.Location])
	default:
		c.needs(at, what+": location", geo.Location)
	}
}

// knowable refuses sources that no geo file can know: the first one of a kind, for
// there may be hundreds.
func (c *compiler) knowable(at Pos, what string, terms []policy.Term, told map[geo.Kind]bool) {
	for _, t := range terms {
		for _, kind := range t.Kinds() {
			if !told[kind] && !c.know.Files.Knows(kind) {
				told[kind] = true
				c.needs(at, what+": source "+t.String(), kind)
			}
		}
	}
}

// needs refuses what asks for a kind of fact that no geo file has.
func (c *compiler) needs(at Pos, what string, kind geo.Kind) {
	switch {
	case c.know.Files.Knows(kind):
	case len(c.know.Files) == 0:
		c.errorf(at, "%s needs a geo file: add geoip FILE with %s", what, databases[kind])
	default:
		c.errorf(at, "%s: no geo file of the block knows a client's %s: add %s to geoip", what, kind, databases[kind])
	}
}

// lintLatency refuses pools that nothing is ever known of.
func (c *compiler) lintLatency(cfg PolicyConfig, what string) {
	l := c.policies[cfg.Name].Latency
	table := c.know.Tables[l.Table]
	for i, candidate := range l.Pools {
		name := candidate.Pool.Name
		at := cfg.Latency.Pools[i].Pos
		for _, kind := range table.Kinds(name) {
			c.needs(cfg.Latency.Table.Pos, what+": table: a source of pool "+quote(name), kind)
		}
		switch {
		case candidate.At != nil && !table.Has(name):
			c.needs(at, what+": the location of pool "+quote(name), geo.Location)
		case candidate.At == nil && !table.Has(name) && l.Table == "":
			c.errorf(at, "%s: nothing tells how far pool %q is: add location LAT LON to it, or table FILE to the policy", what, name)
		case candidate.At == nil && !table.Has(name):
			c.errorf(at, "%s: nothing tells how far pool %q is: it has no row in %s: add one, or location LAT LON to it", what, name, l.Table)
		}
	}
}

// lintGeo warns of what no client is in, by what the geo files know now.
func (c *compiler) lintGeo() {
	for _, cfg := range c.cfg.Policies {
		p := c.policies[cfg.Name]
		if p.Latency != nil {
			continue
		}
		idle := c.atlas.Unmatched(p)
		for _, i := range idle[:min(len(idle), maxDead)] {
			c.warnf(cfg.Rules[i].Pos, "policy %q: from %s has no clients, by what the geo files know: the rules above have them all, or there are none", cfg.Name, policy.Sources(cfg.Rules[i].From))
		}
		if more := len(idle) - maxDead; more > 0 {
			c.warnf(cfg.Pos, "policy %q: no client gets to %d more of its rules", cfg.Name, more)
		}
	}
	var used []*policy.Region
	var places []Pos
	for _, cfg := range c.cfg.Regions {
		if c.usedRegions[cfg.Name] { // and so a file knows what it asks for
			used, places = append(used, c.regions[cfg.Name]), append(places, cfg.Pos)
		}
	}
	for _, i := range policy.Empty(c.know.Files, used) {
		c.warnf(places[i], "region %q: no client is in it, by what the geo files know", used[i].Name)
	}
}

// lintLocations warns of locations that nothing looks at.
func (c *compiler) lintLocations() {
	looked := map[string]bool{} // pool
	for _, p := range c.plan.policies {
		if p.Latency != nil {
			for _, candidate := range p.Latency.Pools {
				looked[candidate.Pool.Name] = true
			}
		}
	}
	for _, cfg := range c.cfg.Failovers {
		for _, set := range cfg.Sets {
			for _, use := range set.Pools {
				looked[use.Name] = looked[use.Name] || set.Balance == pool.Nearest
			}
		}
	}
	for _, cfg := range c.cfg.Pools {
		if cfg.Balance == pool.Nearest {
			if c.pools[cfg.Name].Near == 0 && len(cfg.Members) > 1 {
				c.warnf(cfg.Pos, "pool %q: balance nearest goes by from and location, and no member has any: it is random", cfg.Name)
			}
			continue
		}
		located := func(m MemberConfig) bool { return m.At != nil }
		if i := slices.IndexFunc(cfg.Members, located); i >= 0 {
			c.warnf(cfg.Members[i].Pos, "pool %q: a member's location does nothing under balance %s: it is for nearest", cfg.Name, cfg.Balance)
		}
		if cfg.At != nil && !looked[cfg.Name] {
			c.warnf(cfg.Pos, "pool %q: location does nothing: it is for balance nearest, and for latency policies", cfg.Name)
		}
	}
}
