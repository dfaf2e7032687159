package gtm

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// compare sets two worlds side by side, for the domains that lead to failovers
// that differ, or are answered in one alone.
func compare(now, then *world, census *census, touched []int, only map[*domain]bool) admin.Difference {
	diff := admin.Difference{Changes: []string{}, Domains: []admin.DomainDiff{}}
	p := now.plan
	groups := map[int]bool{}
	for _, f := range touched {
		for _, g := range p.directory.uses[f] {
			groups[g] = true
		}
	}
	for d := range then.layer.disabled {
		groups[d.group] = true
	}
	for d := range now.layer.disabled {
		groups[d.group] = true
	}
	c := comparer{now: now, then: then, census: census}
	seen := 0
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		for _, domains := range c.alike(p.directory.groups[g].domains, only) {
			d := c.domains(domains)
			diff.Domains = append(diff.Domains, d)
			diff.Lost = append(diff.Lost, lost(d, then.layer.disabled[domains[0]])...)
			if d.Changed {
				seen += len(domains)
			}
		}
	}
	diff.Same = len(p.domains) - seen
	return diff
}

// lost are the rules that lose all that is available.
func lost(d admin.DomainDiff, disabled bool) (list []string) {
	for _, r := range d.Rules {
		if r.Now.Alive && !r.Then.Alive && !disabled {
			list = append(list, fmt.Sprintf("%s (%s, %s)", d.Domains[0], r.Rule, r.Family))
		}
	}
	return list
}

// comparer compares two worlds.
type comparer struct {
	now, then *world
	census    *census
	room      policy.Room
}

// alike cuts a group's domains into those that are disabled in the same worlds.
func (c *comparer) alike(domains []*domain, only map[*domain]bool) (lists [][]*domain) {
	var by [4][]*domain
	for _, d := range domains {
		if only != nil && !only[d] {
			continue
		}
		i := 0
		if c.now.layer.disabled[d] {
			i |= 1
		}
		if c.then.layer.disabled[d] {
			i |= 2
		}
		by[i] = append(by[i], d)
	}
	for _, list := range by {
		if len(list) > 0 {
			lists = append(lists, list)
		}
	}
	return lists
}

// domains compares domains that are decided alike.
func (c *comparer) domains(list []*domain) admin.DomainDiff {
	d := list[0]
	diff := admin.DomainDiff{Count: len(list), Rules: []admin.RuleDiff{}}
	for _, one := range list[:min(len(list), domainsNamed)] {
		diff.Domains = append(diff.Domains, one.Name)
	}
	for _, fam := range families {
		if !d.families[fam] && !(d.cnames && fam == d.family()) {
			continue
		}
		ways := c.census.of(c.now.atlas, d.Target, fam)
		for i := range ways {
			r := c.rule(d, fam, &ways[i])
			diff.Rules = append(diff.Rules, r)
			diff.Changed = diff.Changed || r.Changed
		}
	}
	return diff
}

// rule compares for the clients of one way.
func (c *comparer) rule(d *domain, fam pool.Family, way *policy.Way) admin.RuleDiff {
	r := admin.RuleDiff{Rule: way.Text, Family: fam.String(), Share: round(way.Share)}
	if e := way.Examples[0].Prefix; e.Bits() > 0 {
		r.Example = e.String()
	}
	var before, after map[int]float64
	r.Now, before = c.now.answered(d, fam, way, &c.room)
	r.Then, after = c.then.answered(d, fam, way, &c.room)
	r.Changed = r.Now.Reason != r.Then.Reason || r.Now.Set != r.Then.Set || r.Now.TTL != r.Then.TTL || r.Now.Alive != r.Then.Alive || !maps.Equal(r.Now.Pools, r.Then.Pools) || !maps.Equal(before, after)
	r.Members = c.now.plan.memberDiffs(before, after)
	return r
}

// memberDiffs are the members that are in other shares of the answers.
func (p *plan) memberDiffs(before, after map[int]float64) (list []admin.MemberDiff) {
	both := maps.Clone(before)
	maps.Copy(both, after)
	for _, i := range slices.Sorted(maps.Keys(both)) {
		if before[i] != after[i] && len(list) < domainsNamed {
			m := p.members[i]
			list = append(list, admin.MemberDiff{Member: m.Pool.Name + "/" + m.ID, Now: before[i], Then: after[i]})
		}
	}
	return list
}

// samples is how many clients of a way are asked for.
const samples = 256

// answered is what the clients of a way are answered: by the code that answers
// them, for some of its networks and draws that are the same each time; and by
// which members, each with how often.
func (w *world) answered(d *domain, fam pool.Family, way *policy.Way, room *policy.Room) (a admin.Answered, members map[int]float64) {
	a.Pools, members = map[string]float64{}, map[int]float64{}
	if w.layer.disabled[d] {
		a.Reason = "disabled"
		return a, members
	}
	total := 0.0
	each := max(1, samples/len(way.Examples))
	for n, e := range way.Examples {
		for k := range each {
			draw := pool.Draw(n<<32 | k)
			decision := d.Decide(w.views, &policy.Query{Client: client1(e.Prefix, draw), Atlas: w.atlas, Family: fam, Draw: draw}, room, nil)
			if n == 0 && k == 0 {
				a.Reason, a.TTL = string(decision.Reason), decision.TTL
				if decision.Set != nil {
					a.Set = decision.Set.Name
				}
			}
			total += e.Weight
			if len(decision.Members) > 0 {
				m := decision.Members[0]
				a.Pools[m.Pool.Name] += e.Weight
				a.Alive = a.Alive || w.health[m.Index]&pool.Available != 0
			}
			for _, m := range decision.Members {
				members[m.Index] += e.Weight
			}
		}
	}
	for name, weight := range a.Pools {
		a.Pools[name] = round(weight / total)
	}
	for i, weight := range members {
		members[i] = round(weight / total)
	}
	return a, members
}

// client1 is one client of a network: as a resolver tells it, by its first bits.
func client1(p netip.Prefix, draw pool.Draw) pool.Client {
	b := p.Addr().AsSlice()
	known := min(24, 8*len(b))
	if len(b) == 16 {
		known = 56
	}
	for i := p.Bits(); i < known; i++ { // any of its networks
		if draw.Below(2) == 1 {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	addr, _ := netip.AddrFromSlice(b)
	return pool.Client{Addr: addr, Bits: max(p.Bits(), known)}
}

// round keeps three digits of a share.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }
