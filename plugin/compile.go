package gtm

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// compile turns a configuration into a plan: names become what they name, and
// all that cannot work is an error with its place. It is pure, so that it checks
// a configuration without starting it. The atlas is what the plan makes of the
// files as they were read.
func compile(cfg *Config) (*plan, *policy.Atlas, error) {
	c := &compiler{
		cfg: cfg,
		plan: &plan{
			pos: cfg.Pos, name: cfg.Name, zones: cfg.Zones, ecs: cfg.ECS, fall: cfg.Fall, state: cfg.State, maxProbes: cfg.MaxProbes,
			authority: cfg.Authority != nil, fastPath: cfg.FastPath, names: map[string]*node{},
			failures: map[string]*atomic.Uint64{},
		},
		know:      policy.Knowledge{Tables: map[string]*policy.LatencyTable{}},
		regions:   map[string]*policy.Region{},
		checks:    map[string]*CheckConfig{},
		pools:     map[string]*pool.Pool{},
		points:    map[string]*geo.Point{},
		failovers: map[string]*pool.Failover{},
		policies:  map[string]*policy.Policy{},
		places:    map[string]Pos{},
		used:      map[string]bool{},

		usedChecks: map[string]bool{}, usedRegions: map[string]bool{},
	}
	if a := cfg.Admin; a != nil {
		c.plan.admin, c.plan.access = a.Addr, a.Access
	}
	for _, step := range []func(){c.compileRegions, c.compilePools, c.compileFailovers, c.compilePolicies, c.compileDomains, c.plan.register, c.compileDrills, c.compileSinks, c.compileAtlas, c.lint} {
		if step(); len(c.errs) > 0 {
			return nil, nil, report(cfg.Pos, errors.Join(c.errs...))
		}
	}
	return c.plan, c.atlas, nil
}

// compiler holds what the steps of compile hand on to the next.
type compiler struct {
	cfg   *Config
	plan  *plan
	atlas *policy.Atlas
	errs  []error

	know      policy.Knowledge
	regions   map[string]*policy.Region
	checks    map[string]*CheckConfig
	pools     map[string]*pool.Pool
	points    map[string]*geo.Point     // pool -> where it is, if that is said
	failovers map[string]*pool.Failover // declared ones, and those of pools that are targets
	policies  map[string]*policy.Policy
	places    map[string]Pos  // pool, failover or policy -> where it is declared
	used      map[string]bool // pool, failover or policy -> something leads to it

	usedChecks, usedRegions map[string]bool
	leads                   map[string][]string // region -> regions it speaks of
}

func (c *compiler) errorf(at Pos, format string, args ...any) {
	c.errs = append(c.errs, at.Errorf(format, args...))
}

func (c *compiler) warnf(at Pos, format string, args ...any) {
	c.plan.warnings = append(c.plan.warnings, at.Errorf(format, args...).Error())
}

// target finds what a use word leads to. A pool that is a target is a failover
// of one set of one pool. It is not ok where there is no such name: an error.
func (c *compiler) target(at Pos, what, name string) (t policy.Target, ok bool) {
	c.used[name] = true
	if p, ok := c.policies[name]; ok {
		return policy.Target{Policy: p}, true
	}
	if f, ok := c.failovers[name]; ok {
		return policy.Target{Failover: f.Index}, true
	}
	if _, ok := c.pools[name]; ok {
		return policy.Target{Failover: c.direct(name).Index}, true
	}
	all := slices.Concat(slices.Collect(maps.Keys(c.policies)), slices.Collect(maps.Keys(c.pools)), slices.Collect(maps.Keys(c.failovers)))
	c.errorf(at, "%s uses %q, which is no policy, failover or pool%s", what, name, known(name, all))
	return t, false
}

