package gtm

import "github.com/gtm-dns/coredns-gtm/plugin/admin"

// compileDrills makes the recovery plans of the Corefile.
func (c *compiler) compileDrills() {
	c.plan.drills = make(map[string]*drill, len(c.cfg.Drills))
	for _, cfg := range c.cfg.Drills {
		d := &drill{name: cfg.Name, note: cfg.Note, corefile: true, state: admin.PlanUnexecuted}
		for _, line := range cfg.Changes {
			changes, err := parseChanges(c.plan, []string{line.Text})
			if err != nil {
				c.errorf(line.Pos, "plan %q: %w", cfg.Name, err)
				continue
			}
			d.texts = append(d.texts, changes[0].text(c.plan))
			d.changes = append(d.changes, changes[0])
		}
		c.plan.drills[d.name] = d
	}
}
