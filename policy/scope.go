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
	return d.Target.scope(views, c)
}

func (t Target) scope(views pool.Views, c pool.Client) int {
	if t.Policy == nil {
		return views.At(t.Failover).Failover.Scope(c)
	}
	rule, bits := t.Policy.table.lookup(c.Addr)
	r := t.Policy.Rules[rule]
	bits = max(bits, r.Target.scope(views, c))
	if !r.Fence && !t.Policy.isDefault(int(rule)) {
		bits = max(bits, t.Policy.fallback().scope(views, c))
	}
	return bits
}
