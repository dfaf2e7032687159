package gtm

import (
	"strconv"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

var members = listing[admin.Member]{
	count: func(b *sight) int { return len(b.plan.members) },
	texts: func(b *sight, i int, yield func(string) bool) bool {
		m := b.plan.members[i]
		return yield(m.Pool.Name+"/"+m.ID) && yield(addressOf(m))
	},
	state: (*sight).memberState,
	pool:  func(b *sight, i int) string { return b.plan.members[i].Pool.Name },
	show:  (*sight).member,
}

// Members implements admin.System.
func (s *system) Members(l admin.List) (admin.Page[admin.Member], error) { return page(s, l, members) }

// addressOf is what a member is answered as.
func addressOf(m *pool.Member) string {
	if m.Host != "" {
		return m.Host
	}
	return m.Addr.String()
}

func (b *sight) memberState(i int) string {
	switch l := b.snap.layer; {
	case l.drained[i]:
		return admin.MemberDrained
	case l.members[i].Mode == pool.Offline:
		return admin.MemberOffline
	case b.publisher.board.health(i)&pool.Available != 0:
		return admin.MemberAvailable
	}
	return admin.MemberUnavailable
}

func (b *sight) member(i int) admin.Member {
	l := b.snap.layer
	m, h := l.members[i], b.publisher.board.health(i)
	shown := admin.Member{
		GTM: b.plan.name, Pool: m.Pool.Name, Name: m.ID, Address: addressOf(m), State: b.memberState(i), Why: m.Text(h),
		Mode: m.Mode.String(), Weight: m.Weight,
	}
	if grown := h.Percent(); grown < 100 {
		shown.Grown = grown
	}
	if why := l.why(b.plan, i); why != "" {
		shown.Why = why
	}
	if l.drained[i] || l.off[b.plan.poolOf[i]] {
		shown.Mode = b.plan.members[i].Mode.String()
	}
	for k := b.plan.checksOf[i].from; k < b.plan.checksOf[i].to; k++ {
		tally(&shown.Checks, b.publisher.board.state(k).Status.String())
	}
	shown.Orders = b.ordersOn(func(c *change) bool { return c.member == i })
	return shown
}

// ordersOn are the orders that are about something.
func (b *sight) ordersOn(about func(*change) bool) []admin.Order {
	var list []admin.Order
	for i := range b.snap.standing.orders {
		if o := &b.snap.standing.orders[i]; about(&o.change) {
			list = append(list, b.order(o))
		}
	}
	return list
}

// orderOn is the last of these, or nil.
func (b *sight) orderOn(about func(*change) bool) *admin.Order {
	list := b.ordersOn(about)
	if len(list) == 0 {
		return nil
	}
	return &list[len(list)-1]
}

// Member implements admin.System.
func (s *system) Member(gtm, pool, member string) (admin.MemberDetail, error) {
	b, err := s.block(gtm)
	if err != nil {
		return admin.MemberDetail{}, err
	}
	c := change{pool: -1, member: -1}
	if err := c.readMember(b.plan, []string{pool + "/" + member}); err != nil {
		return admin.MemberDetail{}, refusal(err)
	}
	d := admin.MemberDetail{Member: b.member(c.member), Probes: []admin.CheckDetail{}, Sets: []admin.MemberOf{}}
	for k := b.plan.checksOf[c.member].from; k < b.plan.checksOf[c.member].to; k++ {
		d.Probes = append(d.Probes, b.checkDetail(k))
	}
	for _, f := range b.plan.holders[c.member] {
		for _, set := range b.plan.failovers[f].Sets {
			for _, part := range set.Pools {
				if part.Name == pool {
					d.Sets = append(d.Sets, admin.MemberOf{Failover: b.plan.failovers[f].Name, Set: set.Name, Domains: b.domainsOf(f)})
				}
			}
		}
	}
	return d, nil
}

// domainsOf are the domains that lead to a failover, at most so many as are named.
func (b *sight) domainsOf(failover int) []string {
	names := []string{}
	for _, g := range b.plan.directory.uses[failover] {
		for _, d := range b.plan.directory.groups[g].domains {
			if len(names) == domainsNamed {
				return names
			}
			names = append(names, d.Name)
		}
	}
	return names
}

var checks = listing[admin.Check]{
	count: func(b *sight) int { return len(b.plan.checks) },
	texts: func(b *sight, i int, yield func(string) bool) bool {
		m := b.plan.members[b.plan.ownerOf[i]]
		return yield(m.Pool.Name+"/"+m.ID) && yield(b.plan.labels[i]) && yield(at(b.plan.checks[i].Target))
	},
	state: func(b *sight, i int) string { return b.publisher.board.state(i).Status.String() },
	pool:  func(b *sight, i int) string { return b.plan.members[b.plan.ownerOf[i]].Pool.Name },
	show:  func(b *sight, i int) admin.Check { return b.check(i, b.publisher.lease.Load().Glance(i)) },
}

// Checks implements admin.System.
func (s *system) Checks(l admin.List) (admin.Page[admin.Check], error) { return page(s, l, checks) }

func (b *sight) check(i int, rec healthcheck.Record) admin.Check {
	m := b.plan.members[b.plan.ownerOf[i]]
	c := admin.Check{
		GTM: b.plan.name, Pool: m.Pool.Name, Member: m.ID, Name: b.plan.labels[i], Kind: string(rec.Check.Options.Value().Kind),
		Target: at(rec.Check.Target), State: rec.State.Status.String(), Streak: rec.State.Streak,
		Held: rec.State.Hold > 0, Frozen: rec.Frozen, Reason: rec.Reason.String(),
	}
	if rec.State.Status == healthcheck.Up && rec.State.Streak == 0 {
		c.Reason = "" // that of a fail long ago
	}
	if rec.State.Status != healthcheck.Unknown {
		c.Since = &rec.Since
	}
	return c
}

func (b *sight) checkDetail(i int) admin.CheckDetail {
	rec := b.publisher.lease.Load().Record(i)
	t := rec.Check.Thresholds
	d := admin.CheckDetail{Check: b.check(i, rec), Interval: short(t.Interval), Timeout: short(t.Timeout), Fall: t.Fall, Rise: t.Rise, Results: []admin.Result{}}
	for _, r := range rec.Results {
		d.Results = append(d.Results, admin.Result{
			At: r.At, Verdict: r.Verdict.String(), Reason: r.Reason.String(), RTT: float64(r.RTT.Round(time.Microsecond)) / float64(time.Millisecond),
		})
	}
	return d
}

var pools = listing[admin.Pool]{
	count: func(b *sight) int { return len(b.plan.pools) },
	texts: func(b *sight, i int, yield func(string) bool) bool { return yield(b.plan.pools[i].Name) },
	state: (*sight).poolState,
	pool:  func(b *sight, i int) string { return b.plan.pools[i].Name },
	show:  (*sight).pool,
}

// Pools implements admin.System.
func (s *system) Pools(l admin.List) (admin.Page[admin.Pool], error) { return page(s, l, pools) }

// poolFamilies are the families of which a pool has members, and whether it is
// available in each.
func (b *sight) poolFamilies(i int) []admin.FamilyState {
	p := b.snap.layer.members[b.plan.pools[i].Members[0].Index].Pool
	health := func(m *pool.Member) pool.Health { return b.publisher.board.health(m.Index) }
	if p.Members[0].Host != "" {
		return []admin.FamilyState{{Family: pool.Joint.String(), Available: p.Available(pool.Joint, health)}}
	}
	var list []admin.FamilyState
	for _, fam := range families {
		if p.Has(fam) {
			list = append(list, admin.FamilyState{Family: fam.String(), Available: p.Available(fam, health)})
		}
	}
	return list
}

// overall is the state of what is available in so many families, and not in others.
func overall(up, down int) string {
	switch {
	case up == 0:
		return admin.StateDown
	case down > 0:
		return admin.StateDegraded
	}
	return admin.StateUp
}

func (b *sight) poolState(i int) string {
	if b.snap.layer.off[i] {
		return admin.StateDisabled
	}
	up, down := 0, 0
	for _, f := range b.poolFamilies(i) {
		if f.Available {
			up++
		} else {
			down++
		}
	}
	if state := overall(up, down); state != admin.StateUp {
		return state
	}
	for _, m := range b.plan.pools[i].Members {
		if b.memberState(m.Index) == admin.MemberUnavailable {
			return admin.StateDegraded
		}
	}
	return admin.StateUp
}

func (b *sight) pool(i int) admin.Pool {
	p := b.plan.pools[i]
	shown := admin.Pool{
		GTM: b.plan.name, Name: p.Name, State: b.poolState(i), Families: b.poolFamilies(i), Balance: p.Balance.String(),
		Answers: answersText(p.Answers), HealthyWhen: p.HealthyWhen.String(), Require: p.Require.String(),
		Order: b.orderOn(func(c *change) bool { return c.verb == verbDisablePool && c.pool == i }),
	}
	for _, m := range p.Members {
		tally(&shown.Members, b.memberState(m.Index))
	}
	return shown
}

func (b *sight) poolTree(i int) admin.PoolTree {
	t := admin.PoolTree{Pool: b.pool(i)}
	for _, m := range b.plan.pools[i].Members {
		t.Tree = append(t.Tree, b.member(m.Index))
	}
	return t
}

// answersText is a number of answers as the Corefile has it.
func answersText(n int) string {
	if n == pool.All {
		return "all"
	}
	return strconv.Itoa(n)
}
