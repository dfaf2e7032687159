package policy

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// FuzzDecide makes a small configuration from bytes, lets its health change a
// few times, and asks. It must hold that
//
//   - a decision has members if and only if that is its outcome, none of them
//     offline, twice there, of the other family, or beyond what the client's
//     rule may use; and a CNAME stands alone;
//   - where no pin and no failover_delay is set, it is what the model says: no
//     unavailable member is named while an available one may be used;
//   - the same question has the same answer, traced or not, with any scratch;
//   - clients that share the scope's bits have the same answer, whatever is up.
func FuzzDecide(f *testing.F) {
	addRandom(f, 800, 300)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &roll{dice: dice{data}, world: newWorld(t)}
		for range 1 + r.below(3) {
			r.failover()
		}
		r.files()
		use := r.failovers[0].Name
		for range r.below(5) {
			use = r.policy()
		}
		d := r.domain(use, []AllDown{{}, nodata, servfail, next, cname, address}[r.below(6)])
		views := r.live(1 + r.below(3))
		q := r.query(pool.Family(r.below(2)), []string{
			"10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.55", "198.51.100.7", "2001:db8::1", "2001:db8:1::1", "",
		}[r.below(8)])
		via := r.pick("", "192.0.2.55", "198.51.100.7")
		q.Client, q.Draw = client(fmt.Sprint(q.Client.Addr), via), pool.Draw(r.below(256))

		got := d.Decide(views, &q, new(Room), nil)
		r.always(d, q, got)
		m := model{world: r.world, views: views, client: q.Client, fam: q.Family}
		m.fenced = m.walk(d.Target)
		if slices.ContainsFunc(got.Members, func(member *pool.Member) bool { return !m.usable(member) }) {
			t.Fatalf("%s: beyond what the client may use", describe(got))
		}
		want := m.decide(d)
		if want != "" && want != outcomeOf(got) {
			t.Fatalf("got %s, want %s", outcomeOf(got), want)
		}
		if strings.HasPrefix(want, "members of ") && slices.ContainsFunc(got.Members, func(member *pool.Member) bool { return m.unavailable(got, member) }) {
			t.Fatalf("%s: not all of them are available", describe(got))
		}

		var scratch Room
		d.Decide(views, &q, &scratch, nil)
		if again := d.Decide(views, &q, &scratch, new(Trace)); !reflect.DeepEqual(again, got) {
			t.Fatalf("first %s, then %s", describe(got), describe(again))
		}
		r.scoped(d, q, via, views, r.live(1))
	})
}

// scoped checks that those who share the scope's bits have the same answer.
func (r *roll) scoped(d *Domain, q Query, via string, views ...pool.Views) {
	r.t.Helper()
	scope := d.Scope(views[0], q.Atlas, q.Client, nil)
	if !q.Client.Via.IsValid() {
		via = "" // who shares the scope by chance only asks for himself
	}
	for range 4 {
		near := q
		near.Client = client(fmt.Sprint(r.neighbour(q.Client.Addr, scope)), via)
		for _, v := range views {
			alike := near.Client.Via.IsValid() == q.Client.Via.IsValid() // a public one need not stop before private networks
			if own := d.Scope(v, q.Atlas, near.Client, nil); own != scope && alike {
				r.t.Fatalf("%s has scope %d, but %s has %d", q.Client.Addr, scope, near.Client.Addr, own)
			}
			got, other := d.Decide(v, &q, new(Room), nil), d.Decide(v, &near, new(Room), nil)
			if !reflect.DeepEqual(other, got) {
				r.t.Fatalf("%s gets %s, but %s, within %d bits, gets %s", q.Client.Addr, describe(got), near.Client.Addr, scope, describe(other))
			}
		}
	}
}

// roll makes a world by dice.
type roll struct {
	dice
	*world
}

