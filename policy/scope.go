package policy

import (
	"net/netip"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// Scope is the length of the shortest prefix around the client within which
// every client's answer is decided alike (RFC 7871, section 7.2.1): the longest
// that any step needs, on every way that the decision may take. It looks at
// configuration and geo data alone, never at health or chance. It is 0 where
// nothing looks at the client, or nothing is known of it.
//
// A trace, or nil, is told what looks at the client.
func (d *Domain) Scope(views pool.Views, a *Atlas, c pool.Client, trace *Trace) int {
	if !c.Addr.IsValid() {
		return 0
	}
	bits, _ := d.Target.scope(views, a, c, trace)
	return bits
}

// Looks says whether any rule or estimate tells one client from another.
func (d *Domain) Looks(a *Atlas) bool { return d.Target.looks(a) }

func (t Target) looks(a *Atlas) bool {
	p := t.Policy
	if p == nil {
		return false
	}
	if p.Latency != nil {
		return !a.latencies[p.Index].chart.table.Uniform() || p.fallback().looks(a)
	}
	table := a.rules[p.Index].table
	rule, _ := table.Lookup(netip.IPv4Unspecified())
	return !table.Uniform() || p.Rules[rule].Target.looks(a) || p.fallback().looks(a)
}

// scope also says whether a fence ends the way.
func (t Target) scope(views pool.Views, a *Atlas, c pool.Client, trace *Trace) (bits int, fenced bool) {
	p := t.Policy
	if p == nil {
		f := views.At(t.Failover).Failover
		bits = f.Scope(c, a)
		trace.scope(f.Name, bits)
		return bits, false
	}
	if p.Latency != nil {
		bits = p.scopeAmong(views, a, c, trace)
	} else {
		var last bool
		if bits, fenced, last = p.scopeOfRule(views, a, c, trace); fenced || last {
			return bits, fenced
		}
	}
	outer, fenced := p.fallback().scope(views, a, c, trace)
	return max(bits, outer), fenced
}

// scopeOfRule is that of the client's rule; and whether that is the default.
func (p *Policy) scopeOfRule(views pool.Views, a *Atlas, c pool.Client, trace *Trace) (bits int, fenced, last bool) {
	rule, bits := a.rule(p, c)
	bits = a.scope(&a.rules[p.Index], c, bits)
	trace.scope(p.Name, bits)
	r := p.Rules[rule]
	inner, fence := r.Target.scope(views, a, c, trace)
	return max(bits, inner), fence || r.Fence, p.isDefault(rule)
}

// scopeAmong is that of a latency policy's choice: each of its pools may be the
// one that is up.
func (p *Policy) scopeAmong(views pool.Views, a *Atlas, c pool.Client, trace *Trace) int {
	r, bits := a.ranking(p, c)
	bits = a.scope(&a.latencies[p.Index].chart, c, bits)
	if r.shared {
		bits = max(bits, c.HashBits())
	}
	trace.scope(p.Name, bits)
	for _, i := range r.order {
		bits = max(bits, views.At(p.Latency.Pools[i].Failover).Failover.Scope(c, a))
	}
	return bits
}
