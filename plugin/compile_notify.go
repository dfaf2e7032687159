package gtm

import "github.com/miekg/dns"

// compileSinks checks that what the sinks are to be told of is there, and notes
// what is in trouble from the start.
func (c *compiler) compileSinks() {
	there := map[string]func(name string) bool{
		"gtm":      func(name string) bool { return name == c.cfg.Name },
		"pool":     func(name string) bool { _, ok := c.plan.directory.pools[name]; return ok },
		"failover": func(name string) bool { _, ok := c.plan.directory.failovers[name]; return ok },
		"domain":   func(name string) bool { return c.plan.directory.domains[dns.CanonicalName(name)] != nil },
	}
	c.plan.stale = map[string]bool{}
	for _, g := range c.cfg.Geo {
		c.plan.stale[g.File.Name] = g.Err != nil
	}
	for _, cfg := range c.cfg.Notify {
		c.plan.sinks = append(c.plan.sinks, cfg.Sink)
		for _, s := range cfg.Sink.Only {
			for key, is := range there {
				if name, ok := s.Exactly(key); ok && !is(name) {
					c.errorf(cfg.Pos, "notify %q: only: there is no %s %q", cfg.Name, key, name)
				}
			}
		}
	}
}
