package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// showDomain shows a domain with all that it leads to. With check, the exit code
// says how it is.
func showDomain(s *session, name string, check bool) error {
	raw, err := s.ask(http.MethodGet, path("domains", name), s.query(), nil)
	if err != nil {
		return err
	}
	d, err := decode[admin.DomainTree](raw)
	if err != nil {
		return err
	}
	if done, err := s.printed(raw); err != nil {
		return err
	} else if !done {
		s.domain(&d)
	}
	if check {
		return verdict(d.State)
	}
	return nil
}

// verdict is the exit code for a state, under --check.
func verdict(word string) error {
	switch word {
	case admin.StateUp:
		return nil
	case admin.StateDown:
		return &failure{code: exitDown}
	}
	return &failure{code: exitDegraded}
}

func (s *session) domain(d *admin.DomainTree) {
	s.sayf("%s  %s\n", s.paint(state(d.State)), bare(d.Name))
	s.sayf("ttl %s, on_all_down %s%s\n", ttl(d.Domain), d.OnAllDown, behind(", last switch ", s.ago(d.LastSwitch)))
	if d.Order != nil {
		s.sayf("order: %s\n", s.whole(d.Order))
	}
	s.sayf("\n")
	tree{s, ""}.target(&d.Target)
}

// tree prints what a domain leads to, each level a step further in.
type tree struct {
	s      *session
	indent string
}

func (t tree) in() tree { return tree{t.s, t.indent + "  "} }

func (t tree) linef(format string, args ...any) {
	t.s.sayf("%s%s\n", t.indent, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

func (t tree) target(x *admin.Target) {
	switch {
	case x.Policy != nil:
		p := x.Policy
		t.linef("policy %s (%s)", p.Name, p.Kind)
		for i := range p.Targets {
			t.in().branch(&p.Targets[i])
		}
	case x.Failover != nil:
		t.failover(x.Failover)
	}
}

func (t tree) branch(b *admin.Branch) {
	if b.Target == nil {
		t.linef("%s -> %s (see above)", b.By, b.Use)
		return
	}
	t.linef("%s -> %s", b.By, b.Use)
	t.in().target(b.Target)
}

func (t tree) failover(f *admin.FailoverTree) {
	notes := []string{"recovery " + f.Recovery}
	for _, delay := range []struct{ name, value string }{{"failover_delay", f.FailoverDelay}, {"failback_delay", f.FailbackDelay}} {
		if delay.value != "" && delay.value != "0s" {
			notes = append(notes, delay.name+" "+delay.value)
		}
	}
	if note := failoverNote(t.s, f.Failover); note != "" {
		notes = append(notes, note)
	}
	t.linef("%s  failover %s, active: %s (%s)", t.s.paint(state(f.State)), f.Name, actives(f.Active, false), strings.Join(notes, ", "))
	for i := range f.Tree {
		t.in().set(&f.Tree[i])
	}
}

func (t tree) set(x *admin.SetTree) {
	note := behind("  <- ", setNote(x.Set))
	if x.MinAvailable > 1 {
		note = fmt.Sprintf(", min_available %d", x.MinAvailable) + note
	}
	if len(x.Pools) > 1 {
		note = ", " + x.Balance + note
	}
	t.linef("%s  set %s%s", t.s.paint(state(x.State)), x.Name, note)
	for _, f := range x.Families {
		if f.Text != "" {
			t.in().linef("%s: %s", f.Family, f.Text)
		}
	}
	for i := range x.Tree {
		t.in().pool(&x.Tree[i])
	}
}

func (t tree) pool(p *admin.PoolTree) {
	t.linef("%s  pool %s, %s available, %s%s", t.s.paint(state(p.State)), p.Name, tally(p.Members), p.Balance, behind("; order: ", t.s.brief(p.Order)))
	members := table{head: []string{"STATE", "MEMBER", "ADDRESS", ">WEIGHT", ">CHECKS", "WHY"}}
	for _, m := range p.Tree {
		members.add(state(m.State), text(m.Name), text(bare(m.Address)), text(weight(m)), text(tally(m.Checks)), text(memberNote(t.s, m)))
	}
	members.print(t.s, t.in().indent)
}