func (r *roll) failover() {
	words, letters := "", ""
	for set := range 1 + r.below(3) {
		if set > 0 {
			words += " | "
		}
		hosts := r.below(8) == 0
		for part := range 1 + r.below(2) {
			if part > 0 {
				words += " + "
			}
			for range 1 + r.below(3) {
				words += fmt.Sprintf(" m%d", len(letters)+len(r.members))
				switch {
				case hosts:
					words += "@"
				case r.below(3) == 0:
					words += "6"
				default:
					words += "x"
				}
				words += []string{"", "", "*3", "*0"}[r.below(4)] + []string{"", "", "", "=online", "=offline"}[r.below(5)]
				letters += "d"
			}
		}
	}
	r.world.failover(fmt.Sprintf("f%d: %s", len(r.failovers), words), letters, r.change)
}

func (r *roll) change(f *pool.Failover) {
	f.Recovery = pool.Recovery(r.below(3))
	if r.below(4) == 0 {
		f.FailoverDelay = 10 * time.Second
	}
	f.FailbackDelay = time.Duration(r.below(2)) * 5 * time.Second
	if r.below(6) == 0 {
		f.Pin = r.below(len(f.Sets))
	}
	for _, s := range f.Sets {
		s.Balance = pool.Balance(r.below(6))
		s.Near = r.neighbours(make([]string, len(s.Pools))...)
		if r.below(2) == 0 {
			s.Near = r.neighbours([]string{"at:50,8.75", "at:40.75,-74"}[:len(s.Pools)]...)
		}
		s.Answers = r.below(3)
		s.MinAvailable = 1 + r.below(5)/4
		for i := range s.Pools {
			if r.below(8) == 0 {
				s.Pools[i].Weight = 0
			}
			p := s.Pools[i].Pool
			p.Balance, p.Answers = pool.Balance(r.below(6)), r.below(3)
			p.HealthyWhen, _ = pool.ParseQuorum([]string{"any", "all", "50%", "2"}[r.below(4)])
			var from []string
			for _, m := range p.Members {
				from = append(from, r.pick("", "", "at:50,8.75 ", "at:40.75,-74 ")+
					r.pick("", "10.0.0.0/8", "10.1.2.0/28", "!10.0.0.0/8 192.0.2.0/24", "country:CN", "!asn:4134"))
				if m0 := p.Members[0]; m0.Addr.BitLen() == m.Addr.BitLen() && r.below(6) == 0 {
					m.Addr = m0.Addr // the same record twice
				}
			}
			p.Near = r.neighbours(from...)
		}
	}
}

// files adds geo files and a table of latencies, or none.
func (r *roll) files() {
	networks := []string{"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.9.0.0/16", "192.0.2.0/24", "198.51.100.0/24", "2001:db8::/48", "2001:db8:1::/48"}
	for range r.below(3) {
		var lines []string
		for range 1 + r.below(6) {
			lines = append(lines, r.pick(networks...)+" "+r.pick("AS/CN/GD asn:4134", "AS/CN", "EU/DE at:50,8.75", "NA/US at:34,-118.25", "asn:4134", ""))
		}
		r.someFile(strings.Join(lines, ";"))
	}
	var pools []string
	for _, f := range r.failovers {
		pools = append(pools, f.Name)
	}
	var rows []string
	for i := range r.below(6) {
		source := append(networks, "country:CN", "continent:EU", "asn:4134")[(r.below(6)+2*i)%11]
		if row := source + " " + pools[r.below(len(pools))]; !slices.ContainsFunc(rows, func(other string) bool { return strings.HasPrefix(other, row) }) {
			rows = append(rows, row+" "+r.pick("0", "5", "10", "20", "100"))
		}
	}
	if rows != nil {
		r.table(strings.Join(rows, ";"))
	}
}

