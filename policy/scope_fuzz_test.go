package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// FuzzScope makes policies, balances and geo files from bytes. It must hold that
// the scope of every address is the shortest prefix within which every step on
// every way that the decision may take is the same, and that clients for whom
// that is so get the same answer, whatever is up.
func FuzzScope(f *testing.F) {
	addRandom(f, 150, 250)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		w := newWorld(t)
		s, via := d.scopeSpace(w)
		for range d.below(3) {
			w.someFile(s.networks(&d))
		}
		d.scopeFailovers(w, s)
		use := d.scopePolicies(w, s)
		domain, views, atlas := w.domain(use), []pool.Views{w.views()}, w.atlas()
		for range 2 {
			for i := range w.health {
				w.health[i] = healths[rune("ud"[d.below(2)])]
			}
			views = append(views, w.views())
		}
		who := func(a netip.Addr) pool.Client {
			if !a.IsValid() {
				return pool.Client{}
			}
			return client(a.String(), via)
		}
		answers := map[string]string{} // way -> what those get whose it is
		check(t, s, func(a netip.Addr) (string, int) {
			c := who(a)
			way, _ := w.way(domain.Target, c)
			text := ""
			for _, v := range views {
				text += described(domain.Decide(v, &Query{Client: c, Atlas: atlas, Draw: 1}, new(Room), nil)) + "; "
			}
			if other, ok := answers[way]; ok && other != text {
				t.Fatalf("%s gets %s another one %s, all the same way: %s", a, text, other, way)
			}
			answers[way] = text
			return way, domain.Scope(views[0], atlas, c, nil)
		}, func(a netip.Addr) string {
			way, _ := w.way(domain.Target, who(a))
			return way
		})
	})
}

// scopeSpace is a space of public addresses, or one for use within a network
// whose clients have a Via of some place.
func (d *dice) scopeSpace(w *world) (s space, via string) {
	if d.below(2) == 0 {
		return []space{newSpace("192.0.0.0", 16), newSpace("192.0.2.0", 24), newSpace("2001:db8::", 40)}[d.below(3)], ""
	}
	w.someFile("198.51.100.0/24 EU/DE/GD at:50,8.75; 203.0.113.0/24 AS/CN/GD/SZ asn:4134 at:22.5,114")
	// What prefixes cut is not merged for clients who are elsewhere.
	s = []space{newSpace("10.1.0.0", 16), newSpace("192.168.7.0", 24), newSpace("fd00:1::", 40)}[d.below(3)]
	for _, text := range []string{"0.0.0.1", "10.200.0.0", "100.64.0.1", "127.0.0.1", "169.254.0.1", "172.16.0.1", "192.168.200.1", "::1", "fc00::", "fe80::1"} {
		if a := netip.MustParseAddr(text); a.Is4() == s.base.Is4() && !netip.PrefixFrom(s.base, s.from).Contains(a) {
			s.more = append(s.more, a)
		}
	}
	s.safe = true
	return s, d.pick("198.51.100.1", "203.0.113.1", "192.0.2.1")
}

// scopeFailovers are some with every kind of balance.
func (d *dice) scopeFailovers(w *world, s space) {
	balance := func() pool.Balance {
		return []pool.Balance{pool.Sequence, pool.Sequence, pool.Sequence, pool.Hash, pool.Nearest, pool.Nearest}[d.below(6)]
	}
	neighbours := func(n int) int {
		var list []string
		for range n {
			list = append(list, d.pick("", "", "at:50,8.75", "at:40.75,-74")+" "+d.pick("", s.prefix(d).String(), "country:CN", "!continent:EU"))
		}
		return w.neighbours(list...)
	}
	for i := range 1 + d.below(3) {
		name := fmt.Sprintf("f%d", i)
		w.failover(fmt.Sprintf("%s: %sa %sb + %sc | %sd", name, name, name, name, name), "uuuu", func(f *pool.Failover) {
			for _, set := range f.Sets {
				if set.Balance = balance(); set.Balance == pool.Nearest {
					set.Near = neighbours(len(set.Pools))
				}
				for _, part := range set.Pools {
					if part.Balance = balance(); part.Balance == pool.Nearest {
						part.Near = neighbours(len(part.Members))
					}
				}
			}
		})
	}
}

