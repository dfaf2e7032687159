package policy

import "github.com/gtm-dns/coredns-gtm/pool"

// Scope is the length of the shortest prefix around the client within which
// every client's answer is decided alike (RFC 7871, section 7.2.1): the longest
// that any step needs, on every way that the decision may take. It looks at
// configuration alone, never at health or chance. It is 0 where nothing looks at
// the client, or nothing is known of it.
func (d *Domain) Scope(views pool.Views, c pool.Client) int {
	if !c.Addr.IsValid() {
		return 0
	}
	bits, _ := d.Target.scope(views, c)
	return bits
}

// scope also says whether a fence ends the way.
func (t Target) scope(views pool.Views, c pool.Client) (bits int, fenced bool) {
	if t.Policy == nil {
		return views.At(t.Failover).Failover.Scope(c), false
	}
	rule, bits := t.Policy.table.lookup(c.Addr)
	r := t.Policy.Rules[rule]
	inner, fenced := r.Target.scope(views, c)
	bits, fenced = max(bits, inner), fenced || r.Fence
	if fenced || t.Policy.isDefault(int(rule)) {
		return bits, fenced
	}
	outer, fenced := t.Policy.fallback().scope(views, c)
	return max(bits, outer), fenced
}
