package gtm

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
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
		Balance: cfg.Balance, Answers: cfg.Answers, SlowStart: cfg.SlowStart,
	}
	var neighbours policy.Neighbourhood
	named := false
	for _, m := range cfg.Members {
		if (m.Host != "") != (cfg.Members[0].Host != "") {
			c.errorf(m.Pos, "%s mixes addresses and host names: put them in pools of their own", what)
			return
		}
		named = named || len(m.From) > 0
		neighbours = append(neighbours, policy.Neighbour{From: c.terms(m.Pos, m.From), At: cmp.Or(m.At, cfg.At)})
		p.Members = append(p.Members, &pool.Member{
			ID: identity(m), Addr: m.Addr, Host: m.Host, Weight: uint32(m.Weight), Mode: m.Mode,
			Index: len(c.plan.members) + len(p.Members),
		})
	}
	if named && cfg.Balance != pool.Nearest {
		c.errorf(cfg.Pos, "%s: a member's from is for balance nearest, and its balance is %s", what, cfg.Balance)
	}
	if cfg.Balance == pool.Nearest {
		p.Near = c.near(neighbours)
	}
	c.quorum(cfg, what)
	checks := c.checkUses(cfg, what)
	c.pools[cfg.Name], c.places[cfg.Name], c.points[cfg.Name] = pool.New(p), cfg.Pos, cfg.At
	c.plan.pools = append(c.plan.pools, c.pools[cfg.Name])
	c.plan.members = append(c.plan.members, c.pools[cfg.Name].Members...)
	for i, m := range cfg.Members {
		c.memberChecks(len(c.plan.members)-len(cfg.Members)+i, m, cfg.Checks, checks)
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
	zero := false
	for _, m := range cfg.Members {
		switch {
		case m.Weight == 0:
			zero = true
		case hosts:
			have[0]++
		default:
			have[familyOf(m.Addr)]++
		}
	}
	c.enough(cfg.Pos, what+": healthy_when "+cfg.HealthyWhen.String(), cfg.HealthyWhen.Need, have, hosts, zero)
	if cfg.Answers > len(cfg.Members) {
		c.errorf(cfg.Pos, "%s: answers %d exceeds its %s", what, cfg.Answers, count(len(cfg.Members), "member"))
	}
}

// enough checks that a number of members is there, in each family that is: else
// that family could never be available. Joint, the first number is of both. Those
// of weight 0, if there are any, are not in the numbers.
func (c *compiler) enough(at Pos, what string, need func(total int) int, have [2]int, joint, zero bool) {
	rest := ""
	if zero {
		rest = " (weight 0 does not count)"
	}
	for f, have := range have {
		kind := pool.Family(f).String() + " member"
		if joint {
			kind = "member"
		}
		if have > 0 && need(have) > have {
			c.errorf(at, "%s exceeds its %s%s", what, count(have, kind), rest)
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
			c.usedChecks[use.Name] = true
		default:
			c.errorf(use.Pos, "%s uses check %q, which is not declared%s", what, use.Name, known(use.Name, slices.Collect(maps.Keys(c.checks))))
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

// label is what a check of a pool is called: the words of its line, in short.
func (u CheckUse) label() string {
	name, port := u.Name, u.Port
	if u.Inline != nil {
		name, port = string(u.Inline.Options.Kind), u.Inline.Port
	}
	if port != 0 {
		name += ":" + strconv.Itoa(int(port))
	}
	if u.Inline != nil {
		name += u.Inline.Options.Path
	}
	return name
}

// memberChecks adds a member's checks to the plan.
func (c *compiler) memberChecks(index int, m MemberConfig, uses []CheckUse, checks []CheckConfig) {
	from := len(c.plan.checks)
	for i, check := range checks {
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
		if m.Probe != "" && tellsName(check.Options) {
			target.Name = m.answer()
		}
		c.plan.checks = append(c.plan.checks, healthcheck.Check{
			Target: target, Options: unique.Make(check.Options), Thresholds: check.Thresholds,
		})
		c.plan.labels = append(c.plan.labels, uses[i].label())
		c.plan.ownerOf = append(c.plan.ownerOf, index)
	}
	c.plan.checksOf = append(c.plan.checksOf, span{from, len(c.plan.checks)})
}

// tellsName says whether a check tells its peer who it takes it for, and no option
// says who that is.
func tellsName(o healthcheck.Options) bool {
	switch o.Kind {
	case healthcheck.HTTP, healthcheck.HTTPS:
		return o.Host == ""
	case healthcheck.GRPC:
		return o.SNI == ""
	case healthcheck.TCP:
		return o.TLS && o.SNI == ""
	case healthcheck.Ping, healthcheck.DNS:
	}
	return false
}

// identity is a member's name in its pool.
func identity(m MemberConfig) string {
	switch {
	case m.Name != "":
		return m.Name
	case m.Host != "":
		return strings.TrimSuffix(m.Host, ".")
	}
	return m.Addr.String()
}

func familyOf(addr netip.Addr) pool.Family {
	if addr.Is4() {
		return pool.IPv4
	}
	return pool.IPv6
}
