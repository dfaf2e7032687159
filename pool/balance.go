package pool

import (
	"fmt"
	"math"
	"slices"
)

// Balance is how members are picked in a pool, or pools in a set.
type Balance uint8

// The balances.
const (
	RoundRobin Balance = iota // all, from a random offset
	Weighted                  // drawn by weight, without repetition
	Sequence                  // in the order written
	Hash                      // rendezvous by weight over the client's prefix
	Nearest                   // by the members' from, then by distance, equals shuffled
	Random                    // shuffled
)

var balances = [...]string{"round_robin", "weighted", "sequence", "hash", "nearest", "random"}

// Balances are the words of the Corefile for the balances, in their order.
func Balances() []string { return balances[:] }

func (b Balance) String() string { return balances[b] }

// weighs says whether the balance goes by weights.
func (b Balance) weighs() bool { return b == Weighted || b == Hash }

// ParseBalance reads a balance's word.
func ParseBalance(word string) (Balance, error) {
	for i, name := range balances {
		if name == word {
			return Balance(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a balance", word)
}

// All is the number of answers that means every one there is.
const All = 0

// DefaultAnswers is how many answers a balance gives when nothing is said.
func (b Balance) DefaultAnswers() int {
	if b == RoundRobin {
		return All
	}
	return 1
}

// Atlas tells how near the members of pools, or the pools of sets, are to a
// client. It is of one state of the geo files.
type Atlas interface {
	// Ranks are those of the members or pools that a Near stands for, in their
	// order; lower is nearer. They are appended to the room given.
	Ranks(near int, c Client, room []uint16) []uint16
	// Scope is the shortest prefix of the client, in bits, within which Ranks
	// are the same.
	Scope(near int, c Client) int
}

// Asker is who picks.
type Asker struct {
	Client  Client
	Draw    Draw
	Atlas   Atlas // or nil, where nothing has a Near
	Answers int   // members of each pool, in place of what the pool says; or 0
}

// urn is what a balance picks from. It is made when a state changes, so that a
// query only draws.
type urn struct {
	balance Balance
	answers int // All or more
	near    int // for nearest; or 0
	items   []item
	upTo    []uint64 // item -> sum of the weights up to and with it; for weighted
	weighs  bool     // by weights, and they are not equal
}

type item struct {
	weight uint32
	share  float64 // 1/weight
	rank   uint32  // position in the ranks of nearest
	salt   uint64
}

// keyed is an item with its key: the lowest keys are picked.
type keyed struct {
	key float64
	i   int
}

// Scratch is the room that picking needs. It may be used again, by one query
// at a time; what a pick returned is then overwritten.
type Scratch struct {
	Members []*Member
	groups  []int
	picked  []int
	keys    []keyed
	ranks   []uint16
}

func newUrn(b Balance, answers, near int, items []item) urn {
	u := urn{balance: b, answers: answers, near: near, items: items}
	sum := uint64(0)
	for i := range items {
		it := &items[i]
		it.share = 1 / float64(it.weight)
		sum += uint64(it.weight)
		u.weighs = u.weighs || b.weighs() && it.weight != items[0].weight
		if b == Weighted {
			u.upTo = append(u.upTo, sum)
		}
	}
	return u
}

// pick appends the indices of so many picked items, or All, to dst.
func (u *urn) pick(dst []int, s *Scratch, a *Asker, answers int) []int {
	n := len(u.items)
	k := n
	if answers != All {
		k = min(n, answers)
	}
	if n == 1 {
		return append(dst, 0)
	}
	switch u.balance {
	case RoundRobin:
		first := a.Draw.below(n)
		for i := range k {
			dst = append(dst, (first+i)%n)
		}
		return dst
	case Sequence:
		for i := range k {
			dst = append(dst, i)
		}
		return dst
	case Weighted:
		if k == 1 {
			return append(dst, u.drawOne(&a.Draw))
		}
		if k <= few {
			return u.drawFew(dst, k, &a.Draw)
		}
	case Hash, Nearest, Random:
	}
	s.keys = u.lowest(s.keys[:0], k, a, s)
	for _, key := range s.keys {
		dst = append(dst, key.i)
	}
	return dst
}

// drawOne draws one item by weight.
func (u *urn) drawOne(d *Draw) int {
	at := d.under(u.upTo[len(u.upTo)-1])
	i, _ := slices.BinarySearch(u.upTo, at+1)
	return i
}

// few is up to how many draws one after the other are faster than logarithms.
const few = 4

// drawFew draws by weight, each time among those that are left.
func (u *urn) drawFew(dst []int, k int, d *Draw) []int {
	left := u.upTo[len(u.upTo)-1]
	from := len(dst)
	for range k {
		at := d.under(left)
		for i := range u.items {
			if slices.Contains(dst[from:], i) {
				continue
			}
			w := uint64(u.items[i].weight)
			if at < w {
				dst = append(dst, i)
				left -= w
				break
			}
			at -= w
		}
	}
	return dst
}

// ln is the natural logarithm of a number between 0 and 1, with a relative error
// below 1e-9: less than a weight can tell. math.Log is exact to the last bit, and
// for that takes half of a hash decision's time. It is the series of artanh
// (Abramowitz, Stegun: "Handbook of Mathematical Functions", 4.1.27).
func ln(x float64) float64 {
	bits := math.Float64bits(x)
	exponent := int(bits>>52) - 1023
	m := math.Float64frombits(bits&(1<<52-1) | 1023<<52) // x = m * 2^exponent, 1 <= m < 2
	if m > math.Sqrt2 {
		m /= 2
		exponent++
	}
	s := (m - 1) / (m + 1)
	q := s * s
	return float64(exponent)*math.Ln2 + 2*s*(1+q*(1./3+q*(1./5+q*(1./7+q*(1./9+q/11)))))
}

// lowest appends the k items of the lowest keys, lowest first. For weighted and
// hash a key is -ln(x)/weight, with x even between 0 and 1: the k lowest are then
// k draws by weight without repetition (Efraimidis, Spirakis: "Weighted random
// sampling with a reservoir", 2006), and with x from a hash it is weighted
// rendezvous (Thaler, Ravishankar, 1998; weights as by Schindelhauer, Schomaker,
// 2005).
func (u *urn) lowest(keys []keyed, k int, a *Asker, s *Scratch) []keyed {
	var client uint64
	var ranks []uint16
	switch {
	case u.balance == Hash:
		client = a.Client.hashKey()
	case u.balance == Nearest && u.near != 0:
		s.ranks = a.Atlas.Ranks(u.near, a.Client, s.ranks[:0])
		ranks = s.ranks
	}
	for i := range u.items {
		it := &u.items[i]
		var x float64
		if u.balance == Hash {
			x = unit(mix(client ^ it.salt))
		} else {
			x = unit(a.Draw.next())
		}
		key := -x
		switch {
		case ranks != nil:
			key += float64(ranks[it.rank])
		case u.weighs:
			// -ln(x) is at least 1-x: most items need no logarithm.
			if len(keys) == k && (1-x)*it.share >= keys[k-1].key {
				continue
			}
			key = -ln(x) * it.share
		}
		if len(keys) < k {
			keys = append(keys, keyed{})
		} else if key >= keys[k-1].key {
			continue
		}
		at := len(keys) - 1
		for at > 0 && keys[at-1].key > key {
			keys[at] = keys[at-1]
			at--
		}
		keys[at] = keyed{key, i}
	}
	return keys
}
