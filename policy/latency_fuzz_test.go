package policy

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// FuzzLatency makes pools, a table, geo files and a latency policy from bytes, and
// compares each of its decisions with what the rules say, read slowly; and its
// bits with the shortest prefix that has the same estimates in order.
func FuzzLatency(f *testing.F) {
	addRandom(f, 250, 200)
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice{data}
		s := []space{newSpace("192.0.0.0", 16), newSpace("192.0.2.0", 24), newSpace("2001:db8::", 40)}[d.below(3)]
		w := newWorld(t)
		pools := d.latencyPools(w)
		for range d.below(3) {
			w.someFile(s.networks(&d))
		}
		if rows := d.rows(s, pools); rows != "" {
			w.table(rows)
		}
		text := "latency"
		for _, name := range pools {
			text += " " + name + d.pick("", "", "@50,8.75", "@40.75,-74", "@35.75,139.75", "@-33.75,151.25")
		}
		w.policy("fast", text+d.pick("; tolerance 0", "; tolerance 10", "; tolerance 25.5", "; tolerance 1000")+
			"; answers "+d.pick("1", "2", "3", "8")+"; default use world")
		p, atlas := w.policies["fast"], w.atlas()
		check(t, s, func(a netip.Addr) (string, int) {
			r, bits := atlas.ranking(p, pool.Client{Addr: a, Bits: a.BitLen()})
			return r.words(), bits
		}, func(a netip.Addr) string {
			text, _ := p.Latency.order(w.estimates(p.Latency, visitor{a, w.facts(a)}))
			return text
		})

		domain := w.domain("fast")
		for range 3 {
			for i, m := range w.members {
				w.health[i] = healths[rune("uuddd~"[d.below(6)])]
				if m.Mode == pool.Offline {
					w.health[i] = 0
				}
			}
			for range 6 {
				q := Query{Client: client(s.addr(d.below(256)).String(), ""), Atlas: atlas, Family: pool.Family(d.below(2))}
				got := domain.Decide(w.views(), &q, new(Room), nil)
				m := latencyModel{world: w, l: p.Latency, q: q, estimates: w.estimates(p.Latency, w.visitor(q.Client))}
				if text, want := described(got), m.decide(); text != want {
					t.Fatalf("%s of %s with estimates %.3f: got %s, want %s", q.Family, q.Client.Addr, m.estimates, text, want)
				}
			}
		}
	})
}

// words are a ranking as order has it.
func (r *ranking) words() (text string) {
	for _, i := range r.order {
		text += fmt.Sprintf(" %d:", i)
		for _, j := range r.order {
			if j != i && r.equals[i]&(1<<j) != 0 {
				text += fmt.Sprintf("%d,", j)
			}
		}
	}
	return text
}

// described is describe, with the members in their order.
func described(d *Decision) string {
	text := describe(d)
	if d.Outcome != Members {
		return text
	}
	var names []string
	for _, m := range d.Members {
		names = append(names, m.ID)
	}
	return strings.Join(names, " ") + strings.TrimPrefix(text, ids(d.Members))
}

// latencyPools are some pools of a few members each, and the world's, of one of
// each family. A failover's line stands for a pool here.
func (d *dice) latencyPools(w *world) (names []string) {
	w.failover("world: y z6", "uu")
	for i := range 1 + d.below(5) {
		name := fmt.Sprintf("p%d", i)
		line := name + ":"
		n := 1 + d.below(4)
		for j := range n {
			line += fmt.Sprintf(" m%d%d", i, j) + d.pick("x", "6", "x", "6")[0:1] + d.pick("", "", "", "*3", "*0") + d.pick("", "", "", "=offline")
		}
		w.failover(line, strings.Repeat("u", n), func(f *pool.Failover) { f.Sets[0].Pools[0].Answers = d.below(3) })
		names = append(names, name)
	}
	return names
}

// rows are some of a table, of each source and pool at most one.
func (d *dice) rows(s space, pools []string) string {
	var rows []string
	seen := map[string]bool{}
	for range d.below(12) {
		row := d.pick(s.prefix(d).String(), s.prefix(d).String(), "0.0.0.0/0", "continent:EU", "continent:AS", "country:CN", "country:DE",
			"subdivision:CN-GD", "subdivision:CN-SZ", "subdivision:DE-GD", "asn:4134", "asn:64500") + " " + pools[d.below(len(pools))]
		if !seen[row] {
			rows = append(rows, row+" "+d.pick("0", "5", "10", "15.1", "20", "25.1", "25.5", "100"))
		}
		seen[row] = true
	}
	return strings.Join(rows, ";")
}

