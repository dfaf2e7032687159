package policy

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// TestTolerance: which pools clients are shared among.
func TestTolerance(t *testing.T) {
	for _, c := range []struct {
		rows      string // of the table
		tolerance string
		health    string // of us, eu, jp
		want      string
	}{
		{"a 10; b 20; c 30", "0", "uuu", "a"},
		{"a 10; b 10; c 30", "0", "uuu", "a b"},
		{"a 10; b 10.0001; c 30", "0", "uuu", "a"},
		{"a 10; b 20; c 30", "10", "uuu", "a b"},
		{"a 30; b 20; c 10", "10", "uuu", "b c"},
		{"a 10; b 20.0001; c 30", "10", "uuu", "a"},
		{"a 10; b 20; c 30", "20", "uuu", "a b c"},
		{"a 1.13; b 11.13; c 11.131", "10", "uuu", "a b"}, // in binary, 1.13 and 10 are less than 11.13
		{"a 0.7; b 0.8; c 0.801", "0.1", "uuu", "a b"},
		{"a 10; b 20; c 30", "10", "duu", "b c"}, // of the best one that is up
		{"a 10; b 20; c 30", "10", "udu", "a"},
		{"a 10; b 20; c 31", "10", "duu", "b"},
		{"a 10; b 20; c 30", "10", "ddu", "c"},
		{"a 10; b 10", "10", "uuu", "a b"},
		{"a 0; b 0; c 0", "0", "uuu", "a b c"},
		{"a 60000; b 60000; c 0", "60000", "uuu", "a b c"},
	} {
		w := newWorld(t)
		for i, name := range []string{"a", "b", "c"} {
			w.failover(name+": "+name, c.health[i:i+1])
		}
		w.failover("world: w", "u")
		w.table("0.0.0.0/0 " + strings.ReplaceAll(c.rows, "; ", "; 0.0.0.0/0 "))
		w.policy("fast", "latency a b c; tolerance "+c.tolerance+"; default use world")
		counts := share(w.answers("fast", networks(200, false)))
		if got := strings.Join(slices.Sorted(maps.Keys(counts)), " "); got != c.want {
			t.Errorf("%s within %s with %s: clients go to %s, want %s", c.rows, c.tolerance, c.health, got, c.want)
		}
	}
}

// networks are as many clients, each in a /24 or a /48 of its own.
func networks(n int, v6 bool) []pool.Client {
	var clients []pool.Client
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10 + byte(i>>16), byte(i >> 8), byte(i), byte(i * 7)})
		if v6 {
			addr = netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: byte(i >> 16), 4: byte(i >> 8), 5: byte(i), 15: byte(i)})
		}
		clients = append(clients, pool.Client{Addr: addr, Bits: addr.BitLen()})
	}
	return clients
}

// answers are the members that clients get, by name.
func (w *world) answers(use string, clients []pool.Client) []string {
	d, views, atlas := w.domain(use), w.views(), w.atlas()
	var s Room
	var list []string
	for i, c := range clients {
		got := d.Decide(views, &Query{Client: c, Atlas: atlas, Draw: pool.Draw(i)}, &s, nil) // chance has no part in it
		list = append(list, ids(got.Members))
	}
	return list
}

func share(list []string) map[string]int {
	counts := map[string]int{}
	for _, name := range list {
		counts[name]++
	}
	return counts
}

// expect checks that parts of a whole are as large as their shares, give or take
// five standard deviations.
func expect(t *testing.T, what string, counts map[string]int, shares map[string]float64) {
	t.Helper()
	n := 0
	for name, count := range counts {
		n += count
		if _, ok := shares[name]; !ok {
			t.Errorf("%s: %d have %s, want none", what, count, name)
		}
	}
	for name, p := range shares {
		want, sigma := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
		if math.Abs(float64(counts[name])-want) > 5*sigma {
			t.Errorf("%s: %d of %d have %s, want %.0f ± %.0f", what, counts[name], n, name, want, 5*sigma)
		}
	}
}

// equalPools are pools of one member each, which are as near to everyone.
func equalPools(t *testing.T, names, health string) *world {
	t.Helper()
	w := newWorld(t)
	var rows []string
	for i, name := range strings.Fields(names) {
		w.failover(name+": "+name, health[i:i+1])
		rows = append(rows, "0.0.0.0/0 "+name+" 10", "::/0 "+name+" 10")
	}
	w.failover("world: w", "u")
	w.table(strings.Join(rows, ";"))
	w.policy("fast", "latency "+names+"; default use world")
	return w
}

// TestLatencyShares: equals have as many of 100,000 networks each.
func TestLatencyShares(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		clients := networks(100_000, v6)
		expect(t, "three", share(equalPools(t, "a b c", "uuu").answers("fast", clients)), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3})
		expect(t, "three of four", share(equalPools(t, "a b c d", "uduu").answers("fast", clients)), map[string]float64{"a": 1. / 3, "c": 1. / 3, "d": 1. / 3})
	}
}

// TestLatencySticks: a lost pool moves its own clients alone, evenly to the
// others, and a new one takes its share evenly from all.
func TestLatencySticks(t *testing.T) {
	clients := networks(100_000, false)
	for _, c := range []struct {
		name          string
		before, after string // pools
		down          string // health after
		gone, come    string
		share         float64 // of the clients that move
	}{
		{"a pool down", "a b c d", "a b c d", "uudu", "c", "", .25},
		{"a pool removed", "a b c d", "a b d", "uuu", "c", "", .25},
		{"a pool added", "a b c", "a x b c", "uuuu", "", "x", .25},
		{"in another order", "a b c d", "d b a c", "uuuu", "", "", 0},
	} {
		before := equalPools(t, c.before, "uuuu").answers("fast", clients)
		after := equalPools(t, c.after, c.down).answers("fast", clients)
		moved := map[string]int{}
		for i := range clients {
			if before[i] == after[i] {
				continue
			}
			if before[i] != c.gone && after[i] != c.come {
				t.Fatalf("%s: %s went from %s to %s", c.name, clients[i].Addr, before[i], after[i])
			}
			moved[fmt.Sprintf("%s to %s", before[i], after[i])]++
		}
		n := 0
		for _, count := range moved {
			n += count
		}
		if sigma := math.Sqrt(1e5 * c.share * (1 - c.share)); math.Abs(float64(n)-1e5*c.share) > 5*sigma {
			t.Errorf("%s: %d clients moved, want %.0f ± %.0f", c.name, n, 1e5*c.share, 5*sigma)
		}
		switch {
		case c.gone != "":
			expect(t, c.name, moved, map[string]float64{"c to a": 1. / 3, "c to b": 1. / 3, "c to d": 1. / 3})
		case c.come != "":
			expect(t, c.name, moved, map[string]float64{"a to x": 1. / 3, "b to x": 1. / 3, "c to x": 1. / 3})
		}
	}
}

// TestLatencyNetworks: those of a /24 or a /48 stay together, and the choice of a
// pool tells nothing of the choice in it.
func TestLatencyNetworks(t *testing.T) {
	hash := func(f *pool.Failover) { f.Sets[0].Pools[0].Balance = pool.Hash }
	w := newWorld(t)
	w.failover("us: a b", "uu", hash)
	w.failover("eu: c d", "uu", hash)
	w.table("0.0.0.0/0 us 10; 0.0.0.0/0 eu 10; ::/0 us 10; ::/0 eu 10")
	w.policy("fast", "latency us eu; answers 1; default use us")
	for _, v6 := range []bool{false, true} {
		clients := networks(100_000, v6)
		list := w.answers("fast", clients)
		expect(t, "pools and members", share(list), map[string]float64{"a": .25, "b": .25, "c": .25, "d": .25})
		for i := range clients[:1000] {
			b := clients[i].Addr.AsSlice()
			b[len(b)-1] ^= 0xff
			if v6 {
				b[6] ^= 0xff
			}
			clients[i].Addr, _ = netip.AddrFromSlice(b)
		}
		if again := w.answers("fast", clients[:1000]); !slices.Equal(again, list[:1000]) {
			t.Errorf("IPv6 %t: neighbours in a network get other pools", v6)
		}
	}
}
