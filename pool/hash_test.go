package pool

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"testing"
)

// networks are as many clients, each in a /24 or a /48 of its own.
func networks(n int, v6 bool) []Client {
	var clients []Client
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10 + byte(i>>16), byte(i >> 8), byte(i), byte(i * 7)})
		if v6 {
			addr = netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: byte(i >> 16), 4: byte(i >> 8), 5: byte(i), 15: byte(i)})
		}
		clients = append(clients, Client{Addr: addr, Bits: addr.BitLen()})
	}
	return clients
}

// hashed makes the view of a pool, or of one set's pools, that goes by hash
// throughout.
func hashed(t testing.TB, answers int, sets, health string) *Hand {
	t.Helper()
	f := sketch(t, sets,
		eachPool(func(p *Pool) { p.Balance, p.Answers = Hash, answers }),
		eachSet(func(s *Set) { s.Balance, s.Answers = Hash, 1 }))
	return &viewOf(t, f, health).Families[IPv4].Ordinary
}

func answersOf(h *Hand, clients []Client) []string {
	var list []string
	var s Scratch
	for i, c := range clients {
		d := Draw(i) // chance has no part in it
		list = append(list, ids(h.Pick(&s, &Asker{Client: c, Draw: d})))
	}
	return list
}

func share(list []string) map[string]int {
	counts := map[string]int{}
	for _, a := range list {
		counts[a]++
	}
	return counts
}

// TestHashWeights: weights hold over 100,000 networks.
func TestHashWeights(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		clients := networks(100_000, v6)
		expect(t, share(answersOf(hashed(t, 1, "a b c d", "uuuu"), clients)), even("a", "b", "c", "d"))
		expect(t, share(answersOf(hashed(t, 1, "a*1 b*2 c*3 d*4", "uuuu"), clients)),
			map[string]float64{"a": .1, "b": .2, "c": .3, "d": .4})
		expect(t, share(answersOf(hashed(t, 1, "a*1 b*2 c*3 d*4", "uduu"), clients)),
			map[string]float64{"a": .125, "c": .375, "d": .5})
	}
}

// TestHashTwoLevels: the choice of a pool tells nothing of the choice in it.
func TestHashTwoLevels(t *testing.T) {
	h := hashed(t, 1, "a b*3 + c d", "uuuu")
	expect(t, share(answersOf(h, networks(100_000, false))), map[string]float64{"a": .125, "b": .375, "c": .25, "d": .25})
}

// TestHashSecondAnswer: the second answer is as a draw without repetition, too.
func TestHashSecondAnswer(t *testing.T) {
	h := hashed(t, 2, "a*1 b*2 c*3", "uuu")
	expect(t, share(answersOf(h, networks(100_000, false))), map[string]float64{
		"a b": 1. / 6 * 2 / 5, "a c": 1. / 6 * 3 / 5,
		"b a": 2. / 6 * 1 / 4, "b c": 2. / 6 * 3 / 4,
		"c a": 3. / 6 * 1 / 3, "c b": 3. / 6 * 2 / 3,
	})
}

// TestHashSticks: a lost member moves its own clients alone, and a new one takes
// clients for itself alone.
func TestHashSticks(t *testing.T) {
	clients := append(networks(50_000, false), networks(50_000, true)...)
	for _, c := range []struct {
		name          string
		before, after string // pools
		healthBefore  string
		healthAfter   string
		gone, come    string  // members
		share         float64 // of the clients that move
	}{
		{"a member down", "a b c d", "a b c d", "uuuu", "uduu", "b", "", .25},
		{"a member down, by weight", "a*1 b*2 c*3 d*4", "a*1 b*2 c*3 d*4", "uuuu", "uuud", "d", "", .4},
		{"a member removed", "a b c d", "a b d", "uuuu", "uuu", "c", "", .25},
		{"a member added", "a b c d", "a x b c d", "uuuu", "uuuuu", "", "x", .2},
		{"a member added, by weight", "a*1 b*2 c*3", "a*1 b*2 c*3 x*4", "uuu", "uuuu", "", "x", .4},
		{"the odd weight leaves, the rest are even", "a*2 b*2 c*5", "a*2 b*2 c*5", "uuu", "uud", "c", "", 5. / 9},
		{"a weight raised", "a*1 b*1", "a*1 b*3", "uu", "uu", "a", "b", .25},
		{"a pool down", "a + b + c + d", "a + b + c + d", "uuuu", "uduu", "b", "", .25},
		{"a pool added", "a + b + c", "a + b + c + x", "uuu", "uuuu", "", "x", .25},
		{"in another order", "a b c d", "d b a c", "uuuu", "uuuu", "", "", 0},
		{"all weights scaled", "a*1 b*2 c*3", "a*2 b*4 c*6", "uuu", "uuu", "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := answersOf(hashed(t, 1, c.before, c.healthBefore), clients)
			after := answersOf(hashed(t, 1, c.after, c.healthAfter), clients)
			moved := 0
			for i := range clients {
				if before[i] == after[i] {
					continue
				}
				moved++
				if c.gone != "" && before[i] != c.gone || c.come != "" && after[i] != c.come || c.gone == "" && c.come == "" {
					t.Fatalf("%v went from %s to %s", clients[i].Addr, before[i], after[i])
				}
			}
			n := float64(len(clients))
			if sigma := math.Sqrt(n * c.share * (1 - c.share)); math.Abs(float64(moved)-n*c.share) > 5*sigma {
				t.Errorf("%d clients of %g moved, want %.0f ± %.0f", moved, n, n*c.share, 5*sigma)
			}
		})
	}
}

// TestHashStays: while members come and go, a client's answer stays as long as its
// member lives, unless one comes back that is more its own; and when all are back,
// all have the answer that they had.
func TestHashStays(t *testing.T) {
	const members = "a*1 b*2 c*3 d*2 e*4 f*4 g*1 h*3"
	clients := networks(100_000, false)
	health := "uuuuuuuu"
	whole := answersOf(hashed(t, 1, members, health), clients)
	before := whole
	for _, after := range []string{"duuuuuuu", "dududuuu", "uuuuduuu", "uuuudddu", "uuuudddd", "dddddddu", "duduuuud", "uuuuuuuu"} {
		now := answersOf(hashed(t, 1, members, after), clients)
		for i := range clients {
			lost, came := before[i][0]-'a', now[i][0]-'a'
			if lost != came && after[lost] == 'u' && health[came] == 'u' {
				t.Fatalf("%s to %s: %s went from %s to %s", health, after, clients[i].Addr, before[i], now[i])
			}
		}
		before, health = now, after
	}
	if !slices.Equal(before, whole) {
		t.Error("all are back, but not where they were")
	}
}

// TestHashMoves: the clients of a lost member go to the others by their weights,
// and a new one takes the same share of each.
func TestHashMoves(t *testing.T) {
	clients := networks(100_000, true)
	moves := func(before, after string) map[string]int {
		moved := map[string]int{}
		now := answersOf(hashed(t, 1, "a*1 b*2 c*3 d*4", after), clients)
		for i, was := range answersOf(hashed(t, 1, "a*1 b*2 c*3 d*4", before), clients) {
			if was != now[i] {
				moved[was+" to "+now[i]]++
			}
		}
		return moved
	}
	expect(t, moves("uuuu", "uudu"), map[string]float64{"c to a": 1. / 7, "c to b": 2. / 7, "c to d": 4. / 7})
	expect(t, moves("uudu", "uuuu"), map[string]float64{"a to c": 1. / 7, "b to c": 2. / 7, "d to c": 4. / 7})
}

// TestHashNetworks: a /24 and a /48 stay together, and less is known of some.
func TestHashNetworks(t *testing.T) {
	client := func(text string) Client {
		p := netip.MustParsePrefix(text)
		return Client{Addr: p.Addr(), Bits: p.Bits()}
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1/32", "192.0.2.254/32", true},
		{"192.0.2.1/32", "192.0.2.0/24", true},
		{"192.0.2.0/25", "192.0.2.128/25", true},
		{"192.0.2.1/32", "192.0.3.1/32", false},
		{"192.0.2.0/20", "192.0.15.0/20", true},
		{"192.0.2.0/24", "192.0.15.0/24", false},
		{"192.0.2.0/24", "192.0.2.0/20", false},
		{"192.0.2.1/0", "203.0.113.9/0", true},
		{"2001:db8:1::1/128", "2001:db8:1:ffff:ffff::/128", true},
		{"2001:db8:1::/56", "2001:db8:1:ff00::/56", true},
		{"2001:db8:1::/48", "2001:db8:2::/48", false},
		{"2001:db8:1::/32", "2001:db8:2::/32", true},
		{"::1/0", "2001:db8::/0", true},
		{"0.0.0.0/0", "::/0", false},
	} {
		if same := client(c.a).hashKey() == client(c.b).hashKey(); same != c.same {
			t.Errorf("%s and %s: the same is %t", c.a, c.b, same)
		}
	}
	if (Client{}).hashKey() == client("0.0.0.0/0").hashKey() {
		t.Error("an unknown client is one of IPv4")
	}
	h := hashed(t, 1, "a b c d", "uuuu")
	if answer(h, Client{}, 1) != answer(h, Client{}, 2) {
		t.Error("an unknown client's answer is drawn")
	}
}

