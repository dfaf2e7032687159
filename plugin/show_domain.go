package gtm

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/policy"
)

// groupState is how domains that are decided alike stand.
type groupState struct {
	state string
	last  *time.Time // switch of any of their failovers
}

func (b *sight) groupState(i int) groupState {
	known, ok := b.states[i]
	if ok {
		return known
	}
	g := &b.plan.directory.groups[i]
	up := 0
	for _, f := range g.failovers {
		if b.failoverState(f) == admin.StateUp {
			up++
		}
		if at := b.publisher.switched[f].Load(); at != nil && (known.last == nil || at.After(*known.last)) {
			known.last = at
		}
	}
	alive, declared := 0, 0
	for f, fam := range families {
		if g.domains[0].families[f] || g.domains[0].cnames {
			declared++
			if g.alive(fam, b.snap.views.At) {
				alive++
			}
		}
	}
	switch {
	case alive == 0:
		known.state = admin.StateDown
	case up == len(g.failovers) && alive == declared:
		known.state = admin.StateUp
	default:
		known.state = admin.StateDegraded
	}
	b.states[i] = known
	return known
}

func (b *sight) domainState(d *domain) string {
	if b.snap.layer.disabled[d] {
		return admin.StateDisabled
	}
	return b.groupState(d.group).state
}

var domains = listing[admin.Domain]{
	count: func(b *sight) int { return len(b.plan.domains) },
	texts: func(b *sight, i int, yield func(string) bool) bool { return yield(b.plan.domains[i].Name) },
	state: func(b *sight, i int) string { return b.domainState(b.plan.domains[i]) },
	show:  func(b *sight, i int) admin.Domain { return b.domain(b.plan.domains[i]) },
}

// Domains implements admin.System.
func (s *system) Domains(l admin.List) (admin.Page[admin.Domain], error) { return page(s, l, domains) }

// listedActive is up to how many failovers a domain in a list shows.
const listedActive = 8

func (b *sight) domain(d *domain) admin.Domain {
	g := b.groupState(d.group)
	shown := admin.Domain{
		GTM: b.plan.name, Name: d.Name, State: b.domainState(d), Use: b.useOf(d.Target), TTL: d.TTL, MinTTL: d.Min, OnAllDown: d.allDownText(),
		LastSwitch: g.last, Failovers: []string{}, Active: []admin.Active{},
		Order: b.orderOn(func(c *change) bool { return c.domain == d }),
	}
	if list := b.plan.directory.groups[d.group].failovers; len(list) <= listedActive {
		b.leads(&shown, list)
	}
	return shown
}

// leads adds the failovers that a domain can lead to.
func (b *sight) leads(shown *admin.Domain, list []int) {
	for _, f := range list {
		shown.Failovers = append(shown.Failovers, b.plan.failovers[f].Name)
		shown.Active = append(shown.Active, b.active(f)...)
	}
}

func (d *domain) allDownText() string {
	words := []string{d.AllDown.Kind.String()}
	if d.AllDown.CNAME != "" {
		words = append(words, d.AllDown.CNAME)
	}
	for _, a := range d.AllDown.Addrs {
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}

// useOf is the name of a target.
func (b *sight) useOf(t policy.Target) string {
	if t.Policy != nil {
		return t.Policy.Name
	}
	return b.plan.failovers[t.Failover].Name
}

// Domain implements admin.System.
func (s *system) Domain(gtm, name string) (admin.DomainTree, error) {
	blocks, err := s.blocks(gtm)
	if err != nil {
		return admin.DomainTree{}, err
	}
	name = strings.ToLower(dns.Fqdn(name))
	var names []string
	for _, b := range blocks {
		if d, ok := b.plan.directory.domains[name]; ok {
			t := admin.DomainTree{Domain: b.domain(d)}
			if list := b.plan.directory.groups[d.group].failovers; len(list) > listedActive {
				b.leads(&t.Domain, list)
			}
			t.Target = b.target(d.Target, map[policy.Target]bool{})
			return t, nil
		}
		for _, d := range b.plan.domains {
			names = append(names, d.Name)
		}
	}
	return admin.DomainTree{}, admin.NoSuch("domain", name, known(name, names))
}

// target is the tree of a target; what is in it already is left out.
func (b *sight) target(t policy.Target, seen map[policy.Target]bool) admin.Target {
	seen[t] = true
	if t.Policy == nil {
		tree := b.failoverTree(t.Failover)
		return admin.Target{Failover: &tree}
	}
	p := t.Policy
	tree := &admin.PolicyTree{Policy: b.policy(p), Targets: []admin.Branch{}}
	add := func(by string, t policy.Target) {
		br := admin.Branch{By: by, Use: b.useOf(t)}
		if !seen[t] {
			inner := b.target(t, seen)
			br.Target = &inner
		}
		tree.Targets = append(tree.Targets, br)
	}
	if p.Latency != nil {
		for _, c := range p.Latency.Pools {
			add(c.Pool.Name, policy.Target{Failover: c.Failover})
		}
	}
	for i, r := range p.Rules {
		by := "default"
		if i < len(p.Rules)-1 {
			by = strings.Join(sources(r), " ")
		}
		add(by, r.Target)
	}
	return admin.Target{Policy: tree}
}

func sources(r policy.Rule) []string {
	list := make([]string, len(r.From))
	for i, term := range r.From {
		list[i] = term.String()
	}
	return list
}

func (b *sight) policy(p *policy.Policy) admin.Policy {
	shown := admin.Policy{GTM: b.plan.name, Name: p.Name, Kind: "geo", Default: b.useOf(p.Rules[len(p.Rules)-1].Target)}
	if p.Latency != nil {
		shown.Kind = "latency"
		for _, c := range p.Latency.Pools {
			shown.Pools = append(shown.Pools, c.Pool.Name)
		}
	}
	for i, r := range p.Rules[:len(p.Rules)-1] {
		shown.Rules = append(shown.Rules, admin.Rule{Number: i + 1, From: sources(r), Use: b.useOf(r.Target), Fence: r.Fence})
	}
	return shown
}

var policies = listing[admin.Policy]{
	count: func(b *sight) int { return len(b.plan.policies) },
	texts: func(b *sight, i int, yield func(string) bool) bool { return yield(b.plan.policies[i].Name) },
	show:  func(b *sight, i int) admin.Policy { return b.policy(b.plan.policies[i]) },
}

// Policies implements admin.System.
func (s *system) Policies(l admin.List) (admin.Page[admin.Policy], error) {
	return page(s, l, policies)
}
