package gtm

import "errors"

// named is an object of one name space.
type named struct {
	what string // "pool", ...
	pos  Pos
}

// nameSpace is one name space: name -> what has it.
type nameSpace map[string]named

// take gives a name to an object.
func (n nameSpace) take(what, name string, pos Pos) error {
	first, taken := n[name]
	if !taken {
		n[name] = named{what, pos}
		return nil
	}
	return pos.Errorf("%s %q: the name is taken by the %s %s", what, name, first.what, first.pos.seenFrom(pos))
}

// uniqueNames finds the names that two things of one name space have.
func uniqueNames(c *Config) error {
	var errs []error
	take := func(n nameSpace, what, name string, pos Pos) {
		if err := n.take(what, name, pos); err != nil {
			errs = append(errs, err)
		}
	}
	regions, checks := nameSpace{}, nameSpace{}
	for _, r := range c.Regions {
		take(regions, "region", r.Name, r.Pos)
	}
	for _, k := range c.Checks {
		take(checks, "check", k.Name, k.Pos)
	}
	targets := make(nameSpace, len(c.Pools)+len(c.Failovers)+len(c.Policies))
	for i := range c.Pools {
		p := &c.Pools[i]
		take(targets, "pool", p.Name, p.Pos)
		errs = append(errs, p.uniqueMembers())
	}
	for i := range c.Failovers {
		f := &c.Failovers[i]
		take(targets, "failover", f.Name, f.Pos)
		errs = append(errs, f.uniqueSets())
	}
	for _, p := range c.Policies {
		take(targets, "policy", p.Name, p.Pos)
	}
	sinks := nameSpace{}
	for _, s := range c.Notify {
		take(sinks, "notify", s.Name, s.Pos)
	}
	drills := nameSpace{}
	for _, d := range c.Drills {
		take(drills, "plan", d.Name, d.Pos)
	}
	domains := make(nameSpace, len(c.Domains))
	for _, d := range c.Domains {
		for _, name := range d.Names {
			take(domains, "domain", name, d.Pos)
		}
	}
	return errors.Join(errs...)
}

func (p *PoolConfig) uniqueMembers() error {
	var errs []error
	members := make(nameSpace, len(p.Members))
	for i := range p.Members {
		m := &p.Members[i]
		what, name := "name", m.Name
		if name == "" {
			what, name = "address", m.answer()
		}
		if first, taken := members[name]; taken {
			errs = append(errs, m.Pos.Errorf("pool %q: %s %s is that of the member %s, too: give one of them another name", p.Name, what, name, first.pos.seenFrom(m.Pos)))
			continue
		}
		members[name] = named{"member", m.Pos}
	}
	return errors.Join(errs...)
}

func (f *FailoverConfig) uniqueSets() error {
	var errs []error
	sets := make(nameSpace, len(f.Sets))
	for _, s := range f.Sets {
		if first, taken := sets[s.Name]; taken {
			errs = append(errs, s.Pos.Errorf("failover %q: set %q is the name of the set %s, too: give one of them a block and another name", f.Name, s.Name, first.pos.seenFrom(s.Pos)))
		} else {
			sets[s.Name] = named{"set", s.Pos}
		}
		pools := make(nameSpace, len(s.Pools))
		for _, p := range s.Pools {
			if _, taken := pools[p.Name]; taken {
				errs = append(errs, p.Pos.Errorf("failover %q: set %q: pool %q stands there twice: write it once, with a weight if it shall have more", f.Name, s.Name, p.Name))
			}
			pools[p.Name] = named{"pool", p.Pos}
		}
	}
	return errors.Join(errs...)
}