// TestHashSalts: equal members in pools of other names do not share clients.
func TestHashSalts(t *testing.T) {
	clients := networks(40_000, false)
	counts := map[string]int{}
	f := sketch(t, "a b | a b", eachPool(func(p *Pool) { p.Balance, p.Answers = Hash, 1 }))
	p0 := &viewOf(t, f, "uuuu").Families[IPv4].Ordinary
	p1 := &viewOf(t, f, "dduu").Families[IPv4].Ordinary
	for _, c := range clients {
		counts[answer(p0, c, 0)+answer(p1, c, 0)]++
	}
	expect(t, counts, even("aa", "ab", "ba", "bb"))
	if salt("a", "bc") == salt("ab", "c") {
		t.Error("two words' salt is that of the words joined")
	}
}

// TestHashOrder: weighted rendezvous by its definition, whatever short ways the
// code takes.
func TestHashOrder(t *testing.T) {
	for _, weights := range [][]uint32{{1, 1, 1, 1, 1}, {7, 7, 7}, {1, 2, 3, 4, 5}, {1000, 1, 1, 30}} {
		list := items(weights...)
		for _, c := range networks(2000, false) {
			want := make([]int, len(list))
			keys := make([]float64, len(list))
			for i, it := range list {
				want[i] = i
				keys[i] = -math.Log(unit(mix(c.hashKey()^it.salt))) / float64(it.weight)
			}
			slices.SortFunc(want, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
			for answers := range len(list) + 1 {
				u := newUrn(Hash, answers, 0, items(weights...))
				k := answers
				if answers == All {
					k = len(list)
				}
				var d Draw
				if got := u.pick(nil, new(Scratch), &Asker{Client: c, Draw: d}, answers); !slices.Equal(got, want[:k]) {
					t.Fatalf("%v for %v: %v, want %v", weights, c.Addr, got, want[:k])
				}
			}
		}
	}
}

// TestFailoverScope: how many bits of a client the balances look at, on every
// set, whatever serves.
func TestFailoverScope(t *testing.T) {
	v4, v6 := networks(1, false)[0], networks(1, true)[0]
	hash := func(f *Failover, set int) { f.Sets[set].Pools[0].Balance = Hash }
	for _, c := range []struct {
		name     string
		change   func(*Failover)
		in4, in6 int
	}{
		{"nobody looks", func(*Failover) {}, 0, 0},
		{"hash in a pool", func(f *Failover) { hash(f, 0) }, 24, 48},
		{"hash in a backup's pool", func(f *Failover) { hash(f, 1) }, 24, 48},
		{"hash among pools", func(f *Failover) { f.Sets[1].Balance = Hash }, 24, 48},
		{"nearest", func(f *Failover) { f.Sets[0].Pools[0].Balance, f.Sets[0].Pools[0].Near = Nearest, 1 }, 17, 17},
		{"nearest among pools", func(f *Failover) { f.Sets[1].Balance, f.Sets[1].Near = Nearest, 2 }, 18, 18},
		{"nearest without any from", func(f *Failover) { f.Sets[0].Pools[0].Balance = Nearest }, 0, 0},
		{"the longer of two", func(f *Failover) {
			hash(f, 1)
			f.Sets[0].Pools[0].Balance, f.Sets[0].Pools[0].Near = Nearest, 1
		}, 24, 48},
	} {
		f := sketch(t, "a b | c d", c.change)
		if in4, in6 := f.Scope(v4, ranks{}), f.Scope(v6, ranks{}); in4 != c.in4 || in6 != c.in6 {
			t.Errorf("%s: %d and %d bits, want %d and %d", c.name, in4, in6, c.in4, c.in6)
		}
	}
}

// TestLn compares the fast logarithm with the exact one.
func TestLn(t *testing.T) {
	d := Draw(1)
	for range 100_000 {
		x := unit(d.next())
		if d&1 == 0 {
			x = 1 - x/(1<<20) // close to 1, where the logarithm is small
		}
		if got, want := ln(x), math.Log(x); math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Fatalf("ln(%v) = %v, want %v", x, got, want)
		}
	}
}