// latencyModel decides by reading the rules slowly, off members' health alone.
type latencyModel struct {
	*world
	l         *Latency
	q         Query
	estimates []float64
}

func (m *latencyModel) decide() string {
	fell := slices.ContainsFunc(m.estimates, func(ms float64) bool { return !math.IsInf(ms, 1) })
	if i := m.l.chosen(m.estimates, m.q.Client, func(i int) bool { return m.serves(m.pool(i)) }); i >= 0 {
		backup := i != m.l.chosen(m.estimates, m.q.Client, func(int) bool { return true })
		return m.answer(m.pool(i), m.l.Answers, backup, map[bool]string{true: "backup", false: "active"}[backup])
	}
	world := m.failovers[0].Sets[0].Pools[0].Pool
	if m.serves(world) {
		return m.answer(world, 0, fell, map[bool]string{true: "default", false: "active"}[fell])
	}
	order := ranked(m.estimates)
	for _, i := range order { // rule 8: weight 0
		if up := m.up(m.pool(i), m.q.Family, true); len(up) > 0 {
			return m.first(up, m.l.Answers) + " (last_resort) min"
		}
	}
	for _, i := range order {
		if p, other := m.pool(i), m.q.Family.Other(); len(m.up(p, other, false))+len(m.up(p, other, true)) > 0 {
			return "nodata (other_family) min"
		}
	}
	if len(m.up(world, m.q.Family.Other(), false)) > 0 {
		return "nodata (other_family) min"
	}
	for _, i := range order { // rule 9
		if text := m.anyhow(m.pool(i)); text != "" {
			return text
		}
	}
	return m.anyhow(world)
}

func (m *latencyModel) pool(i int) *pool.Pool { return m.l.Pools[i].Pool }

// serves says whether a pool is available in the family, or where it has none of
// that in the other one.
func (m *latencyModel) serves(p *pool.Pool) bool {
	fam := m.q.Family
	if !has(p, fam) {
		fam = fam.Other()
	}
	return len(m.up(p, fam, false)) > 0
}

func has(p *pool.Pool, fam pool.Family) bool {
	return slices.ContainsFunc(p.Members, func(m *pool.Member) bool { return of(m, fam) })
}

// up are the available members of a family, either those with a weight or the
// others.
func (m *latencyModel) up(p *pool.Pool, fam pool.Family, weightless bool) (list []*pool.Member) {
	for _, member := range p.Members {
		if of(member, fam) && (member.Weight == 0) == weightless && m.health[member.Index]&pool.Available != 0 {
			list = append(list, member)
		}
	}
	return list
}

// answer is that of an available pool.
func (m *latencyModel) answer(p *pool.Pool, answers int, soon bool, reason string) string {
	for _, member := range p.Members {
		judged := of(member, m.q.Family) || !has(p, pool.IPv4) || !has(p, pool.IPv6)
		soon = soon || judged && m.health[member.Index]&pool.Unsettled != 0
	}
	text := map[bool]string{true: " min", false: ""}[soon]
	up := m.up(p, m.q.Family, false)
	if len(up) == 0 {
		return "nodata (missing_family)" + text
	}
	return m.first(up, answers) + " (" + reason + ")" + text
}

// first are the names of the first members; 0: all.
func (m *latencyModel) first(list []*pool.Member, answers int) string {
	var names []string
	for _, member := range list {
		names = append(names, member.ID)
	}
	if answers > 0 {
		names = names[:min(answers, len(names))]
	}
	return strings.Join(names, " ")
}

// anyhow is the answer of a pool with health ignored; "" where all are offline.
func (m *latencyModel) anyhow(p *pool.Pool) string {
	answers := m.l.Answers
	if p == m.failovers[0].Sets[0].Pools[0].Pool {
		answers = 0
	}
	for _, weightless := range []bool{false, true} {
		var own, other []*pool.Member
		for _, member := range p.Members {
			switch {
			case member.Mode == pool.Offline || (member.Weight == 0) != weightless:
			case of(member, m.q.Family):
				own = append(own, member)
			default:
				other = append(other, member)
			}
		}
		if len(own) > 0 {
			return m.first(own, answers) + " (serve_all) min"
		}
		if !has(p, m.q.Family) && len(other) > 0 {
			return "nodata (missing_family) min"
		}
	}
	return ""
}