// known is the end of an error about a name that refers to nothing: which one was
// meant, or what there is.
func known(name string, names []string) string {
	if len(names) == 0 {
		return ": none is declared"
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if meant := suggest(name, "", names); strings.HasPrefix(meant, "did") {
		return ": " + meant
	}
	if more := len(names) - 10; more > 0 {
		names = append(names[:10], fmt.Sprintf("and %d more", more))
	}
	return ": there are " + strings.Join(names, ", ")
}

func (c *compiler) compileDomains() {
	for _, name := range c.cfg.Zones {
		c.plan.names[name] = &node{zone: c.zone(name), apex: true}
	}
	for _, name := range c.cfg.Zones { // a zone within another one stands below names of that
		if outer := longestZone(c.cfg.Zones, parentOf(name)); outer != "" && name != "." {
			c.above(name, outer)
		}
	}
	for _, d := range c.cfg.Domains {
		what := "domain " + quote(d.Names[0])
		target, ok := c.target(d.UsePos, what, d.Use)
		if !ok {
			continue
		}
		ttl := c.cfg.TTL
		if d.TTL != nil {
			ttl = *d.TTL
		}
		if !ttl.HasMin {
			ttl.Min = ttl.TTL
		}
		if d.OnAllDown.Kind == policy.AllDownNext {
			c.plan.nexts = append(c.plan.nexts, d.OnAllDown.Pos)
		}
		for _, name := range d.Names {
			c.domain(d, &domain{Domain: policy.Domain{
				Name: name, Target: target, TTL: ttl.TTL, Min: ttl.Min,
				AllDown: policy.AllDown{Kind: d.OnAllDown.Kind, CNAME: d.OnAllDown.CNAME, Addrs: d.OnAllDown.Addrs},
			}})
		}
	}
}

// domain adds an owner name, and the names above it up to its zone.
func (c *compiler) domain(cfg DomainConfig, d *domain) {
	apex := longestZone(c.cfg.Zones, d.Name)
	if apex == "" {
		c.errorf(cfg.Pos, "domain %q is in none of the zones of gtm %q, which are %s: write gtm ZONE... with its zone, or move it", d.Name, c.cfg.Name, strings.Join(c.cfg.Zones, " "))
		return
	}
	hosts := c.reach(d.Target, d)
	d.cnames = d.cnames || d.AllDown.Kind == policy.AllDownCNAME
	if d.cnames && d.Name == apex {
		c.errorf(cfg.Pos, "domain %q is the apex of its zone, where a CNAME cannot stand (RFC 1034, section 3.6.2): use pools of addresses", d.Name)
	}
	if slices.Contains(append(hosts, d.AllDown.CNAME), d.Name) {
		c.errorf(cfg.Pos, "domain %q leads to itself: a CNAME to its own name", d.Name)
	}
	for _, addr := range d.AllDown.Addrs {
		d.families[familyOf(addr)] = true
	}
	zone := c.plan.names[apex].zone
	d.zone, d.lowerName, d.counters = zone, []byte(d.Name), new(counters)
	c.node(d.Name, zone).domain = d
	if parent, ok := strings.CutPrefix(d.Name, "*."); ok {
		c.node(cmp.Or(parent, "."), zone).wildcard = d
	}
	c.above(d.Name, apex)
	c.plan.domains = append(c.plan.domains, d)
}

// above adds the names above a name, up to the zone that it is in: they exist,
// because it does.
func (c *compiler) above(name, apex string) {
	for name != apex {
		name = parentOf(name)
		c.node(name, c.plan.names[apex].zone)
	}
}

// node is the node of a name, made where there is none yet.
func (c *compiler) node(name string, z *zone) *node {
	n, ok := c.plan.names[name]
	if !ok {
		n = &node{zone: z}
		c.plan.names[name] = n
	}
	return n
}

// reach notes the families, and whether there are names, of everything that a
// target can lead to, and returns those names.
func (c *compiler) reach(t policy.Target, d *domain) (hosts []string) {
	if t.Policy != nil {
		for target := range t.Policy.Targets() {
			hosts = append(hosts, c.reach(target, d)...)
		}
		return hosts
	}
	for _, set := range c.plan.failovers[t.Failover].Sets {
		for _, part := range set.Pools {
			for _, m := range part.Members {
				if m.Host != "" {
					hosts = append(hosts, m.Host)
					d.cnames = true
					continue
				}
				d.families[familyOf(m.Addr)] = true
			}
		}
	}
	return hosts
}

// parentOf is the name without its first label.
func parentOf(name string) string {
	off, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[off:]
}

// longestZone is the most specific of some zones that a name is in, or "".
func longestZone(zones []string, name string) string {
	best := ""
	for _, z := range zones {
		if dns.IsSubDomain(z, name) && len(z) > len(best) {
			best = z
		}
	}
	return best
}

func quote(name string) string { return strconv.Quote(name) }

// count is "1 member", "2 members".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
