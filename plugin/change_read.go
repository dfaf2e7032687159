package gtm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/pool"
)

func (c *change) readMember(p *plan, words []string) error {
	c.about = words[0]
	name, id, ok := strings.Cut(words[0], "/")
	if !ok {
		return fmt.Errorf("%q names no member: want POOL/MEMBER, such as beijing/bj-1", words[0])
	}
	if err := c.findPool(p, name); err != nil {
		return err
	}
	members := p.pools[c.pool].Members
	i := slices.IndexFunc(members, func(m *pool.Member) bool { return m.ID == id })
	if i < 0 {
		var ids []string
		for _, m := range members {
			ids = append(ids, m.ID)
		}
		return missing(fmt.Errorf("pool %q has no member %q%s", name, id, known(id, ids)))
	}
	c.member = members[i].Index
	return nil
}

func (c *change) readPool(p *plan, words []string) error {
	c.about = words[0]
	return c.findPool(p, words[0])
}

func (c *change) findPool(p *plan, name string) error {
	i, ok := p.directory.pools[name]
	if !ok {
		var names []string
		for _, pl := range p.pools {
			names = append(names, pl.Name)
		}
		return missing(fmt.Errorf("there is no pool %q%s", name, known(name, names)))
	}
	c.pool = i
	return nil
}

func (c *change) readMode(p *plan, words []string) (err error) {
	if err = c.readMember(p, words[:1]); err != nil {
		return err
	}
	if c.mode, err = pool.ParseMode(words[1]); err != nil {
		return fmt.Errorf("%w: want one of %s", err, strings.Join(pool.Modes(), ", "))
	}
	c.reset = c.mode == p.members[c.member].Mode
	return nil
}

func (c *change) readWeight(p *plan, words []string) error {
	if err := c.readMember(p, words[:1]); err != nil {
		return err
	}
	c.weight, c.auto = p.members[c.member].Weight, words[1] == "auto"
	if !c.auto {
		n, err := parseNumber(words[1], 0, maxWeight)
		if err != nil {
			return err
		}
		c.weight = uint32(n)
	}
	c.reset = c.weight == p.members[c.member].Weight
	return nil
}

func (c *change) readDomain(p *plan, words []string) error {
	name := strings.ToLower(dns.Fqdn(words[0]))
	c.about = name
	d, ok := p.directory.domains[name]
	if !ok {
		var names []string
		for _, d := range p.domains {
			names = append(names, d.Name)
		}
		return missing(fmt.Errorf("there is no domain %q%s", name, known(name, names)))
	}
	c.domain = d
	return nil
}

func (c *change) readFailover(p *plan, words []string) error {
	c.about = words[0]
	i, ok := p.directory.failovers[words[0]]
	if !ok {
		var names []string
		for _, f := range p.failovers {
			names = append(names, f.Name)
		}
		return missing(fmt.Errorf("there is no failover %q%s", words[0], known(words[0], names)))
	}
	c.at = i
	return nil
}

func (c *change) readPin(p *plan, words []string) error {
	if err := c.readFailover(p, words[:1]); err != nil {
		return err
	}
	if err := c.findSet(p, words[1]); err != nil {
		return err
	}
	c.reset = c.set == p.failovers[c.at].Pin
	return nil
}

func (c *change) readUnpin(p *plan, words []string) error {
	if err := c.readFailover(p, words); err != nil {
		return err
	}
	c.reset = p.failovers[c.at].Pin == pool.NoSet
	return nil
}

func (c *change) findSet(p *plan, name string) error {
	f := p.failovers[c.at]
	c.set = slices.IndexFunc(f.Sets, func(s *pool.Set) bool { return s.Name == name })
	if c.set >= 0 {
		return nil
	}
	var names []string
	for _, s := range f.Sets {
		names = append(names, s.Name)
	}
	return missing(fmt.Errorf("failover %q has no set %q%s", f.Name, name, known(name, names)))
}

func (c *change) readResume(p *plan, words []string) error {
	err := c.readFailover(p, words[:1])
	if err == nil && len(words) > 1 {
		err = c.findSet(p, words[1])
	}
	return err
}

// missing marks an error about a name that refers to nothing.
func missing(err error) error { return &missingError{err} }

type missingError struct{ error }

// isMissing says whether an error is about a name that refers to nothing.
func isMissing(err error) bool {
	var m *missingError
	return errors.As(err, &m)
}