// scopePolicies are some, of which the last one may lead to all.
func (d *dice) scopePolicies(w *world, s space) (use string) {
	var pools, targets []string
	for _, f := range w.failovers {
		pools, targets = append(pools, f.Name), append(targets, f.Name)
	}
	if rows := d.rows(s, pools); rows != "" {
		w.table(rows)
	}
	use = pools[0]
	for i := range d.below(5) {
		text, name := "", fmt.Sprintf("p%d", i)
		if d.below(3) == 0 {
			text = "latency "
			for _, p := range pools {
				text += p + d.pick("", "@50,8.75", "@40.75,-74") + " "
			}
			text += "; tolerance " + d.pick("0", "10", "100") + "; "
		} else {
			for range d.below(4) {
				text += d.pick(s.prefix(d).String(), "country:CN", "!continent:EU", "subdivision:CN-GD asn:4134", "country:DE !"+s.prefix(d).String()) +
					" use " + d.pick(targets...) + d.pick("", "", " fence") + ";"
			}
		}
		w.policy(name, text+"default use "+d.pick(targets...))
		use, targets = name, append(targets, name)
	}
	return use
}

// way is every step of a decision about a client, on all ways that it may take:
// which rule, which estimates, which ranks, which network; and whether a fence ends
// it.
func (w *world) way(t Target, c pool.Client) (text string, fenced bool) {
	p, v := t.Policy, w.visitor(c)
	if p == nil {
		return w.wayOf(w.failovers[t.Failover], c), false
	}
	last := len(p.Rules) - 1
	if l := p.Latency; l != nil {
		estimates := w.estimates(l, v)
		order, shared := l.order(estimates)
		asks := slices.ContainsFunc(l.Pools, func(c Candidate) bool {
			return c.At != nil || slices.ContainsFunc(w.rows, func(r row) bool { return r.failover == c.Failover && asksPlace(r.source) })
		})
		text = "(" + p.Name + order + w.elsewhere(c, asks)
		if shared {
			text += network24(c)
		}
		for _, i := range ranked(estimates) {
			text += w.wayOf(w.failovers[l.Pools[i].Failover], c)
		}
	} else {
		i := int(scan(p.Rules[:last], v))
		asks := slices.ContainsFunc(p.Rules, func(r Rule) bool { return slices.ContainsFunc(r.From, asksPlace) })
		inner, fence := w.way(p.Rules[i].Target, c)
		text = fmt.Sprintf("(%s %d%s ", p.Name, i, w.elsewhere(c, asks)) + inner
		if fence || p.Rules[i].Fence || i == last {
			return text + ")", fence || p.Rules[i].Fence
		}
	}
	outer, fenced := w.way(p.Rules[last].Target, c)
	return text + "; else " + outer + ")", fenced
}

// wayOf is that of a failover's balances.
func (w *world) wayOf(f *pool.Failover, c pool.Client) string {
	text := f.Name
	look := func(b pool.Balance, near int) {
		switch b {
		case pool.Hash:
			text += network24(c)
		case pool.Nearest:
			n := w.near[near-1]
			asks := slices.ContainsFunc(n, func(one Neighbour) bool { return one.At != nil || slices.ContainsFunc(one.From, asksPlace) })
			text += ranksOf(n, w.visitor(c)) + w.elsewhere(c, asks)
		}
	}
	for _, set := range f.Sets {
		look(set.Balance, set.Near)
		for _, part := range set.Pools {
			look(part.Balance, part.Near)
		}
	}
	return text
}

// elsewhere tells clients for whom another place than their own may count from all
// others, where places are asked for.
func (w *world) elsewhere(c pool.Client, asks bool) string {
	if asks && c.Via.IsValid() && w.facts(c.Addr) == (geo.Facts{}) {
		return " elsewhere"
	}
	return ""
}

// network24 is what the hash balance looks at.
func network24(c pool.Client) string {
	if !c.Addr.IsValid() {
		return " nobody"
	}
	p, _ := c.Addr.Prefix(c.HashBits())
	return " " + strings.TrimSuffix(p.String(), "/24")
}