// policy adds a policy that may lead to any failover or policy there is.
func (r *roll) policy() string {
	var targets []string
	for _, f := range r.failovers {
		targets = append(targets, f.Name)
	}
	for i := range len(r.policies) {
		targets = append(targets, fmt.Sprintf("p%d", i))
	}
	name, rules := fmt.Sprintf("p%d", len(r.policies)), ""
	if r.below(3) == 0 {
		rules = "latency"
		for _, f := range r.failovers {
			rules += " " + f.Name + r.pick("", "@50,8.75", "@40.75,-74")
		}
		rules += "; tolerance " + r.pick("0", "10", "100") + "; answers " + r.pick("1", "2") + "; default use " + targets[r.below(len(targets))]
		r.world.policy(name, rules)
		return name
	}
	for range r.below(4) {
		rules += r.pick(
			"10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8 !10.1.2.0/24", "192.0.2.0/24", "!10.0.0.0/8", "2001:db8::/32", "!2001:db8:1::/48",
			"country:CN", "continent:EU asn:4134", "!country:DE", "subdivision:CN-GD 10.9.0.0/16",
		) + " use " + targets[r.below(len(targets))] + []string{"", "", " fence"}[r.below(3)] + ";"
	}
	r.world.policy(name, rules+"default use "+targets[r.below(len(targets))])
	return name
}

// live lets health change some times, and returns the views of the last.
func (r *roll) live(steps int) pool.Views {
	memories := make([]pool.Memory, len(r.failovers))
	views := make([]*pool.View, len(r.failovers))
	for i, f := range r.failovers {
		memories[i] = f.Fresh()
	}
	for range steps {
		for i, m := range r.members {
			h := healths[rune("uudddw?~"[r.below(8)])]
			switch m.Mode {
			case pool.Online:
				h = healths['u']
			case pool.Offline:
				h = 0
			}
			r.health[i] = h
		}
		for i, f := range r.failovers {
			states := f.States(r.health)
			memories[i], _ = f.Next(memories[i], states, time.Duration(r.below(12))*time.Second)
			views[i] = f.View(memories[i], states, r.health)
		}
	}
	return pool.NewViews(views)
}

// always checks what holds of every decision.
func (r *roll) always(d *Domain, q Query, got *Decision) {
	r.t.Helper()
	if (got.Outcome == Members) != (len(got.Members) > 0) || got.Reason == "" || got.TTL != d.TTL && got.TTL != d.Min {
		r.t.Fatalf("%s with members %q and TTL %d", describe(got), ids(got.Members), got.TTL)
	}
	for i, m := range got.Members {
		switch {
		case m.Mode == pool.Offline:
			r.t.Fatalf("%s: %s is offline", describe(got), m.ID)
		case m.Host != "" && len(got.Members) > 1:
			r.t.Fatalf("%s: a CNAME is not alone", describe(got))
		case m.Host == "" && m.Addr.Is4() != (q.Family == pool.IPv4):
			r.t.Fatalf("%s: %s is not of %s", describe(got), m.ID, q.Family)
		}
		for _, other := range got.Members[:i] {
			if other.Addr == m.Addr && other.Host == m.Host {
				r.t.Fatalf("%s: %s and %s are the same record", describe(got), m.ID, other.ID)
			}
		}
	}
}

// neighbour is an address that shares its first bits with another.
func (r *roll) neighbour(addr netip.Addr, bits int) netip.Addr {
	if !addr.IsValid() {
		return addr
	}
	b := addr.AsSlice()
	for i := bits; i < addr.BitLen(); i++ {
		if r.below(2) == 1 {
			b[i/8] ^= 0x80 >> (i % 8)
		}
	}
	near, _ := netip.AddrFromSlice(b)
	return near
}

// outcomeOf is what the model tells of a decision: its outcome, and for members
// of available sets the set.
func outcomeOf(d *Decision) string {
	text := strings.Fields(describe(d))[0]
	if d.Outcome != Members {
		return text
	}
	if d.Reason == Reason(pool.ServeAll.String()) {
		return "members, health ignored"
	}
	return "members of " + d.Set.Pools[0].Name
}
