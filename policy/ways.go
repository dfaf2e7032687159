package policy

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// Way is the clients who take one way through the policies of a target, as far as
// their place decides it: by the same rules, and to the same best pool by latency.
type Way struct {
	Text     string  // the rules on the way; "everyone" where there is none
	Share    float64 // of the public addresses of the family, 0 to 1
	path     []choice
	Examples []Example // some of its networks, at most MaxExamples
}

// Example is a network whose clients take a way.
type Example struct {
	Prefix netip.Prefix
	Weight float64 // how many networks it stands for, by its size
}

// MaxExamples is how many networks a Way has at most.
const MaxExamples = 32

// public are the addresses that a Way's Share is of.
var public = [...]netip.Prefix{pool.IPv4: netip.MustParsePrefix("0.0.0.0/0"), pool.IPv6: netip.MustParsePrefix("2000::/3")}

// Ways are all ways from a target for the clients of a family, in the order of the
// rules.
func (a *Atlas) Ways(t Target, f pool.Family) []Way {
	start := netip.IPv4Unspecified()
	if f == pool.IPv6 {
		start = netip.IPv6Unspecified()
	}
	if t.Policy == nil {
		everyone := netip.PrefixFrom(start, 0)
		return []Way{{Text: "everyone", Share: 1, Examples: []Example{{everyone, 1}}}}
	}
	w := ways{atlas: a, public: public[f], known: map[string]int{}}
	for addr, ok := start, true; ok; {
		text, bits := w.way(t, pool.Client{Addr: addr, Bits: addr.BitLen()})
		cell := netip.PrefixFrom(addr, bits)
		for cell.Masked() != cell { // the address is not where the prefix begins
			bits++
			cell = netip.PrefixFrom(addr, bits)
		}
		w.add(text, cell)
		addr, ok = behind(cell)
	}
	slices.SortFunc(w.list, func(a, b Way) int {
		return slices.CompareFunc(a.path, b.path, func(a, b choice) int {
			return cmp.Or(cmp.Compare(a.policy.Index, b.policy.Index), cmp.Compare(a.rule, b.rule))
		})
	})
	return w.list
}

// behind is the first address behind a prefix; not ok where there is none.
func behind(p netip.Prefix) (netip.Addr, bool) {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	next := last.Next()
	return next, next.IsValid()
}

// ways gathers them.
type ways struct {
	atlas  *Atlas
	public netip.Prefix
	known  map[string]int // key -> index
	list   []Way
	seen   []uint64 // way -> networks so far
	path   []choice
	draw   pool.Draw
}

// choice is a rule on a way.
type choice struct {
	policy *Policy
	rule   int // of a latency policy: the best pool, or -1
}

// way finds a client's way, and how many bits decide it.
func (w *ways) way(t Target, c pool.Client) (key string, bits int) {
	w.path = w.path[:0]
	for t.Policy != nil {
		p := t.Policy
		if p.Latency != nil {
			r, n := w.atlas.ranking(p, c)
			bits = max(bits, n)
			best := -1
			if len(r.order) > 0 {
				best = int(r.order[0])
			}
			w.path = append(w.path, choice{p, best})
			if best >= 0 {
				break
			}
			t = p.fallback()
			continue
		}
		rule, n := w.atlas.rule(p, c)
		bits = max(bits, n)
		w.path = append(w.path, choice{p, rule})
		t = p.Rules[rule].Target
	}
	var b []byte
	for _, step := range w.path {
		b = fmt.Appendf(b, "%d.%d ", step.policy.Index, step.rule)
	}
	return string(b), bits
}

// text says the way that was found last.
func (w *ways) text() string {
	var steps []string
	for _, s := range w.path {
		p := s.policy
		switch {
		case p.Latency != nil && s.rule >= 0:
			steps = append(steps, p.Name+": "+p.Latency.Pools[s.rule].Pool.Name+" is best")
		case p.Latency != nil || p.isDefault(s.rule):
			steps = append(steps, p.Name+": default")
		default:
			var from []string
			for _, term := range p.Rules[s.rule].From {
				from = append(from, term.String())
			}
			steps = append(steps, fmt.Sprintf("%s: rule %d (%s)", p.Name, s.rule+1, strings.Join(from, " ")))
		}
	}
	return strings.Join(steps, ", ")
}

// add notes that a network takes the way that was found last.
func (w *ways) add(key string, cell netip.Prefix) {
	i, ok := w.known[key]
	if !ok {
		i = len(w.list)
		w.known[key] = i
		w.list = append(w.list, Way{Text: w.text(), path: slices.Clone(w.path)})
		w.seen = append(w.seen, 0)
	}
	way := &w.list[i]
	weight := math.Ldexp(1, w.public.Bits()-cell.Bits())
	if w.public.Overlaps(cell) {
		way.Share += min(1, weight)
	}
	w.seen[i]++
	if len(way.Examples) < MaxExamples {
		way.Examples = append(way.Examples, Example{cell, weight})
		return
	}
	if n := w.draw.Below(int(w.seen[i])); n > 0 && n < MaxExamples { // the first one stays
		way.Examples[n] = Example{cell, weight}
	}
}
